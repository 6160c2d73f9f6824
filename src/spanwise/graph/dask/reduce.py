"""Trees of sums of chunks, along axes of an array."""

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
from ..grid import edges
from ..plan import Plan, Step
from .layers import PlannedLayer, array_of, map_kernel, name_of


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


def add_shares(
    x: da.Array, function: Callable[..., Any], axes: Sequence[int], *, plan: Plan
) -> da.Array:
    """The graph of :func:`spanwise.graph.reduce.plan_shares`.

    The function is given, behind the block, the index of its first element on each of the axes.
    """
    step, *sums = plan.steps
    chunks = tuple(
        c * x.numblocks[axis] if axis in axes else c for axis, c in enumerate(plan.result.chunks)
    )
    y = map_kernel(
        x,
        function,
        step=step,
        plan=plan,
        dtype=step.dtype,
        chunks=chunks,
        numbers=tuple((a, edges(x.chunks[a])[:-1]) for a in axes),
    )
    cut = (axis for axis in axes if x.numblocks[axis] > 1)
    for axis, step in zip(cut, sums, strict=True):
        y = sum_axis(y, axis, step=step, plan=plan)
    return y
