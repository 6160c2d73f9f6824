"""Chunk algebra on integers: frozen values, no arrays, no Dask."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Any

from ..errors import ArgumentError

Chunks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Everything that planning may know of a chunked array."""

    chunks: Chunks
    """Lengths of the chunks, per axis."""
    dtype: str
    """NumPy's name of the element type."""
    itemsize: int
    """Bytes of one element."""
    library: str = "numpy"
    """Library of the chunks."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(sum(c) for c in self.chunks)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.chunks)

    @property
    def numblocks(self) -> tuple[int, ...]:
        """Number of chunks of each axis."""
        return tuple(len(c) for c in self.chunks)

    @property
    def blocks(self) -> int:
        """Number of chunks in all."""
        return math.prod(self.numblocks)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return math.prod(self.shape) * self.itemsize

    @property
    def chunk_bytes(self) -> int:
        """Bytes of the largest chunk."""
        return math.prod(max(c, default=0) for c in self.chunks) * self.itemsize

    def is_whole(self, axis: int) -> bool:
        """Whether one chunk holds the whole axis."""
        return len(self.chunks[axis]) == 1

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        # A hundred thousand chunks are mostly runs of one length.
        return "spanwise.spec", run_lengths(self.chunks), self.dtype, self.library

    def with_chunks(self, chunks: Chunks) -> ArraySpec:
        """The same kind of array in other chunks."""
        return ArraySpec(chunks, self.dtype, self.itemsize, self.library)


def run_lengths(chunks: Chunks) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Chunks as pairs of a length and how often it comes in a row, per axis.

    >>> run_lengths(((4, 4, 2), (5,)))
    (((4, 2), (2, 1)), ((5, 1),))
    """
    return tuple(tuple((n, len(list(run))) for n, run in groupby(axis)) for axis in chunks)


def edges(chunks: tuple[int, ...]) -> tuple[int, ...]:
    """Start of each chunk, then the end.

    >>> edges((2, 3))
    (0, 2, 5)
    """
    return (0, *accumulate(chunks))


def balanced(length: int, parts: int) -> tuple[int, ...]:
    """Split a length into at most ``parts`` chunks that differ by one at most.

    >>> balanced(10, 4)
    (3, 3, 2, 2)
    """
    if parts < 1:
        raise ArgumentError(f"parts={parts}: a length is split into one part at least")
    parts = max(1, min(parts, length))
    base, extra = divmod(length, parts)
    return (base + 1,) * extra + (base,) * (parts - extra)


@dataclass(frozen=True, slots=True)
class Overlap:
    """The part of a source chunk that falls into a destination chunk, on one axis."""

    source: int
    """Index of the source chunk; -1 for zeros, which have none."""
    start: int
    """First element, counted inside the source chunk."""
    stop: int
    """End, counted inside the source chunk."""

    @property
    def length(self) -> int:
        """Number of elements."""
        return self.stop - self.start


def overlaps(source: tuple[int, ...], target: tuple[int, ...]) -> tuple[tuple[Overlap, ...], ...]:
    """For each target chunk, the parts of source chunks that make it up, in order.

    The target may end before the source does (cropping), never after it.

    >>> [[(o.source, o.start, o.stop) for o in row] for row in overlaps((4, 4), (3, 3))]
    [[(0, 0, 3)], [(0, 3, 4), (1, 0, 2)]]
    """
    if sum(target) > sum(source):
        raise ArgumentError(f"target chunks {target} reach beyond the source chunks {source}")
    starts = list(pairwise(edges(source)))
    rows: list[tuple[Overlap, ...]] = []
    first = 0
    for begin, end in pairwise(edges(target)):
        while first < len(starts) and starts[first][1] <= begin:
            first += 1
        row = []
        for i in range(first, len(starts)):
            a, b = starts[i]
            if a >= end:
                break
            if min(b, end) > max(a, begin):
                row.append(Overlap(i, max(a, begin) - a, min(b, end) - a))
        # An empty target chunk takes nothing from one source, which gives it dtype and library.
        rows.append(tuple(row) or (Overlap(min(first, len(starts) - 1), 0, 0),))
    return tuple(rows)


def runs(bounds: Sequence[int], ranges: Iterable[tuple[int, int]]) -> tuple[Overlap, ...]:
    """Parts of chunks (given by their edges) that make up ranges of an axis, one after the other.

    Behind the end of the axis there are zeros.

    >>> [(o.source, o.start, o.stop) for o in runs((0, 4, 8), [(2, 5), (7, 10)])]
    [(0, 2, 4), (1, 0, 1), (1, 3, 4), (-1, 0, 2)]
    """
    parts = []
    end = bounds[-1]
    for begin, stop in ranges:
        at = begin
        while at < min(stop, end):
            i = bisect_right(bounds, at) - 1
            until = min(stop, bounds[i + 1])
            parts.append(Overlap(i, at - bounds[i], until - bounds[i]))
            at = until
        if stop > max(at, end):
            parts.append(Overlap(-1, 0, stop - max(at, end)))
    return tuple(parts)
