"""Plans a kernel that needs several axes whole at once, where some of them are cut.

A spectrum of windowed data without their trend is one kernel on blocks that hold all of its axes:
one exchange makes them whole, cutting others instead, and the kernel runs in the tasks that gather.
Where others cannot be cut so finely there is no such plan, and the transform goes axis by axis.
"""

from __future__ import annotations

from ..machine import Machine
from .fft import FFTPlan
from .grid import ArraySpec
from .plan import Plan
from .request import Request, State
from .stages import Stage, Work, steps_of
from .whole import go_to, is_parallel, target_chunks


def plan_on_whole(
    spec: ArraySpec,
    work: Work | None,
    *,
    axes: tuple[int, ...],
    points: tuple[int, ...],
    dtype: str,
    itemsize: int,
    machine: Machine,
    operation: str,
) -> FFTPlan | None:
    """Plan one call; None if the axes cannot be made whole at once within the budget.

    Parameters
    ----------
    spec : ArraySpec
        The input, some of whose axes are cut.
    work : Work or None
        What runs on each block that holds the axes whole; None: nothing yet.
    axes, points : tuple of int
        The axes, and the points of each in the result.
    dtype, itemsize : str, int
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """
    state = _made_whole(spec, axes, operation, machine)
    if state is None:
        return None
    if work is not None:
        last = state.stages.pop()
        assert isinstance(last, Stage)
        chunks = list(last.result.chunks)
        for axis, n in zip(axes, points, strict=True):
            chunks[axis] = (n,)
        result = ArraySpec(tuple(chunks), dtype, itemsize, spec.library)
        reason = "all axes are whole in the chunks"
        state.put(Stage(last.source, result, last.exchange, work, reason))
    stages = tuple(state.stages)
    steps = steps_of(stages, machine, operation)
    plan = Plan(operation, spec, state.spec, steps, machine)
    fits = plan.peak_bytes <= machine.memory or not machine.explicit
    return FFTPlan(stages, plan) if fits else None


def _made_whole(
    spec: ArraySpec, axes: tuple[int, ...], operation: str, machine: Machine
) -> State | None:
    """The exchanges that make the axes whole, if the tasks behind them fit and are enough."""
    lengths = tuple(spec.shape[a] for a in axes)
    request = Request("fft", axes, lengths, None, operation)
    state = State(spec, list(axes))
    limit = max(1, machine.memory // (2 * machine.threads))
    target, task_bytes = target_chunks(state, list(axes), request, machine, limit)
    if task_bytes > limit or not is_parallel(spec.with_chunks(target), machine):
        return None
    go_to(state, target, machine, task_bytes)
    return state
