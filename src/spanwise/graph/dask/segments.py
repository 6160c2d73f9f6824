"""Planned spectra of segments as graphs."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.highlevelgraph import HighLevelGraph

from ...kernels.reduce import add
from ...kernels.segments import segment_sums
from ...kernels.stretches import finish_sums, merge, stretch
from ..averages import MedianPlan, SumsPlan
from ..overlap import OverlapPlan
from ..plan import Step
from ..segments import SpectraPlan
from .exchange import exchange
from .halo import map_halo
from .layers import PlannedLayer, array_of, map_kernel, meta_of, name_of, starts_of, symbolic
from .reduce import sum_axis


def lower_sums(
    arrays: Sequence[da.Array], how: SumsPlan, params: Mapping[str, Any], finish: Any
) -> da.Array:
    """The graph of an average: sums of each block, their tree, and ``finish`` behind it.

    ``params`` are those of the kernel :data:`spanwise.kernels.segments.segment_sums`.
    """
    plan, steps = how.plan, list(how.plan.steps)
    axis = params["how"].axis
    first = steps.pop(0)
    if how.halos:
        x, *others = arrays
        halo, *halos = how.halos
        function = functools.partial(segment_sums, **params)
        beside = list(zip(others, halos, strict=True))
        y = map_halo(
            x,
            halo,
            function,
            step=first,
            plan=plan,
            result=how.parts,
            joined=False,
            beside=beside,
        )
        merging = add
    else:
        y = _stretches(arrays, how, functools.partial(stretch, **params), axis, first)
        merging = functools.partial(merge, **params)
        finish = functools.partial(finish_sums, finish=finish)
    if len(steps) > 1:
        y = sum_axis(y, axis, step=steps.pop(0), plan=plan, merge=merging)
    (step,) = steps
    result = plan.result
    return map_kernel(y, finish, step=step, plan=plan, dtype=result.dtype, chunks=result.chunks)


def _stretches(
    arrays: Sequence[da.Array], how: SumsPlan, function: Any, axis: int, step: Step
) -> da.Array:
    """The stretch of each chunk, in the task that has read it wherever Dask can fuse both."""
    longest = max(arrays, key=lambda x: x.numblocks[axis])
    axes = tuple(range(longest.ndim))
    name = name_of(step, [x.name for x in arrays], function, how.plan)
    pairs: list[Any] = []
    for x in arrays:
        pairs += [x.name, axes]
    pairs += [starts_of(longest.chunks[axis]), (axis,)]
    numblocks = {x.name: x.numblocks for x in arrays}
    layer = symbolic(function, name, axes, pairs, numblocks, step, how.plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=list(arrays))
    # Elements are stretches, which become sums of this type.
    meta = meta_of(arrays[0]._meta, len(axes), np.dtype(how.parts.dtype))
    return da.Array(graph, name, how.parts.chunks, meta=meta)


def lower_spectra(x: da.Array, how: SpectraPlan, function: Callable[..., Any]) -> da.Array:
    """The graph of the spectra of segments."""
    return _on_reach(x, how, function, joined=False)


def lower_median(
    x: da.Array, how: MedianPlan, function: Callable[..., Any], *, store_root: str | None = None
) -> da.Array:
    """The graph of medians over the last axis."""
    plan, steps = how.plan, list(how.plan.steps)
    if how.exchange is not None:
        x = exchange(x, how.exchange, step=steps.pop(0), plan=plan, store_root=store_root)
    (step,) = steps
    name = name_of(step, x.name, function, plan)
    tasks = {}
    for index in itertools.product(*(range(n) for n in x.numblocks[:-1])):
        key = (name, *index)
        tasks[key] = Task(key, function, TaskRef((x.name, *index, 0)))
    result = plan.result
    return array_of(x, name, PlannedLayer(tasks, step, plan), result.chunks, result.dtype)


def lower_overlap(x: da.Array, how: OverlapPlan, function: Callable[..., Any]) -> da.Array:
    """The graph of samples from the spectra of segments."""
    return _on_reach(x, how, function, joined=True)


def _on_reach(
    x: da.Array, how: SpectraPlan | OverlapPlan, function: Callable[..., Any], *, joined: bool
) -> da.Array:
    """A function on what each block of the result reaches of the axis."""
    (step,) = how.plan.steps
    return map_halo(
        x,
        how.halo,
        function,
        step=step,
        plan=how.plan,
        result=how.result,
        numbers=how.numbers,
        joined=joined,
        order=how.order,
    )
