"""How Lloyd's iteration is carried out: on NumPy in cache-sized blocks, elsewhere by the array API.

Both give the same labels and, within rounding, the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csc_array

from .library import Array, library_of, like, namespace
from .transfer import to_host

_FEW_CENTERS = 32
"""Up to this many centres, one sweep per centre over a row of scores beats ``argmin`` per row."""


@dataclass(slots=True)
class Block:
    """Some rows, relative to the shift."""

    start: int
    """Number of the first row inside the chunk."""
    values: Array
    """In the precision of the data; shape (rows, d)."""
    exact: Array
    """The same rows in float64; shape (rows, d)."""
    weight: Array | None
    """Weight of each row, float64; None if all are 1."""
    dtype: Any
    """Precision of the data."""


class Operand(Protocol):
    """One set of centres, ready to be compared with blocks, and what was summed for it."""

    measured: float

    def nearest(self, block: Block) -> Array:
        """Number of the nearest centre of each row."""
        ...

    def squared_distances(self, block: Block, labels: Array) -> Array:
        """Squared distance of each row to its centre, float64."""
        ...

    def accumulate(self, block: Block, labels: Array) -> None:
        """Add the rows to the sums of their centres."""
        ...

    def measure(self, block: Block, labels: Array, *, squared: bool) -> None:
        """Add the (squared) distances to what was measured."""
        ...

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums (k, d) and weights (k,), on the host."""
        ...


class Engine(Protocol):
    """Cuts a chunk into blocks and readies centres."""

    def dtype(self, x: Array) -> Any:
        """Precision that the rows are compared in."""
        ...

    def blocks(
        self, x: Array, weight: Array | None, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[Block]:
        """The rows in blocks; each block is valid until the next one is asked for."""
        ...

    def operand(self, centers: np.ndarray, x: Array) -> Operand:
        """Centres relative to the shift, in the library of ``x``."""
        ...


def _total(block: Block, squared: Array, *, root: bool) -> float:
    xp = namespace(squared)
    values = xp.sqrt(squared) if root else squared
    if block.weight is None:
        return float(xp.sum(values))
    return float(xp.sum(block.weight * values))


class NumPyEngine:
    """Buffers that stay in cache; scores from one matrix product per block."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def dtype(self, x: np.ndarray) -> Any:
        """float32 stays, everything else is compared in float64."""
        return np.dtype(np.float32 if x.dtype == np.float32 else np.float64)

    def blocks(
        self, x: np.ndarray, weight: Any, shift: np.ndarray, *, skipna: bool
    ) -> Iterator[Block]:
        """The rows in blocks that share one set of buffers."""
        n, d = x.shape
        dtype = self.dtype(x)
        shift = shift.astype(dtype)
        weight = None if weight is None else np.asarray(weight, np.float64)
        rows = min(self.rows, n)
        values = np.empty((rows, d), dtype)
        exact = values if dtype == np.float64 else np.empty((rows, d))
        repeated = np.tile(shift, rows)
        for a in range(0, n, self.rows):
            b = min(a + self.rows, n)
            v, e = values[: b - a], exact[: b - a]
            _subtract(x[a:b], shift, repeated, v)
            w = None if weight is None else weight[a:b]
            if skipna:
                w = _leave_out(v, w)
            if e is not v:
                np.copyto(e, v)
            yield Block(a, v, e, w, dtype)

    def operand(self, centers: np.ndarray, x: np.ndarray) -> NumPyOperand:
        """Centres with their norms."""
        return NumPyOperand(centers, self.dtype(x), self.rows)


def _subtract(x: np.ndarray, shift: np.ndarray, repeated: np.ndarray, out: np.ndarray) -> None:
    """``x - shift``; as one long row where memory allows, since short rows are slow."""
    if x.flags.c_contiguous:
        np.subtract(x.reshape(-1), repeated[: x.size], out=out.reshape(-1))
    else:
        np.subtract(x, shift, out=out)


def _leave_out(rows: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
    """Give rows that hold NaN the weight 0 and the value 0."""
    missing = np.isnan(rows.sum(axis=1))
    if not missing.any():
        return weight
    rows[missing] = 0
    weight = np.ones(len(rows)) if weight is None else weight.copy()
    weight[missing] = 0
    return weight


class NumPyOperand:
    """Centres for NumPy blocks."""

    def __init__(self, centers: np.ndarray, dtype: Any, rows: int) -> None:
        k = centers.shape[0]
        self.centers = centers
        self.norms = np.einsum("ij,ij->i", centers, centers).astype(dtype)
        self.matrix = np.ascontiguousarray(-2 * centers, dtype)
        self.transposed = np.ascontiguousarray(self.matrix.T)
        self.sums = np.zeros((k, centers.shape[1]))
        self.weights = np.zeros(k)
        self.measured = 0.0
        self._pointers = np.arange(rows + 1, dtype=np.int32)
        self._ones = np.ones(rows)

    def nearest(self, block: Block) -> np.ndarray:
        """First of the nearest centres of each row."""
        k = len(self.centers)
        if k > _FEW_CENTERS:
            scores = np.matmul(block.values, self.transposed)
            scores += self.norms
            return scores.argmin(axis=1)
        scores = np.matmul(self.matrix, block.values.T)
        scores += self.norms[:, None]
        labels = np.zeros(scores.shape[1], np.uint8)
        best, closer, mine = scores[0], np.empty(len(labels), bool), np.empty_like(labels)
        for j in range(1, k):
            np.less(scores[j], best, out=closer)
            np.minimum(best, scores[j], out=best)
            np.multiply(closer.view(np.uint8), np.uint8(j), out=mine)
            np.maximum(labels, mine, out=labels)
        return labels

    def squared_distances(self, block: Block, labels: np.ndarray) -> np.ndarray:
        """From ``(x - c)^2``."""
        difference = np.take(self.centers, labels, axis=0)
        np.subtract(block.exact, difference, out=difference)
        return np.einsum("ij,ij->i", difference, difference)

    def accumulate(self, block: Block, labels: np.ndarray) -> None:
        """As a product with the sparse indicator matrix: one pass over the block in float64."""
        n, k = len(labels), len(self.centers)
        weights = self._ones[:n] if block.weight is None else block.weight
        indicator = csc_array(
            (weights, labels.astype(np.int32), self._pointers[: n + 1]), shape=(k, n)
        )
        self.sums += indicator @ block.exact
        self.weights += np.bincount(labels, weights=block.weight, minlength=k)

    def measure(self, block: Block, labels: np.ndarray, *, squared: bool) -> None:
        """Add the (squared) distances."""
        self.measured += _total(block, self.squared_distances(block, labels), root=not squared)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights."""
        return self.sums, self.weights


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
    ) -> Iterator[Block]:
        """The rows in blocks."""
        xp = namespace(x)
        dtype = self.dtype(x)
        shift = xp.astype(like(shift, x), dtype)
        if weight is not None:
            weight = like(weight, x) if isinstance(weight, np.ndarray) else weight
            weight = xp.astype(weight, xp.float64)
        n = x.shape[0]
        for a in range(0, n, self.rows):
            b = min(a + self.rows, n)
            values = xp.astype(x[a:b, :], dtype) - shift
            w = None if weight is None else weight[a:b]
            if skipna:
                missing = xp.any(xp.isnan(values), axis=1)
                values = xp.where(missing[:, None], xp.zeros_like(values), values)
                w = (
                    xp.ones(values.shape[0], dtype=xp.float64, device=_device(x))
                    if w is None
                    else w
                )
                w = xp.where(missing, xp.zeros_like(w), w)
            exact = xp.astype(values, xp.float64, copy=False)
            yield Block(a, values, exact, w, dtype)

    def operand(self, centers: np.ndarray, x: Array) -> ArrayOperand:
        """Centres in the library and on the device of the rows."""
        return ArrayOperand(centers, x, self.dtype(x))


class ArrayOperand:
    """Centres for blocks of any library of the array API."""

    def __init__(self, centers: np.ndarray, x: Array, dtype: Any) -> None:
        xp = namespace(x)
        self.centers = like(centers, x)
        self.matrix = xp.astype(-2 * self.centers, dtype).T
        self.norms = xp.astype(xp.sum(self.centers * self.centers, axis=1), dtype)
        self.numbers = xp.arange(centers.shape[0], device=_device(x))
        self.measured = 0.0
        self._sums: Array = xp.zeros_like(self.centers)
        self._weights: Array = xp.zeros_like(self.centers[:, 0])

    def nearest(self, block: Block) -> Array:
        """First of the nearest centres of each row."""
        xp = namespace(block.values)
        return xp.argmin(xp.matmul(block.values, self.matrix) + self.norms, axis=1)

    def squared_distances(self, block: Block, labels: Array) -> Array:
        """From ``(x - c)^2``."""
        xp = namespace(block.exact)
        difference = block.exact - xp.take(self.centers, labels, axis=0)
        return xp.sum(difference * difference, axis=1)

    def accumulate(self, block: Block, labels: Array) -> None:
        """As a product with the indicator matrix."""
        xp = namespace(block.exact)
        indicator = xp.astype(labels[:, None] == self.numbers[None, :], xp.float64)
        if block.weight is not None:
            indicator = indicator * block.weight[:, None]
        self._sums = self._sums + xp.matmul(indicator.T, block.exact)
        self._weights = self._weights + xp.sum(indicator, axis=0)

    def measure(self, block: Block, labels: Array, *, squared: bool) -> None:
        """Add the (squared) distances."""
        self.measured += _total(block, self.squared_distances(block, labels), root=not squared)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums and weights, copied to the host."""
        return to_host(self._sums), to_host(self._weights)


def _device(x: Array) -> Any:
    return None if library_of(x) == "hostfree" else x.device
