"""Moving parts of blocks: what the exchange pattern runs inside its tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from . import buffers
from .kernel import Kernel, kernel_of
from .library import Array, library_of, namespace


class Part(Protocol):
    """A run of elements of one source block, on one axis."""

    @property
    def source(self) -> int:
        """Index of the source block."""
        ...

    @property
    def start(self) -> int:
        """First element inside the source block."""
        ...

    @property
    def stop(self) -> int:
        """End inside the source block."""
        ...


Rows = tuple[tuple[Part, ...], ...]
"""For each axis, the parts that make up a block, in order."""


def empty_like_library(shape: tuple[int, ...], dtype: Any, reference: Array) -> Array:
    """An uninitialised block in the library and on the device of ``reference``."""
    if library_of(reference) == "numpy":
        return buffers.empty(shape, dtype)
    xp = namespace(reference)
    return xp.empty(shape, dtype=dtype, device=reference.device)


def destinations(rows: Rows) -> list[list[slice]]:
    """Where each part lands in the block, per axis."""
    out = []
    for row in rows:
        stops = list(itertools.accumulate(part.stop - part.start for part in row))
        out.append([slice(b - (p.stop - p.start), b) for p, b in zip(row, stops, strict=True)])
    return out


def gather(pieces: Sequence[Array | None], rows: Rows, cut: Sequence[bool] = ()) -> Array:
    """One block from the parts of many: the only copy that an exchange makes.

    ``pieces`` holds the source block of every combination of parts, in C order, and None where a
    part has no source: there the block is zero. ``cut`` says of each piece whether it is the part
    alone already, by default of none. A block that comes from one part only is sliced without a
    copy.
    """
    if len(pieces) == 1 and pieces[0] is not None:
        return parts_of(pieces, rows, cut)[0]
    landing = destinations(rows)
    shape = tuple(slices[-1].stop for slices in landing)
    reference = next(piece for piece in pieces if piece is not None)
    out = empty_like_library(shape, reference.dtype, reference)
    targets = itertools.product(*landing)
    for part, target in zip(parts_of(pieces, rows, cut), targets, strict=True):
        out[target] = 0 if part is None else part
    return out


def parts_of(
    pieces: Sequence[Array | None], rows: Rows, cut: Sequence[bool] = ()
) -> list[Array | None]:
    """The part of each piece that belongs to a block, as views; arguments as those of `gather`."""
    out = []
    flags = cut or (False,) * len(pieces)
    for piece, parts, is_cut in zip(pieces, itertools.product(*rows), flags, strict=True):
        if piece is None or is_cut:
            out.append(piece)
        else:
            out.append(piece[tuple(slice(p.start, p.stop) for p in parts)])
    return out


class Assembled:
    """A kernel behind whatever assembles its block: one task, whose block nobody else sees.

    ``assemble`` is `gather` or the reader of a store; the kernel may overwrite the block if it is
    a fresh one. Placement on a device takes the two apart again: slices move on the host.
    """

    def __init__(self, assemble: Callable[..., Array], work: Callable[..., Array]) -> None:
        self.assemble = assemble
        self.work = work
        self.__spanwise_kernel__ = kernel_of(work)

    def __call__(self, numbers: tuple[int, ...], pieces: Sequence[Any], *where: Any) -> Array:
        """One block: assembled from the pieces, then worked on."""
        block = self.assemble(pieces, *where)
        kernel = self.__spanwise_kernel__
        if kernel is None or not kernel.in_place:
            return self.work(block, *numbers)
        is_fresh = len(pieces) > 1 or not any(_shares(block, piece) for piece in pieces)
        return self.work(block, *numbers, overwrite=is_fresh)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return "spanwise.assembled", self.assemble, self.work


class Unjoined(Assembled):
    """A kernel on pieces that lie side by side along one axis, without the copy that joins them.

    NumPy blocks are handed over as the last piece and, as ``before``, those in front of it. Others
    are assembled, as placement on a device does.
    """

    def __call__(self, numbers: tuple[int, ...], pieces: Sequence[Any], *where: Any) -> Array:
        """The result for one block."""
        if not all(isinstance(piece, np.ndarray) for piece in pieces):
            return self.work(self.assemble(pieces, *where), *numbers)
        *before, block = parts_of(pieces, *where)
        return self.work(block, *numbers, before=tuple(before))


class AssembledEach(Assembled):
    """A function behind what assembles a block of each of several arrays."""

    def __init__(self, assemble: Callable[..., Array], work: Callable[..., Array]) -> None:
        super().__init__(assemble, work)
        # Nothing takes these tasks apart, so that none is placed.
        del self.__spanwise_kernel__

    def __call__(self, numbers: tuple[int, ...], *inputs: Any) -> Array:
        """The result for one block of each array; inputs are what ``assemble`` takes."""
        return self.work(*(self.assemble(*each) for each in inputs), *numbers)


def _shares(block: Array, piece: Any) -> bool:
    """Whether a block may be a view of a piece."""
    return not isinstance(block, np.ndarray) or np.may_share_memory(block, piece)


def take(block: Array, source: tuple[slice, ...]) -> Array:
    """A part of a block as a copy of its own, so that the block can be freed."""
    part = block[source]
    if library_of(part) == "numpy":
        return part.copy() if part.shape != block.shape else part
    xp = namespace(part)
    return xp.asarray(part, copy=True)


def _roll(x: Array, /, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    return namespace(x).roll(x, shifts, axis=axes)


roll = Kernel("roll", _roll)
"""Roll a block along axes that it holds whole."""


def _flip(x: Array, /, *, axes: tuple[int, ...]) -> Array:
    return namespace(x).flip(x, axis=axes)


flip = Kernel("flip", _flip)
"""A block with the order of its elements reversed along axes."""


def _reshape(x: Array, /, *, shape: tuple[int, ...]) -> Array:
    return namespace(x).reshape(x, shape)


reshape = Kernel("reshape", _reshape)
"""Another shape of the same elements, in C order."""
