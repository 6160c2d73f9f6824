"""Averages over the spectra of segments, after SciPy's functions of these names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .. import dispatch
from ..errors import ArgumentError
from ..graph.arguments import normal_axis
from ..kernels.missing import Source
from ..kernels.segments import Segments
from ._arguments import is_complex
from ._pairs import lengthened, nothing, pair_of
from ._segments import (
    Cut,
    average,
    eager,
    frequencies_of,
    is_one_sided,
    median_of,
    sampling_rate,
    scale_of,
    spectra,
    type_name,
)

Detrend = Literal["constant", "linear"] | bool | Callable[..., Any] | None


def welch(
    x: Any,
    /,
    fs: float = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
    average: Literal["mean", "median"] = "mean",
) -> tuple[Any, Any]:
    """Power spectral density by Welch's method: the average over overlapping segments [1]_.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    fs : float, default: 1.0
        Samples per unit of time.
    window : str, tuple, float or array, default: "hann"
        What segments are multiplied by, see `get_window`. An array has the samples of a segment.
    nperseg : int, optional
        Samples of a segment: 256 by default, or as many as an array ``window`` has.
    noverlap : int, optional
        Samples that neighbours share; half a segment by default. Negative: samples between them
        that are left out.
    nfft : int, optional
        Points of the transform, if segments are to be padded with zeros.
    detrend : {"constant", "linear"}, False or callable, default: "constant"
        What is taken away of each segment. A function gets arrays with the samples of segments on
        the last axis, in the library of x, and gives what it leaves of them.
    return_onesided : bool, default: True
        For real data: non-negative frequencies only, with the power of the negative ones.
    scaling : {"density", "spectrum"}, default: "density"
        Power per unit of frequency, or power.
    axis : int, default: -1
        Axis of the samples. It may be cut into chunks of any lengths, shorter than a segment too.
    average : {"mean", "median"}, default: "mean"
        The median, corrected for its bias [2]_, is little moved by a few disturbed segments.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    Pxx : array
        Spectrum with the frequencies on ``axis``: units of x squared, for a density per unit of
        frequency. Real, in the precision of x (integers become double); same library, device and
        kind of container, the other axes in their chunks. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have, lengths that contradict one another, an unknown
        window, ``detrend``, ``scaling`` or ``average``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If the axis is shorter than a segment, which then has all of its samples.

    Notes
    -----
    One pass over the data. A segment is worked on where the chunk is in which it ends; of the
    chunks before only the samples that it reaches back to move, less than ``nperseg`` of each
    line. Where segments are, a few at a time go through trend, window, transform and squares while
    they are in the cache; what a chunk gives out are sums over its segments, which a tree of
    tasks adds in double precision. The mean needs no more memory than chunks and one spectrum.

    The median has to see all segments of a frequency at once: their spectra, ``nperseg / (2 *
    (nperseg - noverlap))`` times the bytes of real data, change chunk in one exchange, whose form
    follows the memory budget.

    Same result as :func:`scipy.signal.welch`, but that single precision is worked in as such, and
    that integers of 8 and 16 bits give double precision.

    References
    ----------
    .. [1] P. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE
       Trans. Audio Electroacoust. 15, 70-73 (1967).
    .. [2] B. Allen et al., "FINDCHIRP", Phys. Rev. D 85, 122006 (2012).

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(100_000) / 500
    >>> x = da.from_array(np.sin(2 * np.pi * 50 * t), chunks=9_999)
    >>> f, p = sw.signal.welch(x, fs=500, nperseg=1000, scaling="spectrum")
    >>> float(f[p.argmax().compute()]), round(float(p.max().compute()), 6)
    (50.0, 0.5)
    """
    x = dispatch.accept(x, function="signal.welch", accessor="spanwise.signal.welch")
    cut = Cut(window, nperseg, noverlap, nfft, detrend)
    return _welch(x, cut, fs, return_onesided, scaling, axis, average, operation="welch")


def csd(
    x: Any,
    y: Any,
    /,
    fs: float = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
    average: Literal["mean", "median"] = "mean",
) -> tuple[Any, Any]:
    """Cross power spectral density by Welch's method: the average of ``conj(X) * Y``.

    Parameters
    ----------
    x, y : array
        Real or complex data. Their other axes broadcast against each other; the shorter one is
        continued by zeros. Of one library; if one is a Dask array both are worked on as such.
    fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average
        As of `welch`.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    Pxy : array
        Spectrum with the frequencies on ``axis``, complex, or real where y is x itself. Its phase
        is that by which y leads x. In the precision of the data (integers become double). Lazy
        for Dask arrays.

    Raises
    ------
    ArgumentError
        As of `welch`, and for shapes that do not broadcast.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and arrays of two libraries.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If the axis is shorter than a segment, which then has all of its samples.

    Notes
    -----
    One pass over both arrays, as `welch` makes over one. Segments are worked on where the chunks of
    the longer one are; chunks of the other may lie otherwise along ``axis``, and are brought into
    those of x along the other axes. The median moves the spectra of all segments, see `welch`.

    Same result as :func:`scipy.signal.csd`, with the differences that `welch` names.

    Examples
    --------
    A delay of 5 samples is a phase of -2 pi f 5:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> noise = np.random.default_rng(0).standard_normal(20_005)
    >>> x, y = (da.from_array(v, chunks=3_000) for v in (noise[5:], noise[:-5]))
    >>> f, p = sw.signal.csd(x, y, nperseg=100)
    >>> phase = np.unwrap(np.angle(p.compute()))
    >>> float(np.polyfit(f, phase, 1)[0].round(1)), round(-2 * np.pi * 5, 1)
    (-31.4, -31.4)
    """
    if y is x:
        x = dispatch.accept(x, function="signal.csd", accessor="spanwise.signal.csd")
        cut = Cut(window, nperseg, noverlap, nfft, detrend)
        return _welch(x, cut, fs, return_onesided, scaling, axis, average, operation="csd")
    x, y, axis = pair_of(x, y, axis, "csd")
    rate, choice = sampling_rate(fs), _check_average(average)
    length = max(x.shape[axis], y.shape[axis])
    if not math.prod(x.shape) * math.prod(y.shape):
        return nothing(x, y, axis)
    half = not (is_complex(x) or is_complex(y))
    cut = Cut(window, nperseg, noverlap, nfft, detrend)
    how = cut.segments(length, axis, half=half)
    scale = scale_of(how, rate, scaling)
    one_sided = is_one_sided(return_onesided, how)
    dtype = type_name(x, y, as_complex=True)
    if choice == "median" and how.count(length) > 1:
        p = _cross_median(x, y, how, scale, one_sided, dtype)
    else:
        if dispatch.kind_of(x) == "concrete":  # chunks are continued in their tasks
            x, y = (lengthened(v, axis, length) for v in (x, y))
        p = _mean((x, y), how, "cross", scale, one_sided, dtype, "csd")
    return frequencies_of(x, how, rate, one_sided), p


def coherence(
    x: Any,
    y: Any,
    /,
    fs: float = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Detrend = "constant",
    axis: int = -1,
) -> tuple[Any, Any]:
    """Magnitude squared coherence: ``|Pxy|**2 / (Pxx * Pyy)`` of averages over segments.

    Parameters
    ----------
    x, y : array
        Real or complex data of one length on ``axis``, see `csd`.
    fs, window, nperseg, noverlap, nfft, detrend, axis
        As of `welch`.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    Cxy : array
        Between 0 and 1, with the frequencies on ``axis``; NaN where a spectrum is 0. Real, in the
        precision of the data (integers become double). Lazy for Dask arrays.

    Raises
    ------
    ArgumentError
        As of `csd`, and for arrays of two lengths on ``axis``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and arrays of two libraries.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If the axis is shorter than a segment, which then has all of its samples: the coherence of
        one segment is 1.

    Notes
    -----
    One pass over both arrays, in which each segment is transformed once: the three spectra are
    summed side by side. SciPy's function transforms each segment twice.

    The squared correlation at each frequency [1]_: of n independent segments of unrelated data it
    is 1 / n on average.

    References
    ----------
    .. [1] G. C. Carter, "Coherence and time delay estimation", Proc. IEEE 75, 236-255 (1987).

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> rng = np.random.default_rng(0)
    >>> wave = 2 * np.sin(2 * np.pi * np.arange(50_000) / 10)
    >>> x, y = (da.from_array(wave + rng.standard_normal(50_000), chunks=7_000) for _ in "xy")
    >>> f, c = sw.signal.coherence(x, y, nperseg=100)
    >>> float(f[c.argmax().compute()]), bool(c.max() > 0.9), bool(da.median(c, axis=0) < 0.1)
    (0.1, True, True)
    """
    return coherence_of(x, y, Cut(window, nperseg, noverlap, nfft, detrend), fs, axis)


def coherence_of(
    x: Any, y: Any, cut: Cut, fs: Any, axis: int, sources: tuple[Source | None, ...] = ()
) -> tuple[Any, Any]:
    """As `coherence`; arrays that ``sources`` names are refused if they are not finite."""
    x, y, axis = pair_of(x, y, axis, "coherence")
    if x.shape[axis] != y.shape[axis]:
        raise ArgumentError(
            f"x has {x.shape[axis]} samples on axis {axis} and y {y.shape[axis]}; coherence needs "
            "the same number: take a part of the longer one"
        )
    rate = sampling_rate(fs)
    if not math.prod(x.shape) * math.prod(y.shape):
        return nothing(x, y, axis)
    half = not (is_complex(x) or is_complex(y))
    how = cut.segments(x.shape[axis], axis, half=half)
    c = average(
        (x, y),
        how,
        quantity="coherence",
        scale=1.0,
        one_sided=half,
        dtype=type_name(x, y, as_complex=False),
        operation="coherence",
        sources=sources,
    )
    return frequencies_of(x, how, rate, half), c


def _welch(
    x: Any,
    cut: Cut,
    fs: Any,
    return_onesided: Any,
    scaling: str,
    axis: int,
    average: str,
    *,
    operation: str,
) -> tuple[Any, Any]:
    axis = normal_axis(axis, x.ndim)
    rate, choice = sampling_rate(fs), _check_average(average)
    if not math.prod(x.shape):
        return nothing(x, x, axis)
    how = cut.segments(x.shape[axis], axis, half=not is_complex(x))
    scale = scale_of(how, rate, scaling)
    one_sided = is_one_sided(return_onesided, how)
    dtype = type_name(x, as_complex=False)
    count = how.count(x.shape[axis])
    if choice == "median" and count > 1:
        each = spectra(
            x,
            how,
            mode="psd",
            scale=math.sqrt(scale),
            one_sided=one_sided,
            count=count,
            edge=None,
            operation=operation,
        )
        p = median_of(each, axis, dtype=dtype, operation=operation)
    else:
        p = _mean((x,), how, "power", scale, one_sided, dtype, operation)
    return frequencies_of(x, how, rate, one_sided), p


def _mean(
    arrays: tuple[Any, ...],
    how: Segments,
    quantity: Any,
    scale: float,
    one_sided: bool,
    dtype: str,
    operation: str,
) -> Any:
    return average(
        arrays,
        how,
        quantity=quantity,
        scale=scale,
        one_sided=one_sided,
        dtype=dtype,
        operation=operation,
    )


def _cross_median(x: Any, y: Any, how: Segments, scale: float, one_sided: bool, dtype: str) -> Any:
    """The median over segments of their cross spectra, real and imaginary parts by themselves."""
    length = max(x.shape[how.axis], y.shape[how.axis])
    left, right = (
        spectra(
            lengthened(v, how.axis, length),
            how,
            mode="complex",
            scale=math.sqrt(scale),
            one_sided=one_sided,
            count=how.count(length),
            edge=None,
            operation="csd",
        )
        for v in (x, y)
    )
    product = left.conj() * right
    if one_sided:
        twice = np.full(product.shape[how.axis], 2.0)
        twice[0] = 1.0
        twice[(how.nfft + 1) // 2 :] = 1.0
        shape = [1] * product.ndim
        shape[how.axis] = -1
        twice = twice.astype(type_name(x, y, as_complex=False)).reshape(shape)
        product = product * eager(twice, x)
    return median_of(product, how.axis, dtype=dtype, operation="csd")


def _check_average(average: str) -> str:
    if average not in ("mean", "median"):
        raise ArgumentError(f"average={average!r}: expected 'mean' or 'median'")
    return average
