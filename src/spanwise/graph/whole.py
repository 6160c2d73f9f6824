"""Making cut axes whole: how finely others have to be cut instead, and the way there."""

from __future__ import annotations

import math

from ..machine import Machine
from .exchange import refine
from .grid import ArraySpec, Chunks
from .request import Request, State
from .routes import Ranges, plan_route
from .stages import Stage, held_before

ONE_TASK_BYTES = 2**25
"""Arrays up to this size may be gathered into fewer tasks than could run at a time."""


def go_to(
    state: State, target: Chunks, machine: Machine, task_bytes: int, ranges: Ranges | None = None
) -> None:
    """Append the exchanges that lead to other chunks."""
    beside = held_before(state.stages, machine)
    route = plan_route(
        state.spec, target, machine, task_bytes=task_bytes, ranges=ranges, beside=beside
    )
    for how in route:
        state.put(Stage(state.spec, how.result, how, None))


def is_parallel(result: ArraySpec, machine: Machine) -> bool:
    """Whether as many tasks as can run at a time have something to do."""
    return result.blocks >= machine.slots or result.nbytes <= ONE_TASK_BYTES


def made_whole(spec: ArraySpec, axes: list[int], request: Request) -> tuple[ArraySpec, float]:
    """The array with axes whole, and the bytes of a task on a chunk of it, in chunks."""
    chunks = list(spec.chunks)
    growth = 1.0
    for axis in axes:
        # Only the points that the transform keeps need to travel.
        kept = min(request.points[axis], spec.shape[axis])
        chunks[axis] = (kept,)
        growth *= request.points[axis] / max(kept, 1)
    widening = request.transform.result_dtype(spec.dtype).itemsize / spec.itemsize
    # in + out + workspace, where padding and the change to complex enlarge the output
    return spec.with_chunks(tuple(chunks)), 1 + 2 * growth * max(widening, 1)


def parts_needed(
    spec: ArraySpec, whole: ArraySpec, scale: float, machine: Machine, limit: int
) -> int:
    """Into how many parts chunks with whole axes have to be cut."""
    blocks = max(whole.blocks, 1)
    return max(
        1,
        math.ceil(spec.blocks / blocks),
        math.ceil(whole.chunk_bytes * scale / limit),
        math.ceil(machine.slots / blocks),
    )


def target_chunks(
    state: State, axes: list[int], request: Request, machine: Machine, limit: int
) -> tuple[Chunks, int]:
    """Chunks in which ``axes`` are whole, and the bytes that a task on one of them needs."""
    spec = state.spec
    whole, scale = made_whole(spec, axes, request)
    parts = parts_needed(spec, whole, scale, machine, limit)
    others = [a for a in range(spec.ndim) if a not in axes]
    # Finished and free axes are cut first, then pending ones; the slowest-varying axis gives the
    # longest contiguous slices.
    order = [a for a in others if a not in state.pending]
    if whole.nbytes * scale > min(limit, ONE_TASK_BYTES):
        order += [a for a in others if a in state.pending]
    target, _ = refine(whole.chunks, order, parts)
    return target, math.ceil(whole.with_chunks(target).chunk_bytes * scale)
