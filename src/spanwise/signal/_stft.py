"""Spectra of each segment, and the way back, after SciPy's functions of these names."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal, get_args

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, warn
from ..graph.arguments import integer, normal_axis
from ..kernels.overlap import LEAST, Overlap, overlap_add
from ..kernels.segment_spectra import Edge, Extension, Mode
from ..kernels.window import frozen, window_values
from ._arguments import fft_engine, is_complex
from ._segments import (
    Cut,
    eager,
    frequencies_of,
    is_one_sided,
    sampling_rate,
    scale_of,
    spectra,
    type_name,
)
from ._welch import Detrend


def spectrogram(
    x: Any,
    /,
    fs: float = 1.0,
    window: Any = ("tukey", 0.25),
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
    mode: Mode = "psd",
) -> tuple[Any, Any, Any]:
    """Spectrum of each of consecutive segments: how frequencies change with time.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    fs, nperseg, nfft, detrend, return_onesided, scaling, axis
        As of `welch`.
    window : str, tuple, float or array, default: ("tukey", 0.25)
        What segments are multiplied by, see `get_window`.
    noverlap : int, optional
        Samples that neighbours share; an eighth of a segment by default.
    mode : {"psd", "complex", "magnitude", "angle", "phase"}, default: "psd"
        Power, or what `stft` gives without padding: the complex spectrum, its magnitude, its angle
        in radians, or that without jumps along the frequencies.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    t : array
        Times of the middle of segments, counted from the first sample, in double precision; never
        lazy.
    Sxx : array
        Frequencies on ``axis`` and segments on a new last axis. Real, or complex, in the precision
        of x (integers become double); same library, device and kind of container. Lazy for a Dask
        array, and in one chunk of segments for each chunk of x in which any end.

    Raises
    ------
    ArgumentError
        As of `welch`, and for an unknown ``mode``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If the axis is shorter than a segment, which then has all of its samples, and for complex
        data if ``return_onesided``, which have two sides.

    Notes
    -----
    One pass over the data, with the halos that `welch` describes, and one task per chunk. Each
    sample becomes ``nperseg / (2 * (nperseg - noverlap))`` numbers; average over several segments
    or select frequencies behind it, and neither is ever held as a whole.

    Same result as :func:`scipy.signal.spectrogram`, with the differences that `welch` names.

    Examples
    --------
    A frequency that rises from 0.1 to 0.3:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(20_000)
    >>> x = da.from_array(np.sin(2 * np.pi * (0.1 * t + 5e-6 * t**2)), chunks=6_000)
    >>> f, t, s = sw.signal.spectrogram(x, nperseg=1000, noverlap=0)
    >>> s.shape, f[s.argmax(axis=0).compute()][::5].round(2).tolist()
    ((501, 20), [0.1, 0.16, 0.2, 0.26])
    """
    if mode not in get_args(Mode):
        raise ArgumentError(f"mode={mode!r}: expected one of {', '.join(get_args(Mode))}")
    x = dispatch.accept(x, function="signal.spectrogram", accessor="spanwise.signal.spectrogram")
    cut = Cut(window, nperseg, noverlap, nfft, detrend, lambda nperseg: nperseg // 8)
    return _transform(x, cut, fs, return_onesided, scaling, axis, mode, None, False, "spectrogram")


def stft(
    x: Any,
    /,
    fs: float = 1.0,
    window: Any = "hann",
    nperseg: int | None = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Detrend = False,
    return_onesided: bool = True,
    boundary: Extension | None = "zeros",
    padded: bool = True,
    axis: int = -1,
    scaling: Literal["spectrum", "psd"] = "spectrum",
) -> tuple[Any, Any, Any]:
    """Short-time Fourier transform: the complex spectrum of each of overlapping segments.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    fs, window, nperseg, noverlap, nfft, detrend, return_onesided, axis
        As of `welch`.
    boundary : {"zeros", "constant", "even", "odd"}, optional
        What half a segment at either end is continued by, so that the first segment has the first
        sample in its middle: zeros (default), the last value, the mirror image, the mirror image
        about the last value; None for nothing.
    padded : bool, default: True
        Whether zeros make the last segment whole.
    scaling : {"spectrum", "psd"}, default: "spectrum"
        Squared magnitudes are power, or power per unit of frequency.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    t : array
        Times of the middle of segments, counted from the first sample, in double precision; never
        lazy.
    Zxx : array
        Complex: frequencies on ``axis`` and segments on a new last axis. In the precision of x
        (integers become double); same library, device and kind of container. Lazy for a Dask
        array.

    Raises
    ------
    ArgumentError
        As of `welch`, and for an unknown ``boundary``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        As of `spectrogram`.

    Notes
    -----
    One pass over the data and one task per chunk, as `spectrogram`; what is beyond the ends of the
    axis is made in the tasks of its first and last chunks. `istft` is the way back.

    Same result as :func:`scipy.signal.stft`, with the differences that `welch` names.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.random.default_rng(0).standard_normal(5_000), chunks=1_300)
    >>> f, t, z = sw.signal.stft(x, nperseg=200)
    >>> z.shape, t[:3].tolist(), bool(abs(sw.signal.istft(z)[1] - x).max() < 1e-14)
    ((101, 51), [0.0, 100.0, 200.0], True)
    """
    if scaling not in ("spectrum", "psd"):
        raise ArgumentError(f"scaling={scaling!r}: expected 'spectrum' or 'psd'")
    if boundary is not None and boundary not in get_args(Extension):
        raise ArgumentError(
            f"boundary={boundary!r}: expected one of {', '.join(get_args(Extension))}, or None"
        )
    x = dispatch.accept(x, function="signal.stft", accessor="spanwise.signal.stft")
    cut = Cut(window, nperseg, noverlap, nfft, detrend)
    kind = "density" if scaling == "psd" else "spectrum"
    return _transform(
        x, cut, fs, return_onesided, kind, axis, "complex", boundary, bool(padded), "stft"
    )


def _transform(
    x: Any,
    cut: Cut,
    fs: Any,
    return_onesided: Any,
    scaling: str,
    axis: int,
    mode: Mode,
    boundary: Extension | None,
    padded: bool,
    operation: str,
) -> tuple[Any, Any, Any]:
    """Frequencies, times and the spectra of segments."""
    axis = normal_axis(axis, x.ndim)
    rate, n = sampling_rate(fs), x.shape[axis]
    if not math.prod(x.shape):
        nothing = eager(np.empty(x.shape), x)
        return nothing, nothing, _no_spectra(x)
    half = not is_complex(x)
    how = cut.segments(n, axis, half=half)
    scale = scale_of(how, rate, scaling)
    if return_onesided and not half:
        warn("x is complex, whose spectrum has two sides; pass return_onesided=False")
    one_sided = is_one_sided(return_onesided, how)
    width = how.nperseg // 2 if boundary is not None else 0
    length = n + 2 * width
    count = how.count(length)
    if padded and (count - 1) * how.step + how.nperseg < length:
        count += 1
    edge = Edge(boundary or "zeros", width, n) if boundary is not None or padded else None
    z = spectra(
        x,
        how,
        mode=mode,
        scale=math.sqrt(scale),
        one_sided=one_sided,
        count=count,
        edge=edge,
        operation=operation,
    )
    middle = how.nperseg / 2 if boundary is None else 0.0
    times = (np.arange(count) * how.step + middle) / rate
    return frequencies_of(x, how, rate, one_sided), eager(times, x), z


def _no_spectra(x: Any) -> Any:
    empty = eager(np.empty(x.shape), x)
    if dispatch.kind_of(x) == "concrete":
        return empty
    import dask.array as da

    return da.from_array(empty, asarray=False)


def istft(
    Zxx: Any,
    /,
    fs: float = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    input_onesided: bool = True,
    boundary: bool = True,
    time_axis: int = -1,
    freq_axis: int = -2,
    scaling: Literal["spectrum", "psd"] = "spectrum",
) -> tuple[Any, Any]:
    """Samples from a short-time Fourier transform: the inverse of `stft`.

    Parameters
    ----------
    Zxx : array
        Spectra of segments, with two axes or more.
    fs, window, noverlap, scaling
        As they were for `stft`.
    nperseg : int, optional
        Samples of a segment: by default as many as the points of the transform, which for one side
        are even; name an odd number.
    nfft : int, optional
        Points of the transform, if segments were padded with zeros.
    input_onesided : bool, default: True
        Whether there are non-negative frequencies only: the samples are real.
    boundary : bool, default: True
        Whether the axis was continued at its ends, so that half a segment is to be left out.
    time_axis, freq_axis : int, default: -1, -2
        Axes of the segments and of the frequencies.

    Returns
    -------
    t : array
        Times of the samples, in double precision; never lazy.
    x : array
        The samples, on the axis that the segments had, the frequencies' being gone. Real or
        complex, in the precision of Zxx; same library, device and kind of container. Lazy for a
        Dask array, each chunk of segments giving the samples that begin with it.

    Raises
    ------
    ArgumentError
        For axes that the array does not have or that are the same, lengths that contradict one
        another, an unknown window or ``scaling``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If windows add up to nothing at some samples, which cannot be restored.

    Notes
    -----
    One pass over the data and one task per chunk of segments, which reads of the chunks before it
    the ``ceil(nperseg / (nperseg - noverlap)) - 1`` segments that reach into its samples. If the
    axis of the frequencies is cut it is made whole first.

    Samples are the least-squares estimate from spectra that were changed in between [1]_. Same
    result as :func:`scipy.signal.istft`, but that ``t`` has the length of the axis of samples
    where that is not the first.

    References
    ----------
    .. [1] D. Griffin, J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE
       Trans. Acoust. Speech Signal Process. 32, 236-243 (1984).

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> f, t, z = sw.signal.stft(x, window="hamming", nperseg=100, noverlap=75)
    >>> t, y = sw.signal.istft(z, window="hamming", nperseg=100, noverlap=75)
    >>> t.shape, bool(abs(y - x).max() < 1e-14)
    ((1000,), True)
    """
    Zxx = dispatch.accept(
        Zxx, function="signal.istft", accessor="spanwise.signal.istft", name="Zxx"
    )
    if Zxx.ndim < 2:
        raise ArgumentError(
            f"Zxx has the shape {tuple(Zxx.shape)}; expected two axes at least, of frequencies and "
            "of segments"
        )
    axes = normal_axis(freq_axis, Zxx.ndim), normal_axis(time_axis, Zxx.ndim)
    if axes[0] == axes[1]:
        raise ArgumentError(
            f"freq_axis={freq_axis} and time_axis={time_axis} are the same axis; give two"
        )
    rate = sampling_rate(fs)
    how = _overlap(Zxx, axes, window, nperseg, noverlap, nfft, bool(input_onesided), scaling, rate)
    trim = how.nperseg // 2 if boundary else 0
    length = max(how.length - 2 * trim, 0)
    _warn_of_gaps(how, trim, boundary=bool(boundary))
    times = eager(np.arange(length) / rate, Zxx)
    return times, _samples(Zxx, how, trim, length)


def _overlap(
    Zxx: Any,
    axes: tuple[int, int],
    window: Any,
    nperseg: Any,
    noverlap: Any,
    nfft: Any,
    half: bool,
    scaling: str,
    rate: float,
) -> Overlap:
    """How the segments overlap, as SciPy reads its arguments."""
    points, count = Zxx.shape[axes[0]], Zxx.shape[axes[1]]
    if not points or not count:
        raise ArgumentError(
            f"Zxx has the shape {tuple(Zxx.shape)}; expected frequencies and segments on axes "
            f"{axes[0]} and {axes[1]}"
        )
    usual = max(2 * (points - 1), 1) if half else points
    samples = usual if nperseg is None else integer(nperseg, "nperseg")
    if samples < 1:
        raise ArgumentError(f"nperseg={nperseg}: must be a positive integer")
    if nfft is None:
        transformed = samples if half and samples == usual + 1 else usual
    else:
        transformed = integer(nfft, "nfft")
    if transformed < samples:
        raise ArgumentError(f"nfft={transformed}: must be at least nperseg={samples}")
    shared = samples // 2 if noverlap is None else integer(noverlap, "noverlap")
    if not 0 <= shared < samples:
        raise ArgumentError(
            f"noverlap={shared}: must not be negative and must be less than nperseg={samples}"
        )
    window = frozen(window, samples)
    values = window_values(window, samples)
    if scaling == "spectrum":
        scale = math.fsum(values)
    elif scaling == "psd":
        scale = math.sqrt(rate * math.fsum(values**2))
    else:
        raise ArgumentError(f"scaling={scaling!r}: expected 'spectrum' or 'psd'")
    return Overlap(
        axes[0], axes[1], samples, samples - shared, transformed, window, scale, half, count
    )


def _warn_of_gaps(how: Overlap, trim: int, *, boundary: bool) -> None:
    """Say so where the windows of all segments add up to nothing."""
    # Both ends of a short axis have all sums that a long one has.
    few = min(how.count, 2 * (-(-how.nperseg // how.step)) + 2)
    short = Overlap(0, 1, how.nperseg, how.step, how.nfft, how.window, 1.0, how.half, few)
    if short.length <= 2 * trim:
        return
    if (short.weight(trim, short.length - trim) <= LEAST).any():
        because = "" if boundary else ", possibly since the ends were not continued (boundary=)"
        warn(
            f"window={how.window!r} with noverlap={how.nperseg - how.step} adds up to nothing at "
            f"some samples (NOLA condition), which cannot be restored{because}"
        )


def _samples(Zxx: Any, how: Overlap, trim: int, length: int) -> Any:
    function = functools.partial(overlap_add, how=how, **fft_engine(Zxx))

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_overlap, spec_of
        from ..graph.overlap import plan_overlap

        array = array.rechunk({how.frequencies: -1})
        plan = plan_overlap(
            spec_of(array),
            how,
            trim=trim,
            dtype=type_name(array, as_complex=not how.half),
            machine=options.machine(),
            operation="istft",
        )
        return lower_overlap(array, plan, function)

    return dispatch.apply(
        Zxx, concrete=lambda block: function(block, 0, trim, trim + length), chunked=chunked
    )
