"""Plans the discrete Fourier transform at a band of frequencies.

Every chunk of a cut axis can add its share of all the frequencies by itself. The shares of P
chunks, m points each, are added in a tree, and no sample changes place. Where P m exceeds the
length of the axis it is cheaper to make the axis whole; the planner prices both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..kernels.fft import result_dtype
from ..kernels.library import DEVICE_LIBRARIES
from ..kernels.zoom import Band, scratch_bytes, work
from ..kernels.zoom import zoom as zoom_kernel
from ..machine import Machine
from .exchange import Exchange, exchange_step, plan_exchange, refine
from .grid import ArraySpec, Chunks
from .plan import Plan, Step
from .reduce import tree_step
from .remedy import remedies

_STAGED = 4
"""Points on their way through a temporary store cost so many times those in memory."""


@dataclass(frozen=True, slots=True)
class ZoomPlan:
    """What to do, and what it costs: ``plan.steps`` has a step for each part that there is."""

    axis: int
    """Axis of the samples."""
    band: Band
    """The frequencies."""
    exchange: Exchange | None
    """Makes the axis whole; None where chunks add their shares."""
    plan: Plan
    """Costs: of the exchange, of the kernel, of the tree of sums."""


def plan_zoom(
    spec: ArraySpec, *, axis: int, band: Band, machine: Machine, operation: str
) -> ZoomPlan:
    """Plan one call.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    axis : int
        Axis of the samples.
    band : Band
        The frequencies.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """
    how = _cheapest(spec, axis, band, machine, operation)
    if machine.explicit and how.plan.peak_bytes > machine.memory:

        def again(spec: ArraySpec, machine: Machine) -> Plan:
            return _cheapest(spec, axis, band, machine, operation).plan

        help_ = remedies(spec, (axis,), machine, again)
        how.plan.check(remedies=f"Ask for fewer points (m=...). {help_}")
    return how


def _cheapest(spec: ArraySpec, axis: int, band: Band, machine: Machine, operation: str) -> ZoomPlan:
    """The cheaper of the two ways, of those that fit if one does."""
    sums = _by_sums(spec, axis, band, machine, operation)
    if spec.is_whole(axis):
        return sums
    gathered = _by_exchange(spec, axis, band, machine, operation)
    prices = {p: _price(p, machine) for p in (sums, gathered)}
    fitting = [p for p in prices if p.plan.peak_bytes <= machine.memory]
    return min(fitting or prices, key=lambda p: prices[p])


def _by_sums(spec: ArraySpec, axis: int, band: Band, machine: Machine, operation: str) -> ZoomPlan:
    """Every chunk by itself, and a tree where the axis is cut."""
    parts = spec.numblocks[axis]
    result = _with_points(spec, axis, (band.points,))
    reason = "the axis is whole in its chunks"
    steps = []
    if parts > 1:
        shares = _with_points(spec, axis, (band.points,) * parts)
        reason = f"{parts} times {band.points} points are fewer than the axis has to move"
        steps = [tree_step(shares, result, axis, machine, operation)]
    held = math.ceil(result.nbytes * parts / machine.workers) if steps else 0
    steps.insert(0, _kernel_step(spec, axis, band, machine, operation, reason, held))
    return ZoomPlan(axis, band, None, Plan(operation, spec, result, tuple(steps), machine))


def _by_exchange(
    spec: ArraySpec, axis: int, band: Band, machine: Machine, operation: str
) -> ZoomPlan:
    """Make the axis whole by cutting others."""
    target, task_bytes = _target(spec, axis, band, machine)
    how = plan_exchange(spec, target, machine, task_bytes=task_bytes)
    whole = spec.with_chunks(target)
    result = _with_points(whole, axis, (band.points,))
    points, parts = band.points, spec.numblocks[axis]
    why = f"{points} points from each of {parts} chunks are more than the axis has"
    exchange = exchange_step(how, machine, operation, why)
    reason = "the axis is whole in its chunks"
    held = how.held_bytes(machine)
    kernel = _kernel_step(whole, axis, band, machine, operation, reason, held)
    return ZoomPlan(axis, band, how, Plan(operation, spec, result, (exchange, kernel), machine))


def _with_points(spec: ArraySpec, axis: int, lengths: tuple[int, ...]) -> ArraySpec:
    """The result of the kernel, with these chunks on the axis."""
    chunks = list(spec.chunks)
    chunks[axis] = lengths
    dtype = result_dtype("fft", spec.dtype)
    return ArraySpec(tuple(chunks), str(dtype), dtype.itemsize, spec.library)


def _task_bytes(spec: ArraySpec, axis: int, band: Band) -> int:
    """Bytes of a task on the largest chunk: what it takes, what it gives, what it needs."""
    longest = max(spec.chunks[axis], default=0)
    lines = _lines(spec, axis)
    item = result_dtype("fft", spec.dtype).itemsize
    scratch = scratch_bytes(
        longest, band.points, lines, item, device=spec.library in DEVICE_LIBRARIES
    )
    return spec.chunk_bytes + lines * band.points * item + scratch


def _lines(spec: ArraySpec, axis: int) -> int:
    """Lines along the axis in the largest chunk."""
    return math.prod(max(c, default=0) for a, c in enumerate(spec.chunks) if a != axis)


def _kernel_step(
    spec: ArraySpec,
    axis: int,
    band: Band,
    machine: Machine,
    operation: str,
    reason: str,
    held: int,
) -> Step:
    out = _with_points(spec, axis, (band.points,) * spec.numblocks[axis])
    lines = math.prod(n for a, n in enumerate(spec.shape) if a != axis)
    return Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=zoom_kernel.name,
        bytes_in=spec.nbytes,
        bytes_out=out.nbytes,
        peak_bytes=held + machine.threads * _task_bytes(spec, axis, band),
        flops=lines * sum(work(n, band.points) for n in spec.chunks[axis]),
        chunk_bytes=out.chunk_bytes,
        dtype=out.dtype,
        reason=reason,
    )


def _target(spec: ArraySpec, axis: int, band: Band, machine: Machine) -> tuple[Chunks, int]:
    """Chunks in which the axis is whole, and the bytes that a task on one of them needs."""
    chunks = list(spec.chunks)
    chunks[axis] = (spec.shape[axis],)
    whole = spec.with_chunks(tuple(chunks))
    limit = max(1, machine.memory // (2 * machine.threads))
    parts = max(
        math.ceil(spec.blocks / whole.blocks),
        math.ceil(_task_bytes(whole, axis, band) / limit),
        math.ceil(machine.slots / whole.blocks),
    )
    others = [a for a in range(spec.ndim) if a != axis]
    target, _ = refine(whole.chunks, others, parts)
    return target, _task_bytes(whole.with_chunks(target), axis, band)


def _price(how: ZoomPlan, machine: Machine) -> float:
    """Bytes handled by the busiest of the slots, transforms weighted by their operations."""
    price = 0.0
    for step in how.plan.steps:
        if step.kernel:
            blocks = how.plan.source.blocks if how.exchange is None else how.plan.result.blocks
            waves = math.ceil(blocks / machine.slots)
            price += waves * step.flops / blocks
        moved = step.bytes_moved + _STAGED * step.bytes_staged
        price += _FLOPS_PER_BYTE * moved / min(machine.slots, how.plan.result.blocks)
    return price


_FLOPS_PER_BYTE = 4.0
"""Operations that take as long as moving one byte between chunks."""
