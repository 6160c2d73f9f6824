"""Lloyd's iteration on one block of rows: nearest centres, sums per centre, distances.

Distances come from a matrix product, ``|x - c|^2 = |x|^2 - 2 x.c + |c|^2``, whose rounding error
grows with ``|x|^2``; so rows and centres are taken relative to a shift (the mean of the data)
first, in fit and in predict. The product runs in the precision of the data on a few thousand rows
at a time; sums, and distances that are given out, are float64 from ``(x - c)^2``. The first of
equally near centres wins.

S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .lloyd_engines import ArrayEngine, Engine, NumPyEngine
from .survey import check_rows
from .transfer import to_host

Measure = Literal["none", "squared", "distance"]
"""What to sum over the rows: nothing, squared distances, or distances to the nearest centre."""

_BLOCK_BYTES = 2 << 20
_DEVICE_BLOCK_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Books:
    """Centres that rows are compared with, on the host."""

    shift: np.ndarray
    """Point that everything is relative to, in the precision of the rows; shape (d,)."""
    centers: tuple[np.ndarray, ...]
    """One or more sets of centres relative to the shift, float64; shapes (k, d)."""

    @property
    def nbytes(self) -> int:
        """Bytes of all sets."""
        return sum(c.nbytes for c in self.centers)


@dataclass(frozen=True, slots=True)
class Far:
    """The rows farthest from their centres: candidates for clusters that have no row."""

    distances: np.ndarray
    """Squared distances, falling."""
    index: np.ndarray
    """Global numbers of the rows."""
    rows: np.ndarray
    """The rows relative to the shift, float64."""
    labels: np.ndarray
    """Their centres."""
    weights: np.ndarray
    """Their weights."""

    def first(self, count: int) -> Far:
        """The farthest ``count``; of equally far rows the lower number comes first."""
        o = np.lexsort((self.index, -self.distances))[:count]
        return Far(self.distances[o], self.index[o], self.rows[o], self.labels[o], self.weights[o])


@dataclass(frozen=True, slots=True)
class Sums:
    """What one pass over some rows tells of one set of centres."""

    sums: np.ndarray
    """Weighted sum of the rows of each centre, relative to the shift; shape (k, d)."""
    weights: np.ndarray
    """Weight of the rows of each centre; shape (k,)."""
    measure: float
    """Weighted sum of what was measured."""
    far: Far
    """As many of the farthest rows as there are centres without a row."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The sums of each set of centres."""

    runs: tuple[Sums, ...]
    """In the order of the sets."""


def merge_passes(parts: Sequence[Pass]) -> Pass:
    """The sums of all parts, added in their order."""
    return Pass(tuple(_merge(runs) for runs in zip(*(p.runs for p in parts), strict=True)))


def _merge(parts: Sequence[Sums]) -> Sums:
    sums, weights, measure = parts[0].sums.copy(), parts[0].weights.copy(), parts[0].measure
    for part in parts[1:]:
        sums += part.sums
        weights += part.weights
        measure += part.measure
    far = Far(
        *(
            np.concatenate([getattr(p.far, name) for p in parts])
            for name in ("distances", "index", "rows", "labels", "weights")
        )
    )
    return Sums(sums, weights, measure, far.first(int((weights == 0).sum())))


def rows_per_block(d: int, k: int, itemsize: int, *, budget: int = _BLOCK_BYTES) -> int:
    """Rows whose scores, values and float64 copies fit the cache; never so few that BLAS starves.

    >>> rows_per_block(16, 64, 4)
    4096
    """
    per_row = itemsize * (2 * d + k) + 8 * d
    least = min(512, max(8, (16 << 20) // (8 * d)))
    return max(least, min(16384, budget // per_row))


def _engine(x: Array, books: Books) -> Engine:
    d = x.shape[1]
    k = max(c.shape[0] for c in books.centers)
    if library_of(x) == "numpy":
        return NumPyEngine(rows_per_block(d, k, 4 if x.dtype == np.float32 else 8))
    rows = rows_per_block(d, k, 8, budget=_DEVICE_BLOCK_BYTES)
    return ArrayEngine(max(rows, _DEVICE_BLOCK_BYTES // (8 * (2 * d + 2 * k + 2))))


def _sums(
    x: Array,
    weight: Array | None,
    start: int,
    books: Books,
    *,
    skipna: bool = False,
    measure: Measure = "none",
    farthest: bool = True,
    check: bool = False,
) -> Pass:
    """Sum the rows of each centre, for every set of centres, in one sweep over the block."""
    if check:
        check_rows(x, skipna=skipna)
    engine = _engine(x, books)
    runs = [engine.operand(c, x) for c in books.centers]
    for block in engine.blocks(x, weight, books.shift, skipna=skipna):
        for run in runs:
            labels = run.nearest(block)
            run.accumulate(block, labels)
            if measure != "none":
                run.measure(block, labels, squared=measure == "squared")
    return Pass(
        tuple(_finish(run, engine, x, weight, start, books, skipna, farthest) for run in runs)
    )


def _finish(
    run: Any,
    engine: Engine,
    x: Array,
    weight: Array | None,
    start: int,
    books: Books,
    skipna: bool,
    farthest: bool,
) -> Sums:
    sums, weights = run.totals()
    far = _no_far(x.shape[1])
    wanted = int((weights == 0).sum()) if farthest else 0
    if wanted:
        for block in engine.blocks(x, weight, books.shift, skipna=skipna):
            labels = run.nearest(block)
            found = _far_of(block, labels, run.squared_distances(block, labels), start, wanted)
            far = Far(
                *(np.concatenate(pair) for pair in zip(_fields(far), _fields(found), strict=True))
            )
            far = far.first(wanted)
    return Sums(sums, weights, run.measured, far)


def _fields(far: Far) -> tuple[np.ndarray, ...]:
    return far.distances, far.index, far.rows, far.labels, far.weights


def _no_far(d: int) -> Far:
    return Far(
        np.empty(0), np.empty(0, np.int64), np.empty((0, d)), np.empty(0, np.int64), np.empty(0)
    )


def _far_of(block: Any, labels: Array, squared: Array, start: int, wanted: int) -> Far:
    """The farthest rows of one block that have weight."""
    distances = to_host(squared)
    weights = np.ones(len(distances)) if block.weight is None else to_host(block.weight)
    chosen = np.flatnonzero(weights > 0)
    if len(chosen) > wanted:
        cut = np.partition(distances[chosen], len(chosen) - wanted)[len(chosen) - wanted]
        chosen = chosen[distances[chosen] >= cut]
    xp = namespace(block.exact)
    rows = to_host(xp.take(block.exact, like(chosen, block.exact), axis=0))
    return Far(
        distances[chosen],
        chosen + start + block.start,
        rows,
        to_host(labels)[chosen].astype(np.int64),
        weights[chosen],
    ).first(wanted)


lloyd = Kernel("lloyd", _sums, result_on_host=True)
"""``lloyd(x, weight, start, books, *, skipna, measure, farthest, check) -> Pass``."""


def _assign(
    x: Array, books: Books, *, missing: Literal["raise", "skip", "ignore"] = "raise"
) -> tuple[Array, Array]:
    """Nearest centre (int32) of each row, and the distance to it.

    ``missing="skip"`` labels rows that hold NaN with -1; ``"ignore"`` looks for none.
    """
    engine = _engine(x, books)
    run = engine.operand(books.centers[0], x)
    labels, distances = [], []
    bad = None if missing == "ignore" else check_rows(x, skipna=missing == "skip")
    xp = namespace(x)
    for block in engine.blocks(x, None, books.shift, skipna=False):
        nearest = run.nearest(block)
        labels.append(xp.astype(nearest, xp.int32))
        distances.append(xp.astype(xp.sqrt(run.squared_distances(block, nearest)), block.dtype))
    if not labels:
        return xp.astype(x[:, 0], xp.int32), xp.astype(x[:, 0], engine.dtype(x))
    code = xp.concat(labels) if len(labels) > 1 else labels[0]
    distance = xp.concat(distances) if len(distances) > 1 else distances[0]
    if bad is not None:
        code = xp.where(bad, xp.full_like(code, -1), code)
    return code, distance


def _nearest(
    x: Array, books: Books, *, missing: Literal["raise", "skip"] = "raise"
) -> tuple[Array]:
    """Nearest centre (int32) of each row, as the only one of its results."""
    engine = _engine(x, books)
    run = engine.operand(books.centers[0], x)
    bad = check_rows(x, skipna=missing == "skip")
    xp = namespace(x)
    labels = [
        xp.astype(run.nearest(block), xp.int32)
        for block in engine.blocks(x, None, books.shift, skipna=False)
    ]
    if not labels:
        return (xp.astype(x[:, 0], xp.int32),)
    code = xp.concat(labels) if len(labels) > 1 else labels[0]
    return (code if bad is None else xp.where(bad, xp.full_like(code, -1), code),)


assign = Kernel("vq", _assign)
"""``assign(x, books, *, missing) -> (labels, distances)``."""

nearest = Kernel("nearest", _nearest)
"""``nearest(x, books, *, missing) -> (labels,)``."""


def _distances(x: Array, books: Books, *, missing: Literal["raise", "skip"] = "raise") -> Array:
    """Distance of each row to each centre, shape (n, k), in the precision of the rows."""
    engine = _engine(x, books)
    xp = namespace(x)
    check_rows(x, skipna=missing == "skip")
    centers = like(books.centers[0], x)
    norms = xp.sum(centers * centers, axis=1)
    out = []
    for block in engine.blocks(x, None, books.shift, skipna=False):
        values = block.exact
        squared = norms - 2.0 * xp.matmul(values, centers.T)
        squared += xp.sum(values * values, axis=1)[:, None]
        out.append(xp.astype(xp.sqrt(xp.where(squared > 0, squared, 0 * squared)), block.dtype))
    if not out:
        return xp.zeros((0, centers.shape[0]), dtype=engine.dtype(x))
    return xp.concat(out) if len(out) > 1 else out[0]


distances = Kernel("distances", _distances)
"""``distances(x, books, *, missing) -> (n, k) distances``."""
