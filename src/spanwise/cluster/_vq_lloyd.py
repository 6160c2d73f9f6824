"""SciPy's two ways of Lloyd's iteration: one drops codes without observations, one keeps them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dispatch, options
from ..graph.cluster import REMEDIES, plan_fit
from ..kernels.library import like
from ..kernels.lloyd import Books
from ..kernels.lloyd_pass import Sums
from ._arguments import float_dtype, reference_of
from ._lloyd import Frame, relative_to
from ._rows import ChunkedRows, MemoryRows, Rows, map_rows


def sweep_of(
    rows: Any, k: int, *, operation: str, sampled: int, steps: int = 300, runs: int = 1
) -> MemoryRows | ChunkedRows:
    """The rows, ready to be swept over, within the memory that there is."""
    if dispatch.kind_of(rows) == "concrete":
        return MemoryRows(rows)
    from ..graph.dask import spec_of

    options.make_placement_effective()
    how = plan_fit(
        spec_of(rows),
        n_clusters=k,
        sweeps=steps,
        sampled=sampled,
        weighted=False,
        machine=options.machine(),
        operation=operation,
        runs=runs,
    )
    how.plan.check(remedies=REMEDIES)
    return ChunkedRows(rows, None, how)


def book_of(codes: np.ndarray, x: Any) -> Any:
    """Codes in the library, the precision and the rank of the observations."""
    codes = codes.astype(float_dtype(x))
    return like(codes[:, 0] if x.ndim == 1 else codes, reference_of(x))


def labels_of(rows: Any, books: Books, *, check: bool) -> Any:
    """Number of the nearest code of each row; lazy for chunked rows."""
    if check:
        return map_rows(rows, "nearest", books, operation="vq.kmeans2", missing="raise")
    return map_rows(rows, "vq", books, operation="vq.kmeans2", missing="ignore")[0]


@dataclass(slots=True)
class Run:
    """One run of Lloyd's iteration that drops codes without observations."""

    codes: np.ndarray
    """Codes relative to the shift."""
    distortion: float = np.inf
    """Mean distance to the codes when it was last measured: before the last step, if that moved
    them."""
    change: float = np.inf
    """How much the last step changed the mean distance."""
    moved: bool = True
    """Whether the last step moved a code, or dropped one."""

    def step(self, sums: Sums, n: int) -> None:
        """Measure the codes, and move each to the mean of its observations."""
        kept = ~sums.empty
        codes = sums.sums[kept] / sums.weights[kept, None]
        self.moved = not np.array_equal(codes, self.codes)
        self.codes = codes
        distortion = sums.measure / n
        self.change = abs(self.distortion - distortion)
        self.distortion = distortion


def best_run(rows: Rows, starts: Sequence[np.ndarray], frame: Frame, thresh: float) -> Run:
    """The run of least distortion about the codes that it ends with.

    All runs share every sweep, each runs to its own end, and a last sweep measures those whose
    last step still moved a code.
    """

    def sweep(runs: Sequence[Run]) -> Iterator[tuple[Run, Sums]]:
        swept = rows.sums(frame.books(*(run.codes for run in runs)), measure="distance").runs
        return zip(runs, swept, strict=True)

    n = rows.shape[0]
    runs = [Run(relative_to(frame.shift, start)) for start in starts]
    while active := [run for run in runs if run.change > thresh]:
        for run, sums in sweep(active):
            run.step(sums, n)
    if moved := [run for run in runs if run.moved]:
        for run, sums in sweep(moved):
            run.distortion = sums.measure / n
    return min(runs, key=lambda run: run.distortion)


def step_by_step(
    rows: Rows, codes: np.ndarray, frame: Frame, *, steps: int, missing: str
) -> tuple[np.ndarray, np.ndarray]:
    """Codes after so many steps and those before the last, all relative to the shift.

    A code without observations stays where it is. Steps that would repeat one which moved nothing
    are not carried out: their sums are known.
    """
    before = codes
    sums: Sums | None = None
    for _ in range(steps):
        if sums is None or not np.array_equal(codes, before):
            sums = rows.sums(frame.books(codes), measure="none").runs[0]
        before, codes = codes, _moved(codes, sums)
        if sums.empty.any():
            _tell_of_empty(missing)
    return codes, before


def _moved(codes: np.ndarray, sums: Sums) -> np.ndarray:
    """The means of the observations, or the codes themselves where there are none."""
    weights = sums.weights[:, None]
    return np.divide(sums.sums, weights, out=codes.copy(), where=weights > 0)


def _tell_of_empty(missing: str) -> None:
    """Warn the caller of the public function, or raise; in SciPy's words, which users filter by."""
    message = "One of the clusters is empty. Re-run kmeans with a different initialization."
    if missing == "raise":
        from ._vq_errors import ClusterError

        raise ClusterError(message)
    warnings.warn(message, UserWarning, stacklevel=4)
