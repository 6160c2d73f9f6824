"""Planned spectra of segments as graphs."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
from dask._task_spec import Task, TaskRef

from ..overlap import OverlapPlan
from ..segments import MedianPlan, SpectraPlan, SumsPlan
from .exchange import exchange
from .halo import map_halo
from .layers import PlannedLayer, array_of, map_kernel, name_of
from .reduce import sum_axis


def lower_sums(
    arrays: Sequence[da.Array],
    how: SumsPlan,
    axis: int,
    sums: Callable[..., Any],
    finish: Callable[..., Any],
) -> da.Array:
    """The graph of an average: ``sums`` of each block, their tree, and ``finish`` behind it."""
    plan, steps = how.plan, list(how.plan.steps)
    x, *others = arrays
    halo, *halos = how.halos
    y = map_halo(
        x,
        halo,
        sums,
        step=steps.pop(0),
        plan=plan,
        result=how.parts,
        joined=False,
        beside=list(zip(others, halos, strict=True)),
    )
    if len(steps) > 1:
        y = sum_axis(y, axis, step=steps.pop(0), plan=plan)
    (step,) = steps
    result = plan.result
    return map_kernel(y, finish, step=step, plan=plan, dtype=result.dtype, chunks=result.chunks)


def lower_spectra(x: da.Array, how: SpectraPlan, function: Callable[..., Any]) -> da.Array:
    """The graph of the spectra of segments."""
    (step,) = how.plan.steps
    return map_halo(
        x,
        how.halo,
        function,
        step=step,
        plan=how.plan,
        result=how.result,
        numbers=how.numbers,
        joined=False,
        order=how.order,
    )


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
    (step,) = how.plan.steps
    return map_halo(
        x,
        how.halo,
        function,
        step=step,
        plan=how.plan,
        result=how.result,
        numbers=how.numbers,
        order=how.order,
    )
