"""Lloyd's iteration on CuPy blocks, by kernels of our own.

`lloyd_nearest.cu` gives each row its centre without writing a score, and `lloyd_sums.cu` adds the
rows of each centre as integers: an iteration reads the rows twice and writes labels. Nothing waits
for the device before the sums are asked for. The mathematics are those of
`spanwise.kernels.lloyd_engines`; `spanwise.kernels.numpy.loops` has them in loops for the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exact import LOST, Bins, Grid, bins_between
from ..library import Array, like, namespace
from ..lloyd_engines import bound_of, no_totals
from ..transfer import to_host
from .launch import CurrentDevice, Device
from .lloyd_plan import (
    Form,
    Rows,
    Shape,
    Table,
    nearest_launch,
    prepare_launch,
    squares_launch,
    sums_launch,
)

_ROWS = 1 << 22
"""Rows of a block: what stands beside them for a while, eight bytes for each, stays small."""
_COPY_BYTES = 256 << 20
"""Of rows at a time that are copied, since they are not as the kernels take them."""


@dataclass(slots=True)
class CuPyBlock:
    """Rows as they are, in the precision that they are compared in."""

    start: int
    rows: Rows
    shift: Array
    """In float64."""
    about: Array
    """The shift in the precision of the rows, padded."""
    weight: Array | None
    leaves_out: bool
    """Whether the weight of rows with NaN becomes 0 as they are assigned."""
    dtype: Any

    def exact(self, chosen: Any = None) -> Array:
        """All or some of the rows in float64."""
        values = self.rows.values
        xp = namespace(values)
        if chosen is not None:
            values = xp.take(values, like(chosen, values), axis=0)
        return xp.astype(values, xp.float64) - self.shift


class CuPyEngine:
    """Cuts a chunk into large blocks, and readies centres.

    Parameters
    ----------
    device : Device, optional
        Where kernels run. Default: CuPy's current device.
    """

    def __init__(self, device: Device | None = None) -> None:
        self.device = CurrentDevice() if device is None else device

    def dtype(self, x: Array) -> Any:
        """float32 stays, everything else is compared in float64."""
        return np.dtype(np.float32 if x.dtype == np.float32 else np.float64)

    def blocks(
        self, x: Array, weight: Array | None, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[CuPyBlock]:
        """The rows in blocks."""
        xp, dtype, d = namespace(x), self.dtype(x), len(shift)
        both = _with_padded(shift, self._shape(x, 1).depth, dtype)
        both = like(both, x)
        shifts = both[-d:], both[:-d].view(dtype)
        if weight is not None:
            weight = like(weight, x) if isinstance(weight, np.ndarray) else weight
            weight = xp.ascontiguousarray(xp.astype(weight, xp.float64, copy=False))
        is_ready, step = self._is_ready(x), _ROWS
        if not is_ready:
            step = max(1, min(step, _COPY_BYTES // (dtype.itemsize * d)))
        for a in range(0, x.shape[0], step):
            values = x[a : a + step, :]
            if not is_ready:
                values = values.astype(dtype, order="C")
            rows = Rows(values, values.strides[0] // dtype.itemsize, values.shape[0])
            w = None if weight is None else weight[a : a + step]
            if skipna:
                w = xp.ones(rows.count) if w is None else w.copy()
            yield CuPyBlock(a, rows, *shifts, w, skipna, dtype)

    def operand(self, centers: np.ndarray, x: Array, grid: Grid | None) -> CuPyOperand:
        """Centres on the device of the rows."""
        return CuPyOperand(self.device, self._shape(x, len(centers)), centers, x, grid)

    def _shape(self, x: Array, k: int) -> Shape:
        """What the kernels are specialised to for these rows and so many centres."""
        itemsize, d = self.dtype(x).itemsize, x.shape[1]
        start, step = 0, d * itemsize
        if self._is_ready(x):
            start, step = self.device.address(x), x.strides[0]
        return Shape.of(itemsize, d, k, is_aligned=start % 16 == step % 16 == 0)

    def _is_ready(self, x: Array) -> bool:
        """Whether the kernels take the rows as they lie in memory."""
        size = x.dtype.itemsize
        is_dense = x.shape[1] == 1 or x.strides[1] == size
        fits = self.device.address(x) % size == 0 and x.strides[0] % size == 0
        return x.dtype == self.dtype(x) and is_dense and fits


def _with_padded(shift: np.ndarray, depth: int, dtype: np.dtype) -> np.ndarray:
    """A shift in the precision of the rows, padded, and in float64 behind it: one copy for both."""
    padded = np.zeros(depth, dtype)
    padded[: len(shift)] = shift
    return np.concatenate([padded.view(np.float64), shift.astype(np.float64)])


class CuPyOperand:
    """Centres for blocks of a device, and what is summed for them there."""

    def __init__(
        self, device: Device, shape: Shape, centers: np.ndarray, x: Array, grid: Grid | None
    ) -> None:
        xp = namespace(x)
        k, d = centers.shape
        real = np.dtype(f"f{shape.itemsize}")
        self.device, self.shape, self.grid = device, shape, grid
        self.bound = bound_of(centers, real)
        self.table = Table(Form(1) if grid is None else Form.of(grid), k, d)
        self.totals_there = xp.empty(0 if grid is None else self.table.size, dtype=xp.int64)
        # Many small copies to a device take longer than one.
        parts = [centers.ravel()]
        if grid is not None:
            parts += [grid.units, *grid.levels, np.asarray(grid.weight_levels)]
        packed = like(np.concatenate(parts), x)
        edges = np.cumsum([len(part) for part in parts])
        self.centers = packed[: k * d].reshape(k, d)
        self.units = ()
        if grid is not None:
            self.units = (packed[edges[0] :], packed[edges[1] :], packed[edges[-2] :])
        self.matrix = xp.empty(shape.depth * shape.width, dtype=real)
        self.norms = xp.empty(shape.width, dtype=real)
        device.launch(
            prepare_launch(shape, self.centers, self.matrix, self.norms, self.totals_there)
        )

    def assign(self, block: CuPyBlock) -> Array:
        """First of the nearest centres of each row; the rows are added to its sums."""
        xp = namespace(block.rows.values)
        labels = xp.empty(block.rows.count, dtype=xp.int32)
        self.device.launch(
            nearest_launch(
                self.device,
                self.shape,
                block.rows,
                (block.shift, block.about),
                (self.centers, self.matrix, self.norms),
                self.bound,
                block.weight if block.leaves_out else None,
                labels,
            )
        )
        if self.grid is not None:
            self._accumulate(block, labels)
        return labels

    def _accumulate(self, block: CuPyBlock, labels: Array) -> None:
        weight = block.weight
        if weight is None and self.table.form.is_weighted:
            weight = namespace(labels).ones(block.rows.count)
        self.device.launch(
            sums_launch(
                self.shape.itemsize,
                self.shape.load,
                block.rows,
                labels,
                weight,
                (block.shift, *self.units),
                self.table,
                self.totals_there,
            )
        )

    def squared_distances(self, block: CuPyBlock, labels: Array) -> Array:
        """From ``(x - c)^2``, feature by feature; those of rows of weight 0 are 0."""
        xp = namespace(labels)
        out = xp.empty(block.rows.count, dtype=xp.float64)
        self.device.launch(
            squares_launch(
                self.shape, block.rows, block.shift, self.centers, block.weight, labels, out
            )
        )
        return out

    def binned(self, values: Array, labels: Array) -> Bins:
        """Sums of values by label: those of rows of one feature, rounded to three units."""
        xp, k = namespace(values), self.shape.centers
        table = Table(Form(3), k, 1)
        low, high = to_host(xp.stack([xp.min(values), xp.max(values)]))

        def add(units: np.ndarray, sums: np.ndarray) -> None:
            there = like(np.concatenate([[0.0], units[:, 0]]), values)
            totals = xp.zeros(table.size, dtype=xp.int64)
            rows = Rows(values, 1, values.shape[0])
            units_there = (there[:1], there[1:], there[1:], there[1:])
            self.device.launch(sums_launch(8, 1, rows, labels, None, units_there, table, totals))
            sums[...] = to_host(totals[: table.sums]).reshape(3, k) * units

        with np.errstate(invalid="ignore", over="ignore"):
            return bins_between(np.full(k, low), np.full(k, high), add)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights."""
        k, d = self.shape.centers, self.shape.features
        if self.grid is None:
            return no_totals(None, k, d)
        table = self.table
        answers = to_host(self.totals_there[: table.answers])
        sums = answers[: table.sums].reshape(-1, k, d)
        weights = answers[table.sums : -1].reshape(-1, k)
        if answers[-1]:
            bits = to_host(self.totals_there[table.answers :]).view(np.uint8)
            lost = bits[: k * (d + 1)].astype(bool)
            sums[:, lost[: k * d].reshape(k, d)] = LOST
            weights[:, lost[k * d :]] = LOST
        return sums, weights
