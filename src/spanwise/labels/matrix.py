"""Between labelled shapes and the matrix of samples and features, without a MultiIndex."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import dispatch, options
from ..graph.grid import edges
from ..graph.plan import Plan
from ..graph.rows import RowsPlan, plan_columns, plan_matrix, plan_missing
from ..kernels.features import count_missing
from ..kernels.library import namespace
from ..kernels.transfer import to_host

OPERATION = "kmeans"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Samples by features, made of an array whose first axes are the samples."""

    rows: Any
    """The matrix; lazy on a Dask array."""
    samples: tuple[int, ...]
    """Lengths of the sample axes."""
    features: tuple[int, ...]
    """Lengths of the feature axes."""
    how: RowsPlan | None
    """What it was made by; None for an array in memory."""

    def on_samples(self, values: Any) -> Any:
        """A value for each row, or a row of values, on the sample axes."""
        beside = values.shape[1:]
        if self.how is None:
            return namespace(values).reshape(values, (*self.samples, *beside))
        return _reshaped(values, (*self.how.samples, *values.chunks[1:]))

    def of_samples(self, values: Any) -> Any:
        """A value for each row from values along the sample axes, broadcast over axes of length 1.

        On the host; lazy if the matrix is.
        """
        if self.how is None:
            values = values.compute() if dispatch.kind_of(values) == "chunked" else values
            return np.broadcast_to(np.asarray(to_host(values)), self.samples).reshape(-1)
        import dask.array as da

        cut: Any = tuple(
            c if n > 1 else (1,) for c, n in zip(self.how.samples, values.shape, strict=True)
        )
        there = values.rechunk(cut) if dispatch.kind_of(values) == "chunked" else None
        there = da.from_array(values, chunks=cut) if there is None else there
        whole = da.broadcast_to(there, self.samples, chunks=self.how.samples)
        return _reshaped(whole, (self.how.matrix[0],))

    def on_features(self, table: np.ndarray) -> np.ndarray:
        """Values of the columns, shape (..., d), on the feature axes."""
        out = np.empty_like(table)
        out[..., self._order()] = table
        return out.reshape(*table.shape[:-1], *self.features)

    def of_features(self, values: np.ndarray) -> np.ndarray:
        """Values of the columns, shape (..., d), from values whose last axes are the features."""
        lead = values.shape[: values.ndim - len(self.features)]
        return values.reshape(*lead, -1)[..., self._order()]

    def _order(self) -> Any:
        """For each column, the number of its feature in C order."""
        if self.how is None or len(self.how.matrix[1]) == 1:
            return slice(None)
        numbers = np.arange(math.prod(self.features)).reshape(self.features)
        ranges = [[slice(*pair) for pair in pairwise(edges(c))] for c in self.how.features]
        return np.concatenate([numbers[block].reshape(-1) for block in itertools.product(*ranges)])


def as_matrix(x: Any, sample_axes: int, *, kept: bool = False) -> Matrix:
    """Rows of samples from an array whose first axes are the samples; lazy on a Dask array.

    ``kept``: the matrix is to be read several times. Where its samples have to be put together
    and the budget has no room for that, they are written to a temporary store here and now, in the
    only read of the source; the matrix reads that store.
    """
    plan = plan_matrix if not kept else _plan_kept
    return _made(x, sample_axes, plan, kept=kept)


def as_columns(x: Any, sample_axes: int) -> Matrix:
    """The same for inner products of all samples; they are made of chunks of features."""
    return _made(x, sample_axes, plan_columns, kept=True)


def missing_features(matrix: Matrix, *, operation: str) -> np.ndarray | None:
    """Which columns are NaN in every row, or None if no column is; computes.

    The first chunks of rows are read first: where their first row has no NaN, nothing else is.
    """
    rows = matrix.rows
    if dispatch.kind_of(rows) == "chunked":
        if rows.dtype.kind != "f":
            return None
        if rows.numblocks[0] > 1 and not _missing(rows[:1, :], operation).any():
            return None
    everywhere = _missing(rows, operation) == rows.shape[0]
    return everywhere if everywhere.any() else None


def _missing(rows: Any, operation: str) -> np.ndarray:
    """How many values of each column are NaN."""
    if dispatch.kind_of(rows) == "concrete":
        return np.asarray(to_host(count_missing(rows)))[0]
    from ..graph.dask import count_rows, spec_of

    options.make_placement_effective()
    plan = plan_missing(spec_of(rows), machine=options.machine(), operation=operation)
    return np.asarray(to_host(count_rows(rows, count_missing, plan=plan).compute()))[0]


def _plan_kept(spec: Any, **given: Any) -> RowsPlan:
    return plan_matrix(spec, kept=True, **given)


def _made(x: Any, sample_axes: int, plan: Callable[..., RowsPlan], *, kept: bool) -> Matrix:
    samples, features = tuple(x.shape[:sample_axes]), tuple(x.shape[sample_axes:])
    if dispatch.kind_of(x) == "concrete":
        rows = namespace(x).reshape(x, (math.prod(samples), math.prod(features)))
        return Matrix(rows, samples, features, None)
    from ..graph.dask import exchange, exchange_once, reshape_chunks, spec_of

    how = plan(spec_of(x), sample_axes=sample_axes, machine=options.machine(), operation=OPERATION)
    if how.exchange is not None:
        store = options.get_options()["temporary_store"]
        once = kept and how.exchange.form == "staged"
        move = exchange_once if once else exchange
        x = move(x, how.exchange, step=how.plan.steps[0], plan=how.plan, store_root=store)
    rows = reshape_chunks(x, how.matrix, step=how.plan.steps[-1], plan=how.plan)
    return Matrix(rows, samples, features, how)


def _reshaped(x: Any, chunks: Any) -> Any:
    """Another shape of each chunk."""
    from ..graph.blockwise import plan_reshape
    from ..graph.dask import reshape_chunks, spec_of

    plan: Plan = plan_reshape(
        spec_of(x), chunks, machine=options.machine(), operation=f"{OPERATION}-samples"
    )
    return reshape_chunks(x, chunks, step=plan.steps[0], plan=plan)
