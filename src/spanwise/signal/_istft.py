"""Samples from the spectra of segments, after SciPy's function."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, warn
from ..graph.arguments import integer, normal_axis
from ..kernels.overlap import LEAST, Overlap, overlap_add
from ..kernels.window import frozen, window_values
from ._arguments import fft_engine
from ._segments import (
    eager,
    sampling_rate,
    type_name,
)


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
    if shared >= samples:
        raise ArgumentError(f"noverlap={shared}: must be less than nperseg={samples}")
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
