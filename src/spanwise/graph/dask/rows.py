"""Passes over the rows of a matrix: a task per row block, and trees that merge their results."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import DataNode, List, Task, TaskRef
from dask.base import tokenize
from dask.graph_manipulation import clone
from dask.highlevelgraph import HighLevelGraph

from ...kernels.rows import OnRows, pick
from ..cluster import ReducePlan, is_inline, tree
from ..plan import Plan, Step
from .layers import (
    PlannedBlockwise,
    PlannedLayer,
    array_of,
    map_kernel,
    meta_of,
    name_of,
    starts_of,
    symbolic,
)
from .reduce import sum_axis


def map_rows(
    x: da.Array, function: Callable[..., Any], *, books: Any, plan: Plan, columns: int | None = None
) -> Any:
    """``function(rows, books)`` on all features of each row block, one task for each.

    With ``columns`` its result is a block of a matrix of so many columns; otherwise a tuple of
    results along the rows, each of which is a lazy array described by one more step of the plan.
    """
    (first, *others) = plan.steps
    name, layer, inputs = _row_layer(x, function, books, (), first, plan, columns or 1)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    meta = meta_of(x._meta, 2, np.dtype(first.dtype))
    whole = da.Array(graph, name, (x.chunks[0], (columns or 1,)), meta=meta)
    if columns is not None:
        return whole
    out = []
    for i, step in enumerate(others):
        select = functools.partial(pick, item=i)
        part = name_of(step, name, i)
        chosen = symbolic(select, part, (0,), (name, (0, 1)), {name: whole.numblocks}, step, plan)
        out.append(array_of(whole, part, chosen, (x.chunks[0],), step.dtype))
    return tuple(out)


def reduce_rows(
    x: da.Array,
    function: Callable[..., Any],
    merge: Callable[[Sequence[Any]], Any],
    *,
    how: ReducePlan,
    books: Any = None,
    weights: da.Array | None = None,
) -> da.Array:
    """One pass over the rows: ``function(rows, weights, first row, books)`` of each block, merged.

    The one element of the result is whatever ``merge`` gives. Blocks are merged in a tree by their
    number; each is read and reduced in one task wherever Dask can fuse its reader.
    """
    plan = how.plan
    beside = ((None, None) if weights is None else (weights, (0,)), (starts_of(x.chunks[0]), (0,)))
    name, layer, inputs = _row_layer(x, function, books, beside, how.blocks, plan, 1)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    out = name_of(how.tree, name, merge)
    tasks: dict[Any, Task] = {}
    levels = tree(x.numblocks[0])
    below = name
    for depth, level in enumerate(levels):
        here = out if depth == len(levels) - 1 else f"{out}-{depth}"
        for i, (a, b) in enumerate(level):
            parts = ((below, j, 0) if depth == 0 else (below, j) for j in range(a, b))
            tasks[here, i] = Task((here, i), merge, List(*(TaskRef(part) for part in parts)))
        below = here
    layers = {**graph.layers, out: PlannedLayer(tasks, how.tree, plan)}
    whole = HighLevelGraph(layers, {**graph.dependencies, out: {name}})
    return da.Array(whole, out, ((1,),), meta=np.empty((0,), object))


def made_of(function: Callable[..., Any], *arrays: da.Array) -> da.Array:
    """``function(*arrays)`` of small whole arrays as one value, whatever it is, for `map_rows`."""
    whole = [a.rechunk(-1) for a in arrays]
    name = f"spanwise-books-{tokenize(function, *(a.name for a in whole))}"
    parts = (TaskRef((a.name, *(0,) * a.ndim)) for a in whole)
    task = Task((name,), function, *parts)
    graph = HighLevelGraph.from_collections(name, {(name,): task}, dependencies=whole)
    return da.Array(graph, name, (), dtype=object)


def count_rows(x: da.Array, function: Callable[..., Any], *, plan: Plan) -> da.Array:
    """``function(block)``, one row of integers for each chunk, added over the chunks of rows."""
    count, merge = plan.steps
    ones: Any = ((1,) * x.numblocks[0], x.chunks[1])
    each = map_kernel(x, function, step=count, plan=plan, dtype=count.dtype, chunks=ones)
    return sum_axis(each, 0, step=merge, plan=plan)


def divide_rows(
    x: da.Array,
    moments: da.Array,
    finish: Callable[..., Any],
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
) -> da.Array:
    """``function(chunk, first column, finish(moments))`` of each chunk, read once more.

    The second reading has tasks of its own: in one graph Dask would keep every chunk of the first
    until the moments are known.
    """
    name = name_of(step, x.name, moments.name, function, finish)
    again = clone(x, seed=name)
    scale = f"{name}-scale"
    task = Task((scale,), finish, TaskRef((moments.name, 0)))
    below = HighLevelGraph.from_collections(scale, {(scale,): task}, dependencies=[moments])
    scales = da.Array(below, scale, (), dtype=object)
    pairs = (again.name, (0, 1), starts_of(x.chunks[1]), (1,), scale, ())
    numblocks = {again.name: again.numblocks, scale: ()}
    layer = symbolic(function, name, (0, 1), pairs, numblocks, step, plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[again, scales])
    return da.Array(graph, name, x.chunks, meta=meta_of(x._meta, 2, np.dtype(step.dtype)))


def _row_layer(
    x: da.Array,
    function: Callable[..., Any],
    books: Any,
    beside: Any,
    step: Step,
    plan: Plan,
    columns: int,
) -> tuple[str, PlannedBlockwise, list[Any]]:
    """A task per row block, keyed (row block, 0); small books travel inside it, others beside it.

    Where one chunk holds all features, Dask fuses the task with whatever makes the chunk.
    """
    whole = x.numblocks[1] == 1
    held: Any
    if isinstance(books, da.Array):
        held = (books, ())
    elif is_inline(getattr(books, "nbytes", 0)):
        held = (books, None)
    else:
        key = f"{step.name}-books-{tokenize(books)}"
        layer = PlannedLayer({(key,): DataNode((key,), books)}, step, plan)
        graph = HighLevelGraph({key: layer}, {key: set()})
        held = (da.Array(graph, key, (), dtype=object), ())
    given = [(x, (0, 1)), *beside, held]
    inputs = [value for value, _ in given if isinstance(value, da.Array)]
    numblocks = {i.name: i.numblocks for i in inputs}
    known = None if isinstance(books, da.Array) else books
    name = name_of(step, function, known, list(numblocks), plan, columns)
    pairs = [
        part
        for value, axes in given
        for part in (value.name if isinstance(value, da.Array) else value, axes)
    ]
    out, new_axes = ((0, 1), {}) if whole else ((0, 2), {2: columns})
    run = OnRows(function)
    return name, symbolic(run, name, out, pairs, numblocks, step, plan, new_axes), inputs
