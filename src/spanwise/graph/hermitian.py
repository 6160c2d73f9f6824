"""The complex transform of real input at half its volume: X[-k] = conj(X[k]).

One axis, whole at first, is computed for k = 0 ... n/2 only, and cut by the exchange that makes the
others whole. Its chunks come in pairs of mirror images, of which one is computed and moved.
"""

from __future__ import annotations

import math

from ..machine import Machine
from .exchange import refine, symmetric
from .grid import edges
from .request import Request, State
from .stages import Fill, Reflection
from .whole import go_to, is_parallel, made_whole, parts_needed

_LINES = 16
"""Lines that a chunk of the half axis should have, if memory allows it."""


class HalfDoesNotFitError(Exception):
    """The half axis cannot be cut as finely as is needed."""


def exchange_half(
    state: State, cut: list[int], request: Request, machine: Machine, limit: int
) -> None:
    """Make all cut axes whole and cut the half axis instead.

    Each chunk takes one line more than its own: it is the last of its mirror image, whose lines
    run from the second on.
    """
    axis = state.half
    assert axis is not None
    spec = state.spec
    whole, _ = made_whole(spec, cut, request)
    padding = math.prod(request.points[a] / max(sum(whole.chunks[a]), 1) for a in cut)
    # gathered, transformed in place (padding makes a copy), and the mirror image
    scale = 1 + padding + (padding if padding > 1 else 0)
    parts = parts_needed(spec, whole, scale, machine, limit)
    # The line more is a small part of the chunk, if memory and the number of tasks allow it.
    half = -(-request.points[axis] // 2)
    line = whole.chunk_bytes * scale / max(spec.shape[axis], 1)
    lines = max(1, min(_LINES, int(limit / max(line, 1)) - 1))
    own = symmetric(request.points[axis], min(parts, max(machine.slots, -(-half // lines))))
    free = [a for a in range(spec.ndim) if a not in request.axes]
    chunks, _ = refine(whole.chunks, free, math.ceil(parts / len(own)))
    starts = edges(own)
    points = spec.shape[axis]
    ends = [min(b + 1, points) for b in starts[1:]]
    taken = tuple(zip(starts, ends, strict=False))
    target = (*chunks[:axis], tuple(b - a for a, b in taken), *chunks[axis + 1 :])
    result = spec.with_chunks(target)
    task_bytes = math.ceil(result.chunk_bytes * scale)
    if task_bytes > limit or not is_parallel(result, machine):
        raise HalfDoesNotFitError
    go_to(state, target, machine, task_bytes, {axis: taken})


def fill_half(state: State, request: Request) -> None:
    """The other half of the half axis, from chunks with one line more than their own."""
    axis = state.half
    assert axis is not None
    n = request.points[axis]
    held = state.spec.chunks[axis]
    last = len(held) - 1
    # All chunks but the last (of even n: that one too) end with a line of their neighbour.
    own = [h - 1 if i < last or n % 2 == 0 else h for i, h in enumerate(held)]
    lower = [Reflection(i, 0, length, False) for i, length in enumerate(own)]
    upper = [Reflection(i, 1, h, True) for i, h in reversed(list(enumerate(held))) if h > 1]
    chunks = list(state.spec.chunks)
    chunks[axis] = tuple(r.stop - r.start for r in (*lower, *upper))
    others = tuple(a for a in request.axes if a != axis)
    result = state.spec.with_chunks(tuple(chunks))
    state.put(Fill(state.spec, result, axis, others, (*lower, *upper)))
