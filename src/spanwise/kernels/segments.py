"""Spectra of overlapping segments of one axis: their sums, or each of them.

Segment s of a block are the samples ``s * step`` to ``s * step + nperseg`` of its axis. Each is
detrended, multiplied by the window and transformed::

    X[s, k] = sum_j w[j] (x[s step + j] - trend) exp(-2 pi i j k / nfft)

A few segments at a time go through all of it, so that they stay in the cache and no array of all
segments is made. Sums over segments are taken in double precision. The caller knows the scale.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .detrend import detrended, real_dtype
from .fft import fft
from .kernel import Kernel
from .library import DEVICE_LIBRARIES, Array, library_of, namespace
from .memory import all_but
from .spectrum import as_inexact
from .tables import table_of
from .window import Window, window_values

_SLAB_BYTES = {False: 2**19, True: 2**28}
"""Bytes of segments at a time: on the CPU they stay in the cache, a device wants long runs."""
_SUMMED = 64
"""Segments whose powers are added in the precision of the data before they go to the sums."""
_MOST_PIECES = 8
"""Steps of a segment that are copied as a whole; shorter ones are gathered sample by sample."""
_DEVICE_SUMMED = 2**23
"""Frequencies of segments that a device squares and adds at a time: each time is some calls."""

Quantity = Literal["power", "cross", "coherence"]
"""What is added up: |X|^2; conj(X) Y; |X|^2, |Y|^2 and conj(X) Y."""
PLANES = {"power": 1, "cross": 2, "coherence": 4}
"""Real numbers per frequency of each quantity: complex ones lie as real and imaginary planes."""


@dataclass(frozen=True, slots=True)
class Segments:
    """How an axis is cut into segments, and what each goes through."""

    axis: int
    """Axis of the samples."""
    nperseg: int
    """Samples of a segment."""
    step: int
    """Samples from one segment to the next."""
    nfft: int
    """Points of the transform."""
    window: Window
    """What segments are multiplied by."""
    detrend: str | Callable[..., Any] | None
    """What is taken away of each: "constant", "linear", or what a function leaves of an array
    whose last axis are the samples of segments."""
    half: bool
    """Whether the data are real, so that non-negative frequencies say all."""

    @property
    def frequencies(self) -> int:
        """Number of frequencies of a transform."""
        return self.nfft // 2 + 1 if self.half else self.nfft

    def count(self, length: int) -> int:
        """Number of segments that lie in so many samples.

        >>> Segments(0, 4, 2, 4, "hann", None, True).count(9)
        3
        """
        return max(0, (length - self.nperseg) // self.step + 1)


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that lie in one array of shape (before, samples, behind)."""

    x: Array
    first: int
    """The first sample of the first of them."""
    count: int


def runs_of(
    x: Array, before: Sequence[Array], how: Segments, first: int = 0
) -> tuple[list[Run], Any]:
    """The segments of a block, and the element type they are worked on in.

    The first one begins ``first`` samples after the block. Those that begin before the last piece
    are found in a copy of their surroundings; the others where they are.
    """
    pieces = [_as_lines(piece, how.axis) for piece in (*before, x)]
    dtype = as_inexact(x[(slice(0, 0),) * x.ndim], not how.half).dtype
    own = pieces[-1]
    lengths = [piece.shape[1] for piece in pieces]
    ahead = sum(lengths[:-1])
    count = how.count(ahead + own.shape[1] - first)
    straddling = min(count, max(0, -(-(ahead - first) // how.step)))
    if not straddling:
        return [Run(own, first - ahead, count)], dtype
    needed = first + (straddling - 1) * how.step + how.nperseg - ahead
    joined = namespace(x).concat([*pieces[:-1], own[:, : max(needed, 0), :]], axis=1)
    runs = [Run(joined, first, straddling)]
    if count > straddling:
        start = first + straddling * how.step - ahead
        runs.append(Run(own, start, count - straddling))
    return runs, dtype


def _as_lines(x: Array, axis: int) -> Array:
    """A block as (before, samples, behind)."""
    lead, trail = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    return namespace(x).reshape(x, (lead, x.shape[axis], trail))


@dataclass(frozen=True, slots=True)
class Slab:
    """Where the segments that are worked on at a time belong."""

    lead: slice
    trail: slice
    segments: slice
    """Counted from the first of their run."""


def slabs_of(run: Run, how: Segments, device: bool) -> Iterator[Slab]:
    """Parts of a run that are worked on at a time."""
    lead, _, trail = run.x.shape
    itemsize = run.x.itemsize if library_of(run.x) == "numpy" else 8
    lines = max(1, _SLAB_BYTES[device] // (how.nfft * itemsize))
    t = max(1, min(trail, lines))
    m = max(1, min(run.count, lines // t))
    n = max(1, min(lead, lines // (t * m)))
    parts = itertools.product(range(0, lead, n), range(0, trail, t), range(0, run.count, m))
    for a, b, c in parts:
        yield Slab(
            slice(a, min(a + n, lead)),
            slice(b, min(b + t, trail)),
            slice(c, min(c + m, run.count)),
        )


def lines_of(run: Run, slab: Slab, how: Segments) -> Array:
    """The segments of a slab, of shape (before, segments, behind, samples)."""
    start = run.first + slab.segments.start * how.step
    count = slab.segments.stop - slab.segments.start
    part = run.x[slab.lead, start : start + (count - 1) * how.step + how.nperseg, slab.trail]
    if library_of(part) == "numpy":
        before, along, behind = part.strides
        shape = (part.shape[0], count, part.shape[2], how.nperseg)
        strides = (before, how.step * along, behind, along)
        return np.lib.stride_tricks.as_strided(part, shape, strides, writeable=False)
    xp = namespace(part)
    pieces, rest = divmod(how.nperseg, how.step)
    if rest == 0 and pieces <= _MOST_PIECES:
        shape = (part.shape[0], count - 1 + pieces, how.step, part.shape[2])
        blocks = xp.reshape(part, shape)
        taken = xp.concat([blocks[:, i : i + count, ...] for i in range(pieces)], axis=2)
    else:
        along, behind = (
            xp.arange(0, n * s, s, dtype=xp.int64, device=part.device)
            for n, s in ((count, how.step), (how.nperseg, 1))
        )
        taken = xp.take(part, xp.reshape(along[:, None] + behind, (-1,)), axis=1)
        taken = xp.reshape(taken, (part.shape[0], count, how.nperseg, part.shape[2]))
    return xp.permute_dims(taken, (0, 1, 3, 2))


class Prepared:
    """Makes segments ready for the transform: detrended, and multiplied by the window."""

    def __init__(self, how: Segments, dtype: Any, reference: Array) -> None:
        self.how = how
        self.dtype = dtype
        empty = namespace(reference).empty((0,), dtype=dtype)
        values = window_values(how.window, how.nperseg)
        kind = real_dtype(empty)
        self.window = table_of(reference, window_values, how.window, how.nperseg, dtype=kind)
        self.is_flat = bool((values == 1).all())
        self._scratch = np.empty(0, np.uint8)

    def __call__(self, lines: Array) -> Array:
        """What is to be transformed, in an array that the next call spoils."""
        x = self._own(lines)
        kind = self.how.detrend
        if callable(kind):
            x = namespace(x).astype(kind(x), self.dtype)
        elif kind == "linear":
            x = detrended(x, (3,), "linear")
        elif kind == "constant":
            x -= namespace(x).mean(x, axis=3, keepdims=True)
        if not self.is_flat:
            x *= self.window
        return x

    def _own(self, lines: Array) -> Array:
        """A copy that may be spoiled, in the type that is worked in."""
        xp = namespace(lines)
        if library_of(lines) != "numpy":
            return xp.astype(lines, self.dtype, copy=True)
        size = lines.size * np.dtype(self.dtype).itemsize
        if self._scratch.size < size:
            self._scratch = np.empty(size, np.uint8)
        out = self._scratch[:size].view(self.dtype.newbyteorder("=")).reshape(lines.shape)
        np.copyto(out, lines)
        return out


def transformed(x: Array, how: Segments, engine: str) -> Array:
    """The transform along the last axis, which may spoil its input."""
    kind = "rfft" if how.half else "fft"
    return fft(
        x, kind=kind, axes=(3,), lengths=(how.nfft,), norm=None, engine=engine, overwrite=True
    )


def _segment_sums(
    x: Array,
    *others: Array,
    how: Segments,
    quantity: Quantity,
    first: int = 0,
    before: Sequence[Array] = (),
    engine: str = "scipy",
) -> Array:
    blocks = (x, *others)
    if others:
        blocks = _broadcast(blocks, how.axis)
    device = library_of(x) in DEVICE_LIBRARIES
    found = [runs_of(b, before, how, first) for b in blocks]
    ready = [Prepared(how, dtype, b) for (_, dtype), b in zip(found, blocks, strict=True)]
    sums = _Sums(found[0][0][0].x, PLANES[quantity] * how.frequencies, found[0][1])
    for runs in zip(*(runs for runs, _ in found), strict=True):
        for slab in slabs_of(runs[0], how, device):
            spectra = [
                transformed(prepare(lines_of(run, slab, how)), how, engine)
                for run, prepare in zip(runs, ready, strict=True)
            ]
            sums.add(slab, spectra, quantity)
    return sums.result(blocks[0].shape, how.axis)


def _broadcast(blocks: Sequence[Array], axis: int) -> list[Array]:
    """Blocks of one shape; only those that lack other axes are repeated, as views."""
    xp = namespace(*blocks)
    shape = np.broadcast_shapes(*(b.shape for b in blocks))
    return [b if b.shape == shape else xp.broadcast_to(b, shape) for b in blocks]


class _Sums:
    """Sums over segments, in double precision at least."""

    def __init__(self, x: Array, points: int, dtype: Any) -> None:
        self.xp = namespace(x)
        self.device = library_of(x) in DEVICE_LIBRARIES
        lead, _, trail = x.shape
        wide = np.longdouble if library_of(x) == "numpy" and _is_long(dtype) else self.xp.float64
        on = {} if library_of(x) == "numpy" else {"device": x.device}
        self.total = self.xp.zeros((lead, trail, points), dtype=wide, **on)

    def add(self, slab: Slab, spectra: Sequence[Array], quantity: Quantity) -> None:
        """Add what the spectra of a slab give."""
        total = self.total[slab.lead, slab.trail, :]
        count = spectra[0].shape[1]
        lines = total.shape[0] * total.shape[1] * spectra[0].shape[-1]
        step = max(_SUMMED, _DEVICE_SUMMED // max(1, lines)) if self.device else _SUMMED
        for a in range(0, count, step):
            group = slice(a, min(a + step, count))
            planes = _planes([s[:, group, ...] for s in spectra], quantity)
            n = planes[0].shape[-1]
            for i, plane in enumerate(planes):
                total[..., i * n : (i + 1) * n] += plane

    def result(self, shape: tuple[int, ...], axis: int) -> Array:
        """The sums with the frequencies where the samples were."""
        out = self.xp.permute_dims(self.total, (0, 2, 1))
        return self.xp.reshape(out, (*shape[:axis], out.shape[1], *shape[axis + 1 :]))


def _planes(spectra: Sequence[Array], quantity: Quantity) -> list[Array]:
    """Sums over segments, the second axis."""
    if quantity == "power":
        return [_sum_of_squares(spectra[0])]
    xp = namespace(*spectra)
    x, y = spectra
    product = _added(xp.conj(x) * y)
    planes = [xp.real(product), xp.imag(product)]
    if quantity == "coherence":
        return [_sum_of_squares(x), _sum_of_squares(y), *planes]
    return planes


def _sum_of_squares(x: Array) -> Array:
    if library_of(x) != "numpy":
        return _added(squares(namespace(x), x))
    # Real and imaginary parts side by side are read in one run.
    parts = np.square(x.view(x.real.dtype)).sum(axis=1)
    return parts[..., ::2] + parts[..., 1::2]


def _added(x: Array) -> Array:
    """The sum over segments, the second axis; of many some at a time, and then in double precision:
    the threads of a device share out what is added, one of them each.
    """
    xp = namespace(x)
    rows = x.shape[1] // _SUMMED
    if rows < 2:
        return xp.sum(x, axis=1)
    wide = xp.complex128 if xp.isdtype(x.dtype, "complex floating") else xp.float64
    most = rows * _SUMMED
    matrix = xp.reshape(x[:, :most, ...], (x.shape[0], rows, _SUMMED, *x.shape[2:]))
    total = xp.sum(xp.sum(matrix, axis=2, dtype=wide), axis=1)
    return total if most == x.shape[1] else total + xp.sum(x[:, most:, ...], axis=1, dtype=wide)


def squares(xp: Any, x: Array) -> Array:
    """|x|^2."""
    return xp.square(xp.real(x)) + xp.square(xp.imag(x))


def _is_long(dtype: Any) -> bool:
    return np.dtype(dtype) in (np.longdouble, np.clongdouble)


def free_axes(x: Array, /, *args: Any, how: Segments, **params: Any) -> tuple[int, ...]:
    """All axes but that of the segments; none where a second array would have to be cut too."""
    if any(hasattr(a, "shape") for a in args):
        return ()
    return all_but(how.axis, ndim=x.ndim)


def scratch_bytes(in_bytes: int, out_bytes: int) -> int:
    """Bytes of segments on their way, and of their transforms."""
    return 8 * _SLAB_BYTES[False]


def device_scratch_bytes(in_bytes: int, out_bytes: int) -> int:
    """The same on a device, which takes more segments at a time."""
    return 9 * min(in_bytes, _SLAB_BYTES[True])


segment_sums = Kernel(
    "segment_sums",
    _segment_sums,
    workspace=scratch_bytes,
    device_workspace=device_scratch_bytes,
    free_axes=free_axes,
)
"""Sums over the segments of a block: ``quantity`` of each frequency, in double precision.

``how`` is a :class:`Segments`; ``before`` are pieces that lie in front of a NumPy block. The second
array of a cross spectrum stands behind the first and is cut in the same way; the first segment
begins at the sample ``first``. Complex sums lie as
planes of real numbers along the axis: real parts, then imaginary parts; powers go before them."""
