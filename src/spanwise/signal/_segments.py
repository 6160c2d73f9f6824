"""Segments of an axis as callers describe them, and spectra made of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArgumentTypeError, warn
from ..graph.arguments import integer
from ..kernels.averages import finish, median, median_bias
from ..kernels.library import Array, like, namespace
from ..kernels.missing import Source
from ..kernels.segment_spectra import Edge, Mode, segment_spectra
from ..kernels.segments import Quantity, Segments, segment_sums
from ..kernels.spectrum import inexact_dtype
from ..kernels.window import Window, frozen, window_values
from ._arguments import fft_engine

SCALINGS = ("density", "spectrum")
_DETRENDS = {False: None, None: None, "constant": "constant", "linear": "linear"}
_DEFAULT = 256
"""Samples of a segment where nothing is said, as SciPy's."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How segments are cut, as callers say it: see `welch`."""

    window: Window
    nperseg: int | None
    noverlap: int | None
    nfft: int | None
    detrend: Any
    overlap_of: Callable[[int], int] = lambda nperseg: nperseg // 2
    """Samples that segments share where nothing is said."""

    def points(self, length: int) -> int:
        """Points of the transform of segments of an axis of so many samples."""
        if self.nfft is not None:
            return integer(self.nfft, "nfft")
        values = () if isinstance(self.window, (str, tuple)) else np.shape(self.window)
        if len(values) == 1:
            return values[0]
        return min(_DEFAULT if self.nperseg is None else integer(self.nperseg, "nperseg"), length)

    def lengths(self, length: int) -> tuple[int, int]:
        """Samples of a segment, and from one to the next, of an axis of so many samples."""
        nperseg = replace(self, nfft=None).points(length)
        shared = self.overlap_of(nperseg) if self.noverlap is None else self.noverlap
        return nperseg, nperseg - integer(shared, "noverlap")

    def segments(self, length: int, axis: int, *, half: bool) -> Segments:
        """The segments of an axis of so many samples; a warning where it is shorter than one."""
        nperseg = _samples(self.window, self.nperseg, length, axis)
        nfft = nperseg if self.nfft is None else integer(self.nfft, "nfft")
        if nfft < nperseg:
            raise ArgumentError(
                f"nfft={nfft}: must be greater than or equal to nperseg={nperseg}; leave it out "
                "for the samples of a segment"
            )
        if self.noverlap is None:
            noverlap = self.overlap_of(nperseg)
        else:
            noverlap = integer(self.noverlap, "noverlap")
        if noverlap >= nperseg:
            raise ArgumentError(
                f"noverlap={noverlap}: must be less than nperseg={nperseg}; give a part of it, "
                f"such as {nperseg // 2}"
            )
        window = frozen(self.window, nperseg)
        detrend = trend_of(self.detrend)
        return Segments(axis, nperseg, nperseg - noverlap, nfft, window, detrend, half)


def trend_of(detrend: Any) -> Any:
    """What is taken away of each segment."""
    if callable(detrend):
        return detrend
    try:
        return _DETRENDS[detrend]
    except (KeyError, TypeError):
        raise ArgumentError(
            f"detrend={detrend!r}: expected 'constant', 'linear', False, or a function of segments"
        ) from None


def _samples(window: Window, nperseg: Any, length: int, axis: int) -> int:
    """Samples of a segment: those asked for, those of a window that is given, or fewer."""
    values = None if isinstance(window, (str, tuple)) else np.shape(window)
    wanted = None if nperseg is None else integer(nperseg, "nperseg")
    if wanted is not None and wanted < 1:
        raise ArgumentError(f"nperseg={nperseg}: must be a positive integer")
    if values is not None and len(values) == 1:
        if wanted not in (None, values[0]):
            raise ArgumentError(
                f"nperseg={nperseg}: a window of {values[0]} values is given; leave nperseg out, "
                "or name the window"
            )
        if values[0] > length:
            raise ArgumentError(
                f"window has {values[0]} values and axis {axis} only {length} samples; give at "
                "most as many, or name the window"
            )
        return values[0]
    wanted = _DEFAULT if wanted is None else wanted
    if wanted > length:
        warn(
            f"nperseg = {wanted} is greater than the {length} samples of axis {axis}: segments "
            f"have {length}. Pass nperseg={length} to say so"
        )
    return min(wanted, length)


def sampling_rate(fs: Any) -> float:
    """A positive number of samples per unit of time."""
    if hasattr(fs, "__dask_graph__"):
        raise ArgumentTypeError(f"fs={fs!r}: expected a number, not a Dask collection")
    try:
        rate = float(fs)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"fs={fs!r}: expected a number of samples per unit") from None
    if not (math.isfinite(rate) and rate > 0):
        raise ArgumentError(f"fs={fs!r}: expected a positive number of samples per unit of time")
    return rate


def scale_of(how: Segments, fs: float, scaling: str) -> float:
    """What squared magnitudes are multiplied by, of a density or a spectrum."""
    if scaling not in SCALINGS:
        raise ArgumentError(f"scaling={scaling!r}: expected 'density' or 'spectrum'")
    values = window_values(how.window, how.nperseg)
    total = fs * math.fsum(values**2) if scaling == "density" else math.fsum(values) ** 2
    if total == 0.0:
        raise ArgumentError(
            f"window={how.window!r} has the sum 0 over {how.nperseg} samples, by which the "
            f"{scaling} is scaled; take longer segments or another window"
        )
    return 1.0 / total


def is_one_sided(return_onesided: Any, how: Segments) -> bool:
    """Whether only non-negative frequencies are given out: those of complex data never are."""
    return bool(return_onesided) and how.half


def frequencies_of(x: Any, how: Segments, fs: float, one_sided: bool) -> Array:
    """Frequencies of the transform, in the library of the array."""
    k = np.arange(how.nfft // 2 + 1 if one_sided else how.nfft)
    if not one_sided:
        k = np.where(k >= (how.nfft + 1) // 2, k - how.nfft, k)
    return eager(k / (how.nfft * (1.0 / fs)), x)


def eager(values: np.ndarray, x: Any) -> Array:
    """A small array in the library of another, which may be a Dask array."""
    return like(values, x._meta if dispatch.kind_of(x) == "chunked" else x)


def type_name(*arrays: Any, as_complex: bool) -> str:
    """Element type of results in the precision of the arrays, by name."""
    if all(isinstance(x.dtype, np.dtype) for x in arrays):
        types = [inexact_dtype(x.dtype, as_complex=as_complex) for x in arrays]
        dtype = np.result_type(*types)
        return str(dtype if as_complex else dtype.type(0).real.dtype)
    xp = namespace(*arrays)
    kinds = ("real floating", "complex floating")
    wide = (xp.float64, xp.complex128)
    double = any(x.dtype in wide or not xp.isdtype(x.dtype, kinds) for x in arrays)
    return {
        (False, False): "float32",
        (False, True): "float64",
        (True, False): "complex64",
        (True, True): "complex128",
    }[as_complex, double]


def average(
    arrays: Sequence[Any],
    how: Segments,
    *,
    quantity: Quantity,
    scale: float,
    one_sided: bool,
    dtype: str,
    operation: str,
    sources: tuple[Source | None, ...] = (),
) -> Any:
    """The mean over segments of a quantity of one or two arrays.

    ``sources`` names the arrays of a coherence, which are then refused if they are not finite.
    """
    length = max(x.shape[how.axis] for x in arrays)
    finishing = functools.partial(
        finish,
        axis=how.axis,
        quantity=quantity,
        scale=scale / how.count(length),
        nfft=how.nfft,
        half=how.half,
        one_sided=one_sided,
        dtype=dtype,
        sources=sources,
    )
    params = {"how": how, "quantity": quantity, **fft_engine(arrays[0])}

    def chunked(_: Any) -> Any:
        from ..graph.averages import plan_sums
        from ..graph.dask import lower_sums, spec_of

        plan = plan_sums(
            [spec_of(x) for x in arrays],
            how,
            quantity=quantity,
            one_sided=one_sided,
            dtype=dtype,
            machine=options.machine(),
            operation=operation,
        )
        return lower_sums(arrays, plan, params, finishing)

    return dispatch.apply(
        arrays[0], concrete=lambda _: finishing(segment_sums(*arrays, **params)), chunked=chunked
    )


def spectra(
    x: Any,
    how: Segments,
    *,
    mode: Mode,
    scale: float,
    one_sided: bool,
    count: int,
    edge: Edge | None,
    operation: str,
) -> Any:
    """The spectrum of each segment: frequencies on the axis, and segments on a new last one."""
    function = functools.partial(
        segment_spectra,
        how=how,
        mode=mode,
        scale=scale,
        one_sided=one_sided,
        edge=edge,
        **fft_engine(x),
    )

    def concrete(block: Any) -> Any:
        if edge is None:
            return function(block)
        begin = -edge.width
        end = begin + (count - 1) * how.step + how.nperseg
        return function(block, 0, begin, end)

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_spectra, spec_of
        from ..graph.segments import plan_spectra

        plan = plan_spectra(
            spec_of(array),
            how,
            count=count,
            edge=edge,
            points=how.nfft // 2 + 1 if one_sided else how.nfft,
            dtype=type_name(array, as_complex=mode == "complex"),
            machine=options.machine(),
            operation=operation,
        )
        return lower_spectra(array, plan, function)

    return dispatch.apply(x, concrete=concrete, chunked=chunked)


def median_of(spectrum: Any, axis: int, *, dtype: str, operation: str) -> Any:
    """The median over the last axis, corrected for its bias."""
    scale = 1.0 / median_bias(spectrum.shape[-1])
    function = functools.partial(median, scale=scale, dtype=dtype)

    def chunked(array: Any) -> Any:
        from ..graph.averages import plan_median
        from ..graph.dask import lower_median, spec_of

        plan = plan_median(
            spec_of(array), axis=axis, dtype=dtype, machine=options.machine(), operation=operation
        )
        store_root = options.get_options()["temporary_store"]
        return lower_median(array, plan, function, store_root=store_root)

    return dispatch.apply(spectrum, concrete=function, chunked=chunked)
