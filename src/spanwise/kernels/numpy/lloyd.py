"""Lloyd's iteration on NumPy blocks that stay in cache, by NumPy or compiled loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csc_array

from ..exact import ROWS_AT_ONCE, Grid, add_units, rounded
from ..lloyd_engines import bound_of, no_totals
from .lloyd_loops import Loops, loops

_FEW_CENTERS = 32
"""Up to this many centres, one sweep per centre over a row of scores beats ``argmin`` per row."""
_PAIR_ELEMENTS = 1 << 18


class NumPyBlock:
    """Rows in buffers that are overwritten by the next block."""

    def __init__(
        self, start: int, raw: np.ndarray, shift: np.ndarray, weight: np.ndarray | None, room: Any
    ) -> None:
        self.start = start
        self.raw = raw
        self.shift = shift
        self.weight = weight
        self.dtype = raw.dtype
        self._room = room
        self._exact: np.ndarray | None = None
        rows = len(raw)
        self.values: np.ndarray = room.values[:rows]
        self.norms: np.ndarray = room.norms[:rows]

    @property
    def exact(self) -> np.ndarray:
        """The rows in float64; shape (rows, d)."""
        if self._exact is not None:
            return self._exact
        exact = self.values
        if self.dtype != np.float64:
            exact = self._room.exact[: len(self.raw)]
            np.subtract(self.raw, self.shift, out=exact)
        self._exact = exact
        return exact

    def exact_rows(self, chosen: np.ndarray) -> np.ndarray:
        """A few of the rows in float64."""
        return self.raw[chosen].astype(np.float64) - self.shift


class _Room:
    """Buffers of the blocks of one chunk."""

    def __init__(self, rows: int, d: int, dtype: Any) -> None:
        self.values = np.empty((rows, d), dtype)
        self.norms = np.empty(rows, dtype)
        self.exact = np.empty((rows, d)) if dtype != np.float64 else self.values


class NumPyEngine:
    """Buffers that stay in cache; scores from one matrix product per block.

    Parameters
    ----------
    rows : int
        Rows of a block.
    compiled : bool, optional
        Whether loops are compiled by Numba. By default where it is installed.
    """

    def __init__(self, rows: int, *, compiled: bool | None = None) -> None:
        self.rows = min(rows, ROWS_AT_ONCE)
        self.loops = loops() if compiled is None or compiled else None

    def dtype(self, x: np.ndarray) -> Any:
        """float32 stays, everything else is compared in float64."""
        return np.dtype(np.float32 if x.dtype == np.float32 else np.float64)

    def blocks(
        self, x: np.ndarray, weight: Any, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[NumPyBlock]:
        """The rows in blocks that share one set of buffers."""
        n, d = x.shape
        dtype = self.dtype(x)
        exact_shift = shift.astype(np.float64)
        weight = None if weight is None else np.asarray(weight, np.float64)
        room = _Room(min(self.rows, n), d, dtype)
        center = _center if self.loops is None else self.loops.center
        shift = shift.astype(dtype)
        for a in range(0, n, self.rows):
            raw = np.ascontiguousarray(x[a : a + self.rows], dtype)
            w = None if weight is None else weight[a : a + self.rows]
            if skipna:
                raw, w = _leave_out(raw, w, shift)
            block = NumPyBlock(a, raw, exact_shift, w, room)
            center(raw, shift, block.values, block.norms)
            yield block

    def operand(self, centers: np.ndarray, x: np.ndarray, grid: Grid | None) -> NumPyOperand:
        """Centres with their norms."""
        return NumPyOperand(centers, self.dtype(x), min(self.rows, len(x)), grid, self.loops)


def _center(raw: np.ndarray, shift: np.ndarray, out: np.ndarray, norms: np.ndarray) -> None:
    """``raw - shift`` and its squared norms; as one long row, since short rows are slow."""
    np.subtract(raw.reshape(-1), np.tile(shift, len(raw)), out=out.reshape(-1))
    np.einsum("ij,ij->i", out, out, out=norms)


def _leave_out(
    rows: np.ndarray, weight: np.ndarray | None, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Put rows that hold NaN where they count for nothing, and give them the weight 0."""
    missing = np.isnan(rows.sum(axis=1))
    if not missing.any():
        return rows, weight
    rows = rows.copy()
    rows[missing] = shift
    weight = np.ones(len(rows)) if weight is None else weight.copy()
    weight[missing] = 0
    return rows, weight


class NumPyOperand:
    """Centres for NumPy blocks."""

    def __init__(
        self, centers: np.ndarray, dtype: Any, rows: int, grid: Grid | None, compiled: Loops | None
    ) -> None:
        k, d = centers.shape
        self.centers = centers
        self.norms = np.einsum("ij,ij->i", centers, centers).astype(dtype)
        self.matrix = np.ascontiguousarray(-2 * centers, dtype)
        self.transposed = np.ascontiguousarray(self.matrix.T)
        self.bound = bound_of(d, float(np.finfo(dtype).eps))
        self.loops = compiled
        self._few = compiled is None and k <= _FEW_CENTERS
        self._scores = np.empty((k, rows) if self._few else (rows, k), dtype)
        self._limits = np.empty(rows, dtype)
        self._labels = np.empty(rows, np.int32)
        self._sums = None if grid is None else _Totals(grid, k, d)

    def nearest(self, block: NumPyBlock) -> np.ndarray:
        """First of the nearest centres of each row."""
        rows = len(block.values)
        labels, limits = self._labels[:rows], self._limits[:rows]
        if len(self.centers) == 1:
            labels[:] = 0
            return labels
        # What is not a number, or a bound, rules no centre out.
        with np.errstate(invalid="ignore", over="ignore"):
            flagged, near = self._in_doubt(block, limits, labels)
            if len(flagged):
                near = ~(near > limits[flagged, None])
                labels[flagged] = _settled(block.exact_rows(flagged), self.centers, near)
        return labels

    def _in_doubt(
        self, block: NumPyBlock, limits: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels by scores; numbers and scores of the rows where these do not decide."""
        rows = len(labels)
        if self._few:
            scores = np.matmul(self.matrix, block.values.T, out=self._scores[:, :rows])
            scores += self.norms[:, None]
            flagged = self._sweep(scores, block.norms, limits, labels)
            return flagged, scores[:, flagged].T
        scores = np.matmul(block.values, self.transposed, out=self._scores[:rows])
        if self.loops is not None:
            b = self.bound
            self.loops.scan(scores, self.norms, block.norms, b.reach, b.scale, limits, labels)
            flagged = np.flatnonzero(labels < 0)
            return flagged, scores[flagged] + self.norms
        scores += self.norms
        flagged = self._scan(scores, block.norms, limits, labels)
        return flagged, scores[flagged]

    def _sweep(
        self, scores: np.ndarray, norms: np.ndarray, limits: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """The best of few centres, one centre after the other for all rows; rows in doubt."""
        labels[:] = 0
        best, second = scores[0].copy(), np.full_like(scores[0], np.inf)
        lower, other = np.empty(len(labels), bool), np.empty_like(best)
        for j in range(1, len(scores)):
            np.less(scores[j], best, out=lower)
            np.maximum(scores[j], best, out=other)
            np.minimum(second, other, out=second)
            np.minimum(scores[j], best, out=best)
            np.copyto(labels, j, where=lower)
        np.add(best, self.bound.beyond(best, norms), out=limits)
        return np.flatnonzero(~(second > limits))

    def _scan(
        self, scores: np.ndarray, norms: np.ndarray, limits: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """The best of many centres, row by row; rows in doubt."""
        labels[:] = scores.argmin(axis=1)
        at = np.arange(len(labels))
        best = scores[at, labels]
        np.add(best, self.bound.beyond(best, norms), out=limits)
        scores[at, labels] = np.inf
        flagged = np.flatnonzero(~(scores.min(axis=1) > limits))
        scores[at, labels] = best
        return flagged

    def squared_distances(self, block: NumPyBlock, labels: np.ndarray) -> np.ndarray:
        """From ``(x - c)^2``."""
        difference = np.take(self.centers, labels, axis=0)
        np.subtract(block.exact, difference, out=difference)
        return np.einsum("ij,ij->i", difference, difference)

    def accumulate(self, block: NumPyBlock, labels: np.ndarray) -> None:
        """Add the rows, rounded to the grid."""
        assert self._sums is not None
        if self.loops is None:
            self._sums.add(block, labels)
        else:
            self._sums.add_compiled(block, labels, self.loops)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights."""
        if self._sums is None:
            return no_totals(None, *self.centers.shape)
        return self._sums.taken()


class _Totals:
    """Sums by label: exact in float64 for some rows, in integers for all."""

    def __init__(self, grid: Grid, k: int, d: int) -> None:
        self.grid = grid
        self.sums, self.weights = no_totals(grid, k, d)
        self._sums, self._weights = (a.astype(np.float64) for a in (self.sums, self.weights))
        self._rows = 0

    def add(self, block: NumPyBlock, labels: np.ndarray) -> None:
        """As products with the sparse indicator matrix."""
        k, n, grid = self._weights.shape[1], len(labels), self.grid
        self._make_room(n)
        hot = csc_array((np.ones(n), labels, np.arange(n + 1, dtype=np.int32)), shape=(k, n))
        weight = block.weight
        rows = block.exact if grid.fine else rounded(block.exact, grid.units)
        if weight is not None:
            rows = rows * weight[:, None]
        for level, unit in enumerate(grid.levels):
            piece = rounded(rows, unit)
            rows = rows - piece
            self._sums[level] += hot @ piece
        if weight is None:
            self._weights[0] += np.bincount(labels, minlength=k)
            return
        for level, mass in enumerate(grid.weight_levels):
            light = rounded(weight, mass)
            weight = weight - light
            self._weights[level] += np.bincount(labels, weights=light, minlength=k)

    def add_compiled(self, block: NumPyBlock, labels: np.ndarray, compiled: Loops) -> None:
        """The same in one pass over the rows."""
        self._make_room(len(labels))
        grid, rows = self.grid, (block.raw, block.shift)
        if len(grid.levels) == 1:
            compiled.add(*rows, grid.units, labels, self._sums[0], self._weights[0])
            return
        levels = np.stack(grid.levels)
        if grid.fine and block.weight is None:
            compiled.add_fine(*rows, levels, labels, self._sums, self._weights[0])
            return
        weight = np.ones(len(labels)) if block.weight is None else block.weight
        masses = np.asarray(grid.weight_levels)
        first = levels[1] if grid.fine else grid.units
        compiled.add_weighted(
            *rows, first, levels, masses, labels, weight, grid.fine, self._sums, self._weights
        )

    def _make_room(self, rows: int) -> None:
        if self._rows + rows > ROWS_AT_ONCE:
            self._carry()
        self._rows += rows

    def _carry(self) -> None:
        for i, unit in enumerate(self.grid.levels):
            add_units(self.sums[i], self._sums[i], unit)
        for i, mass in enumerate(self.grid.weight_levels):
            add_units(self.weights[i], self._weights[i], mass)
        self._sums[:] = 0
        self._weights[:] = 0
        self._rows = 0

    def taken(self) -> tuple[np.ndarray, np.ndarray]:
        """All of it as integers."""
        self._carry()
        return self.sums, self.weights


def _settled(exact: np.ndarray, centers: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The first nearest of the centres in question, feature by feature in float64."""
    step = max(1, _PAIR_ELEMENTS // max(1, centers.size))
    return np.concatenate(
        [
            _first_nearest(exact[a : a + step], centers, near[a : a + step])
            for a in range(0, len(exact), step)
        ]
    )


def _first_nearest(exact: np.ndarray, centers: np.ndarray, near: np.ndarray) -> np.ndarray:
    row, center = np.nonzero(near)
    total = np.zeros(len(row))
    for x, c in zip(exact.T, centers.T, strict=True):
        apart = x[row] - c[center]
        total += apart * apart
    first = np.searchsorted(row, np.arange(len(exact)))
    least = np.minimum.reduceat(total, first)
    # A distance that is not a number is nobody's least: the first centre stays.
    at_least = np.where(total == least[row], center, len(centers))
    found = np.minimum.reduceat(at_least, first)
    return np.where(found == len(centers), center[first], found)
