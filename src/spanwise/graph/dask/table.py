"""A kernel on each chunk of an array and the part of a small array that belongs to it."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dask.array as da
from dask._task_spec import DataNode
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from ..grid import edges
from ..plan import Plan, Step
from .layers import meta_of, name_of, symbolic


def map_beside(
    x: da.Array,
    table: Any,
    along: tuple[int, ...],
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
    dtype: Any,
) -> da.Array:
    """One task per chunk, given the chunk and its part of ``table``, an array in memory.

    The table lies along the axes ``along`` and is cut as they are; where one chunk holds the whole
    of an axis, the table may have another length there. The graph holds each part once. A table
    that is a Dask array itself is computed beside the array.
    """
    cuts = tuple(
        x.chunks[axis] if x.numblocks[axis] > 1 else (table.shape[i],)
        for i, axis in enumerate(along)
    )
    beside = _cut_as(table, cuts, step)
    key = beside.name
    numblocks = {x.name: x.numblocks, key: beside.numblocks}
    name = name_of(step, x.name, key, along, function, str(dtype), plan)
    axes = tuple(range(x.ndim))
    layer = symbolic(function, name, axes, (x.name, axes, key, along), numblocks, step, plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[x, beside])
    return da.Array(graph, name, x.chunks, meta=meta_of(x._meta, x.ndim, dtype))


def _cut_as(table: Any, cuts: tuple[tuple[int, ...], ...], step: Step) -> da.Array:
    """The table in these chunks."""
    if isinstance(table, da.Array):
        return table.rechunk(cuts)
    key = f"{step.name}-table-{tokenize(table, cuts)}"
    starts = [list(enumerate(pairwise(edges(c)))) for c in cuts]
    parts = {}
    for block in itertools.product(*starts):
        index = (key, *(i for i, _ in block))
        parts[index] = DataNode(index, table[tuple(slice(a, b) for _, (a, b) in block)])
    below = HighLevelGraph.from_collections(key, parts, dependencies=[])
    return da.Array(below, key, cuts, meta=table[(slice(0, 0),) * table.ndim])
