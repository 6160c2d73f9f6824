"""Plans the discrete Fourier transform of a chunked array, along whole and along chunked axes.

An axis can be transformed where one chunk holds it whole. Axes that are cut are made whole by an
exchange, which cuts other axes instead; transforms of different axes commute, so as many as
possible run on either side of it. Real transforms fix the order at one end only: ``rfft`` begins
with its last axis (and halves the volume of everything behind), ``irfft`` ends with it. An axis
that no exchange can make whole, for want of others to cut, goes through the four-step algorithm
(:mod:`spanwise.graph.fourstep`).

The complex transform of real input is Hermitian, X[-k] = conj(X[k]). Where an exchange has to come
behind the first transform, only half of one axis is computed and moved; the other half is filled
in at the end, chunk by chunk, since the exchange cuts that axis in pairs of mirror images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..errors import MemoryBudgetError
from ..kernels.fft import axis_to_halve
from ..kernels.transforms import TRANSFORMS
from ..machine import Machine, format_bytes
from . import fourstep
from .grid import ArraySpec, Chunks
from .hermitian import HalfDoesNotFitError, exchange_half, fill_half
from .plan import Plan
from .remedy import remedies
from .request import Request, State, is_real
from .stages import Fill, Stage, steps_of
from .whole import go_to, is_parallel, target_chunks


@dataclass(frozen=True, slots=True)
class FFTPlan:
    """What to do, stage after stage, and what it costs."""

    stages: tuple[Stage | Fill, ...]
    """In the order of the data; stage i is described by ``plan.steps[i]``."""
    plan: Plan
    """Costs."""


def plan_fft(
    spec: ArraySpec,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    machine: Machine,
    operation: str,
    options: tuple[tuple[str, Any], ...] = (),
    order: str = "natural",
    output_chunks: Chunks | None = None,
) -> FFTPlan:
    """Plan one call.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    kind : str
        Transform, a name in :data:`spanwise.kernels.transforms.TRANSFORMS`; those with half a
        spectrum treat the last of ``axes`` as the real axis.
    axes, lengths : tuple of int
        Distinct axes and the number of points of each, after cropping or padding.
    norm : str or None
        Kept for the kernels.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    options : tuple of pairs
        More keywords of the kernel.
    order : {"natural", "decimated", "rows"}
        Order of the points of an axis that takes four steps; "rows" is for what goes back again:
        decimated, but of real signals only the rows 0 ... P/2.
    output_chunks : Chunks, optional
        Chunks of the result. Default: those in which the last stage leaves it.
    """
    request = Request(kind, axes, lengths, norm, operation, options, order, output_chunks)
    try:
        return _planned(spec, request, machine)
    except MemoryBudgetError as error:

        def again(spec: ArraySpec, machine: Machine) -> Plan:
            return _planned(spec, request, machine).plan

        help_ = remedies(spec, axes, machine, again)
        raise MemoryBudgetError(f"{error} {help_}") from None


def _planned(spec: ArraySpec, request: Request, machine: Machine) -> FFTPlan:
    """The plan, or an error that says what does not fit."""
    half = is_real(spec) and request.kind in ("fft", "ifft")
    try:
        state = _plan(spec, request, machine, half=half)
    except HalfDoesNotFitError:
        state = _plan(spec, request, machine, half=False)
    wanted = request.output_chunks
    if wanted is not None and state.spec.chunks != wanted:
        go_to(state, wanted, machine, state.spec.with_chunks(wanted).chunk_bytes)
    stages = tuple(state.stages)
    steps = steps_of(stages, machine, request.operation)
    plan = Plan(request.operation, spec, state.spec, steps, machine)
    if machine.explicit:
        plan.check()
    return FFTPlan(stages, plan)


def _plan(spec: ArraySpec, request: Request, machine: Machine, *, half: bool) -> State:
    state = State(spec, list(request.axes))
    if request.order != "natural":
        fourstep.take_decimated(state, request, machine)
    while True:
        ready = _ready(state, request)
        if ready:
            _transform(state, ready, request, half=half)
        if not state.pending:
            break
        _make_whole(state, request, machine)
    if state.half is not None:
        fill_half(state, request)
    return state


def _ready(state: State, request: Request) -> list[int]:
    """Pending axes that can be transformed now."""
    whole = [a for a in state.pending if state.spec.is_whole(a)]
    direction, half_axis = request.transform.half, request.half_axis
    if direction == "out" and half_axis in state.pending and half_axis not in whole:
        return []
    if direction == "in" and len(whole) < len(state.pending):
        return [a for a in whole if a != half_axis]
    return whole


def _transform(state: State, ready: list[int], request: Request, *, half: bool) -> None:
    """Transform the ready axes, in the same tasks as the exchange before, if that is open."""
    transform = request.transform
    half_axis = request.half_axis
    if half_axis is not None and half_axis in ready:
        ready = [a for a in ready if a != half_axis] + [half_axis]
        kind = request.kind
    else:
        kind = transform.rest
    if half and is_real(state.spec) and len(ready) < len(state.pending):
        state.half = first = axis_to_halve({a: request.points[a] for a in ready})
        ready = [a for a in ready if a != first] + [first]
        kind = {"fft": "rfft", "ifft": "ihfft"}[kind]
    chunks = list(state.spec.chunks)
    for axis in ready:
        chunks[axis] = (request.points[axis],)
    if TRANSFORMS[kind].half == "out":
        chunks[ready[-1]] = (request.points[ready[-1]] // 2 + 1,)
    dtype = TRANSFORMS[kind].result_dtype(state.spec.dtype)
    result = ArraySpec(tuple(chunks), str(dtype), dtype.itemsize, state.spec.library)
    work = request.work(kind, tuple(ready), state.spec, result)
    state.pending = [a for a in state.pending if a not in ready]
    last = state.stages[-1] if state.stages else None
    if isinstance(last, Stage) and last.exchange is not None and last.work is None:
        state.stages.pop()
        state.put(replace(last, result=result, work=work, reason=_whole(tuple(ready))))
    else:
        state.put(Stage(state.spec, result, None, work, _whole(tuple(ready))))


def _make_whole(state: State, request: Request, machine: Machine) -> None:
    """Make cut axes whole: all that are pending if that fits, else one; else take four steps."""
    cut = [a for a in state.pending if not state.spec.is_whole(a)]
    half_axis = request.half_axis
    if request.transform.half == "out" and half_axis is not None and half_axis in cut:
        first = half_axis
    else:  # half a spectrum becomes real last
        first = next((a for a in cut if a != half_axis), cut[0])
    # A consuming task holds the gathered chunk, its transform and the kernel's workspace.
    limit = max(1, machine.memory // (2 * machine.threads))
    if state.half is not None:
        exchange_half(state, cut, request, machine, limit)
        return
    best: tuple[int, Chunks] | None = None
    for axes in [cut] if len(cut) == 1 else [cut, [first]]:
        target, task_bytes = target_chunks(state, axes, request, machine, limit)
        is_good = is_parallel(state.spec.with_chunks(target), machine)
        if best is None or (is_good and task_bytes <= limit) or task_bytes < best[0]:
            best = (task_bytes, target)
        if is_good and task_bytes <= limit:
            break
    assert best is not None
    task_bytes, target = best
    if not is_parallel(state.spec.with_chunks(target), machine) or task_bytes > limit:
        is_needed = task_bytes * machine.threads > machine.memory
        refusal = fourstep.take(state, first, request, machine, limit)
        if refusal is None:
            return
        if is_needed:
            raise MemoryBudgetError(_over_budget(cut, task_bytes, refusal, request, machine))
    target = _as_asked(state, cut, target, request, machine)
    go_to(state, target, machine, task_bytes)


def _over_budget(
    cut: list[int], task_bytes: int, refusal: str, request: Request, machine: Machine
) -> str:
    return (
        f"{request.operation}: making axis {', '.join(map(str, cut))} whole needs "
        f"{format_bytes(task_bytes)} in one task and {machine.threads} tasks run at a time, over "
        f"the budget of {format_bytes(machine.memory)} ({machine.source}): the other axes are too "
        f"short to be cut instead. Four steps: {refusal}."
    )


def _as_asked(
    state: State, cut: list[int], target: Chunks, request: Request, machine: Machine
) -> Chunks:
    """The chunks that the caller asked for, if the last exchange can give them at once."""
    asked = request.output_chunks
    if asked is None or set(cut) != set(state.pending) or request.half_axis in cut:
        return target
    if any(len(asked[a]) > 1 for a in cut):
        return target
    chunks = tuple(t if a in cut else c for a, (t, c) in enumerate(zip(target, asked, strict=True)))
    if tuple(map(sum, chunks)) != tuple(map(sum, target)):
        return target
    spec = state.spec
    limit = machine.memory // (4 * machine.threads)
    return chunks if spec.with_chunks(chunks).chunk_bytes <= limit else target


def _whole(axes: tuple[int, ...]) -> str:
    if len(axes) == 1:
        return f"axis {axes[0]} is whole in its chunks"
    return f"axes {', '.join(map(str, axes))} are whole in their chunks"
