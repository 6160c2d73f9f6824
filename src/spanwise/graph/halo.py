"""Plans blocks that overlap: each is a range of an axis, which may reach into neighbouring chunks.

A caller says which half-open range of each axis every block of the result reads; the planner says
which parts of which chunks that is. Chunks stay where they are, and only what a block takes of
other chunks than its own moves::

    ranges = tuple((a - before, b + after) for a, b in pairwise(edges(spec.chunks[axis])))
    how = plan_halo(spec, {axis: ranges})
    step = halo_step(how, result, kernel, machine=machine, operation="oaconvolve", reason="...")
    y = map_halo(x, how, functools.partial(kernel, ...), step=step, plan=plan, result=result)

where :func:`spanwise.graph.dask.map_halo` lowers it and ``result`` is the spec of what the kernel
gives. What a range asks for outside of the axis is zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError
from ..kernels.kernel import Kernel
from ..machine import Machine
from .grid import ArraySpec, Overlap, edges, runs
from .plan import Step

Range = tuple[int, int]
"""First element of an axis that a block reads, and the end."""
Row = tuple[Overlap, ...]
"""The parts of chunks that make up a block along one axis, in order."""


@dataclass(frozen=True, slots=True)
class Halo:
    """Blocks as parts of chunks, per axis."""

    source: ArraySpec
    """The input."""
    joined: ArraySpec
    """The blocks that kernels see."""
    rows: tuple[tuple[Row, ...], ...]
    """For each axis the parts of each block."""
    own: tuple[tuple[int, ...], ...]
    """For each axis the number of each block's longest part: its own chunk, which does not move.
    -1 where less than half of that chunk is read."""

    @property
    def is_local(self) -> bool:
        """Whether every block is one chunk as it is."""
        return self.joined.chunks == self.source.chunks and all(
            len(row) == 1 and row[0].source == i for axis in self.rows for i, row in enumerate(axis)
        )

    @property
    def slices(self) -> int:
        """Slices that are cut out of chunks, each once however many blocks read it."""
        found = set()
        for index in itertools.product(*(range(len(axis)) for axis in self.rows)):
            found.update(cut for cut in self.cuts(index) if cut is not None)
        return len(found)

    @property
    def tasks(self) -> int:
        """Tasks of the layer: slices, and one for each block."""
        return self.joined.blocks + self.slices

    @property
    def bytes_moved(self) -> int:
        """Bytes that blocks read of other chunks than their own; zeros are nobody's."""
        read = math.prod(
            sum(part.length for row in axis for part in row if part.source >= 0)
            for axis in self.rows
        )
        kept = math.prod(
            sum(row[i].length for row, i in zip(axis, own, strict=True) if i >= 0)
            for axis, own in zip(self.rows, self.own, strict=True)
        )
        return (read - kept) * self.source.itemsize

    def parts(self, index: Sequence[int]) -> list[tuple[Overlap, ...]]:
        """For each piece of a block, in C order, its part of a chunk on each axis."""
        return list(itertools.product(*(axis[i] for axis, i in zip(self.rows, index, strict=True))))

    def cuts(self, index: Sequence[int]) -> list[tuple[Overlap, ...] | None]:
        """The pieces of a block that are cut out of their chunk before they move.

        None for zeros, for whole chunks, and for the chunk that the block reads most of.
        """
        mine = tuple(own[i] for own, i in zip(self.own, index, strict=True))
        lengths = self.source.chunks
        numbers = itertools.product(
            *(range(len(axis[i])) for axis, i in zip(self.rows, index, strict=True))
        )
        found: list[tuple[Overlap, ...] | None] = []
        for place, parts in zip(numbers, self.parts(index), strict=True):
            stays = place == mine or any(p.source < 0 for p in parts)
            whole = all(p.length == axis[p.source] for p, axis in zip(parts, lengths, strict=True))
            found.append(None if stays or whole else parts)
        return found


def plan_halo(spec: ArraySpec, ranges: Mapping[int, Sequence[Range]]) -> Halo:
    """Find the parts of chunks that blocks are made of.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    ranges : mapping of int to sequence of (int, int)
        For each axis that has any, the range of it that each block reads, half-open and in the
        coordinates of the axis. Ranges may overlap, leave out, be empty and reach outside of the
        axis, where there are zeros. Other axes stay in their chunks.

    Examples
    --------
    >>> spec = ArraySpec(((4, 4),), "float32", 4)
    >>> how = plan_halo(spec, {0: [(-1, 5), (3, 8)]})
    >>> how.joined.chunks, how.slices, how.bytes_moved
    (((6, 5),), 2, 8)
    >>> [(o.source, o.start, o.stop) for o in how.rows[0][0]]
    [(-1, 0, 1), (0, 0, 4), (1, 0, 1)]
    """
    rows, own, chunks = [], [], []
    for axis, lengths in enumerate(spec.chunks):
        if axis not in ranges:
            rows.append(tuple((Overlap(i, 0, n),) for i, n in enumerate(lengths)))
            own.append((0,) * len(lengths))
            chunks.append(lengths)
            continue
        bounds = edges(lengths)
        found = tuple(_row(bounds, a, b, axis) for a, b in ranges[axis])
        rows.append(found)
        own.append(tuple(_own(row, lengths) for row in found))
        chunks.append(tuple(sum(o.length for o in row) for row in found))
    return Halo(spec, spec.with_chunks(tuple(chunks)), tuple(rows), tuple(own))


def _row(bounds: tuple[int, ...], begin: int, end: int, axis: int) -> Row:
    """The parts of one range, at least one of which has a source, if only for its library."""
    if end < begin:
        raise ArgumentError(f"range ({begin}, {end}) of axis {axis} ends before it begins")
    before = min(max(-begin, 0), end - begin)
    parts = [Overlap(-1, 0, before)] if before else []
    if end > max(begin, 0):
        parts += runs(bounds, [(max(begin, 0), end)])
    if all(part.source < 0 for part in parts):
        nearest = 0 if begin < bounds[-1] else len(bounds) - 2
        parts.append(Overlap(nearest, 0, 0))
    return tuple(parts)


def _own(row: Row, lengths: tuple[int, ...]) -> int:
    longest = max(range(len(row)), key=lambda i: (row[i].source >= 0, row[i].length))
    part = row[longest]
    return longest if 2 * part.length >= lengths[part.source] else -1


def halo_step(
    how: Halo,
    result: ArraySpec,
    kernel: Kernel | None,
    *,
    machine: Machine,
    operation: str,
    reason: str,
    flops: float = 0.0,
    workspace: int | None = None,
    joins: bool = True,
    beside: Sequence[Halo] = (),
) -> Step:
    """What a kernel on overlapping blocks costs.

    Parameters
    ----------
    how : Halo
        The blocks.
    result : ArraySpec
        What the kernel gives.
    kernel : Kernel, optional
        What runs on each block.
    machine : Machine
        Number of tasks at a time.
    operation : str
        Public name, for task keys.
    reason : str
        Why the work has this form.
    flops : float, optional
        Operations of all tasks.
    workspace : int, optional
        Bytes that the kernel needs beside input and output; by default what the kernel says.
    joins : bool, default: True
        Whether blocks are put together, as a copy, for the kernel.
    beside : sequence of Halo, optional
        The blocks of further arrays.
    """
    each = (how, *beside)
    taken = sum(max(h.joined.chunk_bytes, h.source.chunk_bytes) for h in each)
    copied = taken if joins and not how.is_local else 0
    if workspace is None:
        workspace = 0 if kernel is None else kernel.workspace(taken, result.chunk_bytes)
    halo = sum(h.bytes_moved for h in each)
    is_local = how.is_local and not beside
    return Step(
        name=f"spanwise-{operation}",
        pattern="blockwise" if is_local else "halo",
        tasks=result.blocks + sum(h.slices for h in each),
        kernel="" if kernel is None else kernel.name,
        bytes_in=sum(h.source.nbytes for h in each),
        bytes_out=result.nbytes,
        bytes_moved=halo,
        peak_bytes=machine.threads * (taken + copied + result.chunk_bytes + workspace)
        + min(halo, math.ceil(halo / machine.workers)),
        flops=flops,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=reason,
    )
