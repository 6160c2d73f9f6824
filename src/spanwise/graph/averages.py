"""Plans averages over the segments of an axis, whole or cut.

Chunks that are much longer than segments give out sums and their ends, and are done with in the
task that has read them. Others reach back into those before them (:mod:`spanwise.graph.segments`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..kernels.averages import finish, median
from ..kernels.fft import flops
from ..kernels.segments import PLANES, Quantity, Segments, segment_sums
from ..kernels.stretches import stretch
from ..machine import Machine
from .blockwise import blockwise_step
from .exchange import Exchange, exchange_step, plan_exchange, refine
from .grid import ArraySpec, Chunks
from .halo import Halo, halo_step, plan_halo
from .plan import Plan, Step
from .reduce import tree_step
from .segments import blocks_of, check, samples_of


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
class MedianPlan:
    """Medians over segments, whose spectra come together first."""

    exchange: Exchange | None
    """Brings all segments of a frequency into one chunk; None where they are."""
    plan: Plan
    """Costs: of the exchange, and of the medians."""


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
        return planned([_cut_alike(s, spec.chunks) for s in specs], machine).plan

    check(found.plan, specs[0], how.axis, again)
    return found


def _cut_alike(spec: ArraySpec, chunks: Chunks) -> ArraySpec:
    """An array in the chunks of another, but for axes of another length."""
    pairs = zip(spec.chunks, chunks, strict=True)
    return spec.with_chunks(tuple(new if sum(new) == sum(own) else own for own, new in pairs))


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
    halos = _reaching_back(specs, spec.chunks[axis], how)
    blocks = halos[0].joined.numblocks[axis] if halos else spec.numblocks[axis]
    outer = _outer(specs)
    points = PLANES[quantity] * how.frequencies
    parts = with_points(spec, outer, axis, (points,) * blocks, "float64")
    total = with_points(spec, outer, axis, (points,), "float64")
    length = how.nfft if how.half and not one_sided else how.frequencies
    result = with_points(spec, outer, axis, (length,), dtype)
    lines = math.prod(n for a, n in enumerate(result.shape) if a != axis)
    work = count * lines * len(specs) * flops((how.nfft,), how.nfft, how.half)
    if not halos:
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
        steps.append(tree_step(parts, total, axis, machine, operation))
    reason = "once for all segments"
    steps.append(blockwise_step(finish, total, result, machine, f"{operation}-finish", reason))
    return SumsPlan(halos, parts, total, Plan(operation, spec, result, tuple(steps), machine))


def _reaching_back(
    specs: Sequence[ArraySpec], chunks: tuple[int, ...], how: Segments
) -> tuple[Halo, ...]:
    """Blocks of each array, by the chunks of the longest; none where stretches are merged."""
    if _merges(specs, how):
        return ()
    count = how.count(sum(chunks))
    found = blocks_of(chunks, nperseg=how.nperseg, step=how.step, count=count)
    ranges = samples_of(chunks, found, nperseg=how.nperseg, step=how.step)
    return tuple(plan_halo(s, {how.axis: ranges}) for s in specs)


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
        steps = [exchange_step(how, machine, operation, "medians need all segments of a frequency")]
    result = ArraySpec(whole.chunks[:-1], dtype, np.dtype(dtype).itemsize, spec.library)
    reason = "all segments of a frequency are in one chunk"
    step = blockwise_step(median, whole, result, machine, f"{operation}-median", reason)
    steps.append(replace(step, peak_bytes=step.peak_bytes + held))
    return MedianPlan(how, Plan(operation, spec, result, tuple(steps), machine))
