"""Planned Fourier transforms and shifts as graphs."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import itertools
import operator

import dask.array as da
from dask._task_spec import Alias, Task, TaskRef

from ...kernels.blocks import roll as roll_kernel
from ...kernels.hermitian import mirror
from ..fft import FFTPlan
from ..plan import Plan, Step
from ..shift import ShiftPlan
from ..stages import Fill, Stage
from .exchange import exchange
from .layers import PlannedLayer, array_of, map_kernel, name_of


def lower_fft(x: da.Array, how: FFTPlan, *, store_root: str | None = None) -> da.Array:
    """The graph of a planned Fourier transform."""
    for stage, step in zip(how.stages, how.plan.steps, strict=True):
        x = lower_stage(x, stage, step, how.plan, store_root)
    return x


def lower_stage(
    x: da.Array, stage: Stage | Fill, step: Step, plan: Plan, store_root: str | None
) -> da.Array:
    """The graph of one stage of a plan."""
    if isinstance(stage, Fill):
        return _fill(x, stage, step, plan)
    work, result = stage.work, stage.result
    if stage.exchange is not None:
        return exchange(
            x,
            stage.exchange,
            step=step,
            plan=plan,
            store_root=store_root,
            work=work,
            result=result,
        )
    assert work is not None
    return map_kernel(
        x,
        functools.partial(work.kernel, **dict(work.params)),
        step=step,
        plan=plan,
        dtype=result.dtype,
        chunks=result.chunks,
        numbers=work.numbers,
    )


def _fill(x: da.Array, how: Fill, step: Step, plan: Plan) -> da.Array:
    """Slices of chunks, and their mirror images."""
    name = name_of(step, x.name, how, plan)
    reflect = functools.partial(mirror, axis=how.axis, others=how.others)
    before = (slice(None),) * how.axis
    tasks: dict[tuple[str | int, ...], Task | Alias] = {}
    for index in itertools.product(*(range(n) for n in how.result.numblocks)):
        key = (name, *index)
        part = how.chunks[index[how.axis]]
        source = (x.name, *index[: how.axis], part.source, *index[how.axis + 1 :])
        length = how.source.chunks[how.axis][part.source]
        is_all = (part.start, part.stop) == (0, length)
        lines = None if is_all else (*before, slice(part.start, part.stop))
        if part.mirrored:
            tasks[key] = Task(key, reflect, TaskRef(source), lines=lines)
        elif lines is None:
            tasks[key] = Alias(key, source)
        else:
            tasks[key] = Task(key, operator.getitem, TaskRef(source), lines)
    return array_of(x, name, PlannedLayer(tasks, step, plan), how.result.chunks, how.result.dtype)


def lower_shift(x: da.Array, how: ShiftPlan) -> da.Array:
    """The graph of a planned roll."""
    (step,) = how.plan.steps
    if how.exchange is not None:
        return exchange(x, how.exchange, step=step, plan=how.plan)
    axes, shifts = zip(*how.shifts, strict=True) if how.shifts else ((), ())
    function = functools.partial(roll_kernel, shifts=shifts, axes=axes)
    return map_kernel(x, function, step=step, plan=how.plan, dtype=x.dtype) if axes else x
