"""Spectra of each segment, and the way back, after SciPy's functions of these names."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from .. import dispatch
from ..errors import ArgumentError, warn
from ..graph.arguments import normal_axis
from ..kernels.segment_spectra import Edge, Extension, Mode
from ._arguments import is_complex
from ._segments import (
    Cut,
    eager,
    frequencies_of,
    is_one_sided,
    sampling_rate,
    scale_of,
    spectra,
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
    missing = (how.nperseg - length) % how.step % how.nperseg if padded else 0
    count = how.count(length + missing)
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
