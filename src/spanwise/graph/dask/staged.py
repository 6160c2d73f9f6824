"""Chunks that cost more to make than to read, made once and kept in a temporary store."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import DataNode, GraphNode, List, Task, TaskRef, convert_legacy_graph
from dask.base import tokenize
from dask.blockwise import Blockwise
from dask.highlevelgraph import HighLevelGraph

from ...kernels import stage
from ..grid import Overlap
from ..plan import Plan, Step
from .layers import PlannedLayer


def shares_ancestors(x: da.Array) -> bool:
    """Whether two row blocks come out of one task, which each pass would carry out again.

    Data that a graph holds (an array, a store that is open) is no task.
    """
    layers = x.dask.layers.values()
    if all(isinstance(layer, Blockwise) for layer in layers):
        return False
    graph = convert_legacy_graph(dict(x.dask))
    owners: dict[Any, int] = {}
    for index in itertools.product(*map(range, x.numblocks)):
        waiting: list[Any] = [(x.name, *index)]
        while waiting:
            key = waiting.pop()
            node = graph.get(key)
            if not isinstance(node, GraphNode) or isinstance(node, DataNode):
                continue
            owner = owners.setdefault(key, index[0])
            if owner != index[0]:
                return True
            waiting.extend(k for k in node.dependencies if owners.get(k) != index[0])
    return False


def keep_in_store(x: da.Array, root: str | None, *, step: Step, plan: Plan) -> da.Array:
    """Compute an array into a temporary store; what is given reads it, as often as it is computed.

    The store goes with the last of the values that say where chunks are, which the result holds.
    """
    name = f"{step.name}-{tokenize(x.name, root)}"
    room = stage.Room(root, name)
    tasks: dict[Any, Any] = {}
    for index in itertools.product(*map(range, x.numblocks)):
        lengths = [c[i] for c, i in zip(x.chunks, index, strict=True)]
        cuts = tuple((Overlap(0, 0, n),) for n in lengths)
        block = "-".join(map(str, index))
        key = (name, *index)
        tasks[key] = Task(key, stage.write, TaskRef((x.name, *index)), room, block, cuts)
    ones = tuple((1,) * n for n in x.numblocks)
    graph = HighLevelGraph.from_collections(name, PlannedLayer(tasks, step, plan), [x])
    written = da.Array(graph, name, ones, meta=np.empty((0, 0), object)).persist()
    again = f"{name}-read"
    reads: dict[Any, Any] = {}
    for index in itertools.product(*map(range, x.numblocks)):
        lengths = [c[i] for c, i in zip(x.chunks, index, strict=True)]
        rows = tuple((Overlap(0, 0, n),) for n in lengths)
        key = (again, *index)
        reads[key] = Task(key, stage.read, List(TaskRef((written.name, *index))), (0,), rows)
    graph = HighLevelGraph.from_collections(again, PlannedLayer(reads, step, plan), [written])
    return da.Array(graph, again, x.chunks, meta=x._meta)
