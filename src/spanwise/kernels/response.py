"""Multiplying a spectrum by a response: a function of the frequencies, or an array.

A block may be a part of the spectrum, in natural order or with a step between its frequencies: of
each axis the index of the block's first frequency comes beside the block, so that a graph carries
no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import buffers
from .detrend import Trend, detrended, remove_trend
from .fft import fft
from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .memory import all_but
from .slabs import slabs
from .spectrum import as_inexact
from .tables import table_of

Response = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class FrequencyAxis:
    """Which frequencies lie on an axis of a spectrum."""

    axis: int
    """Axis of the spectrum."""
    length: int
    """Points of the transform; half a spectrum holds ``length // 2 + 1`` of them."""
    spacing: float
    """Distance between samples."""
    half: bool = False
    """Whether the axis holds the non-negative frequencies only."""
    step: int = 1
    """From the index of one frequency to that of the next in the same block. In decimated order,
    P blocks, block k holds the frequencies k, k + P, k + 2 P ..."""

    def frequencies(self, first: int, count: int) -> np.ndarray:
        """``count`` frequencies from index ``first`` on, in cycles per unit of the spacing.

        >>> FrequencyAxis(0, 8, 0.5).frequencies(3, 3)
        array([ 0.75, -1.  , -0.75])
        >>> FrequencyAxis(0, 8, 0.5, step=4).frequencies(1, 2)
        array([ 0.25, -0.75])
        """
        k = first + self.step * np.arange(count)
        if not self.half:
            k = (k + self.length // 2) % self.length - self.length // 2
        return k * (1.0 / (self.length * self.spacing))


def _evaluate(
    x: Array, firsts: Sequence[int], axes: tuple[FrequencyAxis, ...], response: Response
) -> Any:
    """The response at the frequencies of a block, whatever the function gives."""
    arguments = []
    for i, (first, axis) in enumerate(zip(firsts, axes, strict=True)):
        values = table_of(x, FrequencyAxis.frequencies, axis, first, x.shape[axis.axis])
        if library_of(x) != "numpy":  # the function may work in place, on what others will read
            values = namespace(x).asarray(values, copy=True)
        shape = tuple(-1 if j == i else 1 for j in range(len(axes)))
        arguments.append(namespace(values).reshape(values, shape))
    return response(*arguments)


def _factor(h: Any, x: Array, axes: tuple[FrequencyAxis, ...]) -> Array:
    """A response as a factor of a block: in its library and precision, its axes where they lie."""
    if library_of(x) == "numpy" or isinstance(h, (np.ndarray, np.generic, int, float, complex)):
        h = np.asarray(h)
        if h.dtype.kind not in "biufc":
            raise ArgumentError(f"response gave {h.dtype} values; expected numbers")
    counts = tuple(x.shape[a.axis] for a in axes)
    shape = (1,) * (len(counts) - h.ndim) + tuple(h.shape)
    if len(shape) > len(counts) or any(n not in (1, m) for n, m in zip(shape, counts, strict=True)):
        raise ArgumentError(
            f"response has the shape {tuple(h.shape)}, which does not broadcast to {counts}, the "
            "frequencies of this block; a function gets one array for each axis, of which it "
            "should give a combination"
        )
    xp = namespace(h)
    order = sorted(range(len(axes)), key=lambda i: axes[i].axis)
    h = xp.permute_dims(xp.reshape(h, shape), tuple(order))
    lengths = [1] * x.ndim
    for i in order:
        lengths[axes[i].axis] = shape[i]
    stays = library_of(h) == library_of(x)
    # Other libraries may share memory with NumPy's array, which they must not if it is read-only.
    h = xp.astype(xp.reshape(h, tuple(lengths)), _factor_dtype(h, x), copy=not stays)
    return h if stays else like(h, x)


def _factor_dtype(h: Array, x: Array) -> Any:
    """The precision of the block, real where the response is."""
    xp = namespace(h)
    is_complex = xp.isdtype(h.dtype, "complex floating")
    if isinstance(h.dtype, np.dtype) and isinstance(x.dtype, np.dtype):
        return x.dtype if is_complex else x.dtype.type(0).real.dtype
    if x.dtype in (namespace(x).complex64, namespace(x).float32):
        return xp.complex64 if is_complex else xp.float32
    return xp.complex128 if is_complex else xp.float64


def _apply_response(
    x: Array,
    /,
    *beside: Any,
    axes: tuple[FrequencyAxis, ...],
    response: Response | None,
    overwrite: bool = False,
) -> Array:
    h = beside[0] if response is None else _evaluate(x, beside, axes, response)
    factor = _factor(h, x, axes)
    if not overwrite:
        return x * factor
    x *= factor
    return x


def _free_axes(
    x: Array, /, *beside: Any, axes: tuple[FrequencyAxis, ...], **params: Any
) -> tuple[int, ...]:
    return all_but(*(axis.axis for axis in axes), ndim=x.ndim)


apply_response = Kernel("apply_response", _apply_response, free_axes=_free_axes)
"""Multiply a block of a complex spectrum by a response.

Behind the block stands, for each of ``axes`` (:class:`FrequencyAxis`), the index of the block's
first frequency. The function ``response`` is given one array of frequencies for each, which
broadcast against each other. Where ``response`` is None the response itself stands behind the
block, as an array over ``axes``."""


def _filter(
    x: Array,
    /,
    *beside: Any,
    axes: tuple[FrequencyAxis, ...],
    response: Response | None,
    detrend: Trend | None = None,
    engine: str = "scipy",
) -> Array:
    chosen = tuple(a.axis for a in axes)
    if 0 in x.shape:
        # Some libraries refuse to transform nothing.
        return as_inexact(x, False)
    h = beside[0] if response is None else None
    out = None
    for part in slabs(x, chosen):
        piece, trend = x[part], None
        if detrend is not None:
            piece = as_inexact(piece, False)
            flat = detrended(piece, chosen, detrend)
            piece, trend = flat, piece - flat
        y, h = _filtered(piece, h, axes, response, engine)
        if trend is not None:
            y += _at_zero(h, y, axes) * trend
        if piece.shape == x.shape:
            return y
        if out is None:
            out = buffers.empty(x.shape, y.dtype)
        out[part] = y
    assert out is not None
    return out


def _filtered(
    x: Array, h: Any, axes: tuple[FrequencyAxis, ...], response: Response | None, engine: str
) -> tuple[Array, Any]:
    """Part of a block, filtered, and the response, which is evaluated once for all parts."""
    real = axes[-1].half
    params: dict[str, Any] = {
        "axes": tuple(a.axis for a in axes),
        "lengths": tuple(a.length for a in axes),
        "norm": None,
        "engine": engine,
    }
    spectrum = fft(x, kind="rfft" if real else "fft", **params)
    if h is None:
        assert response is not None
        h = _evaluate(spectrum, [0] * len(axes), axes, response)
    spectrum *= _factor(h, spectrum, axes)
    return fft(spectrum, kind="irfft" if real else "ifft", overwrite=True, **params), h


def _at_zero(h: Any, x: Array, axes: tuple[FrequencyAxis, ...]) -> Array:
    """The response at frequency 0 of all axes, for data; at the first of them it begins."""
    h = h[(slice(0, 1),) * h.ndim] if getattr(h, "ndim", 0) else h
    if _is_real(x):
        # A transform of real data takes no notice of an imaginary part there.
        is_array = hasattr(h, "__array_namespace__")
        h = h if is_array and _is_real(h) else (namespace(h) if is_array else np).real(h)
    return _factor(h, x[(slice(0, 1),) * x.ndim], axes)


def _is_real(x: Array) -> bool:
    return not namespace(x).isdtype(x.dtype, "complex floating")


filter_block = Kernel(
    "filter",
    _filter,
    workspace=lambda in_bytes, out_bytes: 5 * out_bytes,
    free_axes=_free_axes,
)
"""Filter a block that holds ``axes`` whole: forward transform, response, inverse.

Arguments as those of :data:`apply_response`, but that the indices are all 0 and left out. Real
blocks, whose last axis of ``axes`` says ``half``, stay real. A trend is taken away before, and
what the response makes of frequency 0 is put back of it behind. ``engine`` as of
:data:`spanwise.kernels.fft.fft`."""


def _restore_trend(
    x: Array,
    sums: Array,
    /,
    *starts: int,
    axes: tuple[FrequencyAxis, ...],
    response: Response,
    type: Trend,
) -> Array:
    xp, shape = namespace(x), (1,) * len(axes)
    zeros = [xp.zeros(shape, dtype=xp.float64, device=x.device) for _ in axes]
    share = _at_zero(response(*zeros), x, axes)
    chosen, lengths = tuple(a.axis for a in axes), tuple(a.length for a in axes)
    params = {"axes": chosen, "lengths": lengths, "type": type}
    return remove_trend(x, sums * -share, *starts, **params)


restore_trend = Kernel(
    "restore_trend", _restore_trend, workspace=lambda in_bytes, out_bytes: 2 * in_bytes
)
"""A filtered block with its trend put back, as far as the response lets frequency 0 pass.

Behind the block stand the sums that the trend follows from
(:data:`spanwise.kernels.detrend.trend_sums`), and the index of its first sample on each axis."""
