"""The rows of a fit: in memory, cut into slabs, or chunked. Both run the same kernels."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError
from ..graph.cluster import REMEDIES, SPLIT_EVERY, FitPlan, plan_rows, slabs, tree
from ..graph.grid import ArraySpec, edges
from ..kernels.blas import single_threaded
from ..kernels.library import Array, library_of, like, namespace
from ..kernels.lloyd import Books, Measure, assign, distances, lloyd, nearest
from ..kernels.lloyd_pass import Pass, merge_passes
from ..kernels.survey import Survey, merge_surveys, survey
from ..kernels.transfer import to_host

_KERNELS = {"vq": assign, "nearest": nearest, "distances": distances}


class Rows(Protocol):
    """A matrix of samples that is swept over, once per call."""

    x: Any
    """The samples; a Dask array that stays in memory, where there is room, once it was read."""
    shape: tuple[int, int]
    """Samples and features."""
    weights: Any
    """Weight of each row, or None."""
    reads_cost: bool
    """Whether a sweep costs more than its arithmetic, as reading chunks does."""

    def hold(self) -> None:
        """Read the rows into memory, if they are to stay there and are not there yet."""
        ...

    def survey(self, take: np.ndarray | None = None, **params: Any) -> Survey:
        """Sweep for moments and a sample, or the rows numbered ``take``."""
        ...

    def sums(self, books: Books, *, measure: Measure, **params: Any) -> Pass:
        """Sweep for the sums of each set of centres, if the books have a grid."""
        ...


def memory_spec(x: Array) -> ArraySpec:
    """Slabs of an array in memory: other libraries than NumPy parallelise by themselves."""
    n, d = x.shape
    library = library_of(x)
    rows = slabs(n, d) if library == "numpy" else (n,)
    return ArraySpec((rows, (d,)), "float64", 8, library)


class MemoryRows:
    """Rows of an array in memory; slabs of NumPy rows are swept by as many threads as there are."""

    reads_cost = False

    def __init__(self, x: Array, weights: Array | None = None, *, skipna: bool = False) -> None:
        self.x = x
        if weights is not None and library_of(weights) != library_of(x):
            weights = to_host(weights)  # kernels take those, and bring them to where the rows are
        self.weights = weights
        self.skipna = skipna
        self.shape = (int(x.shape[0]), int(x.shape[1]))
        self._edges = edges(memory_spec(x).chunks[0])

    def hold(self) -> None:
        """They are in memory."""

    def survey(self, take: np.ndarray | None = None, **params: Any) -> Survey:
        """Sweep for moments and a sample."""
        merge = functools.partial(merge_surveys, size=params["size"])
        return self._reduce(survey, merge, take, skipna=self.skipna, **params)

    def sums(self, books: Books, *, measure: Measure, **params: Any) -> Pass:
        """Sweep for the sums of each set of centres."""
        params["skipna"] = self.skipna
        return self._reduce(lloyd, merge_passes, books, measure=measure, **params)

    def map(self, kernel: Callable[..., Any], books: Books, **params: Any) -> list[Any]:
        """The results of a kernel on each slab, in order."""
        return self._each(lambda a, b: kernel(self.x[a:b, :], books, **params))

    def _reduce(
        self, kernel: Callable[..., Any], merge: Callable[..., Any], beside: Any, **params: Any
    ) -> Any:
        def part(a: int, b: int) -> Any:
            weights = None if self.weights is None else self.weights[a:b]
            return kernel(self.x[a:b, :], weights, a, beside, **params)

        return _merge_tree(self._each(part), merge)

    def _each(self, part: Callable[[int, int], Any]) -> list[Any]:
        starts, stops = self._edges[:-1], self._edges[1:]
        with single_threaded():
            return in_threads(part, starts, stops)


class ChunkedRows:
    """Rows of a Dask array: one graph per sweep, run by the scheduler that is active."""

    reads_cost = True

    def __init__(self, x: Any, weights: Any | None, how: FitPlan, *, skipna: bool = False) -> None:
        self.x = x
        self.skipna = skipna
        self.weights = weights
        self.how = how
        self.shape = x.shape
        self._is_held = not how.cached and how.staged is None

    def hold(self) -> None:
        """Read the rows into memory, or into a store, if they are to stay there and do not yet."""
        if self._is_held:
            return
        if self.how.staged is not None:
            from ..graph.dask import keep_in_store

            root = options.get_options()["temporary_store"]
            self.x = keep_in_store(self.x, root, step=self.how.staged, plan=self.how.plan)
        else:
            self.x = self.x.persist()
        self.weights = None if self.weights is None else self.weights.persist()
        self._is_held = True

    def survey(self, take: np.ndarray | None = None, **params: Any) -> Survey:
        """Sweep for moments and a sample."""
        self.hold()
        function = functools.partial(survey, skipna=self.skipna, **params)
        merge = functools.partial(merge_surveys, size=params["size"])
        return self._compute(function, merge, self.how.survey, take)

    def sums(self, books: Books, *, measure: Measure, **params: Any) -> Pass:
        """Sweep for the sums of each set of centres."""
        self.hold()
        function = functools.partial(lloyd, measure=measure, skipna=self.skipna, **params)
        return self._compute(function, merge_passes, self.how.lloyd, books)

    def _compute(self, function: Any, merge: Any, how: Any, books: Any) -> Any:
        from ..graph.dask import reduce_rows

        return reduce_rows(
            self.x, function, merge, how=how, books=books, weights=self.weights
        ).compute()


def map_rows(
    x: Any,
    what: str,
    books: Books | Any,
    *,
    operation: str,
    missing: str,
    clusters: int | None = None,
) -> Any:
    """What becomes of each row: now for rows in memory, lazily for chunked ones.

    Parameters
    ----------
    books : Books or dask.array.Array
        The centres; for chunked rows also a lazy value that is them.
    clusters : int, optional
        Number of centres, where they are lazy.
    what : {"vq", "nearest", "distances"}
        Labels and distances, labels, or the distances to all centres.
    missing : {"raise", "skip", "ignore"}
        What NaN does.
    """
    kernel = _KERNELS[what]
    if dispatch.kind_of(x) == "concrete":
        parts = MemoryRows(x).map(kernel, books, missing=missing)
        xp = namespace(x)
        if what == "distances":
            return _joined(xp, parts)
        out = tuple(_joined(xp, results) for results in zip(*parts, strict=True))
    else:
        from ..graph import dask as lowering

        options.make_placement_effective()
        machine = options.machine()
        k = len(books.centers[0]) if clusters is None else clusters
        spec = lowering.spec_of(x)
        plan = plan_rows(spec, n_clusters=k, what=what, machine=machine, operation=operation)
        if machine.explicit:
            plan.check(remedies=REMEDIES)
        function = functools.partial(kernel, missing=missing)
        columns = k if what == "distances" else None
        out = lowering.map_rows(x, function, books=books, plan=plan, columns=columns)
    return out[0] if what == "nearest" else out


def _joined(xp: Any, parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else xp.concat(list(parts))


def chunked_weights(weights: Any, x: Any) -> Any:
    """Weights as a Dask array cut like the rows."""
    import dask.array as da

    if weights is None:
        return None
    chunks: Any = (x.chunks[0],)
    if isinstance(weights, da.Array):
        return weights.rechunk(chunks)
    return da.from_array(np.asarray(weights, dtype=np.float64), chunks=chunks)


def rows_like(values: np.ndarray, x: Any) -> Any:
    """A value for each row, in the container and the chunks of the rows."""
    if dispatch.kind_of(x) == "concrete":
        return like(values, x)
    import dask.array as da

    chunks: Any = (x.chunks[0],)
    held = da.from_array(values, chunks=chunks)
    if library_of(x._meta) == "numpy":
        return held
    reference = x._meta
    return held.map_blocks(like, reference, dtype=values.dtype, meta=like(values[:0], reference))


def in_threads(function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
    """As ``map``, on as many threads as there are cores."""
    count = len(arguments[0])
    if count == 1:
        return [function(*(a[0] for a in arguments))]
    with ThreadPoolExecutor(min(count, _threads())) as pool:
        return list(pool.map(function, *arguments))


def check_weight_shape(weights: Any, n: int) -> None:
    """Raise unless there is one weight for each row."""
    if tuple(weights.shape) != (n,):
        raise ArgumentError(
            f"sample_weight has shape {tuple(weights.shape)}; expected ({n},), one for each row"
        )


def _merge_tree(parts: Sequence[Any], merge: Callable[[Sequence[Any]], Any]) -> Any:
    for level in tree(len(parts), SPLIT_EVERY):
        parts = [merge(parts[a:b]) for a, b in level]
    return parts[0]


def _threads() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)
    return count() or 1
