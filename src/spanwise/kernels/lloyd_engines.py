"""How Lloyd's iteration is carried out: what blocks, centres and engines are, and the array API's.

Every engine gives the same labels. Scores ``s_j = |c_j|^2 - 2 x.c_j`` come from a matrix product
whose last bits depend on the library and on the shape of the block; so a row is given to its best
centre b only if no other score lies within the bound of the rounding errors. Others are compared
anew, feature by feature in float64, and the first of equally near centres wins.

The bound: with d products and a few roundings more, each by at most u (Higham, "Accuracy and
stability of numerical algorithms", 2nd ed., section 3.1),

    |s_j - fl(s_j)| <= (d + 6) u |c_j| (|c_j| + 2 |x|).

A centre nearer than b is within C = |x| + |x - c_b| of the shift, as b itself is, and
``|x - c_b|^2 = s_b + |x|^2`` up to that error, so that no score beyond

    fl(s_b) + 2 (d + 6) u C (C + 2 |x|),
    C = (|x| + sqrt(fl(s_b) + |x|^2)) / (1 - sqrt(3 (d + 6) u))

can be a nearer centre's. Where no centre is as far from the shift as C, the farthest one's distance
takes its place. Numbers below the least normal one t have fewer digits, or are taken for
0, and lose up to t each: times a number up to C that is C t, and with all d products a score loses
no more than (2 d + 16) (1 + C) t, which is added to the bound twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .exact import ROWS_AT_ONCE, Bins, Grid, add_units, binned_by_membership, rounded
from .library import Array, library_of, like, namespace
from .transfer import to_host

_SLACK = 1.05
"""The bound is computed in the precision of the rows as well."""
_PAIR_ELEMENTS = 1 << 22


class Block(Protocol):
    """Some rows, relative to the shift."""

    start: int
    """Number of the first row inside the chunk."""
    dtype: Any
    """Precision of the data."""
    weight: Array | None
    """Weight of each row, float64; None if all are 1."""

    def exact(self, chosen: Any = ...) -> Array:
        """All or some of the rows in float64, relative to the shift."""
        ...


class Operand(Protocol):
    """One set of centres, ready to be compared with blocks, and what was summed for it."""

    def assign(self, block: Any) -> Array:
        """Number of the nearest centre of each row; the rows are added to the sums of theirs.

        Nothing is summed without a grid.
        """
        ...

    def squared_distances(self, block: Any, labels: Array) -> Array:
        """Squared distance of each row to its centre, float64."""
        ...

    def binned(self, values: Array, labels: Array) -> Bins:
        """Sums of values by label."""
        ...

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (levels, k, d) and weights (levels, k) in units of the grid: int64, on the host."""
        ...


class Engine(Protocol):
    """Cuts a chunk into blocks and readies centres."""

    def dtype(self, x: Array) -> Any:
        """Precision that the rows are compared in."""
        ...

    def blocks(
        self, x: Array, weight: Array | None, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[Any]:
        """The rows in blocks; each block is valid until the next one is asked for."""
        ...

    def operand(self, centers: np.ndarray, x: Array, grid: Grid | None) -> Operand:
        """Centres relative to the shift, in the library of ``x``."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """How far above the best score the score of a nearer centre may lie."""

    reach: float
    """1 / (1 - sqrt(3 (d + 6) u)); infinite where that says nothing."""
    scale: float
    """2 (d + 6) u."""
    least: float
    """What is lost with numbers below the least normal one, per 1 + C."""
    radius: float
    """The largest norm of a centre; infinite where a norm is so large that none decides."""

    def beyond(self, best: Array, norms: Array) -> Array:
        """The bound for rows of these best scores and squared norms."""
        xp = namespace(best)
        length = xp.sqrt(norms)
        squared = best + norms
        away = xp.sqrt(xp.where(squared > 0, squared, xp.zeros_like(squared)))
        circle = (length + away) * self.reach
        circle = xp.where(circle < self.radius, circle, xp.full_like(circle, self.radius))
        return circle * (circle + 2.0 * length) * self.scale + (circle + 1.0) * self.least


def bound_of(centers: np.ndarray, dtype: Any) -> Bound:
    """The bound for these centres in a precision of NumPy's; scores have to be numbers in it."""
    features, precision = centers.shape[1], np.finfo(dtype)
    error = (features + 6) * float(precision.eps) / 2
    root = math.sqrt(3 * error)
    with np.errstate(over="ignore"):
        largest = np.einsum("ij,ij->i", centers, centers).max()
    decides = root < 0.5 and largest < float(precision.max) / 16
    reach, radius = (1 / (1 - root), math.sqrt(largest)) if decides else (math.inf, math.inf)
    least = 4 * (features + 8) * float(precision.tiny)
    return Bound(reach, 2 * error * _SLACK, least, radius)


def no_totals(grid: Grid | None, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums (levels, k, d) and weights (levels, k) of nothing, in units of the grid."""
    levels, weight_levels = (1, 1) if grid is None else (len(grid.levels), len(grid.weight_levels))
    return np.zeros((levels, k, d), np.int64), np.zeros((weight_levels, k), np.int64)


@dataclass(slots=True)
class ArrayBlock:
    """Rows of any library."""

    start: int
    rows: Array
    """In float64, relative to the shift."""
    weight: Array | None
    dtype: Any

    def exact(self, chosen: Any = None) -> Array:
        """All or some of the rows in float64."""
        if chosen is None:
            return self.rows
        return namespace(self.rows).take(self.rows, like(chosen, self.rows), axis=0)


class ArrayEngine:
    """The array API, for devices and for other libraries."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def dtype(self, x: Array) -> Any:
        """float32 stays, everything else is compared in float64."""
        xp = namespace(x)
        return xp.float32 if x.dtype == xp.float32 else xp.float64

    def blocks(
        self, x: Array, weight: Array | None, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[ArrayBlock]:
        """The rows in blocks."""
        xp = namespace(x)
        dtype = self.dtype(x)
        shift = xp.astype(like(shift, x), xp.float64)
        if weight is not None:
            weight = like(weight, x) if isinstance(weight, np.ndarray) else weight
            weight = xp.astype(weight, xp.float64)
        n = x.shape[0]
        for a in range(0, n, self.rows):
            b = min(a + self.rows, n)
            exact = xp.astype(x[a:b, :], xp.float64) - shift
            w = None if weight is None else weight[a:b]
            if skipna:
                missing = xp.any(xp.isnan(exact), axis=1)
                exact = xp.where(missing[:, None], xp.zeros_like(exact), exact)
                w = xp.ones_like(exact[:, 0]) if w is None else w
                w = xp.where(missing, xp.zeros_like(w), w)
            yield ArrayBlock(a, exact, w, dtype)

    def operand(self, centers: np.ndarray, x: Array, grid: Grid | None) -> ArrayOperand:
        """Centres in the library and on the device of the rows."""
        return ArrayOperand(centers, x, self.dtype(x), grid)


class ArrayOperand:
    """Centres for blocks of any library of the array API."""

    def __init__(self, centers: np.ndarray, x: Array, dtype: Any, grid: Grid | None) -> None:
        xp = namespace(x)
        self.centers = like(centers, x)
        self.matrix = xp.astype(-2 * self.centers, dtype).T
        self.norms = xp.astype(xp.sum(self.centers * self.centers, axis=1), dtype)
        where = {} if library_of(x) == "hostfree" else {"device": x.device}
        self.numbers = xp.arange(centers.shape[0], **where)
        self.bound = bound_of(centers, "f4" if dtype == xp.float32 else "f8")
        self.grid = grid
        self._sums, self._weights = no_totals(grid, *centers.shape)

    def assign(self, block: ArrayBlock) -> Array:
        """First of the nearest centres of each row; the rows are added to its sums."""
        xp = namespace(block.rows)
        values = xp.astype(block.rows, block.dtype, copy=False)
        scores = xp.matmul(values, self.matrix) + self.norms
        best = xp.min(scores, axis=1)
        labels = xp.argmin(scores, axis=1)
        limit = best + self.bound.beyond(best, xp.sum(values * values, axis=1))
        # A score that is not a number, or a bound, rules no centre out.
        others = self.centers.shape[0] - 1
        flagged = xp.count_nonzero(scores > limit[:, None], axis=1) != others
        if others and bool(xp.any(flagged)):
            rows = xp.take(block.rows, xp.nonzero(flagged)[0], axis=0)
            labels[flagged] = self._settled(rows, labels.dtype)
        if self.grid is not None:
            self._accumulate(block, labels, self.grid)
        return labels

    def _settled(self, exact: Array, dtype: Any) -> Array:
        """The nearest centres of some rows, feature by feature in float64."""
        xp = namespace(exact)
        k, d = self.centers.shape
        step = max(1, _PAIR_ELEMENTS // k)
        out = []
        for a in range(0, exact.shape[0], step):
            rows = exact[a : min(a + step, exact.shape[0]), :]
            total = xp.zeros_like(rows[:, :1] * self.norms[None, :])
            for f in range(d):
                apart = rows[:, f][:, None] - self.centers[:, f][None, :]
                total = total + apart * apart
            out.append(xp.argmin(total, axis=1))
        return xp.astype(xp.concat(out), dtype)

    def squared_distances(self, block: ArrayBlock, labels: Array) -> Array:
        """From ``(x - c)^2``."""
        xp = namespace(block.rows)
        difference = block.rows - xp.take(self.centers, labels, axis=0)
        return xp.sum(difference * difference, axis=1)

    def _accumulate(self, block: ArrayBlock, labels: Array, grid: Grid) -> None:
        """As a product with the indicator matrix, of multiples of the grid's units."""
        rows, weight = block.rows, block.weight
        xp = namespace(rows)
        hot = self._hot(labels)
        if not grid.fine:
            rows = rounded(rows, like(grid.units, rows))
        last = len(grid.levels) - 1
        is_done = weight is None and not grid.fine  # the only level is that of the units
        if weight is None:
            weight = xp.ones_like(rows[:, 0])
        else:
            rows = rows * weight[:, None]
        for level, unit in enumerate(grid.levels):
            piece = rows if is_done else rounded(rows, like(unit, rows))
            rows = piece if level == last else rows - piece
            for sums in _exact_sums(hot, piece):
                add_units(self._sums[level], sums, unit)
        for level, mass in enumerate(grid.weight_levels):
            light = rounded(weight, mass)
            weight = weight - light
            for sums in _exact_sums(hot, light[:, None]):
                add_units(self._weights[level], sums[:, 0], mass)

    def binned(self, values: Array, labels: Array) -> Bins:
        """Sums of values by label, of which none leaves the device."""
        return binned_by_membership(values, self._hot(labels))

    def _hot(self, labels: Array) -> Array:
        xp = namespace(labels)
        return xp.astype(labels[:, None] == self.numbers[None, :], xp.float64)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights."""
        return self._sums, self._weights


def _exact_sums(hot: Array, values: Array) -> Iterator[np.ndarray]:
    """Sums of values (n, m) by label, of as many rows each as float64 adds exactly, on the host."""
    xp = namespace(hot)
    n = hot.shape[0]
    whole = n // ROWS_AT_ONCE * ROWS_AT_ONCE
    if whole:
        membership, many = (
            xp.reshape(a[:whole, :], (whole // ROWS_AT_ONCE, ROWS_AT_ONCE, a.shape[1]))
            for a in (hot, values)
        )
        yield from to_host(xp.matmul(xp.permute_dims(membership, (0, 2, 1)), many))
    if whole < n:
        yield to_host(xp.matmul(hot[whole:, :].T, values[whole:, :]))
