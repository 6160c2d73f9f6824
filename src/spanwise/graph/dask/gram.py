"""Passes over the columns of a matrix: a task per chunk of features of all rows."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import DataNode, List, Task, TaskRef
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from ...kernels.gram import OnColumns
from ..cluster import ReducePlan, is_inline, tree
from ..gram import SPLIT_EVERY
from ..grid import edges
from ..plan import Plan, Step
from .layers import PlannedBlockwise, PlannedLayer, name_of, symbolic


def reduce_columns(
    x: da.Array,
    function: Callable[..., Any],
    merge: Callable[[Sequence[Any]], Any],
    *,
    how: ReducePlan,
    table: np.ndarray | None = None,
) -> da.Array:
    """``function(columns, their part of the table)`` of each chunk of features, merged.

    The one element of the result is whatever ``merge`` gives; chunks are merged in a tree by their
    number.
    """
    beside = (None, None) if table is None else (_cut_table(table, x.chunks[1], how.blocks), (1,))
    name, layer, inputs = _column_layer(x, function, (beside,), how.blocks, how.plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    out = name_of(how.tree, name, merge)
    tasks: dict[Any, Task] = {}
    levels = tree(x.numblocks[1], SPLIT_EVERY)
    below = name
    for depth, level in enumerate(levels):
        here = out if depth == len(levels) - 1 else f"{out}-{depth}"
        for i, (a, b) in enumerate(level):
            parts = ((below, 0, j) if depth == 0 else (below, j) for j in range(a, b))
            tasks[here, i] = Task((here, i), merge, List(*(TaskRef(part) for part in parts)))
        below = here
    layers = {**graph.layers, out: PlannedLayer(tasks, how.tree, how.plan)}
    whole = HighLevelGraph(layers, {**graph.dependencies, out: {name}})
    return da.Array(whole, out, ((1,),), meta=np.empty((0,), object))


def map_columns(
    x: da.Array, function: Callable[..., Any], values: Sequence[Any], *, rows: int, plan: Plan
) -> da.Array:
    """``function(columns, *values)`` of each chunk of features: so many rows, on the host."""
    (step,) = plan.steps
    beside = []
    for value in values:
        if is_inline(getattr(value, "nbytes", 0)):
            beside.append((value, None))
            continue
        key = f"{step.name}-values-{tokenize(value)}"
        layer = PlannedLayer({(key,): DataNode((key,), value)}, step, plan)
        below = HighLevelGraph({key: layer}, {key: set()})
        beside.append((da.Array(below, key, (), dtype=object), ()))
    name, layer, inputs = _column_layer(x, function, beside, step, plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    return da.Array(graph, name, ((rows,), x.chunks[1]), meta=np.empty((0, 0)))


def _cut_table(table: np.ndarray, chunks: tuple[int, ...], step: Step) -> da.Array:
    """Columns of a table in memory, cut as features are; the graph holds each part once."""
    key = f"{step.name}-table-{tokenize(table, chunks)}"
    parts = {
        (key, j): DataNode((key, j), table[:, a:b])
        for j, (a, b) in enumerate(pairwise(edges(chunks)))
    }
    graph = HighLevelGraph.from_collections(key, parts, dependencies=[])
    return da.Array(graph, key, (chunks,), meta=np.empty((0,)))


def _column_layer(
    x: da.Array,
    function: Callable[..., Any],
    beside: Sequence[tuple[Any, Any]],
    step: Step,
    plan: Plan,
) -> tuple[str, PlannedBlockwise, list[Any]]:
    """A task per chunk of features, keyed (0, chunk).

    Where one chunk holds all rows, Dask fuses the task with whatever makes the chunk.
    """
    given = [(x, (0, 1)), *beside]
    inputs = [value for value, _ in given if isinstance(value, da.Array)]
    numblocks = {i.name: i.numblocks for i in inputs}
    known = [tokenize(v) for v, _ in beside if not isinstance(v, da.Array)]
    name = name_of(step, function, known, list(numblocks), plan)
    pairs = [
        part
        for value, axes in given
        for part in (value.name if isinstance(value, da.Array) else value, axes)
    ]
    out, new_axes = ((0, 1), {}) if x.numblocks[0] == 1 else ((2, 1), {2: 1})
    run = OnColumns(function)
    return name, symbolic(run, name, out, pairs, numblocks, step, plan, new_axes), inputs
