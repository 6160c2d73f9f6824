"""Layers that know their plan, and the collections made of them."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.array.utils import meta_from_array
from dask.base import tokenize
from dask.blockwise import Blockwise
from dask.blockwise import blockwise as core_blockwise
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.layers import ArrayValuesDep

from ...errors import UnknownChunksError
from ...kernels.blocks import reshape as reshape_kernel
from ...kernels.library import library_of
from ..grid import ArraySpec, Chunks, edges
from ..plan import Plan, Step

Numbers = tuple[tuple[int, tuple[int, ...]], ...]
"""Axes, and for each of their chunks a number that goes with it."""


class PlannedBlockwise(Blockwise):
    """A symbolic layer of one task per chunk that knows its plan."""

    step: Step
    plan: Plan


class PlannedLayer(MaterializedLayer):
    """A layer of written-out tasks that knows its plan."""

    def __init__(
        self,
        mapping: Mapping[Any, Any],
        step: Step,
        plan: Plan,
        gathered: ArraySpec | None = None,
    ) -> None:
        super().__init__(mapping)
        self.step = step
        self.plan = plan
        self.gathered = gathered
        """The blocks between an exchange and its kernel, where one task is both."""


def spec_of(x: da.Array) -> ArraySpec:
    """What planning may know of a Dask array."""
    if any(math.isnan(n) for axis in x.chunks for n in axis):
        raise UnknownChunksError(
            f"x has unknown chunk sizes {x.chunks}; call x.compute_chunk_sizes() first"
        )
    chunks = tuple(tuple(int(n) for n in axis) for axis in x.chunks)
    return ArraySpec(chunks, str(x.dtype), x.dtype.itemsize, library_of(x._meta))


def map_kernel(
    x: da.Array,
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
    dtype: Any,
    chunks: Chunks | None = None,
    numbers: Numbers = (),
    beside: tuple[da.Array, ...] = (),
) -> da.Array:
    """One task per chunk, as a symbolic layer that Dask fuses with its neighbours.

    The function is given, behind the block, that of each array in ``beside``, which are cut as x
    is or have one chunk on an axis; and then, for each axis in ``numbers``, the number that goes
    with its chunk.
    """
    names = [b.name for b in beside]
    name = name_of(step, x.name, function, str(dtype), numbers, plan, *names)
    axes = tuple(range(x.ndim))
    arrays = itertools.chain.from_iterable((n, axes) for n in (x.name, *names))
    located = itertools.chain.from_iterable((values_of(v), (a,)) for a, v in numbers)
    numblocks = {array.name: array.numblocks for array in (x, *beside)}
    layer = symbolic(function, name, axes, (*arrays, *located), numblocks, step, plan)
    return array_of(x, name, layer, x.chunks if chunks is None else chunks, dtype, *beside)


def symbolic(
    function: Callable[..., Any],
    name: str,
    axes: Sequence[int],
    pairs: Sequence[Any],
    numblocks: dict[str, tuple[int, ...]],
    step: Step,
    plan: Plan,
    new_axes: Any = None,
) -> PlannedBlockwise:
    """A symbolic layer; ``pairs`` are the inputs, each followed by its axes."""
    base = core_blockwise(function, name, axes, *pairs, numblocks=numblocks, new_axes=new_axes)
    layer = PlannedBlockwise(
        base.output,
        base.output_indices,
        base.task,
        base.indices,
        base.numblocks,
        concatenate=base.concatenate,
        new_axes=base.new_axes,
        io_deps=base.io_deps,
    )
    layer.step = step
    layer.plan = plan
    return layer


def starts_of(chunks: tuple[int, ...]) -> ArrayValuesDep:
    """The index of the first element of each chunk of one axis, without a task of its own."""
    return values_of(edges(chunks)[:-1])


def values_of(values: tuple[int, ...]) -> ArrayValuesDep:
    """A number for each chunk of one axis."""
    return ArrayValuesDep(((1,) * len(values),), {(i,): v for i, v in enumerate(values)})


def reshape_chunks(x: da.Array, chunks: Chunks, *, step: Step, plan: Plan) -> da.Array:
    """Another shape for each chunk by itself; chunks before and after correspond in C order."""
    name = name_of(step, x.name, chunks, plan)
    sources = itertools.product(*(range(n) for n in x.numblocks))
    targets = itertools.product(*(enumerate(axis) for axis in chunks))
    tasks = {}
    for source, target in zip(sources, targets, strict=True):
        key = (name, *(i for i, _ in target))
        shape = tuple(length for _, length in target)
        tasks[key] = Task(
            key, functools.partial(reshape_kernel, shape=shape), TaskRef((x.name, *source))
        )
    return array_of(x, name, PlannedLayer(tasks, step, plan), chunks, x.dtype)


def name_of(step: Step, *parts: Any) -> str:
    """The name of a layer: what it does, and a token of everything that its tasks depend on."""
    return f"{step.name}-{tokenize(step, *parts)}"


def array_of(
    x: da.Array, name: str, layer: Any, chunks: Chunks, dtype: Any, *beside: da.Array
) -> da.Array:
    """A collection whose meta keeps the chunk library; the dtype comes from a rule."""
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[x, *beside])
    return da.Array(graph, name, chunks, meta=meta_of(x._meta, len(chunks), np.dtype(dtype)))


def meta_of(reference: Any, ndim: int, dtype: np.dtype) -> Any:
    """An empty chunk of the library of another."""
    meta = meta_from_array(reference, ndim=ndim)
    if meta.dtype.kind == "c" and dtype.kind != "c":
        meta = meta.real
    return meta.astype(dtype)
