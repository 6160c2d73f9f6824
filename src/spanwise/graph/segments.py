"""Plans spectra of segments of an axis, whole or cut.

A segment is worked on where the chunk is in which it ends: by then a scheduler that goes through
chunks in order has everything that the segment reaches back to, so that no chunk waits for the
next one. A block reads its own chunk and of those before it what its segments reach back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.fft import flops
from ..kernels.segment_spectra import Edge, segment_spectra
from ..kernels.segments import Segments
from ..machine import Machine
from .grid import ArraySpec, edges
from .halo import Halo, Range, halo_step, plan_halo
from .plan import Plan
from .remedy import remedies

Numbers = tuple[tuple[int, tuple[int, ...]], ...]


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


def check(plan: Plan, spec: ArraySpec, axis: int, again: Any) -> None:
    """Refuse a plan that exceeds a budget that was asked for."""
    machine = plan.machine
    if machine.explicit and plan.peak_bytes > machine.memory:
        plan.check(remedies=remedies(spec, (axis,), machine, again))
