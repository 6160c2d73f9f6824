"""The discrete Fourier transform of one block at a band of frequencies: sums, not a whole spectrum.

With f and d the first frequency of the band and the distance to the next, in cycles per sample::

    X[k] = sum_j x[j] exp(-2 pi i j (f + k d)),    k = 0 ... m - 1

The block is cut into segments of B samples. What a segment adds is found by a matrix product if m
is small, else by a chirp: j k = (j^2 + k^2 - (k - j)^2) / 2 makes the sum a convolution, by
transforms of B + m - 1 points [1]_. Then the phase of each segment's first sample is put on, and
segments are added. A block that is a part of an axis takes the phase of its own first sample, so
that what blocks add up to is the band of the whole axis.

Phases are counted in units of 2^-64 cycles by integers that wrap, so no digit of them is lost
however long the axis is: j^2 d / 2 has 2^43 cycles where j is 2^22.

.. [1] L. I. Bluestein, "A linear filtering approach to the computation of discrete Fourier
   transform", IEEE Trans. Audio Electroacoust. 18, 451-455 (1970).
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .blas import single_threaded
from .blocks import empty_like_library
from .fft import result_dtype
from .kernel import Kernel
from .library import DEVICE_LIBRARIES, Array, library_of, namespace
from .memory import all_but
from .tables import table_of

_DIRECT_POINTS = 64
"""Bands of up to so many points are a matrix product: it beats two transforms."""
_SEGMENT = 1024
"""Least samples of a segment; tables are as long, and stay in the cache."""
_SCRATCH = {False: 2**21, True: 2**28}
"""Bytes worked on at a time: on the CPU they stay in the cache, a device wants long runs."""
_BYTES_PER_FACTOR = 40
"""Bytes that making a table takes for each of its factors: integers and double precision."""
_KEPT_TABLES = 2**22
"""Tables of up to so many bytes are kept for the next block."""


@dataclass(frozen=True, slots=True)
class Band:
    """Evenly spaced frequencies, in cycles per sample, as exact numbers."""

    first: Fraction
    """The first frequency."""
    step: Fraction
    """The distance from one to the next."""
    points: int
    """How many."""


def phases(count: np.ndarray, turn: Fraction) -> np.ndarray:
    """``count * turn`` less whole cycles, in units of 2^-64 cycles, exact to about two units.

    ``count`` holds integers from 0 on, below 2^63. Sums of phases may wrap, as cycles do.

    >>> phases(np.array([1, 2, 4 * 10**12 + 1]), Fraction(1, 4)) * 2.0**-64
    array([0.25, 0.5 , 0.25])
    """
    count = count.astype(np.uint64)
    low, high = count & np.uint64(0xFFFFFFFF), count >> np.uint64(32)
    fixed = math.floor((turn % 1) * 2**128)
    # Digits of the fraction, of weight 2^-32, 2^-64, 2^-96 and 2^-128.
    a, b, c, d = (np.uint64(fixed >> shift & 0xFFFFFFFF) for shift in (96, 64, 32, 0))
    below = ((low * c) >> np.uint64(32)) + high * c + ((high * d) >> np.uint64(32))
    return ((low * a + high * b) << np.uint64(32)) + low * b + below


def rotation(units: np.ndarray, dtype: Any) -> np.ndarray:
    """``exp(-2 pi i p)`` of phases, in a complex type."""
    real = np.longdouble if np.dtype(dtype) == np.clongdouble else np.float64
    # np.pi has the digits of a double only.
    angle = units.astype(np.int64).astype(real) * (-8 * np.arctan(real(1)) * real(2) ** -64)
    out: Any = np.empty(units.shape, np.result_type(real, np.complex64))
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out.astype(dtype, copy=False)


def segment_length(samples: int, points: int) -> int:
    """Samples of a segment of a block.

    >>> segment_length(10**6, 10), segment_length(10**6, 10**6)
    (1025, 1000000)
    """
    wanted = _SEGMENT if points <= _DIRECT_POINTS else max(_SEGMENT, 4 * points)
    return math.ceil(samples / max(1, samples // wanted))


def _make_tables(samples: int, band: Band, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """What is the same for every segment of every block.

    These are (B,) factors of the samples and (L,), the transform of the chirp that the samples are
    convolved with; or (B, m) factors alone, where the band is found by a matrix product.
    """
    j = np.arange(samples)
    if band.points <= _DIRECT_POINTS:
        turns = (band.first + k * band.step for k in range(band.points))
        return rotation(np.stack([phases(j, t) for t in turns], axis=1), dtype), None
    import scipy.fft

    # The checker believes that a dispatched function may give nothing.
    length: Any = scipy.fft.next_fast_len(samples + band.points - 1)
    longest = np.arange(max(samples, band.points))
    half = phases(longest**2, band.step / 2)
    double = "clongdouble" if np.dtype(dtype) == np.clongdouble else "complex128"
    chirp = np.zeros(length, double)
    back = rotation(-half, double)
    chirp[: band.points] = back[: band.points]
    chirp[length - samples + 1 :] = back[samples - 1 : 0 : -1]
    transform: Any = scipy.fft.fft(chirp, overwrite_x=True)
    before = rotation(phases(j, band.first) + half[:samples], dtype)
    return before, transform.astype(dtype, copy=False)


_kept_tables = functools.lru_cache(maxsize=8)(_make_tables)


def _tables(x: Array, samples: int, band: Band, dtype: str) -> tuple[Array, Array | None]:
    bytes_ = 2 * (samples + band.points) * np.dtype(dtype).itemsize
    make = _kept_tables if bytes_ <= _KEPT_TABLES else _make_tables
    return table_of(x, make, samples, band, dtype)


def _after(start: int, samples: int, segments: int, band: Band, dtype: str) -> np.ndarray:
    """(segments, m): the phase of each segment's first sample, and the end of the chirp."""
    k = np.arange(band.points)
    s = np.arange(segments)[:, None]
    one = np.ones(1, int)
    rows = phases(s * k, samples * band.step) + phases(k, start * band.step)
    rows += phases(s, samples * band.first) + phases(one, start * band.first)
    if band.points > _DIRECT_POINTS:
        rows += phases(k**2, band.step / 2)
    return rotation(rows, dtype)


def _zoom(x: Array, start: int = 0, /, *, axis: int, band: Band) -> Array:
    xp = namespace(x)
    x, dtype = _as_inexact(x)
    lead, n, trail = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], band.points, *x.shape[axis + 1 :])
    kind = np.dtype(dtype) if isinstance(x.dtype, np.dtype) else getattr(xp, dtype)
    out = empty_like_library((lead, band.points, trail), kind, x)
    if 0 in x.shape:
        out[...] = 0
        return xp.reshape(out, shape)
    samples = segment_length(n, band.points)
    before, chirp = _tables(x, samples, band, dtype)
    x = xp.reshape(x, (lead, n, trail))
    width = samples if chirp is None else chirp.shape[0]
    scratch = _SCRATCH[library_of(x) in DEVICE_LIBRARIES]
    room = max(1, scratch // (width * np.dtype(dtype).itemsize))
    segments = math.ceil(n / samples)
    columns = min(trail, room)
    group = max(1, min(segments, room // columns))
    rows = max(1, min(lead, room // (columns * group)))
    with single_threaded():
        for s in range(0, segments, group):
            first, count = s * samples, min(group, segments - s)
            after = table_of(x, _after, start + first, samples, count, band, dtype)
            for r, c in itertools.product(range(0, lead, rows), range(0, trail, columns)):
                part = x[r : r + rows, first : first + count * samples, c : c + columns]
                target = (slice(r, r + rows), slice(None), slice(c, c + columns))
                added = _add_segments(xp, part, before, chirp, after)
                out[target] = added if s == 0 else out[target] + added
    return xp.reshape(out, shape)


def _add_segments(xp: Any, x: Array, before: Array, chirp: Array | None, after: Array) -> Array:
    """What some segments, which follow one another along axis 1, add to the band."""
    rows, n, columns = x.shape
    samples = before.shape[0]
    whole, rest = divmod(n, samples)
    full = xp.reshape(x[:, : whole * samples, :], (rows, whole, samples, columns))
    short = x[:, None, whole * samples :, :]
    if chirp is None:
        bands = [_direct(xp, full, before)] if whole else []
        bands += [_direct(xp, short, before[:rest, :])] if rest else []
        y = bands[0] if len(bands) == 1 else xp.concat(bands, axis=1)
    else:
        y = xp.zeros((rows, after.shape[0], chirp.shape[0], columns), dtype=chirp.dtype, **_on(x))
        factor = before[:, None]
        if whole:
            y[:, :whole, :samples, :] = full * factor
        if rest:
            y[:, whole:, :rest, :] = short * factor[:rest, :]
        forward, inverse = _transforms(xp, x)
        y = forward(y, axis=2)
        y *= chirp[:, None]
        y = inverse(y, axis=2)[:, :, : after.shape[1], :]
    if after.shape[0] == 1:
        return y[:, 0, :, :] * after[0, :, None]
    return xp.sum(y * after[:, :, None], axis=1)


def _direct(xp: Any, x: Array, table: Array) -> Array:
    """(rows, segments, samples, columns) times (samples, m): a matrix product."""
    rows, segments, samples, columns = x.shape
    if columns == 1:
        flat = xp.reshape(x, (rows * segments, samples))
        return xp.reshape(_product(xp, flat, table), (rows, segments, table.shape[1], 1))
    return _product(xp, table.T, x)


def _product(xp: Any, a: Array, b: Array) -> Array:
    """The product of two matrices, of which one may be real: real products are cheaper."""
    a_real, b_real = (xp.isdtype(m.dtype, "real floating") for m in (a, b))
    if a_real:
        return _join(xp, xp.matmul(a, xp.real(b)), xp.matmul(a, xp.imag(b)))
    if b_real:
        return _join(xp, xp.matmul(xp.real(a), b), xp.matmul(xp.imag(a), b))
    return xp.matmul(a, b)


def _join(xp: Any, real: Array, imaginary: Array) -> Array:
    return real + 1j * imaginary


def _on(x: Array) -> dict[str, Any]:
    return {} if library_of(x) == "numpy" else {"device": x.device}


def _transforms(xp: Any, x: Array) -> tuple[Any, Any]:
    """Forward and inverse transform of scratch that may be spoiled."""
    if library_of(x) != "numpy":
        return xp.fft.fft, xp.fft.ifft
    import scipy.fft

    return (
        functools.partial(scipy.fft.fft, overwrite_x=True, workers=1),
        functools.partial(scipy.fft.ifft, overwrite_x=True, workers=1),
    )


def _as_inexact(x: Array) -> tuple[Array, str]:
    """The block in floating point, and the name of the complex type of its precision."""
    xp = namespace(x)
    if isinstance(x.dtype, np.dtype):
        result = result_dtype("fft", x.dtype)
        wanted = result if x.dtype.kind == "c" else result_dtype("irfft", x.dtype)
        return (x if x.dtype == wanted and x.dtype.isnative else xp.astype(x, wanted)), str(result)
    if xp.isdtype(x.dtype, "complex floating"):
        return x, "complex64" if x.dtype == xp.complex64 else "complex128"
    if not xp.isdtype(x.dtype, "real floating"):
        return xp.astype(x, xp.float64), "complex128"
    if x.dtype == xp.float64:
        return x, "complex128"
    return (x if x.dtype == xp.float32 else xp.astype(x, xp.float32)), "complex64"


def scratch_bytes(samples: int, points: int, others: int, itemsize: int, *, device: bool) -> int:
    """Bytes beside input and output for a block of ``others`` lines: tables and scratch."""
    segment = segment_length(max(samples, 1), points)
    direct = points <= _DIRECT_POINTS
    width = segment if direct else segment + points
    segments = math.ceil(max(samples, 1) / segment)
    room = max(1, _SCRATCH[device] // (width * itemsize))
    at_once = min(others * segments, room)
    made = segment * points if direct else 2 * width
    made = max(made, min(segments, at_once) * points)
    return _BYTES_PER_FACTOR * made + 3 * at_once * width * itemsize


def work(samples: int, points: int) -> float:
    """Operations for one line of a block."""
    if points <= _DIRECT_POINTS:
        return 4.0 * samples * points
    segment = segment_length(max(samples, 1), points)
    width = segment + points
    return math.ceil(samples / segment) * 10.0 * width * math.log2(width)


def _free_axes(x: Array, /, *args: Any, axis: int, **params: Any) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


zoom = Kernel(
    "zoom_fft",
    _zoom,
    workspace=lambda in_bytes, out_bytes: 4 * in_bytes + 4 * out_bytes,
    free_axes=_free_axes,
)
"""The band of one block. Behind the block stands the index of its first sample on ``axis``;
``band`` is a :class:`Band`. The axis gets ``band.points`` points."""
