"""A tree of sums of chunks, along one axis of an array."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
from dask._task_spec import List, Task, TaskRef

from ...kernels.reduce import add
from ..cluster import tree
from ..plan import Plan, Step
from .layers import PlannedLayer, array_of, name_of


def sum_axis(
    x: da.Array,
    axis: int,
    *,
    step: Step,
    plan: Plan,
    merge: Callable[[Sequence[Any]], Any] = add,
) -> da.Array:
    """Add the chunks along an axis to one another, all of which have the same length on it.

    ``merge`` makes one of several that lie side by side, by default their sum. The tree is ordered
    by the number of the chunk, so that the last bit of a sum depends on no scheduler.
    """
    out = name_of(step, x.name, axis, merge, plan)
    levels = tree(x.numblocks[axis])
    others = [range(1) if a == axis else range(n) for a, n in enumerate(x.numblocks)]
    tasks: dict[Any, Task] = {}
    below = x.name
    for depth, level in enumerate(levels):
        here = out if depth == len(levels) - 1 else f"{out}-{depth}"
        for block in itertools.product(*others):
            for i, (begin, end) in enumerate(level):
                key = (here, *block[:axis], i, *block[axis + 1 :])
                parts = (
                    TaskRef((below, *block[:axis], j, *block[axis + 1 :]))
                    for j in range(begin, end)
                )
                tasks[key] = Task(key, merge, List(*parts))
        below = here
    chunks = tuple((c[0],) if a == axis else c for a, c in enumerate(x.chunks))
    return array_of(x, out, PlannedLayer(tasks, step, plan), chunks, x.dtype)
