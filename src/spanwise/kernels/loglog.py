"""Straight lines through points on two logarithmic axes, by least squares.

With u = log2 x and v = log2 y, of the points that are used, the line v = a u + b has

    a = (n S_uv - S_u S_v) / (n S_uu - S_u^2),    b = (S_v - a S_u) / n

where S are sums over n points. u is counted from the middle of its range, so that the differences
lose no digits.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but
from .spectrum import as_inexact
from .tables import table_of

SUMS = 5
"""n, S_u, S_v, S_uu, S_uv."""


@dataclass(frozen=True, slots=True)
class Abscissa:
    """The x of the points, and which of them are used: a value, since it is part of a graph."""

    logs: tuple[float, ...]
    """log2 x less ``centre``; NaN where a point is not used."""
    centre: float
    """Middle of the range of log2 x."""

    def table(self, start: int, count: int) -> np.ndarray:
        """The logarithms of ``count`` points from index ``start`` on."""
        return _as_array(self.logs)[start : start + count]


@functools.lru_cache(maxsize=16)
def _as_array(values: tuple[float, ...]) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def abscissa_of(x: np.ndarray, used: np.ndarray) -> Abscissa:
    """The points at x that are used, of those whose x is positive and finite.

    >>> abscissa_of(np.array([0.0, 1.0, 4.0]), np.array([True, True, True]))
    Abscissa(logs=(nan, -1.0, 1.0), centre=1.0)
    """
    used = used & (x > 0) & np.isfinite(x)
    logs = np.full(x.shape, np.nan)
    logs[used] = np.log2(x[used])
    centre = float(logs[used].min() + logs[used].max()) / 2 if used.any() else 0.0
    return Abscissa(tuple((logs - centre).tolist()), centre)


def _points(abscissa: Abscissa, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The logarithms of some points, and which are used."""
    logs = abscissa.table(start, count)
    return np.nan_to_num(logs), np.isfinite(logs)


def _sums(x: Array, start: int = 0, /, *, axis: int, abscissa: Abscissa) -> Array:
    xp = namespace(x)
    y = xp.astype(as_inexact(x, False), xp.float64)
    u, used = table_of(x, _points, abscissa, start, x.shape[axis], axis=axis)
    used = used & (y > 0) & xp.isfinite(y)
    one, nothing = xp.ones_like(y), xp.zeros_like(y)
    weight = xp.where(used, one, nothing)
    v = xp.log2(xp.where(used, y, one))
    u = u * weight
    sums = [xp.sum(part, axis=axis, keepdims=True) for part in (weight, u, v, u * u, u * v)]
    return xp.concat(sums, axis=axis)


def _take(x: Array, axis: int) -> list[Array]:
    """The slices of one point along an axis."""
    before = (slice(None),) * axis
    return [x[(*before, slice(i, i + 1), ...)] for i in range(x.shape[axis])]


def _free_axes(x: Array, /, *starts: int, axis: int, **params: object) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


loglog_sums = Kernel(
    "loglog_sums",
    _sums,
    workspace=lambda in_bytes, out_bytes: 8 * in_bytes,
    free_axes=_free_axes,
)
"""``loglog_sums(y, start, *, axis, abscissa)``: n, S_u, S_v, S_uu and S_uv of a block along an
axis, in double precision. Points whose y is not a positive number are left out."""


def _line(x: Array, /, *, axis: int, abscissa: Abscissa, precision: str) -> Array:
    xp = namespace(x)
    n, u, v, uu, uv = _take(x, axis)
    spread = n * uu - u * u
    nan = xp.full_like(n, np.nan)
    one = xp.ones_like(n)
    # Of fewer than two points, or two of one x, there is no line.
    known = (n > 1) & (spread > 1e-12 * n * uu)
    slope = xp.where(known, (n * uv - u * v) / xp.where(known, spread, one), nan)
    height = (v - slope * u) / xp.where(n > 0, n, one)
    line = xp.concat([slope, height - slope * abscissa.centre], axis=axis)
    return xp.astype(line, getattr(xp, precision))


loglog_line = Kernel("loglog_line", _line, free_axes=_free_axes)
"""``loglog_line(sums, *, axis, abscissa, precision)``: slope and intercept from the sums, NaN where
fewer than two points are left."""


def _logarithms(abscissa: Abscissa) -> np.ndarray:
    return _as_array(abscissa.logs) + abscissa.centre


def _curve(line: Array, /, *, axis: int, abscissa: Abscissa, precision: str) -> Array:
    xp = namespace(line)
    slope, intercept = _take(line, axis)
    u = table_of(line, _logarithms, abscissa, axis=axis)
    # The exponents are computed in double precision: they have as many digits as the result.
    curve = xp.exp(math.log(2.0) * (slope * u + intercept))
    return xp.astype(curve, getattr(xp, precision))


loglog_curve = Kernel("loglog_curve", _curve, free_axes=_free_axes)
"""``loglog_curve(line, *, axis, abscissa, precision)``: a line in double precision at each x."""
