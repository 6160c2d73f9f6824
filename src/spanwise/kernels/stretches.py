"""Stretches of a cut axis: sums over the segments inside of each, and the samples at its ends.

Where a segment reaches from one stretch into the next, the ends of both hold all of its samples, so
that neighbours can be merged in any order that keeps them side by side, and a chunk is done with in
the one task that has read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .kernel import Kernel
from .library import Array
from .segments import Quantity, Segments, device_scratch_bytes, scratch_bytes, segment_sums
from .transfer import to_host


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is known of the samples from ``start`` to ``stop`` of an axis; host arrays."""

    start: int
    stop: int
    sums: np.ndarray
    """As :data:`spanwise.kernels.segments.segment_sums` gives them."""
    heads: tuple[np.ndarray, ...]
    """The first samples of each array: one fewer than a segment has, or all there are."""
    tails: tuple[np.ndarray, ...]
    """The last samples, as many."""

    def __sizeof__(self) -> int:
        return self.sums.nbytes + sum(end.nbytes for end in (*self.heads, *self.tails))


def _stretch(
    x: Array,
    *rest: Array | int,
    how: Segments,
    quantity: Quantity,
    engine: str = "scipy",
) -> Stretch:
    *others, start = rest
    blocks = (x, *others)
    length = x.shape[how.axis]
    ends = how.nperseg - 1
    first = -int(start) % how.step
    sums = segment_sums(x, *others, how=how, quantity=quantity, first=first, engine=engine)
    return Stretch(
        int(start),
        int(start) + length,
        to_host(sums),
        tuple(_part(b, how.axis, 0, min(ends, length)) for b in blocks),
        tuple(_part(b, how.axis, max(0, length - ends), length) for b in blocks),
    )


def _part(x: Array, axis: int, start: int, stop: int) -> np.ndarray:
    part = x[(*(slice(None),) * axis, slice(start, stop))]
    # A view would keep the chunk.
    return part.copy() if isinstance(part, np.ndarray) else to_host(part)


stretch = Kernel(
    "segment_stretch",
    _stretch,
    workspace=scratch_bytes,
    device_workspace=device_scratch_bytes,
    result_on_host=True,
)
"""The `Stretch` of a block. Behind the blocks stands the number of their first sample; ``how`` and
``quantity`` as of :data:`spanwise.kernels.segments.segment_sums`."""


def merge(
    parts: Sequence[Stretch], *, how: Segments, quantity: Quantity, engine: str = "scipy"
) -> Stretch:
    """One stretch from several that follow one another."""
    out, *others = parts
    for part in others:
        out = _joined(out, part, how, quantity, engine)
    return out


def _joined(a: Stretch, b: Stretch, how: Segments, quantity: Quantity, engine: str) -> Stretch:
    axis, ends = how.axis, how.nperseg - 1
    between = [
        np.concatenate([tail, head], axis=axis) for tail, head in zip(a.tails, b.heads, strict=True)
    ]
    begin = a.stop - a.tails[0].shape[axis]
    first = -begin % how.step
    sums = a.sums + b.sums
    if how.count(between[0].shape[axis] - first):
        sums += segment_sums(
            between[0], *between[1:], how=how, quantity=quantity, first=first, engine=engine
        )
    heads, tails = a.heads, b.tails
    if a.stop - a.start < ends:
        heads = _ends(a.heads, b.heads, axis, slice(0, ends))
    if b.stop - b.start < ends:
        tails = _ends(a.tails, b.tails, axis, slice(-ends, None))
    return Stretch(a.start, b.stop, sums, heads, tails)


def _ends(
    first: Sequence[np.ndarray], second: Sequence[np.ndarray], axis: int, kept: slice
) -> tuple[np.ndarray, ...]:
    index = (*(slice(None),) * axis, kept)
    pairs = zip(first, second, strict=True)
    return tuple(np.concatenate([a, b], axis=axis)[index].copy() for a, b in pairs)


def finish_sums(whole: Stretch, *, finish: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What is made of the sums over all segments of an axis."""
    return finish(whole.sums)
