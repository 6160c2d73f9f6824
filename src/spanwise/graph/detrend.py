"""Plans taking a trend away along axes that are cut: two reads, and sums between them.

No sample changes chunk. The first read finds what each chunk adds to the few sums that the trend
follows from, which are added in a tree; the second takes the trend away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..kernels.detrend import remove_trend, trend_sums
from ..kernels.spectrum import inexact_dtype
from ..machine import Machine
from .grid import ArraySpec
from .plan import Plan, Step
from .reduce import tree_step


@dataclass(frozen=True, slots=True)
class DetrendPlan:
    """What to do, and what it costs: the first read, a tree for each cut axis, the second read."""

    axes: tuple[int, ...]
    """Axes of the trend."""
    shares: ArraySpec
    """The sums of the chunks."""
    cut: tuple[int, ...]
    """Axes of the trend that are cut, along which sums are added in this order."""
    plan: Plan
    """Costs."""


def plan_detrend(
    spec: ArraySpec,
    *,
    axes: tuple[int, ...],
    type: str,
    breaks: tuple[int, ...] = (),
    machine: Machine,
    operation: str,
) -> DetrendPlan:
    """Plan one call.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    axes : tuple of int
        Axes of the trend, one of which is cut at least.
    type : {"constant", "linear"}
        The trend.
    breaks : tuple of int
        Of one axis, the samples at which trends of their own begin.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for task keys.
    """
    dtype = inexact_dtype(np.dtype(spec.dtype), as_complex=False)
    result = ArraySpec(spec.chunks, str(dtype), dtype.itemsize, spec.library)
    count = (len(breaks) + 1) * (1 + len(axes) * (type == "linear"))
    shares = _shares(spec, dtype, axes, count)
    cut = tuple(axis for axis in axes if not spec.is_whole(axis))
    trees, below = [], shares
    for axis in cut:
        chunks = tuple((c[0],) if a == axis else c for a, c in enumerate(below.chunks))
        above = below.with_chunks(chunks)
        trees.append(tree_step(below, above, axis, machine, operation))
        below = above
    held = math.ceil((shares.nbytes + below.nbytes) / machine.workers)
    first = Step(
        name=f"spanwise-{operation}-moments",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=trend_sums.name,
        bytes_in=spec.nbytes,
        bytes_out=shares.nbytes,
        peak_bytes=held + machine.threads * 3 * spec.chunk_bytes,
        chunk_bytes=shares.chunk_bytes,
        dtype=shares.dtype,
        reason="first read of two: a trend along cut axes follows from sums of the chunks",
    )
    last = Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=remove_trend.name,
        bytes_in=spec.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=held
        + machine.threads
        * (result.chunk_bytes + remove_trend.workspace(spec.chunk_bytes, result.chunk_bytes)),
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason="second read, so that no chunk waits for the sums",
        passes=1,
    )
    plan = Plan(operation, spec, result, (first, *trees, last), machine)
    return DetrendPlan(axes, shares, cut, plan)


def _shares(spec: ArraySpec, dtype: np.dtype, axes: tuple[int, ...], count: int) -> ArraySpec:
    """The sums of each chunk, which lie along the first of the axes."""
    chunks = list(spec.chunks)
    for axis in axes:
        chunks[axis] = (count if axis == axes[0] else 1,) * len(spec.chunks[axis])
    wide = np.result_type(dtype, np.float64)
    return ArraySpec(tuple(chunks), str(wide), wide.itemsize, spec.library)
