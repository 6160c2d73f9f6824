"""Lloyd's iteration on one block of rows: nearest centres, sums per centre, distances.

Distances come from a matrix product, ``|x - c|^2 = |x|^2 - 2 x.c + |c|^2``, whose rounding error
grows with ``|x|^2``; so rows and centres are taken relative to a shift (near the mean of the data)
first, in fit and in predict. The product runs in the precision of the data on a few thousand rows
at a time; rows for which it does not decide are compared anew in float64, and the first of equally
near centres wins (see `spanwise.kernels.lloyd_engines`). Sums are exact (`spanwise.kernels.exact`),
and distances that are given out are float64 from ``(x - c)^2``: neither the shape of a block nor
the order of blocks changes a bit of what comes out.

S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .draws import Draws, device_of, joined_draws, no_draws
from .exact import Grid, merge_bins, no_bins
from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .lloyd_engines import ArrayEngine, Engine
from .lloyd_pass import Far, Pass, Sums, joined_far
from .memory import each_row
from .philox import uniforms
from .survey import check_rows
from .transfer import to_host

Measure = Literal["none", "squared", "distance", "both"]
"""What to sum over the rows: nothing, squared distances, distances to the nearest centre."""

_BLOCK_BYTES = 1 << 20
_DEVICE_BLOCK_BYTES, _DEVICE_ROWS = 256 << 20, 1 << 20
"""Of scores and rows that are worked on at a time: a device starts some hundred kernels on each."""


@dataclass(frozen=True, slots=True)
class Books:
    """Centres that rows are compared with, on the host."""

    shift: np.ndarray
    """Point that everything is relative to, in the precision of the rows; shape (d,)."""
    centers: tuple[np.ndarray, ...]
    """One or more sets of centres relative to the shift, float64; shapes (k, d)."""
    grid: Grid | None = None
    """What rows are rounded to where they are summed; None: they are not summed."""

    @property
    def nbytes(self) -> int:
        """Bytes of all sets."""
        return sum(c.nbytes for c in self.centers)


@dataclass(frozen=True, slots=True)
class Rates:
    """Which rows of a pass to keep as a sample: each with a probability of its own.

    A row of weight w and squared distance q to its centre j is kept with probability
    ``min(1, w (distance q + cluster[j]))``: far rows and rows of small clusters matter most to the
    cost of any other centres (O. Bachem, M. Lucic, A. Krause, "Practical coreset constructions for
    machine learning", 2017, algorithm 2).
    """

    seed: int
    """First word of the generator's key."""
    distance: tuple[float, ...]
    """Of each set of centres, per squared distance."""
    cluster: tuple[np.ndarray, ...]
    """Of each set of centres, per row of a cluster; shapes (k,)."""


def rows_per_block(
    d: int, k: int, itemsize: int, *, budget: int = _BLOCK_BYTES, most: int = 1024
) -> int:
    """Rows whose values and scores stay in cache; never so few that BLAS starves.

    >>> rows_per_block(16, 64, 4), rows_per_block(128, 1024, 4)
    (1024, 256)
    """
    least = min(256, max(8, (16 << 20) // (8 * d)))
    return max(least, min(most, budget // (itemsize * (d + k))))


def _engine(x: Array, books: Books) -> Engine:
    d = x.shape[1]
    k = max(c.shape[0] for c in books.centers)
    if library_of(x) == "numpy":
        from .numpy.lloyd import NumPyEngine, is_compiled

        # Without compiled loops each block costs some forty calls of NumPy.
        most = 1024 if is_compiled() else 16_384
        return NumPyEngine(rows_per_block(d, k, 4 if x.dtype == np.float32 else 8, most=most))
    if library_of(x) == "cupy":
        from .cupy.lloyd import CuPyEngine

        return CuPyEngine()
    return _array_engine(d, k)


def _array_engine(d: int, k: int) -> ArrayEngine:
    return ArrayEngine(max(1, min(_DEVICE_ROWS, _DEVICE_BLOCK_BYTES // (16 * (d + k)))))


def _sums(
    x: Array,
    weight: Array | None,
    start: int,
    books: Books,
    *,
    skipna: bool = False,
    measure: Measure = "none",
    farthest: bool = False,
    check: bool = False,
    rates: Rates | None = None,
) -> Pass:
    """Sum the rows of each centre, for every set of centres, in one sweep over the block."""
    if check:
        check_rows(x, skipna=skipna)
    engine = _engine(x, books)
    runs = [
        _Run(engine.operand(c, x, books.grid), len(c), measure, rates, i)
        for i, c in enumerate(books.centers)
    ]
    for block in engine.blocks(x, weight, books.shift, skipna=skipna):
        for run in runs:
            run.take(block, start, books)
    if farthest:
        for run in runs:
            run.seek(engine, x, weight, start, books, skipna)
    return Pass(tuple(run.sums(books) for run in runs))


class _Run:
    """One set of centres in a sweep."""

    def __init__(
        self, operand: Any, k: int, measure: Measure, rates: Rates | None, number: int
    ) -> None:
        self.operand = operand
        self.k = k
        self.number = number
        self.rates = rates
        self.squared = [no_bins(k, 3)]
        self.distance = [no_bins(k, 3)]
        self.draws: list[Draws] = []
        self.far: Far | None = None
        self.measures = {"both": ("squared", "distance")}.get(measure, (measure,))
        self.needs_distances = rates is not None or measure != "none"

    def take(self, block: Any, start: int, books: Books) -> None:
        """Take in one block."""
        labels = self.operand.assign(block)
        if not self.needs_distances:
            return
        squared = self.operand.squared_distances(block, labels)
        for name in self.measures:
            if name != "none":
                values = squared if name == "squared" else namespace(squared).sqrt(squared)
                values = values if block.weight is None else values * block.weight
                getattr(self, name).append(self.operand.binned(values, labels))
        if self.rates is not None:
            self.draws.append(self._drawn(block, labels, squared, start + block.start, books.shift))

    def _drawn(
        self, block: Any, labels: Array, squared: Array, start: int, shift: np.ndarray
    ) -> Draws:
        """The sampled rows of one block."""
        rates = self.rates
        assert rates is not None
        xp = namespace(squared)
        weight = xp.ones_like(squared) if block.weight is None else block.weight
        clusters = xp.take(like(rates.cluster[self.number], squared), labels)
        odds = weight * (rates.distance[self.number] * squared) + weight * clusters
        where = {"xp": xp, "device": device_of(squared)}
        u = uniforms(rates.seed, 1 + self.number, start, squared.shape[0], **where)
        chosen = xp.nonzero(u < odds)[0]
        u, odds, weight = (to_host(xp.take(a, chosen)) for a in (u, odds, weight))
        index = to_host(chosen)
        rows = (to_host(block.exact(index)) + shift.astype(np.float64)).astype(shift.dtype)
        return Draws(u, index + start, rows, weight / np.minimum(odds, 1.0))

    def seek(
        self, engine: Engine, x: Array, weight: Any, start: int, books: Books, skipna: bool
    ) -> None:
        """Sweep once more for the farthest rows, if a centre had none."""
        _, masses = self.operand.totals()
        wanted = int((masses == 0).all(axis=0).sum())
        if not wanted:
            return
        far = Far.none(x.shape[1])
        operand = engine.operand(books.centers[self.number], x, None)
        for block in engine.blocks(x, weight, books.shift, skipna=skipna):
            labels = operand.assign(block)
            squared = operand.squared_distances(block, labels)
            found = _far_of(block, labels, squared, start, wanted)
            far = joined_far([far, found]).first(wanted)
        self.far = far

    def sums(self, books: Books) -> Sums:
        """What the sweep told."""
        d = len(books.shift)
        totals, masses = self.operand.totals()
        return Sums(
            books.grid,
            totals,
            masses,
            merge_bins(self.squared),
            merge_bins(self.distance),
            self.far or Far.none(d),
            joined_draws(self.draws) if self.draws else no_draws(d, books.shift.dtype),
        )


def _far_of(block: Any, labels: Array, squared: Array, start: int, wanted: int) -> Far:
    """The farthest rows of one block that have weight."""
    distances = to_host(squared)
    weights = np.ones(len(distances)) if block.weight is None else to_host(block.weight)
    chosen = np.flatnonzero(weights > 0)
    if len(chosen) > wanted:
        cut = np.partition(distances[chosen], len(chosen) - wanted)[len(chosen) - wanted]
        chosen = chosen[distances[chosen] >= cut]
    rows = to_host(block.exact(chosen))
    return Far(
        distances[chosen],
        chosen + start + block.start,
        rows,
        to_host(labels)[chosen].astype(np.int64),
        weights[chosen],
    ).first(wanted)


lloyd = Kernel("lloyd", _sums, result_on_host=True)
"""``lloyd(x, weight, start, books, *, skipna, measure, farthest, check, rates) -> Pass``."""


def _assign(
    x: Array, books: Books, *, missing: Literal["raise", "skip", "ignore"] = "raise"
) -> tuple[Array, Array]:
    """Nearest centre (int32) of each row, and the distance to it.

    ``missing="skip"`` labels rows that hold NaN with -1; ``"ignore"`` looks for none.
    """
    engine = _engine(x, books)
    run = engine.operand(books.centers[0], x, None)
    labels, distances = [], []
    bad = None if missing == "ignore" else check_rows(x, skipna=missing == "skip")
    xp = namespace(x)
    for block in engine.blocks(x, None, books.shift, skipna=False):
        nearest = run.assign(block)
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
    run = engine.operand(books.centers[0], x, None)
    bad = check_rows(x, skipna=missing == "skip")
    xp = namespace(x)
    labels = [
        xp.astype(run.assign(block), xp.int32)
        for block in engine.blocks(x, None, books.shift, skipna=False)
    ]
    if not labels:
        return (xp.astype(x[:, 0], xp.int32),)
    code = xp.concat(labels) if len(labels) > 1 else labels[0]
    return (code if bad is None else xp.where(bad, xp.full_like(code, -1), code),)


assign = Kernel("vq", _assign, free_axes=each_row)
"""``assign(x, books, *, missing) -> (labels, distances)``."""

nearest = Kernel("nearest", _nearest, free_axes=each_row)
"""``nearest(x, books, *, missing) -> (labels,)``."""


def _distances(x: Array, books: Books, *, missing: Literal["raise", "skip"] = "raise") -> Array:
    """Distance of each row to each centre, shape (n, k), in the precision of the rows."""
    centers = like(books.centers[0], x)
    # A kernel for labels is of no use here, and blocks are small enough for all distances.
    is_host = library_of(x) == "numpy"
    engine = _engine(x, books) if is_host else _array_engine(x.shape[1], centers.shape[0])
    xp = namespace(x)
    check_rows(x, skipna=missing == "skip")
    norms = xp.sum(centers * centers, axis=1)
    out = []
    for block in engine.blocks(x, None, books.shift, skipna=False):
        values = block.exact()
        squared = norms - 2.0 * xp.matmul(values, centers.T)
        squared += xp.sum(values * values, axis=1)[:, None]
        out.append(xp.astype(xp.sqrt(xp.where(squared > 0, squared, 0 * squared)), block.dtype))
    if not out:
        return xp.zeros((0, centers.shape[0]), dtype=engine.dtype(x))
    return xp.concat(out) if len(out) > 1 else out[0]


distances = Kernel("distances", _distances, free_axes=each_row)
"""``distances(x, books, *, missing) -> (n, k) distances``."""
