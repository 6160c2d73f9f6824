"""Lloyd's iteration on NumPy blocks, in parts that stay in cache, by NumPy or a compiled loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
from scipy.sparse import csc_array

from ..exact import ROWS_AT_ONCE, Bins, Grid, add_units, binned_by, rounded
from ..lloyd_engines import bound_of, no_totals
from .loops import loops

_FEW_CENTERS = 32
"""Up to this many centres, one sweep per centre over a row of scores beats ``argmin`` per row."""
_PAIR_ELEMENTS = 1 << 18


def is_compiled() -> bool:
    """Whether blocks are handled by compiled loops."""
    return loops() is not None


class NumPyBlock:
    """Rows as they are, C-contiguous in their precision."""

    def __init__(
        self,
        start: int,
        raw: np.ndarray,
        shift: np.ndarray,
        weight: np.ndarray | None,
        *,
        skipna: bool = False,
    ) -> None:
        self.start = start
        self.raw = raw
        self.shift = shift
        self.weight = weight
        self.skipna = skipna
        """Whether compiled loops are to set the weight of rows with NaN to 0, as they find them."""
        self.dtype = raw.dtype

    def exact(self, chosen: Any = slice(None)) -> np.ndarray:
        """Some of the rows in float64, relative to the shift."""
        return np.subtract(self.raw[chosen], self.shift, dtype=np.float64)

    def part(self, chosen: slice) -> NumPyBlock:
        """Some of the rows as a block."""
        weight = None if self.weight is None else self.weight[chosen]
        return NumPyBlock(self.start + chosen.start, self.raw[chosen], self.shift, weight)


class NumPyEngine:
    """Blocks are so many rows as can be summed without a carry.

    Parameters
    ----------
    rows : int
        Rows of a block that are handled at a time, which stay in cache.
    """

    def __init__(self, rows: int) -> None:
        self.rows = min(rows, ROWS_AT_ONCE)

    def dtype(self, x: np.ndarray) -> Any:
        """float32 stays, everything else is compared in float64."""
        return np.dtype(np.float32 if x.dtype == np.float32 else np.float64)

    def blocks(
        self, x: np.ndarray, weight: Any, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[NumPyBlock]:
        """The rows in blocks."""
        dtype, exact_shift = self.dtype(x), shift.astype(np.float64)
        weight = None if weight is None else np.asarray(weight, np.float64)
        for a in range(0, len(x), ROWS_AT_ONCE):
            raw = np.ascontiguousarray(x[a : a + ROWS_AT_ONCE], dtype)
            w = None if weight is None else np.ascontiguousarray(weight[a : a + ROWS_AT_ONCE])
            if skipna and is_compiled():
                w = np.ones(len(raw)) if w is None else w.copy()
                yield NumPyBlock(a, raw, exact_shift, w, skipna=True)
                continue
            if skipna:
                raw, w = _leave_out(raw, w, shift)
            yield NumPyBlock(a, raw, exact_shift, w)

    def operand(self, centers: np.ndarray, x: np.ndarray, grid: Grid | None) -> NumPyOperand:
        """Centres with their norms."""
        return NumPyOperand(centers, self.dtype(x), min(self.rows, max(len(x), 1)), grid)


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
    """Centres for NumPy blocks, and what was summed for them."""

    def __init__(self, centers: np.ndarray, dtype: Any, rows: int, grid: Grid | None) -> None:
        k, d = centers.shape
        self.centers = centers
        with np.errstate(over="ignore"):  # the bound tells of it
            self.norms = np.einsum("ij,ij->i", centers, centers).astype(dtype)
            self.matrix = np.ascontiguousarray(-2 * centers, dtype)
        self.bound = bound_of(centers, dtype)
        self.grid = grid
        self.rows = rows
        self.loops = loops()
        self._labels = np.empty(0, np.int32)
        self.sums, self.weights = no_totals(grid, k, d)

    def assign(self, block: NumPyBlock) -> np.ndarray:
        """First of the nearest centres of each row; the rows are added to its sums.

        The labels are overwritten by the next block's.
        """
        sums, weights = (np.zeros(a.shape) for a in (self.sums, self.weights))
        if len(self._labels) < len(block.raw):
            self._labels = np.empty(len(block.raw), np.int32)
        labels = self._labels[: len(block.raw)]
        if self.loops is not None:
            self._compiled(block, labels, sums, weights)
        else:
            for a in range(0, len(labels), self.rows):
                part = block.part(slice(a, min(a + self.rows, len(labels))))
                labels[a : a + self.rows] = found = _nearest(part, self)
                if self.grid is not None:
                    _add(part, found, self.grid, sums, weights)
        if self.grid is not None:
            for i, unit in enumerate(self.grid.levels):
                add_units(self.sums[i], sums[i], unit)
            for i, mass in enumerate(self.grid.weight_levels):
                add_units(self.weights[i], weights[i], mass)
        return labels

    def _compiled(
        self, block: NumPyBlock, labels: np.ndarray, sums: np.ndarray, weights: np.ndarray
    ) -> None:
        grid, weight, form = self.grid, block.weight, ""
        units = levels = masses = nothing = np.zeros(1)
        if grid is not None:
            units, levels = grid.units, np.stack(grid.levels)
            masses = np.asarray(grid.weight_levels)
            form = "fine" if grid.fine else "rows"
            if grid.weight is not None:
                form = "fine weighted" if grid.fine else "weighted"
                weight = np.ones(len(labels)) if weight is None else weight
        assert self.loops is not None
        self.loops.sweep(
            block.raw,
            nothing if weight is None else weight,
            block.shift.astype(block.dtype),
            block.shift,
            self.matrix,
            self.norms,
            self.centers,
            np.array(astuple(self.bound)),
            block.skipna,
            self.rows,
            form,
            units,
            np.atleast_2d(levels),
            masses,
            labels,
            sums,
            weights,
        )

    def squared_distances(self, block: NumPyBlock, labels: np.ndarray) -> np.ndarray:
        """From ``(x - c)^2``, feature by feature; those of rows of weight 0 do not matter."""
        if self.loops is not None:
            out = np.empty(len(labels))
            self.loops.squares(block.raw, block.shift, self.centers, labels, out)
            if block.weight is not None:
                out[block.weight == 0] = 0  # also where they hold NaN
            return out
        rows, centers = np.ascontiguousarray(block.exact().T), np.ascontiguousarray(self.centers.T)
        out = np.zeros(len(labels))
        for x, c in zip(rows, centers, strict=True):
            apart = x - c[labels]
            out += apart * apart
        return out

    def binned(self, values: np.ndarray, labels: np.ndarray) -> Bins:
        """Sums of values by label."""
        add = None if self.loops is None else self.loops.slices
        return binned_by(values, labels, len(self.centers), add)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights."""
        return self.sums, self.weights


def _nearest(block: NumPyBlock, operand: NumPyOperand) -> np.ndarray:
    """First of the nearest centres of each row of a block that stays in cache."""
    rows, k = len(block.raw), len(operand.centers)
    if k == 1:
        return np.zeros(rows, np.int32)
    shift = np.tile(block.shift.astype(block.dtype), rows)
    values = np.subtract(block.raw.reshape(-1), shift).reshape(block.raw.shape)
    norms = np.einsum("ij,ij->i", values, values)
    # What is not a number, or a bound, rules no centre out.
    with np.errstate(invalid="ignore", over="ignore"):
        if k <= _FEW_CENTERS:
            scores = np.matmul(operand.matrix, values.T)
            scores += operand.norms[:, None]
            labels, best, second = _two_of_few(scores)
            scores = scores.T
        else:
            scores = np.matmul(values, operand.matrix.T)
            scores += operand.norms
            labels, best, second = _two_of_many(scores)
        limits = best + operand.bound.beyond(best, norms)
        flagged = np.flatnonzero(~(second > limits))
        if len(flagged):
            near = ~(scores[flagged] > limits[flagged, None])
            labels[flagged] = _settled(block.exact(flagged), operand.centers, near)
    return labels


def _two_of_few(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best and the second best of few centres, one centre after the other for all rows."""
    best, second = scores[0].copy(), np.full_like(scores[0], np.inf)
    labels = np.zeros(len(best), np.int32)
    lower, other = np.empty(len(best), bool), np.empty_like(best)
    for j in range(1, len(scores)):
        np.less(scores[j], best, out=lower)
        np.maximum(scores[j], best, out=other)
        np.minimum(second, other, out=second)
        np.minimum(scores[j], best, out=best)
        np.copyto(labels, j, where=lower)
    return labels, best, second


def _two_of_many(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best and the second best of many centres, row by row."""
    labels = scores.argmin(axis=1)
    at = np.arange(len(labels))
    best = scores[at, labels]
    scores[at, labels] = np.inf
    second = scores.min(axis=1)
    scores[at, labels] = best
    return labels.astype(np.int32), best, second


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


def _add(
    block: NumPyBlock, labels: np.ndarray, grid: Grid, sums: np.ndarray, weights: np.ndarray
) -> None:
    """Add rounded rows to float sums, as products with the sparse indicator matrix."""
    k, n = weights.shape[1], len(labels)
    hot = csc_array((np.ones(n), labels, np.arange(n + 1, dtype=np.int32)), shape=(k, n))
    weight, rows = block.weight, block.exact()
    if not grid.fine:
        rows = rounded(rows, grid.units)
    if weight is not None:
        rows *= weight[:, None]
    for level, unit in enumerate(grid.levels):
        piece = rounded(rows, unit)
        rows = rows - piece
        sums[level] += hot @ piece
    if weight is None:
        weights[0] += np.bincount(labels, minlength=k)
        return
    for level, mass in enumerate(grid.weight_levels):
        light = rounded(weight, mass)
        weight = weight - light
        weights[level] += np.bincount(labels, weights=light, minlength=k)
