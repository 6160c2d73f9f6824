"""Plans rolls of chunked arrays: `fftshift` and its inverse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..kernels.blocks import roll as roll_kernel
from ..machine import Machine
from .exchange import Exchange, rolled
from .grid import ArraySpec, overlaps
from .plan import Plan, Step


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
        layout = ("rolled", tuple(sorted(shifts.items())))
        how = Exchange(spec, spec.chunks, rows, form, "a roll by half the axis", layout)
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
        reason="the axes are whole in their chunks" if local else "slices of neighbouring chunks",
    )
    plan = Plan(operation, spec, spec, (step,), machine)
    return ShiftPlan(tuple(sorted(shifts.items())), how, plan)
