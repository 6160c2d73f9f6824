"""Plans the discrete Fourier transform of a chunked array, along whole and along chunked axes.

An axis can be transformed where one chunk holds it whole. Axes that are cut are made whole by an
exchange, which cuts other axes instead; transforms of different axes commute, so as many as
possible run on either side of it. Real transforms fix the order at one end only: ``rfft`` begins
with its last axis (and halves the volume of everything behind), ``irfft`` ends with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import MemoryBudgetError
from ..kernels.blocks import roll as roll_kernel
from ..kernels.fft import fft as fft_kernel
from ..kernels.fft import flops, result_dtype
from ..machine import Machine, format_bytes
from .exchange import Exchange, plan_exchange, refine, rolled
from .grid import ArraySpec, Chunks, overlaps
from .plan import Plan, Step

_ONE_TASK_BYTES = 2**25
"""Arrays up to this size may be gathered into fewer tasks than could run at a time."""


@dataclass(frozen=True, slots=True)
class Local:
    """Transform axes that every chunk holds whole."""

    kind: str
    """Kernel's kind of transform."""
    axes: tuple[int, ...]
    """Axes, the real one last."""
    lengths: tuple[int, ...]
    """Points of each transform."""
    result: ArraySpec
    """The array after the transform."""


@dataclass(frozen=True, slots=True)
class FFTPlan:
    """What to do, stage after stage, and what it costs."""

    stages: tuple[Local | Exchange, ...]
    """In the order of the data; stage i is described by ``plan.steps[i]``."""
    norm: str | None
    """Normalisation, as SciPy's."""
    plan: Plan
    """Costs."""


@dataclass(slots=True)
class _State:
    """Where the planner stands."""

    spec: ArraySpec
    pending: list[int]


def plan_fft(
    spec: ArraySpec,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    machine: Machine,
    operation: str,
) -> FFTPlan:
    """Plan one call.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    kind : {"fft", "ifft", "rfft", "irfft"}
        Transform; the real ones treat the last of ``axes`` as the real axis.
    axes, lengths : tuple of int
        Distinct axes and the number of points of each, after cropping or padding.
    norm : str or None
        Kept for the kernels.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """
    points = dict(zip(axes, lengths, strict=True))
    real_axis = axes[-1] if kind in ("rfft", "irfft") and axes else None
    state = _State(spec, list(axes))
    stages: list[Local | Exchange] = []
    while True:
        ready = _ready(state, kind, real_axis)
        if ready:
            stages.append(_local(state, kind, ready, points, real_axis))
        if not state.pending:
            break
        stages.append(_exchange(state, kind, points, real_axis, machine, operation))
    steps = _steps(spec, stages, machine, operation)
    plan = Plan(operation, spec, state.spec, steps, machine)
    if machine.explicit:
        plan.check(
            remedies="Cut the input into smaller chunks (x.rechunk(...)), run fewer tasks at a "
            "time (dask.config.set(num_workers=1)) or raise the budget "
            "(spanwise.set_options(memory=...))"
        )
    return FFTPlan(tuple(stages), norm, plan)


def _ready(state: _State, kind: str, real_axis: int | None) -> list[int]:
    """Pending axes that can be transformed now."""
    whole = [a for a in state.pending if state.spec.is_whole(a)]
    if kind == "rfft" and real_axis in state.pending and real_axis not in whole:
        return []
    if kind == "irfft" and len(whole) < len(state.pending):
        return [a for a in whole if a != real_axis]
    return whole


def _local(
    state: _State, kind: str, ready: list[int], points: dict[int, int], real_axis: int | None
) -> Local:
    """Transform the ready axes; advances the state."""
    if real_axis in ready:
        ready = [a for a in ready if a != real_axis] + [real_axis]
        stage_kind = kind
    else:
        stage_kind = "ifft" if kind in ("ifft", "irfft") else "fft"
    chunks = list(state.spec.chunks)
    for axis in ready:
        chunks[axis] = (points[axis],)
    if stage_kind == "rfft":
        chunks[ready[-1]] = (points[ready[-1]] // 2 + 1,)
    dtype = result_dtype(stage_kind, state.spec.dtype)
    result = ArraySpec(tuple(chunks), str(dtype), dtype.itemsize, state.spec.library)
    state.spec = result
    state.pending = [a for a in state.pending if a not in ready]
    return Local(stage_kind, tuple(ready), tuple(points[a] for a in ready), result)


def _exchange(
    state: _State,
    kind: str,
    points: dict[int, int],
    real_axis: int | None,
    machine: Machine,
    operation: str,
) -> Exchange:
    """Make cut axes whole: all that are pending if that fits, else one; advances the state."""
    cut = [a for a in state.pending if not state.spec.is_whole(a)]
    if kind == "rfft" and real_axis in cut:
        first = real_axis
    else:  # irfft transforms its real axis last
        first = next((a for a in cut if kind != "irfft" or a != real_axis), cut[0])
    candidates = [cut] if len(cut) == 1 else [cut, [first]]
    # A consuming task holds the gathered chunk, its transform and the kernel's workspace.
    limit = max(1, machine.memory // (2 * machine.threads))
    best: tuple[int, Chunks] | None = None
    for axes in candidates:
        target, chunk_bytes = _target(state, axes, points, machine, limit)
        if best is None or chunk_bytes < best[0]:
            best = (chunk_bytes, target)
        result = state.spec.with_chunks(target)
        if chunk_bytes <= limit and (
            result.blocks >= machine.slots or result.nbytes <= _ONE_TASK_BYTES
        ):
            break
    assert best is not None
    task_bytes, target = best
    if task_bytes * machine.threads > machine.memory:
        axes_text = ", ".join(str(a) for a in cut)
        raise MemoryBudgetError(
            f"{operation}: making axis {axes_text} whole needs {format_bytes(task_bytes)} in one "
            f"task and {machine.threads} tasks run at a time, over the budget of "
            f"{format_bytes(machine.memory)} ({machine.source}): the other axes are too short to "
            f"be cut instead. Raise the budget (spanwise.set_options(memory=...)), run fewer "
            f"tasks at a time (dask.config.set(num_workers=1)) or transform fewer points (n=...)"
        )
    exchange = plan_exchange(state.spec, target, machine, task_bytes=task_bytes)
    state.spec = exchange.result
    return exchange


def _target(
    state: _State, axes: list[int], points: dict[int, int], machine: Machine, limit: int
) -> tuple[Chunks, int]:
    """Chunks in which ``axes`` are whole, and the bytes that a task on one of them needs."""
    spec = state.spec
    chunks = list(spec.chunks)
    growth = 1.0
    for axis in axes:
        # Only the points that the transform keeps need to travel.
        kept = min(points[axis], spec.shape[axis])
        chunks[axis] = (kept,)
        growth *= points[axis] / max(kept, 1)
    widening = result_dtype("fft", spec.dtype).itemsize / spec.itemsize
    # in + out + workspace, where padding and the change to complex enlarge the output
    scale = 1 + 2 * growth * widening
    whole = spec.with_chunks(tuple(chunks))
    parts = max(
        math.ceil(spec.blocks / whole.blocks),
        math.ceil(whole.chunk_bytes * scale / limit),
        math.ceil(machine.slots / whole.blocks),
    )
    others = [a for a in range(spec.ndim) if a not in axes]
    # Finished and free axes are cut first, then pending ones; the slowest-varying axis gives the
    # longest contiguous slices.
    order = [a for a in others if a not in state.pending]
    if whole.nbytes * scale > min(limit, _ONE_TASK_BYTES):
        order += [a for a in others if a in state.pending]
    target, _ = refine(whole.chunks, order, parts)
    return target, math.ceil(whole.with_chunks(target).chunk_bytes * scale)


def _steps(
    source: ArraySpec,
    stages: list[Local | Exchange],
    machine: Machine,
    operation: str,
) -> tuple[Step, ...]:
    steps = []
    spec = source
    held = 0
    for i, stage in enumerate(stages):
        follower = stages[i + 1] if i + 1 < len(stages) else None
        if isinstance(stage, Exchange):
            held = stage.held_bytes(machine)
            steps.append(_exchange_step(stage, machine, operation))
        else:
            steps.append(_local_step(spec, stage, machine, operation, held))
            if not isinstance(follower, Exchange):
                held = 0
        spec = stage.result
    return tuple(steps)


def _exchange_step(stage: Exchange, machine: Machine, operation: str) -> Step:
    result = stage.result
    in_flight = machine.threads * 2 * max(stage.source.chunk_bytes, result.chunk_bytes)
    return Step(
        name=f"spanwise-{operation}-exchange",
        pattern=f"exchange ({stage.form})",
        tasks=stage.tasks,
        bytes_in=stage.source.nbytes,
        bytes_out=result.nbytes,
        bytes_moved=stage.bytes_moved,
        bytes_staged=result.nbytes if stage.form == "staged" else 0,
        peak_bytes=stage.held_bytes(machine) + in_flight,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=stage.reason,
    )


def _local_step(spec: ArraySpec, stage: Local, machine: Machine, operation: str, held: int) -> Step:
    result = stage.result
    workspace = fft_kernel.workspace(spec.chunk_bytes, result.chunk_bytes)
    points = max(math.prod(spec.shape), math.prod(result.shape))
    return Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=result.blocks,
        kernel=fft_kernel.name,
        bytes_in=spec.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=held + machine.threads * (spec.chunk_bytes + result.chunk_bytes + workspace),
        flops=flops(stage.lengths, points, real=stage.kind in ("rfft", "irfft")),
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=_whole(stage.axes),
    )


def _whole(axes: tuple[int, ...]) -> str:
    if len(axes) == 1:
        return f"axis {axes[0]} is whole in its chunks"
    return f"axes {', '.join(map(str, axes))} are whole in their chunks"


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """A roll of some axes in unchanged chunks."""

    shifts: tuple[tuple[int, int], ...]
    """Axis and shift."""
    exchange: Exchange | None
    """How slices change place; None where every shifted axis is whole in its chunks."""
    plan: Plan
    """Costs, of one step."""


def plan_shift(
    spec: ArraySpec, *, shifts: dict[int, int], machine: Machine, operation: str
) -> ShiftPlan:
    """Plan `fftshift`: one task per chunk, which takes slices of two chunks per cut axis."""
    local = all(spec.is_whole(axis) for axis in shifts)
    how = None
    tasks = spec.blocks
    neighbours = 1
    if not local:
        rows = tuple(
            rolled(chunks, shifts[axis]) if axis in shifts else overlaps(chunks, chunks)
            for axis, chunks in enumerate(spec.chunks)
        )
        form = "split" if machine.distributed else "view"
        how = Exchange(spec, spec.chunks, rows, form, "a roll by half the axis")
        tasks = how.tasks
        neighbours = math.prod(max(len(row) for row in axis) for axis in rows)
    step = Step(
        name=f"spanwise-{operation}",
        pattern="blockwise" if how is None else f"exchange ({how.form})",
        tasks=tasks,
        kernel=roll_kernel.name if local else "",
        bytes_in=spec.nbytes,
        bytes_out=spec.nbytes,
        bytes_moved=0 if local else spec.nbytes,
        peak_bytes=machine.threads * (1 + neighbours) * spec.chunk_bytes,
        chunk_bytes=spec.chunk_bytes,
        dtype=spec.dtype,
        reason=_whole(tuple(shifts)) if local else "slices of neighbouring chunks",
    )
    plan = Plan(operation, spec, spec, (step,), machine)
    return ShiftPlan(tuple(sorted(shifts.items())), how, plan)
