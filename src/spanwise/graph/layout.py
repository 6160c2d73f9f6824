"""An axis of n = P m points seen as a matrix: how many rows, and which columns go together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..kernels.transforms import TRANSFORMS
from ..machine import Machine, format_bytes
from .exchange import regular
from .grid import ArraySpec, Overlap

TASK_SCALE = 3
"""A task holds its block, the transform of it and what the kernel works in."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How an axis is seen as a matrix."""

    axis: int
    """The axis."""
    n: int
    """Points of the transform."""
    blocks: int
    """P, the rows of the matrix; one chunk each in decimated order."""
    slabs: tuple[int, ...]
    """Numbers of columns that are transformed together."""

    @property
    def row(self) -> int:
        """m, the points of a row."""
        return self.n // self.blocks

    @property
    def half(self) -> int:
        """Points of half a spectrum."""
        return self.n // 2 + 1

    def direct(self, row: int) -> int:
        """How many points of a row lie in the non-negative half of the spectrum."""
        return -(-(self.half - row) // self.blocks)


def _batch(spec: ArraySpec, axis: int) -> int:
    """Points of a chunk on the other axes."""
    return math.prod(max(c, default=0) for a, c in enumerate(spec.chunks) if a != axis)


def _point_bytes(spec: ArraySpec, axis: int) -> int:
    """Bytes of one point of the axis in a task, on all other axes of a chunk."""
    complex_size = TRANSFORMS["fft"].result_dtype(spec.dtype).itemsize
    return max(1, _batch(spec, axis)) * complex_size * TASK_SCALE


def _wanted(spec: ArraySpec, axis: int, n: int, machine: Machine, limit: int) -> int:
    """How many chunks the axis should have."""
    needed = math.ceil(n * _point_bytes(spec, axis) / limit)
    return max(spec.numblocks[axis], needed, machine.slots, 2)


def slab_widths(
    spec: ArraySpec, axis: int, n: int, blocks: int, machine: Machine, limit: int
) -> tuple[int, ...]:
    """Numbers of columns that are transformed together."""
    columns = n // blocks
    wanted = min(_wanted(spec, axis, n, machine, limit), columns)
    most = max(1, limit // (blocks * _point_bytes(spec, axis)))
    return regular(columns, min(-(-columns // wanted), most))


def _bounds(spec: ArraySpec, axis: int, n: int, machine: Machine, limit: int) -> tuple[int, int]:
    """Fewest and most rows that fit: more make shorter rows and longer columns."""
    point = _point_bytes(spec, axis)
    wanted = _wanted(spec, axis, n, machine, limit)
    return max(2, math.ceil(n * point / limit)), min(16 * wanted, limit // point, n // 2)


def choose_layout(spec: ArraySpec, axis: int, n: int, machine: Machine, limit: int) -> Layout | str:
    """A divisor of n, as near as possible to the number of chunks that is wanted."""

    def is_fitting(points: int, p: int) -> bool:
        low, high = _bounds(spec, axis, points, machine, limit)
        return low <= p <= high

    wanted = _wanted(spec, axis, n, machine, limit)
    low, high = _bounds(spec, axis, n, machine, limit)
    fitting = [p for p in divisors(n) if low <= p <= high]
    if not fitting:
        lacking = f"{n} points on axis {axis} have no divisor"
        better = min(
            (m for p in range(low, high + 1) if (m := -(-n // p) * p) > n and is_fitting(m, p)),
            default=None,
        )
        if better is None:
            return (
                f"{lacking} that leaves rows and columns of at most {format_bytes(limit)} in a "
                f"task, and no other number of points that is near has"
            )
        return (
            f"{lacking} between {low} and {high}, which rows of at most {format_bytes(limit)} in a "
            f"task need; {better} have (n={better})"
        )
    blocks = min(fitting, key=lambda p: abs(math.log(p / wanted)))
    return Layout(axis, n, blocks, slab_widths(spec, axis, n, blocks, machine, limit))


def divisors(n: int) -> list[int]:
    """All divisors, in order.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


def residue_runs(
    bounds: Sequence[int], blocks: int, residue: int, begin: int, stop: int
) -> tuple[Overlap, ...]:
    """Points number begin ... stop of those that leave a residue, from deinterleaved chunks.

    >>> [(o.source, o.start, o.stop) for o in residue_runs((0, 4, 8), 2, 1, 0, 4)]
    [(0, 2, 4), (1, 2, 4)]
    """

    def count(end: int, first: int, last: int) -> int:
        """Points before ``end`` that leave a residue from ``first`` to below ``last``."""
        whole, rest = divmod(end, blocks)
        return whole * (last - first) + max(0, min(rest, last) - first)

    parts = []
    taken = begin
    for i, (a, b) in enumerate(pairwise(bounds)):
        # Numbers, among the points of this residue, of those in the chunk.
        low, high = (count(end, residue, residue + 1) for end in (a, b))
        first, last = max(low, begin), min(high, stop)
        if first < last:
            offset = count(b, 0, residue) - count(a, 0, residue)
            parts.append(Overlap(i, offset + first - low, offset + last - low))
            taken = last
    if taken < stop:
        parts.append(Overlap(-1, 0, stop - taken))
    return tuple(parts)


def with_source(parts: tuple[Overlap, ...]) -> tuple[Overlap, ...]:
    """Nothing of the first chunk before zeros alone, which gives them dtype and library."""
    return parts if any(p.source >= 0 for p in parts) else (Overlap(0, 0, 0), *parts)
