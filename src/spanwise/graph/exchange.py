"""The exchange: every target chunk takes slices of many source chunks. Pure planning."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..errors import ArgumentError, PlacementError
from ..machine import Machine, format_bytes
from .grid import ArraySpec, Chunks, Overlap, balanced, edges, overlaps
from .plan import Step

Rows = tuple[tuple[tuple[Overlap, ...], ...], ...]
"""For each axis and each target chunk, the parts that make it up."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """From one chunking to another, in one of four forms.

    ``view``
        The consumer takes whole source chunks and slices views of them: one task per target
        chunk. All source chunks stay in memory until the last consumer ran.
    ``split``
        One task per slice copies it out of its source chunk, so that a cluster moves no byte
        that is not needed; one task per target chunk joins them.
    ``staged``
        One task per source chunk writes its slices to a temporary store, one per target chunk
        reads them back. Memory is bounded by the chunks in flight.
    ``p2p``
        Dask's peer-to-peer rechunk: one task per source and per target chunk and one between,
        through the workers' disks. It runs on the distributed scheduler only.
    """

    source: ArraySpec
    """Chunks before."""
    target: Chunks
    """Chunks after; an axis may end earlier (cropping)."""
    rows: Rows
    """The parts of every target chunk, per axis."""
    form: str
    """``"view"``, ``"split"``, ``"staged"`` or ``"p2p"``."""
    reason: str
    """Why this form."""
    layout: tuple[Any, ...] = ("overlaps",)
    """What the rows follow from, besides the chunks: a name and its parameters."""

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        # The rows, of which there can be many, follow from the rest.
        return "spanwise.exchange", self.source, self.target, self.form, self.layout

    @property
    def pieces(self) -> int:
        """Number of slices that change place; zeros have none."""
        return math.prod(sum(p.source >= 0 for row in axis for p in row) for axis in self.rows)

    @property
    def result(self) -> ArraySpec:
        """The array in its new chunks."""
        return self.source.with_chunks(self.target)

    @property
    def tasks(self) -> int:
        """Tasks of the layer."""
        targets = self.result.blocks
        if self.form == "view":
            return targets
        if self.form == "split":
            return self.pieces + targets
        if self.form == "staged":
            return self.source.blocks + targets
        # A barrier; and what Dask unpacks is a task apart from the kernel behind it.
        return self.source.blocks + 1 + 2 * targets

    @property
    def bytes_moved(self) -> int:
        """Bytes that are copied into a target chunk: all that is not cropped."""
        return self.result.nbytes

    def held_bytes(self, machine: Machine) -> int:
        """Bytes that one worker keeps between its tasks."""
        if self.form in ("staged", "p2p"):
            return 0
        return math.ceil(self.source.nbytes / machine.workers)


def plan_exchange(
    source: ArraySpec,
    target: Chunks,
    machine: Machine,
    *,
    task_bytes: int,
    rows: Rows | None = None,
    layout: tuple[Any, ...] = ("overlaps",),
    beside: int = 0,
) -> Exchange:
    """Choose the form of an exchange.

    Parameters
    ----------
    source, target : ArraySpec, Chunks
        Chunks before and after.
    machine : Machine
        Budget and number of workers.
    task_bytes : int
        Bytes that one consuming task needs, what is fused behind the gather included.
    rows : Rows, optional
        Parts per target chunk where they are not simply the overlaps (a roll).
    layout : tuple
        What the rows follow from: a name and its parameters.
    beside : int
        Bytes that a worker holds of the source of an exchange before, until its last target chunk
        is there: so long this one's source is held as well.
    """
    if rows is None:
        rows = tuple(overlaps(s, t) for s, t in zip(source.chunks, target, strict=True))
    held = math.ceil(source.nbytes / machine.workers)
    needed = held + beside + machine.threads * max(task_bytes, 2 * source.chunk_bytes)
    if needed > machine.memory:
        form = "staged"
        reason = f"{format_bytes(needed)} in memory exceed {format_bytes(machine.memory)}"
    elif machine.distributed:
        form, reason = "split", "on a cluster only the slices travel"
    else:
        form, reason = "view", "fits in memory: consumers slice views"
    return Exchange(source, target, rows, form, reason, layout)


def exchange_step(exchange: Exchange, machine: Machine, operation: str, reason: str = "") -> Step:
    """What an exchange costs; ``reason`` says what it is for."""
    source, result = exchange.source, exchange.result
    in_flight = machine.threads * 2 * max(source.chunk_bytes, result.chunk_bytes)
    return Step(
        name=f"spanwise-{operation}-exchange",
        pattern=f"exchange ({exchange.form})",
        tasks=exchange.tasks,
        bytes_in=source.nbytes,
        bytes_out=result.nbytes,
        bytes_moved=exchange.bytes_moved,
        bytes_staged=result.nbytes if exchange.form == "staged" else 0,
        peak_bytes=exchange.held_bytes(machine) + in_flight,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=f"{reason}; {exchange.reason}" if reason else exchange.reason,
    )


def check_store(machine: Machine, root: str | None) -> None:
    """Refuse to stage on several hosts without a temporary store that all of them see."""
    if machine.hosts > 1 and root is None:
        raise PlacementError(
            f"an exchange over the budget goes through a temporary store, which workers on "
            f"{machine.hosts} hosts must all see; name a folder or URL: "
            'spanwise.set_options(temporary_store="...")'
        )


def rolled(chunks: tuple[int, ...], shift: int) -> tuple[tuple[Overlap, ...], ...]:
    """Parts of every chunk of an axis after ``roll`` by ``shift``, in unchanged chunks.

    >>> [[(o.source, o.start, o.stop) for o in row] for row in rolled((3, 3), 2)]
    [[(1, 1, 3), (0, 0, 1)], [(0, 1, 3), (1, 0, 1)]]
    """
    length = max(sum(chunks), 1)
    starts = edges(chunks)
    rows = []
    for a, b in pairwise(starts):
        # out[a:b] = in[a - shift : b - shift], indices modulo the length
        begin = (a - shift) % length
        end = begin + (b - a)
        row: list[Overlap] = []
        for lo, hi in ((begin, min(end, length)), (0, end - length)):
            for i, (s, e) in enumerate(pairwise(starts)):
                if min(hi, e) > max(lo, s):
                    row.append(Overlap(i, max(lo, s) - s, min(hi, e) - s))
        rows.append(tuple(row) or (Overlap(0, 0, 0),))
    return tuple(rows)


def refine(chunks: Chunks, axes: Iterable[int], parts: int) -> tuple[Chunks, int]:
    """Cut the chunks of the axes, in that order, until the largest is 1 / ``parts`` of what it was.

    New chunks are of one length but for the last, as stores like them. Returns the chunks and the
    factor, which is less than ``parts`` where the axes are too short.
    """
    if parts < 1:
        raise ArgumentError(f"parts={parts}: expected at least 1")
    new = list(chunks)
    factor = 1
    for axis in axes:
        wanted = math.ceil(parts / factor)
        if wanted <= 1:
            break
        before = max(new[axis])
        new[axis] = recut(new[axis], wanted)
        factor *= max(1, -(-before // max(*new[axis], 1)))
    return tuple(new), factor


def recut(chunks: tuple[int, ...], parts: int) -> tuple[int, ...]:
    """Chunks of one length, 1 / ``parts`` of the longest at most, nested in the old if they can be.

    >>> recut((12, 12, 6), 2), recut((10, 10), 3), recut((10,), 3)
    ((6, 6, 6, 6, 6), (2, 2, 2, 2, 2, 2, 2, 2, 2, 2), (3, 3, 3, 1))
    """
    length = sum(chunks)
    if max(chunks) < 2 or parts == 1:
        return chunks
    is_regular = len(set(chunks[:-1])) <= 1 and chunks[-1] <= chunks[0]
    if len(chunks) == 1 or not is_regular:
        widest = max(1, max(chunks) // parts)
        return regular(length, -(-length // -(-length // widest)))
    widest = max(1, chunks[0] // parts)
    nested = (w for w in range(widest, widest // 2, -1) if chunks[0] % w == 0)
    return regular(length, next(nested, widest))


def regular(length: int, size: int) -> tuple[int, ...]:
    """Chunks of one size, the last one shorter if need be.

    >>> regular(10, 4), regular(0, 4)
    ((4, 4, 2), (0,))
    """
    whole, rest = divmod(length, size)
    return (size,) * whole + ((rest,) if rest or not whole else ())


def symmetric(length: int, parts: int) -> tuple[int, ...]:
    """Chunks of the points 0 ... n/2 (the last one not if n is even) for a Hermitian axis.

    Their mirror images are the chunks of the other points: together they are of one length where
    a number of chunks between ``parts`` and twice that divides n/2.

    >>> symmetric(12, 2), symmetric(9, 2)
    ((3, 3), (3, 2))
    """
    half = -(-length // 2)
    parts = min(parts, half)
    if length % 2 == 0:
        for count in range(parts, min(2 * parts, half) + 1):
            if half % count == 0:
                return (half // count,) * count
    return balanced(half, parts)
