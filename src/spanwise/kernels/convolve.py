"""Convolution of a block with a shorter array, by transforms of tiles that stay in the cache.

The full convolution of n samples x and k taps h is

    y[i] = sum_j h[j] x[i - j],    i = 0 ... n + k - 2,

where x is 0 outside. A tile of N samples from index i - k + 1 on, times the taps by circular
convolution of N points, is right from its sample k - 1 on (overlap-save): N - k + 1 results.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import buffers
from .fft import fft
from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .memory import all_but
from .missing import Source, check_finite
from .spectrum import as_inexact, inexact_dtype

_TILE = 2**15
"""Points of a tile beyond which a transform leaves the cache (measured, SciPy, float32)."""
_BATCH = 2**18
"""Points of the tiles that are transformed in one call."""
_MOST_POINTS = 2**24
"""Points of a tile on a device, which wants many at a time but has room for few copies of them."""
_LANES = 8
"""Lines that libraries transform at once, which saves half of the time; a batch has a multiple of
them, or more points if tiles are long."""
_PER_TILE = 2**14
"""What a tile costs beside its arithmetic, in operations of one point."""
_RUN = 16
"""Elements of a contiguous run that are worth to be copied."""
_RATIOS = (2, 3, 4, 6, 8, 12, 16, 24, *(2**i for i in range(5, 13)))
"""Points of a tile on each axis, in taps."""

Index = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a block is cut into tiles."""

    points: tuple[int, ...]
    """Points of the transform of a tile, on each of the axes of the convolution."""
    steps: tuple[int, ...]
    """Results of a tile, likewise."""
    rows: tuple[int, ...]
    """On every axis of the block, rows of a tile; on those of the convolution ``points``."""
    batch: int
    """Tiles of one call."""


def tiling(
    shape: Sequence[int], lengths: Sequence[int], taps: Sequence[int], axes: Sequence[int]
) -> Tiling:
    """The cheapest tiles.

    Parameters
    ----------
    shape : sequence of int
        Of the block.
    lengths : sequence of int
        Of the result on each of ``axes``.
    taps : sequence of int
        Number of taps on each of ``axes``.
    axes : sequence of int
        Axes of the convolution.

    Examples
    --------
    >>> how = tiling((2**20,), (2**20 - 4096,), (4097,), (0,))
    >>> how.points, how.steps, how.batch
    ((32768,), (28672,), 8)
    """
    wholes = [n + k - 1 for n, k in zip(lengths, taps, strict=True)]
    best: tuple[float, tuple[int, ...], tuple[int, ...]] = (math.inf, (), ())
    for ratio in _RATIOS:
        points, steps = [], []
        for n, k, whole in zip(lengths, taps, wholes, strict=True):
            step = max(1, min(ratio * k, whole) - k + 1)
            points.append(_fast_length(math.ceil(n / math.ceil(n / step)) + k - 1))
            steps.append(min(n, points[-1] - k + 1))
        size = math.prod(points)
        tiles = math.prod(math.ceil(n / s) for n, s in zip(lengths, steps, strict=True))
        # Beyond the cache, each doubling takes as long as two more levels of the transform.
        levels = math.log2(size) + 2 * max(0.0, math.log2(size / _TILE))
        price = tiles * (size * levels + _PER_TILE)
        if price < best[0]:
            best = (price, tuple(points), tuple(steps))
    _, points, steps = best
    rows = list(shape)
    for axis, n in zip(axes, points, strict=True):
        rows[axis] = n
    left = max(1, _BATCH // math.prod(points))
    for axis in reversed([a for a in range(len(shape)) if a not in axes]):
        least = _RUN if axis == len(shape) - 1 else 1
        rows[axis] = max(1, min(shape[axis], max(left, least)))
        left = max(1, left // rows[axis])
    return Tiling(points, steps, tuple(rows), _batch(left, rows))


def _batch(left: int, rows: Sequence[int]) -> int:
    """Tiles of one call, of which ``left`` would fill the cache."""
    if left >= _LANES:
        return left - left % _LANES
    return _LANES if max(rows) == math.prod(rows) <= 2 * _TILE else left


def _fast_length(n: int) -> int:
    """A good length for a transform: of a long one, as many factors as may be are 2.

    >>> _fast_length(17), _fast_length(32400)
    (18, 32768)
    """
    import scipy.fft

    unit = 2 ** max(0, n.bit_length() - 8)
    length: Any = scipy.fft.next_fast_len(math.ceil(n / unit), real=True)
    return unit * length


def scratch_bytes(how: Tiling, itemsize: int) -> int:
    """Bytes that the kernel needs beside block and result: tiles, spectra, those of the taps."""
    return 6 * math.prod(how.rows) * how.batch * itemsize


def result_dtype(*dtypes: np.dtype) -> np.dtype:
    """Element type of a convolution: integers count as double, the higher precision wins.

    >>> result_dtype(np.dtype("float32"), np.dtype("int8"))
    dtype('float64')
    """
    return np.result_type(*(inexact_dtype(dtype, as_complex=False) for dtype in dtypes))


def _window(
    x: Array,
    taps: Array,
    axes: tuple[int, ...],
    starts: tuple[int, ...] | None,
    lengths: tuple[int | None, ...] | None,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where results begin in the full convolution, and how many there are."""
    counts = tuple(taps.shape[a] for a in axes)
    starts = tuple(k - 1 for k in counts) if starts is None else starts
    given = (None,) * len(axes) if lengths is None else lengths
    return starts, tuple(
        x.shape[a] - k + 1 if n is None else n for a, k, n in zip(axes, counts, given, strict=True)
    )


def _generic(
    x: Array,
    /,
    taps: Array,
    *,
    axes: tuple[int, ...],
    starts: tuple[int, ...] | None = None,
    lengths: tuple[int | None, ...] | None = None,
    source: Source | None = None,
    engine: str = "scipy",
) -> Array:
    starts, counts = _window(x, taps, axes, starts, lengths)
    taps = taps if library_of(taps) == library_of(x) else like(taps, x)
    xp = namespace(x)
    taps, x = as_inexact(taps, False), as_inexact(x, False)
    dtype = xp.result_type(x, taps)
    x, taps = xp.astype(x, dtype, copy=False), xp.astype(taps, dtype, copy=False)
    if not axes:
        return x * taps
    longest = max(range(len(axes)), key=lambda i: counts[i])
    axis = axes[longest]
    rows = math.prod(n for a, n in enumerate(x.shape) if a != axis)
    step = max(4 * taps.shape[axis], _MOST_POINTS // max(1, rows))
    parts = []
    for i in range(0, max(1, counts[longest]), step):
        first = tuple(s + i if j == longest else s for j, s in enumerate(starts))
        few = tuple(min(step, n - i) if j == longest else n for j, n in enumerate(counts))
        parts.append(_tile(x, taps, axes, first, few, source))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axis)


def _tile(
    x: Array,
    taps: Array,
    axes: tuple[int, ...],
    starts: tuple[int, ...],
    counts: tuple[int, ...],
    source: Source | None,
) -> Array:
    """Some results by one transform of what they are made of."""
    xp = namespace(x)
    read, kept, points = [slice(None)] * x.ndim, [slice(None)] * x.ndim, []
    for axis, start, n in zip(axes, starts, counts, strict=True):
        # Samples in front of the first and behind the last are 0, and need no room in front.
        first = max(0, start - taps.shape[axis] + 1)
        read[axis] = slice(first, max(first, min(x.shape[axis], start + n)))
        kept[axis] = slice(start - first, start - first + n)
        points.append(_fast_length(n + taps.shape[axis] - 1))
    piece = x[tuple(read)]
    if 0 in piece.shape or 0 in counts:
        where = dict(zip(axes, counts, strict=True))
        shape = tuple(where.get(a, n) for a, n in enumerate(x.shape))
        return xp.zeros(shape, dtype=x.dtype, device=x.device)
    real = not xp.isdtype(x.dtype, "complex floating")
    params = {"axes": axes, "lengths": tuple(points), "norm": None}
    kind, inverse = ("rfft", "irfft") if real else ("fft", "ifft")
    spectrum = fft(piece, kind=kind, **params)
    check_finite(spectrum, axes, source)
    spectrum *= fft(taps, kind=kind, **params)
    return fft(spectrum, kind=inverse, overwrite=True, **params)[tuple(kept)]


def _numpy(
    x: np.ndarray,
    /,
    taps: np.ndarray,
    *,
    axes: tuple[int, ...],
    starts: tuple[int, ...] | None = None,
    lengths: tuple[int | None, ...] | None = None,
    source: Source | None = None,
    engine: str = "scipy",
) -> np.ndarray:
    starts, counts = _window(x, taps, axes, starts, lengths)
    dtype = result_dtype(x.dtype, taps.dtype)
    taps = taps.astype(dtype)
    if not axes:
        return x.astype(dtype) * taps
    shape = list(x.shape)
    for axis, n in zip(axes, counts, strict=True):
        shape[axis] = n
    out = buffers.empty(tuple(shape), dtype)
    if 0 in out.shape:
        return out
    how = tiling(x.shape, counts, tuple(taps.shape[a] for a in axes), axes)
    work = _Tiles(x, out, taps, axes, starts, how, engine, source)
    paired = [a for a in range(x.ndim) if a not in axes and taps.shape[a] > 1]
    for rows in _pieces(x.shape, how.rows, all_but(*axes, ndim=x.ndim)):
        own = tuple(rows[a] if a in paired else slice(None) for a in range(x.ndim))
        work.run(rows, own)
    return out


def _pieces(shape: Sequence[int], rows: Sequence[int], axes: Sequence[int]) -> Iterator[Index]:
    """Parts of a block along some axes."""
    ranges = [
        [slice(i, min(i + rows[a], n)) for i in range(0, n, rows[a])]
        if a in axes
        else [slice(None)]
        for a, n in enumerate(shape)
    ]
    return itertools.product(*ranges)


class _Tiles:
    """The tiles of a NumPy block, some rows of its free axes at a time."""

    def __init__(
        self,
        x: np.ndarray,
        out: np.ndarray,
        taps: np.ndarray,
        axes: tuple[int, ...],
        starts: tuple[int, ...],
        how: Tiling,
        engine: str,
        source: Source | None,
    ) -> None:
        self.source = source
        self.x, self.out, self.taps, self.axes, self.how = x, out, taps, axes, how
        self.starts = starts
        self.kinds = ("fft", "ifft") if out.dtype.kind == "c" else ("rfft", "irfft")
        self.params: dict[str, Any] = {"lengths": how.points, "norm": None, "engine": engine}
        self._spectrum: tuple[Index, np.ndarray] | None = None
        self._room: np.ndarray | None = None

    def run(self, rows: Index, own: Index) -> None:
        """All results of some rows, with the taps that belong to them."""
        if self._spectrum is None or self._spectrum[0] != own:
            taps = fft(self.taps[own], kind=self.kinds[0], axes=self.axes, **self.params)
            self._spectrum = own, taps
        _, taps = self._spectrum
        steps = self.how.steps
        lengths = [self.out.shape[a] for a in self.axes]
        grid = itertools.product(*(range(0, n, s) for n, s in zip(lengths, steps, strict=True)))
        while firsts := list(itertools.islice(grid, self.how.batch)):
            tiles = self._read(firsts, rows)
            axes = tuple(a + 1 for a in self.axes)
            spectra = fft(tiles, kind=self.kinds[0], axes=axes, **self.params)
            check_finite(spectra, axes, self.source)
            spectra *= taps
            results = fft(spectra, kind=self.kinds[1], axes=axes, overwrite=True, **self.params)
            for first, result in zip(firsts, results, strict=True):
                self._write(first, result, rows)

    def _read(self, firsts: list[tuple[int, ...]], rows: Index) -> np.ndarray:
        """The samples of some tiles, and zeros where there are none."""
        lengths = [len(range(n)[r]) for r, n in zip(rows, self.x.shape, strict=True)]
        for axis, n in zip(self.axes, self.how.points, strict=True):
            lengths[axis] = n
        shape = (len(firsts), *lengths)
        if self._room is None or self._room.shape != shape:
            self._room = np.empty(shape, self.out.dtype)
        for first, tile in zip(firsts, self._room, strict=True):
            source, target = list(rows), [slice(None)] * self.x.ndim
            is_full = True
            for axis, i, start, n in zip(
                self.axes, first, self.starts, self.how.points, strict=True
            ):
                begin = start + i - self.taps.shape[axis] + 1
                low = max(0, begin)
                high = max(low, min(self.x.shape[axis], begin + n))
                source[axis] = slice(low, high)
                target[axis] = slice(low - begin, high - begin)
                is_full &= high - low == n
            if not is_full:
                tile[...] = 0
            tile[tuple(target)] = self.x[tuple(source)]
        return self._room

    def _write(self, first: tuple[int, ...], result: np.ndarray, rows: Index) -> None:
        """The results of a tile that are right."""
        source, target = [slice(None)] * self.x.ndim, list(rows)
        for axis, i, step in zip(self.axes, first, self.how.steps, strict=True):
            count = min(step, self.out.shape[axis] - i)
            begin = self.taps.shape[axis] - 1
            source[axis] = slice(begin, begin + count)
            target[axis] = slice(i, i + count)
        self.out[tuple(target)] = result[tuple(source)]


def _free_axes(
    x: Array, /, taps: Array, *, axes: tuple[int, ...], **params: Any
) -> tuple[int, ...]:
    return tuple(a for a in all_but(*axes, ndim=x.ndim) if taps.shape[a] == 1)


convolve = Kernel(
    "convolve",
    _generic,
    workspace=lambda in_bytes, out_bytes: 2**24,
    device_workspace=lambda in_bytes, out_bytes: 5 * max(in_bytes, out_bytes),
    free_axes=_free_axes,
)
"""Convolution of a block with ``taps`` along ``axes``.

On the other axes the two multiply; there ``taps`` has the length of the block, or 1. The result
begins at ``starts`` in the full convolution, on each of ``axes``, and has ``lengths`` points, where
the block is 0 outside; by default it is what the block alone determines: ``n - k + 1`` points from
index k - 1 on (a length of None means that many). With a ``source``, samples that are not finite
raise an error that names it. ``engine`` as of :data:`spanwise.kernels.fft.fft`."""

convolve.register("numpy", _numpy)


def _multiply(x: Array, /, other: Array) -> Array:
    return x * other


multiply = Kernel("multiply", _multiply)
"""The product of two blocks, element by element."""
