"""Plans filling the gaps of a chunked array along axes, one after the other.

Along a cut axis the neighbours of a gap may lie in any chunk, so that the axis is made whole first,
by an exchange that cuts the others instead, and stays so for the transform that follows.
"""

from __future__ import annotations

from ..errors import MemoryBudgetError
from ..kernels.missing import fill_missing
from ..machine import Machine
from .exchange import refine
from .fft import FFTPlan
from .grid import ArraySpec
from .plan import Plan
from .remedy import remedies
from .request import State
from .stages import Stage, Work, steps_of
from .whole import go_to, parts_needed

_TASK_CHUNKS = 3
"""Chunks that a task holds: the gathered one, the filled one and what lies between."""


def plan_fill(
    spec: ArraySpec,
    *,
    axes: tuple[int, ...],
    fill: str | complex,
    machine: Machine,
    operation: str = "fill-missing",
) -> FFTPlan:
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
) -> FFTPlan:
    state = State(spec, list(axes))
    if fill != "interp":
        state.put(Stage(spec, spec, None, _work(axes, fill)))
        state.pending = []
    while state.pending:
        count = 0
        while count < len(state.pending) and state.spec.is_whole(state.pending[count]):
            count += 1
        if count:
            ready, state.pending = state.pending[:count], state.pending[count:]
            _put(state, _work(tuple(ready), fill))
        else:
            _make_whole(state, machine)
    stages = tuple(state.stages)
    steps = steps_of(stages, machine, operation)
    plan = Plan(operation, spec, state.spec, steps, machine)
    if machine.explicit:
        plan.check()
    return FFTPlan(stages, plan)


def _work(axes: tuple[int, ...], fill: str | complex) -> Work:
    return Work(fill_missing, (("axes", axes), ("fill", fill)))


def _put(state: State, work: Work) -> None:
    """Fill in the chunks that there are, in the tasks of the exchange before, if there is one."""
    last = state.stages[-1] if state.stages else None
    if isinstance(last, Stage) and last.exchange is not None and last.work is None:
        state.stages[-1] = Stage(last.source, last.result, last.exchange, work)
    else:
        state.put(Stage(state.spec, state.spec, None, work))


def _make_whole(state: State, machine: Machine) -> None:
    """Make the next axis whole, and the pending ones behind it too if there are others to cut."""
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
    go_to(state, target, machine, _TASK_CHUNKS * spec.with_chunks(target).chunk_bytes)
