"""Plans padding: the chunks at the ends of an array grow, the others stay."""

from __future__ import annotations

from ..kernels.padding import pad
from ..machine import Machine
from .grid import ArraySpec
from .plan import Plan, Step

Numbers = tuple[tuple[int, tuple[int, ...]], ...]
"""Axes, and for each of their chunks a number that goes with it."""


def plan_pad(
    spec: ArraySpec, *, widths: dict[int, tuple[int, int]], machine: Machine
) -> tuple[Plan, Numbers]:
    """Plan one task per chunk; also how much is added before and behind each chunk.

    >>> spec = ArraySpec(((4, 4),), "float32", 4)
    >>> plan_pad(spec, widths={0: (1, 2)}, machine=Machine(2, 10**9))[1]
    ((0, (1, 0)), (0, (0, 2)))
    """
    chunks = list(spec.chunks)
    numbers: list[tuple[int, tuple[int, ...]]] = []
    for axis, (before, after) in widths.items():
        old = spec.chunks[axis]
        # An empty chunk at an end has no last sample to go on from.
        filled = [i for i, n in enumerate(old) if n] or [0]
        first = tuple(before if i == filled[0] else 0 for i in range(len(old)))
        last = tuple(after if i == filled[-1] else 0 for i in range(len(old)))
        chunks[axis] = tuple(a + n + b for a, n, b in zip(first, old, last, strict=True))
        numbers += [(axis, first), (axis, last)]
    result = spec.with_chunks(tuple(chunks))
    step = Step(
        name="spanwise-pad",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=pad.name,
        bytes_in=spec.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=machine.threads * (spec.chunk_bytes + result.chunk_bytes),
        chunk_bytes=result.chunk_bytes,
        dtype=spec.dtype,
        reason="what is added belongs to the chunks at the ends",
    )
    return Plan("pad", spec, result, (step,), machine), tuple(numbers)
