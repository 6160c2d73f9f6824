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
from collections.abc import Sequence

import numpy as np

from .fft import fft
from .kernel import Kernel
from .library import Array, like, namespace

_FORWARD = frozenset({"fft", "rfft", "hfft"})


def angles(first: Sequence[int] | np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """exp(-2 pi i a b / n) of all products, from angles that are reduced in integers.

    Products up to 2^62 are exact, and a remainder below n enters floating point: a product of
    2^50 in float64 would have lost the angle's last bits, in float32 all of them.
    """
    products = np.multiply.outer(np.asarray(first, np.int64), np.asarray(second, np.int64)) % n
    return np.exp((-2j * np.pi / n) * products)


@functools.lru_cache(maxsize=4)
def _table(rows: int, width: int, n: int, forward: bool, dtype: str) -> np.ndarray:
    """w(n)^(k1 j) for k1 < rows, j < width: the same for every slab of one transform."""
    table = angles(np.arange(rows), np.arange(width), n)
    out = (table if forward else table.conj()).astype(dtype)
    out.flags.writeable = False
    return out


def _twiddle(x: Array, axis: int, first: int, *, n: int, forward: bool) -> Array:
    """Multiply by w(n)^(k1 (first + j)): k1 counts along ``axis``, j along the next axis."""
    rows, width = x.shape[axis], x.shape[axis + 1]
    single = x.dtype == namespace(x).complex64
    table = _table(rows, width, n, forward, "complex64" if single else "complex128")
    column = angles(np.arange(rows), np.asarray([first]), n)
    column = column if forward else column.conj()
    behind = (1,) * (x.ndim - axis - 2)
    x *= like(table.reshape(rows, width, *behind), x)
    x *= like(column.astype(table.dtype).reshape(rows, 1, *behind), x)
    return x


def _split(x: Array, axis: int, rows: int) -> Array:
    """The flattened matrix on an axis as two axes."""
    shape = (*x.shape[:axis], rows, x.shape[axis] // rows, *x.shape[axis + 1 :])
    return namespace(x).reshape(x, shape)


def _join(x: Array, axis: int) -> Array:
    """Two axes as a flattened matrix on one."""
    shape = (*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])
    return namespace(x).reshape(x, shape)


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
    overwrite: bool = False,
) -> Array:
    matrix = _split(x, axis, rows)
    out = fft(
        matrix,
        kind=kind,
        axes=(axis,),
        lengths=(rows,),
        norm=norm,
        overwrite=overwrite,
    )
    return _join(_twiddle(out, axis, first, n=n, forward=kind in _FORWARD), axis)


columns = Kernel("fft_columns", _columns, workspace=max, in_place=True)
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
    overwrite: bool = False,
) -> Array:
    if direct is not None:
        x = _whole_row(x, axis, row, direct, n)
        overwrite = True
    m = x.shape[axis]
    out = fft(x, kind=kind, axes=(axis,), lengths=(m,), norm=norm, overwrite=overwrite)
    factor = angles([row], np.arange(m), n)[0]
    factor = factor if kind in _FORWARD else factor.conj()
    single = out.dtype == namespace(out).complex64
    factor = factor.astype(np.complex64 if single else np.complex128)
    out *= like(factor.reshape(-1, *(1,) * (out.ndim - axis - 1)), out)
    return out


def _whole_row(x: Array, axis: int, row: int, blocks: int, n: int) -> Array:
    """A row of a Hermitian spectrum from what lies in its non-negative half.

    The block holds X[row + P k2] up to n // 2, then as much of row P - row (of row 0: from its
    second point on) as X[n - k] = conj(X[k]) needs for the rest.
    """
    xp = namespace(x)
    direct = -(-(n // 2 + 1 - row) // blocks)
    before = (slice(None),) * axis
    tail = xp.flip(x[(*before, slice(direct, None))], axis=axis)
    return xp.concat([x[(*before, slice(None, direct))], xp.conj(tail)], axis=axis)


rows = Kernel("fft_rows", _rows, workspace=lambda a, b: 2 * max(a, b), in_place=True)
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
    overwrite: bool = False,
) -> Array:
    matrix = _split(x, axis, rows)
    out = fft(
        matrix,
        kind=kind,
        axes=(axis,),
        lengths=(points,),
        norm=norm,
        overwrite=overwrite,
    )
    return _join(out, axis)


back = Kernel("fft_columns_back", _back, workspace=max, in_place=True)
"""The last step of the inverse: transform the columns of a slab, from ``rows`` to ``points``."""


def _interleave(x: Array, /, *, axis: int, blocks: int) -> Array:
    length = x.shape[axis]
    if length % blocks == 0:
        xp = namespace(x)
        matrix = _split(x, axis, blocks)
        order = (*range(axis), axis + 1, axis, *range(axis + 2, matrix.ndim))
        return _join(xp.permute_dims(matrix, order), axis)
    out = namespace(x).empty_like(x)
    begin = 0
    before = (slice(None),) * axis
    for i in range(min(blocks, length)):
        count = -(-(length - i) // blocks)
        out[(*before, slice(i, None, blocks))] = x[(*before, slice(begin, begin + count))]
        begin += count
    return out


interleave = Kernel("interleave", _interleave)
"""Points in natural order from runs of decimated ones: every ``blocks``-th point, run by run."""


def _deinterleave(x: Array, first: int, /, *, axis: int, blocks: int) -> Array:
    xp = namespace(x)
    before = (slice(None),) * axis
    runs = [x[(*before, slice((r - first) % blocks, None, blocks))] for r in range(blocks)]
    return xp.concat(runs, axis=axis)


deinterleave = Kernel("deinterleave", _deinterleave)
"""Runs of every ``blocks``-th point of a block that begins at the point ``first``."""
