"""Plans the way back from spectra of overlapping segments to samples.

A block gives the samples that begin with its own segments; those of the chunks before it that reach
into them are its halo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..kernels.fft import flops
from ..kernels.overlap import Overlap, overlap_add
from ..machine import Machine
from .grid import ArraySpec, edges
from .halo import Halo, Range, halo_step, plan_halo
from .plan import Plan
from .remedy import remedies


@dataclass(frozen=True, slots=True)
class OverlapPlan:
    """Segments of each block, and the samples that it gives."""

    halo: Halo
    """Blocks of segments."""
    numbers: tuple[tuple[int, tuple[int, ...]], ...]
    """The first segment of each block, and its samples."""
    order: tuple[int, ...]
    """Axes whose blocks those of the result are."""
    result: ArraySpec
    """The samples."""
    plan: Plan
    """Costs."""


def samples_of_chunks(
    chunks: tuple[int, ...], how: Overlap, *, begin: int, end: int
) -> tuple[Range, ...]:
    """The samples that each chunk of segments gives, of those between ``begin`` and ``end``.

    Chunks that give none are left out.
    """
    found = []
    bounds = edges(chunks)
    for i, (a, b) in enumerate(pairwise(bounds)):
        until = end if i == len(chunks) - 1 else min(b * how.step, end)
        start = max(a * how.step, begin)
        if found:
            start = found[-1][1]
        if until > start:
            found.append((start, until))
    return tuple(found)


def plan_overlap(
    spec: ArraySpec, how: Overlap, *, trim: int, dtype: str, machine: Machine, operation: str
) -> OverlapPlan:
    """Plan the samples of segments, less ``trim`` at either end.

    Parameters
    ----------
    spec : ArraySpec
        The spectra, whose frequencies are in one chunk.
    how : Overlap
        The segments.
    trim : int
        Samples that are left out at both ends.
    dtype : str
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """

    def planned(spec: ArraySpec, machine: Machine) -> OverlapPlan:
        return _plan(spec, how, trim, dtype, machine, operation)

    found = planned(spec, machine)
    if machine.explicit and found.plan.peak_bytes > machine.memory:
        axes = (how.frequencies, how.segments)
        help_ = remedies(spec, axes, machine, lambda spec, machine: planned(spec, machine).plan)
        found.plan.check(remedies=help_)
    return found


def _plan(
    spec: ArraySpec, how: Overlap, trim: int, dtype: str, machine: Machine, operation: str
) -> OverlapPlan:
    axis = how.segments
    samples = samples_of_chunks(spec.chunks[axis], how, begin=trim, end=how.length - trim)
    ranges = tuple(how.covering(*s) for s in samples)
    halo = plan_halo(spec, {axis: ranges})
    lengths = tuple(b - a for a, b in samples)
    order = tuple(a for a in range(spec.ndim) if a != how.frequencies)
    chunks = tuple(lengths if a == axis else spec.chunks[a] for a in order)
    result = ArraySpec(chunks, dtype, np.dtype(dtype).itemsize, spec.library)
    lines = math.prod(n for a, n in enumerate(spec.shape) if a not in (axis, how.frequencies))
    step = halo_step(
        halo,
        result,
        overlap_add,
        machine=machine,
        operation=operation,
        reason="segments of earlier chunks reach into a chunk's samples",
        flops=how.count * lines * flops((how.nfft,), how.nfft, how.half),
    )
    columns = (tuple(a for a, _ in ranges), *zip(*samples, strict=True))
    numbers = tuple((axis, values) for values in columns)
    return OverlapPlan(
        halo, numbers, order, result, Plan(operation, spec, result, (step,), machine)
    )
