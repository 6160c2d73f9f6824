"""Plans convolutions of a chunked array with a shorter one.

Result i of the full convolution of x with k taps needs the samples i - k + 1 ... i of x. A block of
results is therefore one task that reads its own chunk and what the taps reach of the next ones, and
what is outside of the axis is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..kernels.convolve import convolve as convolve_kernel
from ..kernels.convolve import scratch_bytes, tiling
from ..machine import Machine
from .grid import ArraySpec, Chunks, edges
from .halo import Halo, Range, halo_step, plan_halo
from .plan import Plan

_MOST_READ = 4
"""Blocks that read more than so many times the data are dearer than transforms of the whole."""


@dataclass(frozen=True, slots=True)
class ConvolvePlan:
    """What to do, and what it costs."""

    halo: Halo
    """The blocks of the data."""
    taps: Halo | None
    """The blocks of the taps, where they are chunked too."""
    starts: tuple[int, ...]
    """Where the result of a block begins in the full convolution of the block, on each axis."""
    lengths: tuple[int | None, ...]
    """How long it is; None where the block alone determines it."""
    plan: Plan
    """One step: slices and convolutions."""

    @property
    def pays(self) -> bool:
        """Whether the blocks read so little more than the data that nothing else is cheaper."""
        spec = self.halo.source
        reads_much = self.halo.joined.nbytes > _MOST_READ * max(spec.nbytes, 1)
        return not reads_much or self.halo.joined.blocks == 1


def plan_convolve(
    spec: ArraySpec,
    taps: ArraySpec,
    *,
    axes: tuple[int, ...],
    starts: tuple[int, ...],
    lengths: tuple[int, ...],
    dtype: str,
    machine: Machine,
    operation: str,
    lazy_taps: bool,
) -> ConvolvePlan:
    """Plan one call.

    Parameters
    ----------
    spec : ArraySpec
        The data.
    taps : ArraySpec
        What it is convolved with; on axes other than ``axes`` of the same length, or 1.
    axes : tuple of int
        Axes of the convolution.
    starts, lengths : tuple of int
        Where the result begins in the full convolution, and how long it is, on each of ``axes``.
    dtype : str
        Element type of the result.
    machine : Machine
        Number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    lazy_taps : bool
        Whether the taps are chunked; else every task knows them.
    """
    counts = tuple(taps.shape[axis] for axis in axes)
    chunks, ranges = list(spec.chunks), {}
    begins, given = list(starts), list[int | None](lengths)
    for i, (axis, k) in enumerate(zip(axes, counts, strict=True)):
        start, length = starts[i], lengths[i]
        if spec.is_whole(axis):  # the kernel knows that the block is 0 outside
            chunks[axis] = (length,)
            continue
        begins[i], given[i] = k - 1, None
        bounds = result_bounds(spec.chunks[axis], k, start, length)
        chunks[axis] = tuple(b - a for a, b in pairwise(bounds))
        ranges[axis] = [(start + a - k + 1, start + b) for a, b in pairwise(bounds)]
    halo = plan_halo(spec, ranges)
    itemsize = np.dtype(dtype).itemsize
    result = ArraySpec(tuple(chunks), dtype, itemsize, spec.library)
    longest = [max(c, default=0) for c in halo.joined.chunks]
    most = [max(result.chunks[axis], default=0) for axis in axes]
    points = math.prod(longest)
    how = tiling(longest, most, counts, axes) if axes and points else None
    operations = 0.0
    if how is not None:
        levels = 5.0 * math.log2(max(2, math.prod(how.points)))
        operations = levels * math.prod(halo.joined.shape)
    step = halo_step(
        halo,
        result,
        convolve_kernel,
        machine=machine,
        operation=operation,
        reason=f"each chunk reads {_reach(counts, axes)}",
        flops=operations,
        workspace=0 if how is None else scratch_bytes(how, itemsize),
    )
    plan = Plan(operation, spec, result, (step,), machine)
    taps_halo = _taps_halo(taps, halo, axes) if lazy_taps else None
    return ConvolvePlan(halo, taps_halo, tuple(begins), tuple(given), plan)


def result_bounds(chunks: tuple[int, ...], taps: int, start: int, length: int) -> tuple[int, ...]:
    """Edges of the chunks of a result, each over the middle of what it is made of.

    The first and the last chunk take what exceeds those of the data, or lose what it lacks.

    >>> result_bounds((4, 4), 3, start=1, length=8), result_bounds((4, 4), 3, start=0, length=10)
    ((0, 4, 8), (0, 5, 10))
    >>> result_bounds((4, 1, 4), 5, start=4, length=5)
    (0, 2, 3, 5)
    """
    shift = (taps - 1) // 2 - start
    inner = {min(max(edge + shift, 0), length) for edge in edges(chunks)[1:-1]}
    return tuple(sorted({0, length} | inner))


def _taps_halo(taps: ArraySpec, halo: Halo, axes: tuple[int, ...]) -> Halo:
    """All of the taps for each block, but on axes that are multiplied: the block's own."""
    ranges: dict[int, Sequence[Range]] = {}
    for axis, blocks in enumerate(halo.joined.chunks):
        if axis in axes or taps.shape[axis] == 1:
            ranges[axis] = [(0, taps.shape[axis])] * len(blocks)
        else:
            ranges[axis] = list(pairwise(edges(blocks)))
    return plan_halo(taps, ranges)


def _reach(counts: Sequence[int], axes: Sequence[int]) -> str:
    """What a chunk reads of others, in words."""
    reach = [f"{k - 1} elements further on axis {a}" for k, a in zip(counts, axes, strict=True)]
    return " and ".join(reach) or "itself alone"


def whole_chunks(shape: Sequence[int]) -> Chunks:
    """One chunk."""
    return tuple((n,) for n in shape)
