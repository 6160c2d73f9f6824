"""Plans sums over a cut axis to which each chunk adds its share: nothing changes place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..kernels.harmonics import harmonic_sums, scaled
from ..machine import Machine
from .averages import with_points
from .blockwise import blockwise_step
from .grid import ArraySpec
from .plan import Plan, Step
from .reduce import tree_step
from .segments import check


@dataclass(frozen=True, slots=True)
class HarmonicsPlan:
    """Shares of chunks, and their sum."""

    parts: ArraySpec
    """The shares."""
    plan: Plan
    """Costs: of the chunks, of the tree where there is more than one, of the scale."""


def plan_harmonics(
    spec: ArraySpec, *, axis: int, points: int, dtype: str, machine: Machine, operation: str
) -> HarmonicsPlan:
    """Plan the amplitudes of ``points`` waves along an axis.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    axis : int
        Axis of the samples.
    points : int
        Number of waves.
    dtype : str
        Element type of the result.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages and task keys.
    """

    def planned(spec: ArraySpec, machine: Machine) -> HarmonicsPlan:
        return _plan(spec, axis, points, dtype, machine, operation)

    found = planned(spec, machine)
    check(found.plan, spec, axis, lambda spec, machine: planned(spec, machine).plan)
    return found


def _plan(
    spec: ArraySpec, axis: int, points: int, dtype: str, machine: Machine, operation: str
) -> HarmonicsPlan:
    count = spec.numblocks[axis]
    parts = with_points(spec, spec.chunks, axis, (points,) * count, "complex128")
    total = with_points(spec, spec.chunks, axis, (points,), "complex128")
    result = with_points(spec, spec.chunks, axis, (points,), dtype)
    held = math.ceil(parts.nbytes / machine.workers)
    workspace = harmonic_sums.workspace(spec.chunk_bytes, parts.chunk_bytes)
    step = Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=harmonic_sums.name,
        bytes_in=spec.nbytes,
        bytes_out=parts.nbytes,
        peak_bytes=held + machine.threads * (spec.chunk_bytes + parts.chunk_bytes + workspace),
        flops=4.0 * points * math.prod(spec.shape),
        chunk_bytes=parts.chunk_bytes,
        dtype=parts.dtype,
        reason="each chunk adds its share of every wave",
    )
    steps = [step]
    if count > 1:
        steps.append(tree_step(parts, total, axis, machine, operation))
    reason = "once for all chunks"
    steps.append(blockwise_step(scaled, total, result, machine, f"{operation}-scale", reason))
    return HarmonicsPlan(parts, Plan(operation, spec, result, tuple(steps), machine))
