"""Taking a mean or a linear trend away, along one axis or over several.

The trend over axes a of n_a samples, j_a = 0 ... n_a - 1, is the least-squares fit of

    c + sum_a b_a t_a,    t_a = j_a - (n_a - 1) / 2

Counted from the middle of a grid, coordinates are orthogonal to one another and to 1, so that no
equations have to be solved: with N samples in all

    c = sum x / N,    b_a = sum x t_a / sum t_a^2,    sum t_a^2 = N (n_a^2 - 1) / 12

Sums are taken in double precision, so that blocks that hold a part of the axes add up to the same.
The mean, rounded to the precision of the data, goes first: the difference is exact where a value is
between half and twice the mean, so that the digits of single precision serve the fluctuations.
What the rounding left of the mean goes with the slopes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, Literal

import numpy as np

from . import buffers
from .fft import untransformed
from .kernel import Kernel
from .library import Array, like, namespace
from .slabs import slabs
from .spectrum import as_inexact
from .tables import table_of

Trend = Literal["constant", "linear"]
"""What is taken away: a mean, or a mean and one slope per axis."""


def coordinates(n: int, start: int, stop: int) -> np.ndarray:
    """Sample numbers ``start`` to ``stop`` counted from the middle of an axis of n.

    >>> coordinates(4, 0, 4), coordinates(5, 3, 5)
    (array([-1.5, -0.5,  0.5,  1.5]), array([1., 2.]))
    """
    return np.arange(start, stop) - (n - 1) / 2


def along(values: np.ndarray, axis: int, x: Array) -> Array:
    """A table along one axis of a block, in its library and precision, but real."""
    shape = [1] * x.ndim
    shape[axis] = values.size
    return like(values.reshape(shape), x, dtype=real_dtype(x))


def _ramp(x: Array, n: int, start: int, stop: int, axis: int) -> Array:
    """`coordinates` along an axis of a block."""
    return table_of(x, coordinates, n, start, stop, axis=axis, dtype=real_dtype(x))


def real_dtype(x: Array) -> np.dtype:
    """NumPy's real element type of the precision of a block of inexact numbers."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.type(0).real.dtype
    xp = namespace(x)
    return np.dtype("float32" if x.dtype in (xp.float32, xp.complex64) else "float64")


def _wide(x: Array) -> Any:
    """The element type in which values of a block are added."""
    xp = namespace(x)
    if x.dtype == xp.float32:
        return xp.float64
    return xp.complex128 if x.dtype == xp.complex64 else x.dtype


def _sums(
    x: Array, starts: Sequence[int], axes: Sequence[int], lengths: Sequence[int], type: Trend
) -> list[Array]:
    """What the block adds to sum x and, for each axis, to sum x t."""
    xp, wide = namespace(x), _wide(x)
    sums: list[Array] = []
    for axis, start, n in zip(axes, starts, lengths, strict=True) if type == "linear" else ():
        others = tuple(a for a in axes if a != axis)
        rows = xp.sum(x, axis=others, keepdims=True, dtype=wide) if others else x
        t = _ramp(rows, n, start, start + x.shape[axis], axis)
        sums.append(xp.sum(rows * t, axis=axis, keepdims=True, dtype=wide))
    return [xp.sum(x, axis=tuple(axes), keepdims=True, dtype=wide), *sums]


def _less(
    x: Array,
    sums: Sequence[Array],
    starts: Sequence[int],
    axes: Sequence[int],
    lengths: Sequence[int],
) -> Array:
    """A block less the trend whose sums are given: a new array."""
    xp = namespace(x)
    count = math.prod(lengths)
    total, *moments = sums
    mean = total / count
    rounded = xp.astype(mean, x.dtype)
    out = x - rounded
    rest = xp.astype(mean - xp.astype(rounded, mean.dtype), x.dtype)
    if not moments and x.dtype != mean.dtype:
        out -= rest
    for axis, start, n, moment in zip(axes, starts, lengths, moments, strict=False):
        slope = xp.astype(moment * (12 / (count * max(n * n - 1, 1))), x.dtype)
        ramp = slope * _ramp(x, n, start, start + x.shape[axis], axis)
        if axis == axes[0]:
            ramp += rest
        out -= ramp
    return out


def detrended(x: Array, axes: tuple[int, ...], type: Trend) -> Array:
    """A block of inexact numbers less its trend over axes that it holds whole: a new array."""
    lengths = tuple(x.shape[a] for a in axes)
    starts = (0,) * len(axes)
    return _less(x, _sums(x, starts, axes, lengths, type), starts, axes, lengths)


def _segments(x: Array, axis: int, breaks: Sequence[int]) -> list[tuple[Any, ...]]:
    """The parts of a block between the breaks of an axis that it holds whole."""
    before = (slice(None),) * axis
    edges = (0, *breaks, x.shape[axis])
    return [(*before, slice(a, b), ...) for a, b in pairwise(edges) if b > a]


def _generic(
    x: Array, /, *, axes: tuple[int, ...], type: Trend, breaks: tuple[int, ...] = ()
) -> Array:
    x = as_inexact(x, False)
    if 0 in x.shape:
        return x
    if not breaks:
        return detrended(x, axes, type)
    xp, (axis,) = namespace(x), axes
    edges = sorted({0, *breaks, x.shape[axis]})
    parts, begin = [], 0
    for length, alike in groupby(b - a for a, b in pairwise(edges)):
        # Segments of one length that follow one another are rows of a matrix: one fit for all.
        rows = len(list(alike))
        part = x[(*(slice(None),) * axis, slice(begin, begin + rows * length), ...)]
        shape = (*x.shape[:axis], rows, length, *x.shape[axis + 1 :])
        fitted = detrended(xp.reshape(part, shape), (axis + 1,), type)
        parts.append(xp.reshape(fitted, part.shape))
        begin += rows * length
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axis)


def _numpy(
    x: np.ndarray, /, *, axes: tuple[int, ...], type: Trend, breaks: tuple[int, ...] = ()
) -> np.ndarray:
    x = as_inexact(x, False)
    out = buffers.empty(x.shape, x.dtype.newbyteorder("="))
    if not x.size:
        return out
    for slab in slabs(x, axes):
        source, target = x[slab], out[slab]
        for part in _segments(source, axes[0], breaks):
            target[part] = detrended(source[part], axes, type)
    return out


detrend = Kernel(
    "detrend",
    _generic,
    workspace=lambda in_bytes, out_bytes: 2 * max(in_bytes, out_bytes),
    free_axes=untransformed,
)
"""A block less its trend over ``axes``, which it holds whole, in the precision of the block.

``type`` is "constant" or "linear". ``breaks``, for one axis, are the samples at which trends of
their own begin."""

detrend.register("numpy", _numpy)


def _shares(
    x: Array, starts: Sequence[int], lengths: Sequence[int], axes: tuple[int, ...], breaks: Any
) -> list[tuple[tuple[Any, ...], tuple[int, ...], tuple[int, ...]]]:
    """For each segment: the block's part of it, where that begins in it, and its lengths.

    Without breaks there is one segment, the whole of the axes.
    """
    if not breaks:
        return [((slice(None),) * x.ndim, tuple(starts), tuple(lengths))]
    (axis,), (start,), (n,) = axes, starts, lengths
    before = (slice(None),) * axis
    shares = []
    for a, b in pairwise((0, *breaks, n)):
        lo, hi = (min(max(v - start, 0), x.shape[axis]) for v in (a, b))
        shares.append(((*before, slice(lo, hi), ...), (max(start, a) - a,), (b - a,)))
    return shares


def _trend_sums(
    x: Array,
    /,
    *starts: int,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    type: Trend,
    breaks: tuple[int, ...] = (),
) -> Array:
    x = as_inexact(x, False)
    parts: list[Array] = []
    for share, begins, counts in _shares(x, starts, lengths, axes, breaks):
        parts += _sums(x[share], begins, axes, counts, type)
    return namespace(x).concat(parts, axis=axes[0])


trend_sums = Kernel("trend_sums", _trend_sums, free_axes=untransformed)
"""What a block adds to the sums that a trend over ``axes`` follows from, in double precision.

The block may be a part of the axes, of ``lengths``; its first sample on each stands behind it. The
sums lie along the first of the axes: sum x and, if "linear", sum x t of each axis, for each segment
between ``breaks``. Added over all blocks they are the sums of the whole."""


def _remove_trend(
    x: Array,
    sums: Array,
    /,
    *starts: int,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    type: Trend,
    breaks: tuple[int, ...] = (),
) -> Array:
    x = as_inexact(x, False)
    xp = namespace(x)
    each = 1 + (len(axes) if type == "linear" else 0)
    before = (slice(None),) * axes[0]
    parts = []
    for i, (share, begins, counts) in enumerate(_shares(x, starts, lengths, axes, breaks)):
        mine = [sums[(*before, slice(k, k + 1), ...)] for k in range(each * i, each * (i + 1))]
        parts.append(_less(x[share], mine, begins, axes, counts))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axes[0])


remove_trend = Kernel(
    "remove_trend", _remove_trend, workspace=lambda in_bytes, out_bytes: 2 * in_bytes
)
"""A block less the trend that the sums of `trend_sums` over all blocks give.

Behind the block stand the sums, and the index of its first sample on each of ``axes``."""
