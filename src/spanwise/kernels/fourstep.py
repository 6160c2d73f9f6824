"""The pieces of a Fourier transform along an axis that no block holds whole.

With n = P m points, j = j1 m + j2 and k = k1 + P k2 (Gentleman & Sande 1966; Bailey 1990)::

    X[k1 + P k2] = sum_j2 w(m)^(j2 k2) [ w(n)^(j2 k1) sum_j1 w(P)^(j1 k1) x[j1 m + j2] ]

where w(q) = exp(-2 pi i / q), or its conjugate for the inverse. The inner sum is a transform down
the *columns* of x seen as a P x m matrix, which a slab of columns can make; the outer one runs
along *rows*. Row k1 of the result holds every P-th point from k1 on: decimated order. The inverse
goes backwards: rows, twiddles, columns.

A block lies with its matrix flattened on one axis: a slab of w columns has P w points.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .fft import fft
from .kernel import Kernel
from .library import DEVICE_LIBRARIES, Array, library_of, namespace
from .memory import all_but
from .tables import table_of

_FORWARD = frozenset({"fft", "rfft", "hfft"})
_POINTS, _DEVICE_POINTS = 2**16, 2**24
"""Twiddle factors that are made at a time: what stays in a core's cache, and what keeps a device
busy."""


def angles(
    first: Sequence[int] | np.ndarray, second: np.ndarray, n: int, dtype: Any = np.complex128
) -> np.ndarray:
    """exp(-2 pi i a b / n) of all products, from angles that are reduced in integers.

    Products up to 2^62 are exact, and a remainder below n enters floating point: a product of
    2^50 in float64 would have lost the angle's last bits, in float32 all of them.
    """
    products = np.multiply.outer(np.asarray(first, np.int64), np.asarray(second, np.int64)) % n
    eighth = np.arctan(np.result_type(dtype, np.complex128).type(1).real)
    radians = products * (8 * eighth / n)
    out = np.empty(radians.shape, dtype)
    np.cos(radians, out=out.real, casting="same_kind")
    np.sin(np.negative(radians, out=radians), out=out.imag, casting="same_kind")
    return out


def _factors(
    columns: tuple[int, int, int], row: int, rows: int, n: int, forward: bool, dtype: np.dtype
) -> np.ndarray:
    """w(n)^((row + k) j) for k < rows and j in a range."""
    table = angles(np.arange(row, row + rows), np.arange(*columns), n, dtype)
    return table if forward else table.conj()


_fine = functools.lru_cache(maxsize=16)(_factors)
"""Kept where it is the same for every slab of one transform."""


def _twiddle(x: Array, axis: int, row: int, first: int, *, n: int, forward: bool) -> Array:
    """Multiply by w(n)^((row + k) (first + j)): k counts along ``axis``, j along the next axis.

    A table of all factors would be as large as the block, and larger while it is made. The factor
    of a sum is a product: with j = a s + b, s the root of the width, two small tables make the
    factors of a part of the block at a time, in cache.
    """
    xp = namespace(x)
    rows, width = x.shape[axis], x.shape[axis + 1]
    step = math.isqrt(max(width, 1) - 1) + 1
    same = row, rows, n, forward, _complex_dtype(x)
    coarse = table_of(x, _factors, (first, first + width, step), *same)
    fine = table_of(x, _fine, (0, step, 1), *same)
    behind = (1,) * (x.ndim - axis - 2)
    points = _DEVICE_POINTS if library_of(x) in DEVICE_LIBRARIES else _POINTS
    height, length = max(1, points // max(width, 1)), max(1, points // step)
    for k in range(0, rows, height):
        for a in range(0, coarse.shape[1], length):
            some = slice(k, min(k + height, rows))
            spans = slice(a, min(a + length, coarse.shape[1]))
            columns = slice(a * step, min(spans.stop * step, width))
            factors = coarse[some, spans, None] * fine[some, None, :]
            factors = xp.reshape(factors, (some.stop - k, -1))[:, : columns.stop - columns.start]
            factors = xp.reshape(factors, (*factors.shape, *behind))
            x[(*(slice(None),) * axis, some, columns, ...)] *= factors
    return x


def _complex_dtype(x: Array) -> np.dtype:
    """NumPy's name of the type of a complex block."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype
    return np.dtype("complex64" if x.dtype == namespace(x).complex64 else "complex128")


def _split(x: Array, axis: int, rows: int) -> Array:
    """The flattened matrix on an axis as two axes."""
    shape = (*x.shape[:axis], rows, x.shape[axis] // rows, *x.shape[axis + 1 :])
    return namespace(x).reshape(x, shape)


def _join(x: Array, axis: int) -> Array:
    """Two axes as a flattened matrix on one."""
    shape = (*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])
    return namespace(x).reshape(x, shape)


def _down(
    x: Array, kind: str, axis: int, rows: int, points: int, norm: str | None, **how: Any
) -> Array:
    """Transform the columns of a slab, from ``rows`` to ``points``; the matrix has two axes."""
    matrix = _split(x, axis, rows)
    return fft(matrix, kind=kind, axes=(axis,), lengths=(points,), norm=norm, **how)


def _columns(
    x: Array,
    first: int,
    /,
    *,
    kind: str,
    axis: int,
    rows: int,
    n: int,
    norm: str | None,
    engine: str = "scipy",
    overwrite: bool = False,
) -> Array:
    out = _down(x, kind, axis, rows, rows, norm, engine=engine, overwrite=overwrite)
    return _join(_twiddle(out, axis, 0, first, n=n, forward=kind in _FORWARD), axis)


def _free_axes(x: Array, /, *args: Any, axis: int, **params: Any) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


columns = Kernel("columns", _columns, workspace=max, in_place=True, free_axes=_free_axes)
"""Transform the columns of a slab and multiply by the twiddle factors.

``rows`` is P before the transform; ``first`` is the first column of the slab."""


def _rows(
    x: Array,
    row: int,
    /,
    *,
    kind: str,
    axis: int,
    n: int,
    norm: str | None,
    direct: int | None = None,
    engine: str = "scipy",
    overwrite: bool = False,
) -> Array:
    if direct is not None:
        x = _whole_row(x, axis, row, direct, n)
        overwrite = True
    m = x.shape[axis]
    out = fft(
        x, kind=kind, axes=(axis,), lengths=(m,), norm=norm, engine=engine, overwrite=overwrite
    )
    one = _twiddle(_split(out, axis, 1), axis, row, 0, n=n, forward=kind in _FORWARD)
    return _join(one, axis)


def _whole_row(x: Array, axis: int, row: int, blocks: int, n: int) -> Array:
    """A row of a Hermitian spectrum from what lies in its non-negative half.

    The block holds X[row + P k2] up to n // 2, then as much of row P - row (of row 0: from its
    second point on) as X[n - k] = conj(X[k]) needs for the rest.
    """
    xp = namespace(x)
    direct = -(-(n // 2 + 1 - row) // blocks)
    before = (slice(None),) * axis
    tail = xp.flip(x[(*before, slice(direct, None), ...)], axis=axis)
    return xp.concat([x[(*before, slice(None, direct), ...)], xp.conj(tail)], axis=axis)


rows = Kernel(
    "rows", _rows, workspace=lambda a, b: 2 * max(a, b), in_place=True, free_axes=_free_axes
)
"""Transform a row of a decimated spectrum and multiply by the twiddle factors.

``row`` is k1. With ``direct`` (P), the block holds the parts of a Hermitian row that lie in its
non-negative half."""


def _back(
    x: Array,
    /,
    *,
    kind: str,
    axis: int,
    rows: int,
    points: int,
    norm: str | None,
    engine: str = "scipy",
    overwrite: bool = False,
) -> Array:
    return _join(_down(x, kind, axis, rows, points, norm, engine=engine, overwrite=overwrite), axis)


back = Kernel("back", _back, workspace=max, in_place=True, free_axes=_free_axes)
"""The last step of the inverse: transform the columns of a slab, from ``rows`` to ``points``."""


def _interleave(x: Array, /, *, axis: int, blocks: int) -> Array:
    xp = namespace(x)
    count, more = divmod(x.shape[axis], blocks)
    order = (*range(axis), axis + 1, axis, *range(axis + 2, x.ndim + 1))
    if more == 0:
        return _join(xp.permute_dims(_split(x, axis, blocks), order), axis)
    before, out = (slice(None),) * axis, xp.empty_like(x)
    # The first runs hold one point more than the others: it goes behind all the rest.
    long = _split(x[(*before, slice(0, more * (count + 1)), ...)], axis, more)
    if count:
        short = _split(x[(*before, slice(more * (count + 1), None), ...)], axis, blocks - more)
        turned = _split(out[(*before, slice(0, count * blocks), ...)], axis, count)
        turned[(*before, slice(None), slice(0, more), ...)] = xp.permute_dims(
            long[(*before, slice(None), slice(0, count), ...)], order
        )
        turned[(*before, slice(None), slice(more, None), ...)] = xp.permute_dims(short, order)
    out[(*before, slice(count * blocks, None), ...)] = long[(*before, slice(None), count, ...)]
    return out


interleave = Kernel("interleave", _interleave, free_axes=_free_axes)
"""Points in natural order from runs of decimated ones: every ``blocks``-th point, run by run."""


def _deinterleave(x: Array, first: int, /, *, axis: int, blocks: int) -> Array:
    xp = namespace(x)
    before, length = (slice(None),) * axis, x.shape[axis]
    starts = (min((r - first) % blocks, length) for r in range(blocks))
    return xp.concat([x[(*before, slice(i, None, blocks), ...)] for i in starts], axis=axis)


deinterleave = Kernel("deinterleave", _deinterleave, free_axes=_free_axes)
"""Runs of every ``blocks``-th point of a block that begins at the point ``first``."""
