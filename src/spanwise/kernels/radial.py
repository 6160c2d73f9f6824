"""Sums of a spectrum over rings (shells, in three dimensions) about zero frequency.

Ring j holds the frequencies f with ``j w < |f| <= (j + 1) w``; the first one holds zero too.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cross import part_of
from .groups import Step, steps_of, sums_of_groups
from .kernel import Kernel
from .library import DEVICE_LIBRARIES, Array, library_of, namespace
from .memory import all_but
from .slabs import slabs
from .spectrum import Order, as_inexact
from .tables import table_of

_PIECE = 1 << 20
"""Frequencies whose rings are looked up at a time."""
_KEPT = 1 << 23
"""Tables of so many frequencies in all are kept for the next block."""
_DEVICE_PIECE, _DEVICE_KEPT = 1 << 22, 1 << 25
"""The same on a device, for which each piece is a few calls more."""
_GATHERED = 1 << 21
"""Values that other libraries gather at a time on the CPU: what becomes of them stays in cache."""
_AT_ONCE = 1 << 16
"""Values that one pass adds up at least, where lines are short."""
_EDGE = 1e-9
"""Share of a width up to which a frequency lies on the edge of its ring: on a square grid many do,
and which side rounding puts them on must not tell (k, l) from (l, k)."""


@dataclass(frozen=True, slots=True)
class RadialAxis:
    """Frequencies along one axis of a spectrum."""

    axis: int
    """Axis of the spectrum."""
    length: int
    """Points of the transform; a half spectrum holds ``length // 2 + 1`` of them."""
    step: float
    """From one frequency to the next."""
    order: Order
    """How the frequencies lie on the axis."""

    @property
    def points(self) -> int:
        """Frequencies that lie on the axis."""
        return self.length // 2 + 1 if self.order == "half" else self.length

    def squares(self, start: int, count: int) -> np.ndarray:
        """Squared frequencies of ``count`` points from index ``start`` on.

        >>> RadialAxis(0, 4, 0.5, "shifted").squares(0, 4)
        array([1.  , 0.25, 0.  , 0.25])
        """
        k = np.arange(start, start + count)
        if self.order == "shifted":
            k -= self.length // 2
        elif self.order == "natural":
            k = (k + self.length // 2) % self.length - self.length // 2
        return np.square(k * self.step)


@dataclass(frozen=True, slots=True)
class Rings:
    """Where the frequencies of a spectrum go."""

    axes: tuple[RadialAxis, ...]
    """Axes of the spectrum, in the order in which they lie in it."""
    width: float
    """Width of a ring."""
    kept: tuple[int, ...]
    """Numbers of the rings that are given out, rising."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The axes."""
        return tuple(a.axis for a in self.axes)

    def places(self, starts: Sequence[int], counts: Sequence[int]) -> np.ndarray:
        """Index into ``kept`` of the ring of each frequency of a block, ``len(kept)`` for none."""
        squares = np.zeros(())
        for axis, start, count in zip(self.axes, starts, counts, strict=True):
            squares = squares[..., None] + axis.squares(start, count)
        ring = ring_numbers(squares, self.width)
        place = np.full(self.kept[-1] + 2, len(self.kept))
        place[list(self.kept)] = np.arange(len(self.kept))
        return place[np.minimum(ring, place.size - 1)]


def ring_numbers(squares: np.ndarray, width: float) -> np.ndarray:
    """Number of the ring of each squared frequency.

    >>> ring_numbers(np.array([0.0, 0.25, 1.0, 1.21]), 0.5)
    array([0, 0, 1, 2])
    """
    ring = np.ceil(np.sqrt(squares) / width - _EDGE).astype(np.intp) - 1
    return np.maximum(ring, 0, out=ring)


def ring_means(axes: Sequence[tuple[int, float]], width: float) -> tuple[np.ndarray, np.ndarray]:
    """How many frequencies each ring holds, and their mean distance from zero.

    ``axes`` holds the points and the step of each axis. Frequencies that differ in signs alone are
    looked at once.
    """
    lengths = [n for n, _ in axes]
    halves = [RadialAxis(i, n, step, "half") for i, (n, step) in enumerate(axes)]
    squares = [a.squares(0, a.points) for a in halves]
    rings = int(ring_numbers(sum(s[-1:] for s in squares), width)[0]) + 1  # type: ignore[index]
    counts, sums = np.zeros(rings), np.zeros(rings)
    rest, times = np.zeros(()), np.ones(())
    for n, square in zip(lengths[1:], squares[1:], strict=True):
        rest, times = rest[..., None] + square, times[..., None] * _signs(n)
    each = max(1, _PIECE // rest.size)
    for i in range(0, squares[0].size, each):
        part = slice(i, i + each)
        square = np.add.outer(squares[0][part], rest)
        weight = np.multiply.outer(_signs(lengths[0])[part], times).ravel()
        ring = ring_numbers(square, width).ravel()
        counts += np.bincount(ring, weight, rings)
        sums += np.bincount(ring, weight * np.sqrt(square).ravel(), rings)
    with np.errstate(invalid="ignore"):
        return counts.astype(np.int64), sums / counts


def _signs(n: int) -> np.ndarray:
    """How many frequencies of n points have each of the magnitudes of half a spectrum."""
    out = np.full(n // 2 + 1, 2.0)
    out[0] = 1.0
    if n % 2 == 0:
        out[-1] = 1.0
    return out


def _ring_sums(
    x: Array, /, *starts: int, rings: Rings, factor: float = 1.0, real: bool = False
) -> Array:
    xp = namespace(x)
    if real and xp.isdtype(x.dtype, "complex floating"):
        x = xp.real(x)
    add = _add_by_counting if library_of(x) == "numpy" else _add_by_taking
    return _folded(as_inexact(x, False), starts, rings, factor, add)


def _folded(x: Array, starts: Sequence[int], rings: Rings, factor: float, add: Any) -> Array:
    """Move the axes of the spectrum to the end, add up, and put the rings where the last was."""
    xp = namespace(x)
    axes, ndim = rings.numbers, x.ndim
    order = (*all_but(*axes, ndim=ndim), *axes)
    lines = xp.permute_dims(x, order)
    batch = tuple(lines.shape[: ndim - len(axes)])
    lines = xp.reshape(lines, (math.prod(batch), *lines.shape[len(batch) :]))
    out = xp.astype(factor * add(lines, tuple(starts), rings), x.dtype)
    out = xp.reshape(out, (*batch, *(1 for _ in axes[1:]), len(rings.kept)))
    return xp.permute_dims(out, tuple(order.index(a) for a in range(ndim)))


def _pieces(counts: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Parts of the first axis of a spectrum, of few enough frequencies."""
    each = max(1, most // max(1, math.prod(counts[1:])))
    bounds = [*range(0, counts[0], each), counts[0]]
    return list(itertools.pairwise(bounds))


def _make_places(rings: Rings, starts: tuple[int, ...], counts: tuple[int, ...]) -> np.ndarray:
    return rings.places(starts, counts).ravel()


_kept_places = functools.lru_cache(maxsize=_KEPT // _PIECE)(_make_places)


def _places_of(
    rings: Rings, starts: tuple[int, ...], counts: tuple[int, ...]
) -> Iterator[tuple[slice, np.ndarray]]:
    """The pieces of a block, and the ring of each of their frequencies in C order."""
    make = _kept_places if math.prod(counts) <= _KEPT else _make_places
    for begin, end in _pieces(counts, _PIECE):
        first = (starts[0] + begin, *starts[1:])
        yield slice(begin, end), make(rings, first, (end - begin, *counts[1:]))


def _add_by_counting(x: Any, starts: tuple[int, ...], rings: Rings) -> np.ndarray:
    bins = len(rings.kept) + 1
    out: Any = np.zeros((len(x), bins), np.result_type(x.dtype, np.float64))
    parts = [(x.real, out.real), (x.imag, out.imag)] if x.dtype.kind == "c" else [(x, out)]
    for piece, places in _places_of(rings, starts, x.shape[1:]):
        rows = max(1, min(len(x), _AT_ONCE // max(1, places.size)))
        ring = (bins * np.arange(rows)[:, None] + places).ravel() if rows > 1 else places
        for i in range(0, len(x), rows):
            n = min(rows, len(x) - i)
            for source, target in parts:
                values = source[i : i + n, piece].ravel()
                sums = np.bincount(ring[: values.size], values, n * bins)
                target[i : i + n] += sums.reshape(n, bins)
    return out[:, :-1]


def _make_steps(rings: Rings, starts: tuple[int, ...], counts: tuple[int, ...]) -> tuple[Step, ...]:
    return steps_of(_make_places(rings, starts, counts), len(rings.kept))


_kept_steps = functools.lru_cache(maxsize=_KEPT // _PIECE)(_make_steps)


def _add_by_taking(x: Array, starts: tuple[int, ...], rings: Rings) -> Array:
    """For libraries that count bins in no fixed order: gather, and add up in a fixed one."""
    xp = namespace(x)
    counts, device = tuple(x.shape[1:]), library_of(x) in DEVICE_LIBRARIES
    piece, kept = (_DEVICE_PIECE, _DEVICE_KEPT) if device else (_PIECE, _KEPT)
    if 0 in x.shape:
        return xp.zeros((x.shape[0], len(rings.kept)), dtype=x.dtype, device=x.device)
    keeps = math.prod(counts) <= kept
    make = _kept_steps if keeps and not device else _make_steps
    out = None
    for begin, end in _pieces(counts, piece):
        where = (starts[0] + begin, *starts[1:]), (end - begin, *counts[1:])
        steps = table_of(x, make, rings, *where, keep=keeps)
        part = xp.reshape(x[:, begin:end, ...], (x.shape[0], math.prod(where[1])))
        rows = x.shape[0] if device else max(1, _GATHERED // part.shape[1])
        bounds = itertools.pairwise([*range(0, x.shape[0], rows), x.shape[0]])
        some = [sums_of_groups(part[i:j, :], steps) for i, j in bounds]
        sums = some[0] if len(some) == 1 else xp.concat(some, axis=0)
        out = sums if out is None else out + sums
    return out


def _free_axes(x: Array, /, *starts: int, rings: Rings, **params: Any) -> tuple[int, ...]:
    return all_but(*rings.numbers, ndim=x.ndim)


def _free_alone(x: Array, /, *others: Array, rings: Rings, **params: Any) -> tuple[int, ...]:
    """Only the first block would be cut, and others must be cut with it."""
    return () if others else _free_axes(x, rings=rings)


ring_sums = Kernel(
    "ring_sums",
    _ring_sums,
    workspace=lambda in_bytes, out_bytes: 2 * in_bytes,
    device_workspace=lambda in_bytes, out_bytes: 3 * in_bytes + 4 * out_bytes,
    free_axes=_free_axes,
)
"""``ring_sums(x, *starts, rings, factor, real)``: a block of a spectrum, added up over each of
``rings`` and multiplied. ``real``: only the real part; the imaginary parts of the cross spectrum of
real data cancel at frequencies of opposite signs, of which half a spectrum has one.

``starts`` holds the index of the block's first element on each axis of the spectrum. The rings lie
along the last of these axes; the others keep one point. Sums are made in double precision."""


def _rings_of(
    x: Array,
    /,
    *others: Array,
    of: Kernel,
    rings: Rings,
    factor: float = 1.0,
    real: bool = False,
    **params: Any,
) -> Array:
    starts = (0,) * len(rings.axes)

    def sums(*blocks: Array) -> Array:
        return ring_sums(of(*blocks, **params), *starts, rings=rings, factor=factor, real=real)

    if 0 in x.shape or library_of(x) != "numpy":
        return sums(x, *others)
    shape = list(x.shape)
    for axis in rings.numbers:
        shape[axis] = 1
    shape[rings.numbers[-1]] = len(rings.kept)
    out = None
    for part in slabs(x, rings.numbers):
        made = sums(x[part], *(part_of(o, part) for o in others))
        if out is None:
            out = np.empty(shape, made.dtype)
        out[part] = made
    return out


rings_of = Kernel(
    "rings_of",
    _rings_of,
    workspace=lambda in_bytes, out_bytes: 4 * in_bytes,
    free_axes=_free_alone,
)
"""``rings_of(x, *others, of, rings, factor, real, **params)``: `ring_sums` of the spectrum that the
kernel ``of`` makes of blocks that hold its axes whole, a part of them at a time."""
