"""Plans filling the gaps of a chunked array along axes, one after the other.

Along a cut axis the neighbours of a gap may lie in any chunk. The axis is made whole first, by an
exchange that cuts the others instead, and stays so for the transform that follows. Where there are
no others to cut, the chunks stay and are read twice: each tells the first and the last of its
values, which all of them are given when they are read again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import MemoryBudgetError
from ..kernels.gaps import ENDS, fill_between, gap_ends
from ..kernels.missing import fill_missing
from ..machine import Machine
from .exchange import plan_exchange, refine
from .grid import ArraySpec
from .plan import Plan, Step
from .remedy import remedies
from .request import State
from .stages import Stage, Work, steps_of
from .whole import go_to, is_parallel, parts_needed

_TASK_CHUNKS = 3
"""Chunks that a task holds: the gathered one, the filled one and what lies between."""


@dataclass(frozen=True, slots=True)
class Carry:
    """Gaps filled along a cut axis in unchanged chunks."""

    source: ArraySpec
    """Before and after."""
    axis: int
    """The cut axis."""
    ends: Stage
    """Brings what the chunks tell together, for each line of chunks."""


@dataclass(frozen=True, slots=True)
class FillPlan:
    """What to do, and what it costs."""

    parts: tuple[tuple[Stage | Carry, tuple[Step, ...]], ...]
    """In the order of the data, each with its steps: one, or three of a `Carry`."""
    plan: Plan
    """Costs."""


def plan_fill(
    spec: ArraySpec,
    *,
    axes: tuple[int, ...],
    fill: str | complex,
    machine: Machine,
    operation: str = "fill-missing",
) -> FillPlan:
    """Plan one call of `fill_missing`.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    axes : tuple of int
        Axes along which to interpolate, the first one first.
    fill : str or number
        ``"interp"``, or a number, which needs no axis whole.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Prefix of the task keys.
    """
    try:
        return _planned(spec, axes, fill, machine, operation)
    except MemoryBudgetError as error:

        def again(spec: ArraySpec, machine: Machine) -> Plan:
            return _planned(spec, axes, fill, machine, operation).plan

        raise MemoryBudgetError(f"{error} {remedies(spec, axes, machine, again)}") from None


def _planned(
    spec: ArraySpec, axes: tuple[int, ...], fill: str | complex, machine: Machine, operation: str
) -> FillPlan:
    state = State(spec, list(axes))
    done: list[Stage | Carry] = []
    if fill != "interp":
        done.append(Stage(spec, spec, None, _work(axes, fill)))
        state.pending = []
    while state.pending:
        count = 0
        while count < len(state.pending) and state.spec.is_whole(state.pending[count]):
            count += 1
        if count:
            ready, state.pending = state.pending[:count], state.pending[count:]
            _put(state, _work(tuple(ready), fill))
        elif not _make_whole(state, machine):
            done += [*_taken(state), _carry(state.spec, state.pending.pop(0), machine)]
    done += _taken(state)
    parts = tuple((part, _steps(part, machine, operation)) for part in done)
    steps = tuple(step for _, some in parts for step in some)
    plan = Plan(operation, spec, state.spec, steps, machine)
    if machine.explicit:
        plan.check()
    return FillPlan(parts, plan)


def _taken(state: State) -> list[Stage | Carry]:
    stages = [stage for stage in state.stages if isinstance(stage, Stage)]
    state.stages.clear()
    return list(stages)


def _work(axes: tuple[int, ...], fill: str | complex) -> Work:
    return Work(fill_missing, (("axes", axes), ("fill", fill)))


def _put(state: State, work: Work) -> None:
    """Fill in the chunks that there are, in the tasks of the exchange before, if there is one."""
    last = state.stages[-1] if state.stages else None
    if isinstance(last, Stage) and last.exchange is not None and last.work is None:
        state.stages[-1] = Stage(last.source, last.result, last.exchange, work)
    else:
        state.put(Stage(state.spec, state.spec, None, work))


def _make_whole(state: State, machine: Machine) -> bool:
    """Make the next axis whole, and the pending ones behind it too if there are others to cut.

    False where there are none, so that few tasks would hold everything.
    """
    limit = max(1, machine.memory // (2 * machine.threads))
    spec = state.spec
    for axes in (state.pending, state.pending[:1]):
        chunks = list(spec.chunks)
        for axis in axes:
            chunks[axis] = (spec.shape[axis],)
        whole = spec.with_chunks(tuple(chunks))
        parts = parts_needed(spec, whole, _TASK_CHUNKS, machine, limit)
        others = [a for a in range(spec.ndim) if a not in state.pending]
        others += [a for a in state.pending if a not in axes]
        target, factor = refine(whole.chunks, others, parts)
        if factor >= parts:
            break
    result = spec.with_chunks(target)
    task_bytes = _TASK_CHUNKS * result.chunk_bytes
    if task_bytes > limit or not is_parallel(result, machine):
        return False
    go_to(state, target, machine, task_bytes)
    return True


def _carry(spec: ArraySpec, axis: int, machine: Machine) -> Carry:
    wide = np.result_type(np.dtype(spec.dtype), np.float64)
    count = len(spec.chunks[axis])
    told, together = (
        tuple(lengths if a == axis else c for a, c in enumerate(spec.chunks))
        for lengths in ((ENDS,) * count, (ENDS * count,))
    )
    source = ArraySpec(told, str(wide), wide.itemsize, spec.library)
    result = source.with_chunks(together)
    how = plan_exchange(source, together, machine, task_bytes=2 * result.chunk_bytes)
    return Carry(spec, axis, Stage(source, result, how, None))


def _steps(part: Stage | Carry, machine: Machine, operation: str) -> tuple[Step, ...]:
    if isinstance(part, Stage):
        return steps_of((part,), machine, operation)
    spec, ends = part.source, part.ends
    held = math.ceil((ends.source.nbytes + ends.result.nbytes) / machine.workers)
    first = Step(
        name=f"spanwise-{operation}-ends",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=gap_ends.name,
        bytes_in=spec.nbytes,
        bytes_out=ends.source.nbytes,
        peak_bytes=held + machine.threads * 3 * spec.chunk_bytes,
        chunk_bytes=ends.source.chunk_bytes,
        dtype=ends.source.dtype,
        reason="first read of two: neighbours of a gap along a cut axis may lie in any chunk",
    )
    workspace = fill_between.workspace(spec.chunk_bytes, spec.chunk_bytes)
    last = Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=fill_between.name,
        bytes_in=spec.nbytes,
        bytes_out=spec.nbytes,
        peak_bytes=held + machine.threads * (2 * spec.chunk_bytes + workspace),
        chunk_bytes=spec.chunk_bytes,
        dtype=spec.dtype,
        reason="second read, so that no chunk waits for the others",
        passes=1,
    )
    return (first, *steps_of((ends,), machine, operation), last)
