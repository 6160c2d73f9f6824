"""Plans spectra of segments of an axis, whole or cut.

A segment is worked on where the chunk is in which it ends: by then a scheduler that goes through
chunks in order has everything that the segment reaches back to, so that no chunk waits for the
next one. A block reads its own chunk and of those before it what its segments reach back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..kernels.averages import finish, median
from ..kernels.fft import flops
from ..kernels.kernel import Kernel
from ..kernels.segment_spectra import Edge, segment_spectra
from ..kernels.segments import PLANES, Quantity, Segments, segment_sums
from ..kernels.stretches import stretch
from ..machine import Machine
from .cluster import SPLIT_EVERY, tree
from .exchange import Exchange, plan_exchange, refine
from .grid import ArraySpec, Chunks, edges
from .halo import Halo, Range, halo_step, plan_halo
from .plan import Plan, Step
from .remedy import remedies

Numbers = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class SumsPlan:
    """Sums of the segments of each block, added in a tree, and what is made of them."""

    halos: tuple[Halo, ...]
    """Blocks of each array; none where chunks are stretches that are merged by their ends."""
    parts: ArraySpec
    """The sums of blocks."""
    total: ArraySpec
    """The sums of all."""
    plan: Plan
    """Costs: of the blocks, of the tree where there is more than one, of what is made of sums."""


@dataclass(frozen=True, slots=True)
class SpectraPlan:
    """The spectrum of each segment."""

    halo: Halo
    """Blocks of the array."""
    numbers: Numbers
    """What the kernel is told of each block's place."""
    order: tuple[int, ...]
    """Axes whose blocks those of the result are."""
    result: ArraySpec
    """The spectra."""
    plan: Plan
    """Costs."""


@dataclass(frozen=True, slots=True)
class MedianPlan:
    """Medians over segments, whose spectra come together first."""

    exchange: Exchange | None
    """Brings all segments of a frequency into one chunk; None where they are."""
    plan: Plan
    """Costs: of the exchange, and of the medians."""


@dataclass(frozen=True, slots=True)
class Block:
    """Segments that are worked on where one chunk is."""

    chunk: int
    """Number of the chunk."""
    first: int
    """The first segment."""
    stop: int
    """Behind the last one."""


def blocks_of(
    chunks: tuple[int, ...], *, nperseg: int, step: int, count: int, first: int = 0
) -> tuple[Block, ...]:
    """The segments that end in each chunk; chunks without any are left out.

    Segment s begins at ``first + s * step``; those that end beyond the axis belong to its last
    chunk.

    >>> [(b.first, b.stop) for b in blocks_of((5, 1, 6), nperseg=4, step=2, count=5)]
    [(0, 1), (1, 2), (2, 5)]
    """
    found: list[Block] = []
    done = 0
    bounds = edges(chunks)[1:]
    for i, end in enumerate(bounds):
        until = count if i == len(bounds) - 1 else (end - first - nperseg) // step + 1
        until = min(max(until, done), count)
        if until > done:
            found.append(Block(i, done, until))
            done = until
    return tuple(found)


def samples_of(
    chunks: tuple[int, ...], blocks: Sequence[Block], *, nperseg: int, step: int
) -> list[Range]:
    """The samples that segments of an axis read: all of a chunk where they stay inside of it.

    >>> blocks = blocks_of((7, 5), nperseg=4, step=2, count=5)
    >>> samples_of((7, 5), blocks, nperseg=4, step=2)
    [(0, 7), (4, 12)]
    """
    bounds = edges(chunks)
    found = []
    for block in blocks:
        begin, end = block.first * step, (block.stop - 1) * step + nperseg
        is_whole = begin == bounds[block.chunk]
        found.append((begin, bounds[block.chunk + 1] if is_whole else end))
    return found


def plan_sums(
    specs: Sequence[ArraySpec],
    how: Segments,
    *,
    quantity: Quantity,
    one_sided: bool,
    dtype: str,
    machine: Machine,
    operation: str,
) -> SumsPlan:
    """Plan an average over segments.

    Parameters
    ----------
    specs : sequence of ArraySpec
        The arrays, of as many axes and of the same length on that of the segments.
    how : Segments
        The segments.
    quantity : {"power", "cross", "coherence"}
        What is averaged.
    one_sided : bool
        Whether the result has the non-negative frequencies only.
    dtype : str
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """

    def planned(specs: Sequence[ArraySpec], machine: Machine) -> SumsPlan:
        return _plan_sums(specs, how, quantity, one_sided, dtype, machine, operation)

    found = planned(specs, machine)

    def again(spec: ArraySpec, machine: Machine) -> Plan:
        return planned([s.with_chunks(spec.chunks) for s in specs], machine).plan

    check(found.plan, specs[0], how.axis, again)
    return found


def _plan_sums(
    specs: Sequence[ArraySpec],
    how: Segments,
    quantity: Quantity,
    one_sided: bool,
    dtype: str,
    machine: Machine,
    operation: str,
) -> SumsPlan:
    axis = how.axis
    spec = max(specs, key=lambda s: s.shape[axis])
    count = how.count(spec.shape[axis])
    merged = _merges(specs, how)
    halos: tuple[Halo, ...] = ()
    blocks = spec.numblocks[axis]
    if not merged:
        found = blocks_of(spec.chunks[axis], nperseg=how.nperseg, step=how.step, count=count)
        ranges = samples_of(spec.chunks[axis], found, nperseg=how.nperseg, step=how.step)
        halos, blocks = tuple(plan_halo(s, {axis: ranges}) for s in specs), len(found)
    outer = _outer(specs)
    points = PLANES[quantity] * how.frequencies
    parts = with_points(spec, outer, axis, (points,) * blocks, "float64")
    total = with_points(spec, outer, axis, (points,), "float64")
    length = how.nfft if how.half and not one_sided else how.frequencies
    result = with_points(spec, outer, axis, (length,), dtype)
    lines = math.prod(n for a, n in enumerate(result.shape) if a != axis)
    work = count * lines * len(specs) * flops((how.nfft,), how.nfft, how.half)
    if merged:
        step = _stretch_step(specs, parts, how, machine, operation, work)
    else:
        step = halo_step(
            halos[0],
            parts,
            segment_sums,
            machine=machine,
            operation=operation,
            reason=f"{count} segments, each in the chunk in which it ends",
            flops=work,
            joins=len(specs) > 1,
            beside=halos[1:],
        )
    steps = [step]
    if parts.numblocks[axis] > 1:
        held = math.ceil(parts.nbytes / machine.workers)
        steps[0] = replace(step, peak_bytes=step.peak_bytes + held)
        steps.append(tree_step(parts, total, axis, machine, operation, held))
    reason = "once for all segments"
    steps.append(blockwise_step(finish, total, result, machine, f"{operation}-finish", reason))
    return SumsPlan(halos, parts, total, Plan(operation, spec, result, tuple(steps), machine))


def _merges(specs: Sequence[ArraySpec], how: Segments) -> bool:
    """Whether chunks give their ends beside their sums: ends are small, and merged on the host."""
    chunks = specs[0].chunks[how.axis]
    return (
        len(chunks) > 1
        and all(s.library == "numpy" and s.chunks[how.axis] == chunks for s in specs)
        and _LEAST_CHUNK * how.nperseg * len(chunks) <= sum(chunks)
    )


_LEAST_CHUNK = 8
"""Segments in a chunk of mean length from which on its ends, two segments, are small."""


def _stretch_step(
    specs: Sequence[ArraySpec],
    parts: ArraySpec,
    how: Segments,
    machine: Machine,
    operation: str,
    work: float,
) -> Step:
    taken = sum(s.chunk_bytes for s in specs)
    ends = sum(2 * s.nbytes // s.shape[how.axis] * (how.nperseg - 1) for s in specs)
    given = parts.chunk_bytes + math.ceil(ends / specs[0].blocks)
    workspace = stretch.workspace(taken, given)
    moved = ends * specs[0].numblocks[how.axis]
    return Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=parts.blocks,
        kernel=stretch.name,
        bytes_in=sum(s.nbytes for s in specs),
        bytes_out=parts.nbytes + moved,
        bytes_moved=moved,
        peak_bytes=machine.threads * (taken + given + workspace)
        + math.ceil(moved / machine.workers),
        flops=work,
        chunk_bytes=given,
        dtype=parts.dtype,
        reason="segments between two chunks are found from the ends that both give out",
    )


def _outer(specs: Sequence[ArraySpec]) -> Chunks:
    """Chunks of each axis after arrays of length one were repeated."""
    pairs = zip(*(s.chunks for s in specs), strict=True)
    return tuple(next((c for c in chunks if c != (1,)), chunks[0]) for chunks in pairs)


def with_points(
    spec: ArraySpec, outer: Chunks, axis: int, lengths: tuple[int, ...], dtype: str
) -> ArraySpec:
    """Chunks along an axis, those of ``outer`` elsewhere."""
    chunks = tuple(lengths if a == axis else c for a, c in enumerate(outer))
    return ArraySpec(chunks, dtype, np.dtype(dtype).itemsize, spec.library)


def tree_step(
    parts: ArraySpec, total: ArraySpec, axis: int, machine: Machine, operation: str, held: int
) -> Step:
    """What adding the parts of an axis in a tree costs."""
    return Step(
        name=f"spanwise-{operation}-sum",
        pattern="reduce",
        tasks=sum(map(len, tree(parts.numblocks[axis]))) * total.blocks,
        bytes_in=parts.nbytes,
        bytes_out=total.nbytes,
        bytes_moved=parts.nbytes,
        peak_bytes=held + machine.threads * 2 * total.chunk_bytes,
        chunk_bytes=total.chunk_bytes,
        dtype=total.dtype,
        reason=f"sums of the chunks are added, {SPLIT_EVERY} at a time",
    )


def blockwise_step(
    kernel: Kernel, spec: ArraySpec, result: ArraySpec, machine: Machine, name: str, reason: str
) -> Step:
    """What a kernel on each chunk by itself costs."""
    workspace = kernel.workspace(spec.chunk_bytes, result.chunk_bytes)
    return Step(
        name=f"spanwise-{name}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=kernel.name,
        bytes_in=spec.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=machine.threads * (spec.chunk_bytes + result.chunk_bytes + workspace),
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=reason,
    )


def plan_spectra(
    spec: ArraySpec,
    how: Segments,
    *,
    count: int,
    edge: Edge | None,
    points: int,
    dtype: str,
    machine: Machine,
    operation: str,
) -> SpectraPlan:
    """Plan the spectra of segments, of which the first begins ``edge.width`` before the axis.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    how : Segments
        The segments.
    count : int
        How many.
    edge : Edge, optional
        How the axis goes on beyond its ends.
    points : int
        Frequencies of the result.
    dtype : str
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """

    def planned(spec: ArraySpec, machine: Machine) -> SpectraPlan:
        return _plan_spectra(spec, how, count, edge, points, dtype, machine, operation)

    found = planned(spec, machine)
    check(found.plan, spec, how.axis, lambda spec, machine: planned(spec, machine).plan)
    return found


def _plan_spectra(
    spec: ArraySpec,
    how: Segments,
    count: int,
    edge: Edge | None,
    points: int,
    dtype: str,
    machine: Machine,
    operation: str,
) -> SpectraPlan:
    axis, chunks = how.axis, spec.chunks[how.axis]
    first = 0 if edge is None else -edge.width
    blocks = blocks_of(chunks, nperseg=how.nperseg, step=how.step, count=count, first=first)
    numbers: Numbers = ()
    if edge is None:
        ranges = samples_of(chunks, blocks, nperseg=how.nperseg, step=how.step)
    else:
        wanted = [
            (first + b.first * how.step, first + (b.stop - 1) * how.step + how.nperseg)
            for b in blocks
        ]
        ranges = [edge.reads(*w) for w in wanted]
        begins = tuple(a for a, _ in ranges)
        numbers = tuple((axis, n) for n in (begins, *zip(*wanted, strict=True)))
    halo = plan_halo(spec, {axis: ranges})
    counts = tuple(b.stop - b.first for b in blocks)
    outer = tuple((points,) if a == axis else c for a, c in enumerate(spec.chunks))
    result = ArraySpec((*outer, counts), dtype, np.dtype(dtype).itemsize, spec.library)
    lines = math.prod(n for a, n in enumerate(spec.shape) if a != axis)
    step = halo_step(
        halo,
        result,
        segment_spectra,
        machine=machine,
        operation=operation,
        reason=f"{count} segments, each in the chunk in which it ends",
        flops=count * lines * flops((how.nfft,), how.nfft, how.half),
        joins=False,
    )
    order = (*(-1 if a == axis else a for a in range(spec.ndim)), axis)
    return SpectraPlan(
        halo, numbers, order, result, Plan(operation, spec, result, (step,), machine)
    )


def plan_median(
    spec: ArraySpec, *, axis: int, dtype: str, machine: Machine, operation: str
) -> MedianPlan:
    """Plan medians over the last axis, which is made whole by cutting the frequencies on ``axis``.

    Parameters
    ----------
    spec : ArraySpec
        Spectra of segments.
    axis : int
        Axis of the frequencies.
    dtype : str
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """

    def planned(spec: ArraySpec, machine: Machine) -> MedianPlan:
        return _plan_median(spec, axis, dtype, machine, operation)

    found = planned(spec, machine)
    check(found.plan, spec, spec.ndim - 1, lambda spec, machine: planned(spec, machine).plan)
    return found


def _plan_median(
    spec: ArraySpec, axis: int, dtype: str, machine: Machine, operation: str
) -> MedianPlan:
    how, steps, held, whole = None, [], 0, spec
    if not spec.is_whole(spec.ndim - 1):
        chunks = (*spec.chunks[:-1], (spec.shape[-1],))
        parts = math.ceil(spec.with_chunks(chunks).chunk_bytes / max(spec.chunk_bytes, 1))
        others = [axis, *(a for a in range(spec.ndim - 1) if a != axis)]
        target, _ = refine(chunks, others, max(parts, machine.slots))
        whole = spec.with_chunks(target)
        how = plan_exchange(spec, target, machine, task_bytes=3 * whole.chunk_bytes)
        held = how.held_bytes(machine)
        steps = [
            Step(
                name=f"spanwise-{operation}-exchange",
                pattern=f"exchange ({how.form})",
                tasks=how.tasks,
                bytes_in=spec.nbytes,
                bytes_out=whole.nbytes,
                bytes_moved=how.bytes_moved,
                bytes_staged=whole.nbytes if how.form == "staged" else 0,
                peak_bytes=held + machine.threads * 2 * max(spec.chunk_bytes, whole.chunk_bytes),
                chunk_bytes=whole.chunk_bytes,
                dtype=spec.dtype,
                reason=f"medians need all segments of a frequency; {how.reason}",
            )
        ]
    result = ArraySpec(whole.chunks[:-1], dtype, np.dtype(dtype).itemsize, spec.library)
    reason = "all segments of a frequency are in one chunk"
    step = blockwise_step(median, whole, result, machine, f"{operation}-median", reason)
    steps.append(replace(step, peak_bytes=step.peak_bytes + held))
    return MedianPlan(how, Plan(operation, spec, result, tuple(steps), machine))


def check(plan: Plan, spec: ArraySpec, axis: int, again: Any) -> None:
    """Refuse a plan that exceeds a budget that was asked for."""
    machine = plan.machine
    if machine.explicit and plan.peak_bytes > machine.memory:
        plan.check(remedies=remedies(spec, (axis,), machine, again))
