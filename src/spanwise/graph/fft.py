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

import math
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import MemoryBudgetError
from ..kernels.fft import flops
from ..kernels.transforms import TRANSFORMS, Transform
from ..machine import Machine, format_bytes
from . import fourstep
from .exchange import refine, symmetric
from .grid import ArraySpec, Chunks, edges
from .plan import Plan
from .routes import Ranges, plan_route
from .stages import Fill, Reflection, Stage, Work, held_before, steps_of

_ONE_TASK_BYTES = 2**25
"""Arrays up to this size may be gathered into fewer tasks than could run at a time."""


@dataclass(frozen=True, slots=True)
class FFTPlan:
    """What to do, stage after stage, and what it costs."""

    stages: tuple[Stage | Fill, ...]
    """In the order of the data; stage i is described by ``plan.steps[i]``."""
    plan: Plan
    """Costs."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a transform."""

    kind: str
    """Name in :data:`spanwise.kernels.transforms.TRANSFORMS`."""
    axes: tuple[int, ...]
    """Distinct axes; the last one is the real axis of transforms that have one."""
    lengths: tuple[int, ...]
    """Points of each, after cropping or padding."""
    norm: str | None
    """Normalisation, as SciPy's."""
    operation: str
    """Public name, for messages and task keys."""
    options: tuple[tuple[str, Any], ...] = ()
    """More keywords of the kernel."""
    order: str = "natural"
    """How an axis that takes four steps comes (or is given): "natural", "decimated", or "rows":
    decimated, but of a real signal only the rows 0 ... P/2, each whole."""
    output_chunks: Chunks | None = None
    """Chunks of the result; None where the plan may choose."""

    @property
    def transform(self) -> Transform:
        """The transform."""
        return TRANSFORMS[self.kind]

    @property
    def points(self) -> dict[int, int]:
        """Number of points of each axis."""
        return dict(zip(self.axes, self.lengths, strict=True))

    @property
    def half_axis(self) -> int | None:
        """The axis that is real on one side and half a spectrum on the other."""
        return self.axes[-1] if self.transform.half and self.axes else None

    def work(self, kind: str, axes: tuple[int, ...], spec: ArraySpec, result: ArraySpec) -> Work:
        """The kernel on whole axes."""
        lengths = tuple(self.points[a] for a in axes)
        points = max(math.prod(spec.shape), math.prod(result.shape))
        return Work(
            TRANSFORMS[kind].kernel,
            (
                ("kind", kind),
                ("axes", axes),
                ("lengths", lengths),
                ("norm", self.norm),
                *self.options,
            ),
            flops=flops(lengths, points, real=TRANSFORMS[kind].half is not None),
        )


@dataclass(slots=True)
class State:
    """Where the planner stands."""

    spec: ArraySpec
    pending: list[int]
    stages: list[Stage | Fill] = field(default_factory=list)
    half: int | None = None
    """Axis of which a transform of real input has computed half."""

    def put(self, stage: Stage | Fill) -> None:
        """Append a stage."""
        self.stages.append(stage)
        self.spec = stage.result


class _HalfDoesNotFitError(Exception):
    """The half axis cannot be cut as finely as is needed."""


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
        state = _plan(spec, request, machine, half=_is_real(spec) and kind in ("fft", "ifft"))
    except _HalfDoesNotFitError:
        state = _plan(spec, request, machine, half=False)
    if output_chunks is not None and state.spec.chunks != output_chunks:
        result = state.spec.with_chunks(output_chunks)
        _go(state, output_chunks, machine, result.chunk_bytes)
    stages = tuple(state.stages)
    plan = Plan(operation, spec, state.spec, steps_of(stages, machine, operation), machine)
    if machine.explicit:
        plan.check(
            remedies="Cut the input into smaller chunks (x.rechunk(...)), run fewer tasks at a "
            "time (dask.config.set(num_workers=1)) or raise the budget "
            "(spanwise.set_options(memory=...))"
        )
    return FFTPlan(stages, plan)


def _is_real(spec: ArraySpec) -> bool:
    return not spec.dtype.startswith("complex")


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
        _fill(state, request)
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
    if request.half_axis in ready:
        ready = [a for a in ready if a != request.half_axis] + [ready_axis(request)]
        kind = request.kind
    else:
        kind = transform.rest
    if half and _is_real(state.spec) and len(ready) < len(state.pending):
        # The first of the axes varies slowest: cut later, it gives the longest runs of memory.
        state.half = first = _half_axis(ready, request)
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


def ready_axis(request: Request) -> int:
    """The half axis, which the caller has seen to be there."""
    assert request.half_axis is not None
    return request.half_axis


def _half_axis(ready: list[int], request: Request) -> int:
    """The axis to halve: the slowest-varying one that is long enough to be cut."""
    long_enough = [a for a in sorted(ready) if request.points[a] >= 64]
    return long_enough[0] if long_enough else max(ready, key=lambda a: request.points[a])


def _make_whole(state: State, request: Request, machine: Machine) -> None:
    """Make cut axes whole: all that are pending if that fits, else one; else take four steps."""
    cut = [a for a in state.pending if not state.spec.is_whole(a)]
    half_axis = request.half_axis
    if request.transform.half == "out" and half_axis in cut:
        first = ready_axis(request)
    else:  # half a spectrum becomes real last
        first = next((a for a in cut if a != half_axis), cut[0])
    # A consuming task holds the gathered chunk, its transform and the kernel's workspace.
    limit = max(1, machine.memory // (2 * machine.threads))
    if state.half is not None:
        _exchange_half(state, cut, request, machine, limit)
        return
    best: tuple[int, Chunks] | None = None
    for axes in [cut] if len(cut) == 1 else [cut, [first]]:
        target, task_bytes = _target(state, axes, request, machine, limit)
        is_parallel = _is_parallel(state.spec.with_chunks(target), machine)
        if best is None or (is_parallel and task_bytes <= limit) or task_bytes < best[0]:
            best = (task_bytes, target)
        if is_parallel and task_bytes <= limit:
            break
    assert best is not None
    task_bytes, target = best
    is_parallel = _is_parallel(state.spec.with_chunks(target), machine)
    if not is_parallel or task_bytes > limit:
        is_needed = task_bytes * machine.threads > machine.memory
        refusal = fourstep.take(state, first, request, machine, limit)
        if refusal is None:
            return
        if is_needed:
            raise MemoryBudgetError(_over_budget(cut, task_bytes, refusal, request, machine))
    target = _as_asked(state, cut, target, request, machine)
    _go(state, target, machine, task_bytes)


def _go(
    state: State, target: Chunks, machine: Machine, task_bytes: int, ranges: Ranges | None = None
) -> None:
    """Append the exchanges that lead to other chunks."""
    beside = held_before(state.stages, machine)
    route = plan_route(
        state.spec, target, machine, task_bytes=task_bytes, ranges=ranges, beside=beside
    )
    for how in route:
        state.put(Stage(state.spec, how.result, how, None))


def _is_parallel(result: ArraySpec, machine: Machine) -> bool:
    return result.blocks >= machine.slots or result.nbytes <= _ONE_TASK_BYTES


def _over_budget(
    cut: list[int], task_bytes: int, refusal: str, request: Request, machine: Machine
) -> str:
    return (
        f"{request.operation}: making axis {', '.join(map(str, cut))} whole needs "
        f"{format_bytes(task_bytes)} in one task and {machine.threads} tasks run at a time, over "
        f"the budget of {format_bytes(machine.memory)} ({machine.source}): the other axes are too "
        f"short to be cut instead. Four steps: {refusal}. Raise the budget "
        f"(spanwise.set_options(memory=...)), run fewer tasks at a time "
        f"(dask.config.set(num_workers=1)) or transform another number of points (n=...)"
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


def _target(
    state: State, axes: list[int], request: Request, machine: Machine, limit: int
) -> tuple[Chunks, int]:
    """Chunks in which ``axes`` are whole, and the bytes that a task on one of them needs."""
    spec = state.spec
    whole, scale = _made_whole(spec, axes, request)
    parts = _parts(spec, whole, scale, machine, limit)
    others = [a for a in range(spec.ndim) if a not in axes]
    # Finished and free axes are cut first, then pending ones; the slowest-varying axis gives the
    # longest contiguous slices.
    order = [a for a in others if a not in state.pending]
    if whole.nbytes * scale > min(limit, _ONE_TASK_BYTES):
        order += [a for a in others if a in state.pending]
    target, _ = refine(whole.chunks, order, parts)
    return target, math.ceil(whole.with_chunks(target).chunk_bytes * scale)


def _made_whole(spec: ArraySpec, axes: list[int], request: Request) -> tuple[ArraySpec, float]:
    """The array with axes whole, and the bytes of a task on a chunk of it, in chunks."""
    chunks = list(spec.chunks)
    growth = 1.0
    for axis in axes:
        # Only the points that the transform keeps need to travel.
        kept = min(request.points[axis], spec.shape[axis])
        chunks[axis] = (kept,)
        growth *= request.points[axis] / max(kept, 1)
    widening = request.transform.result_dtype(spec.dtype).itemsize / spec.itemsize
    # in + out + workspace, where padding and the change to complex enlarge the output
    return spec.with_chunks(tuple(chunks)), 1 + 2 * growth * max(widening, 1)


def _parts(spec: ArraySpec, whole: ArraySpec, scale: float, machine: Machine, limit: int) -> int:
    """Into how many parts chunks with whole axes have to be cut."""
    blocks = max(whole.blocks, 1)
    return max(
        1,
        math.ceil(spec.blocks / blocks),
        math.ceil(whole.chunk_bytes * scale / limit),
        math.ceil(machine.slots / blocks),
    )


def _exchange_half(
    state: State, cut: list[int], request: Request, machine: Machine, limit: int
) -> None:
    """Make all cut axes whole and cut the half axis instead.

    Each chunk takes one line more than its own: it is the last of its mirror image, whose lines
    run from the second on.
    """
    axis = state.half
    assert axis is not None
    spec = state.spec
    whole, _ = _made_whole(spec, cut, request)
    padding = math.prod(request.points[a] / max(sum(whole.chunks[a]), 1) for a in cut)
    # gathered, transformed in place (padding makes a copy), and the mirror image
    scale = 1 + padding + (padding if padding > 1 else 0)
    parts = _parts(spec, whole, scale, machine, limit)
    own = symmetric(request.points[axis], parts)
    free = [a for a in range(spec.ndim) if a not in request.axes]
    chunks, _ = refine(whole.chunks, free, math.ceil(parts / len(own)))
    starts = edges(own)
    points = spec.shape[axis]
    ends = [min(b + 1, points) for b in starts[1:]]
    taken = tuple(zip(starts, ends, strict=False))
    target = (*chunks[:axis], tuple(b - a for a, b in taken), *chunks[axis + 1 :])
    result = spec.with_chunks(target)
    task_bytes = math.ceil(result.chunk_bytes * scale)
    if task_bytes > limit or not _is_parallel(result, machine):
        raise _HalfDoesNotFitError
    _go(state, target, machine, task_bytes, {axis: taken})


def _fill(state: State, request: Request) -> None:
    """The other half of the half axis, from chunks with one line more than their own."""
    axis = state.half
    assert axis is not None
    n = request.points[axis]
    held = state.spec.chunks[axis]
    last = len(held) - 1
    # All chunks but the last (of even n: that one too) end with a line of their neighbour.
    own = [h - 1 if i < last or n % 2 == 0 else h for i, h in enumerate(held)]
    lower = [Reflection(i, 0, length, False) for i, length in enumerate(own)]
    upper = [Reflection(i, 1, h, True) for i, h in reversed(list(enumerate(held))) if h > 1]
    chunks = list(state.spec.chunks)
    chunks[axis] = tuple(r.stop - r.start for r in (*lower, *upper))
    others = tuple(a for a in request.axes if a != axis)
    result = state.spec.with_chunks(tuple(chunks))
    state.put(Fill(state.spec, result, axis, others, (*lower, *upper)))


def _whole(axes: tuple[int, ...]) -> str:
    if len(axes) == 1:
        return f"axis {axes[0]} is whole in its chunks"
    return f"axes {', '.join(map(str, axes))} are whole in their chunks"
