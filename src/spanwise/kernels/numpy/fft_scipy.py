"""FFT of a NumPy block by SciPy, which has no ``out=``: large results are made in used memory.

Measured on 32 MiB of complex64, SciPy's own call takes 1.1 to 1.7 times as long: a third of it is
spent on the pages of a fresh result. What SciPy does for real input, one half and then the other by
symmetry, is done here in parts that stay in cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import buffers
from ..fft import result_dtype
from ..hermitian import mirror_into

_PART_BYTES = 2**23
"""Real data is transformed in parts of this size, where other axes can be cut."""
_ROW_BYTES = 2**20
"""The last step to real data is made in parts of this size."""
_KEPT_BYTES = 2**25
"""Below this size the C library keeps freed memory, so that a fresh result costs little."""
_SHORT = 8
"""Points of an axis of which computing one half is not worth the trouble."""
_REST = {"irfft": "ifftn", "hfft": "fftn"}
_HALF = {"fft": "rfftn", "ifft": "ihfftn"}


def transform(
    x: np.ndarray,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    workers: int | None = 1,
    overwrite: bool = False,
) -> np.ndarray:
    """Transform one block; see :data:`spanwise.kernels.fft.fft`."""
    import scipy.fft

    dtype = result_dtype(kind, x.dtype)
    shape = list(x.shape)
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    size = dtype.itemsize * int(np.prod(shape))
    overwrite = overwrite and x.flags.writeable
    is_own = overwrite and x.dtype == np.result_type(dtype, np.complex64)
    if workers == 1 and size >= buffers.SMALLEST:  # several threads are best left to SciPy
        if kind in _HALF and x.dtype.kind != "c":
            return _by_half(x, kind, axes, tuple(shape), norm, dtype)
        if kind in _HALF and not (is_own and x.shape == tuple(shape)):
            out = buffers.copied(x, tuple(shape), dtype)
            _in_place(getattr(scipy.fft, f"{kind}n"), out, axes, norm)
            return out
        fits = is_own and all(x.shape[axis] == shape[axis] for axis in axes[:-1])
        if kind in _REST and (fits or size >= _KEPT_BYTES):
            return _to_real(x, kind, axes, tuple(shape), norm, dtype, overwrite=fits)
    function = getattr(scipy.fft, f"{kind}n")
    return function(x, s=lengths, axes=axes, norm=norm, workers=workers, overwrite_x=overwrite)


def _by_half(
    x: np.ndarray,
    kind: str,
    axes: tuple[int, ...],
    shape: tuple[int, ...],
    norm: str | None,
    dtype: np.dtype,
) -> np.ndarray:
    """A complex transform of real data: half of one axis, and its mirror image."""
    import scipy.fft

    half = max(axes, key=lambda axis: (shape[axis] >= _SHORT, axis))
    others = tuple(axis for axis in axes if axis != half)
    order = (*others, half)
    function, lengths = getattr(scipy.fft, _HALF[kind]), tuple(shape[axis] for axis in order)
    n, kept = shape[half], shape[half] // 2 + 1
    out = buffers.empty(shape, dtype)
    for part in parts(shape, axes, dtype.itemsize, _PART_BYTES):
        whole = out[part]
        spectrum = function(x[part], s=lengths, axes=order, norm=norm, workers=1)
        whole[_lines(half, 0, kept)] = spectrum
        mirrored = spectrum[_lines(half, 1, n - kept + 1)]
        mirror_into(whole[_lines(half, kept, n)], mirrored, axis=half, others=others)
    return out


def _to_real(
    x: np.ndarray,
    kind: str,
    axes: tuple[int, ...],
    shape: tuple[int, ...],
    norm: str | None,
    dtype: np.dtype,
    *,
    overwrite: bool,
) -> np.ndarray:
    """Half a spectrum to real data: the other axes in place, then the last one by rows."""
    import scipy.fft

    *others, last = axes
    if others and not overwrite:
        held = (*shape[:last], shape[last] // 2 + 1, *shape[last + 1 :])
        x = buffers.copied(x, held, np.result_type(dtype, np.complex64))
        overwrite = True
    if others:
        _in_place(getattr(scipy.fft, _REST[kind]), x, tuple(others), norm)
    function = getattr(scipy.fft, kind)
    out = buffers.empty(shape, dtype)
    for rows in parts(shape, (last,), dtype.itemsize, _ROW_BYTES):
        out[rows] = function(
            x[rows], n=shape[last], axis=last, norm=norm, workers=1, overwrite_x=overwrite
        )
    return out


def _in_place(
    function: Callable[..., Any], block: np.ndarray, axes: tuple[int, ...], norm: str | None
) -> None:
    result = function(block, axes=axes, norm=norm, workers=1, overwrite_x=True)
    if not np.may_share_memory(result, block):  # SciPy may work in place, and need not
        block[...] = result


def _lines(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop))


def parts(
    shape: tuple[int, ...], whole: tuple[int, ...], itemsize: int, limit: int
) -> Iterator[tuple[slice, ...]]:
    """Cut a block into parts of at most ``limit`` bytes, the slowest-varying axis first.

    Axes in ``whole`` are not cut, which may leave a part larger.

    >>> [part[0] for part in parts((5, 8), (1,), 1, 16)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = itemsize * int(np.prod(shape))
    cuts = []
    for axis, length in enumerate(shape):
        step = max(length, 1)
        if axis not in whole and size > limit:
            step = max(1, limit * length // size)
            size = size // length * step
        cuts.append([slice(a, min(a + step, length)) for a in range(0, length, step)])
    return itertools.product(*cuts)
