"""Parts of NumPy blocks that stay in cache, and rows that leave each other room there."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator

import numpy as np

from .. import buffers

_PAGE_BYTES = 4096
_VECTOR_BYTES = 64
"""What libraries read or write of a row at a time, at most."""


def held_and_result(
    kind: str, shape: tuple[int, ...], axes: tuple[int, ...], lengths: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of a block after cropping or padding, and of its transform.

    >>> held_and_result("irfft", (2, 5), (1,), (6,))
    ((2, 4), (2, 6))
    """
    held, result = list(shape), list(shape)
    for axis, length in zip(axes, lengths, strict=True):
        held[axis] = result[axis] = length
    if kind in ("rfft", "ihfft"):
        result[axes[-1]] = lengths[-1] // 2 + 1
    elif kind in ("irfft", "hfft"):
        held[axes[-1]] = lengths[-1] // 2 + 1
    return tuple(held), tuple(result)


def threads_of(workers: int | None) -> int:
    """Number of threads by SciPy's rule: negative ones count from the number of cores down."""
    if workers is None:
        return 1
    return workers if workers > 0 else max(1, (os.cpu_count() or 1) + 1 + workers)


def is_paged(shape: tuple[int, ...], axes: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether rows of the real data are whole pages.

    The points of a column then share few lines of the cache; those of half spectra, which are a
    point longer, do not.
    """
    return shape[max(axes)] * (dtype.itemsize // 2) % _PAGE_BYTES == 0


def spaced_rows(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Uninitialised rows that begin at whole vectors, and are no pages apart.

    Columns are read 7 % faster by SciPy; ducc0 writes rows that are whole pages three times slower.
    """
    width = _VECTOR_BYTES // dtype.itemsize or 1
    length = -(-shape[-1] // width) * width
    length += width * (length * dtype.itemsize % _PAGE_BYTES == 0)
    return buffers.empty((*shape[:-1], length), dtype)[..., : shape[-1]]


def batch(part: tuple[slice, ...], axes: tuple[int, ...]) -> tuple[slice, ...]:
    """A part of the result as one of the input, whose transformed axes have other lengths."""
    return tuple(slice(None) if a in axes else cut for a, cut in enumerate(part))


def lines(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    """An index of a run along one axis."""
    return (*(slice(None),) * axis, slice(start, stop))


def parts(
    shape: tuple[int, ...], whole: tuple[int, ...], itemsize: int, limit: int
) -> Iterator[tuple[slice, ...]]:
    """Cut a block into parts of at most ``limit`` bytes, the slowest-varying axis first.

    Axes in ``whole`` are not cut, which may leave a part larger.

    >>> [part[0] for part in parts((5, 8), (1,), 1, 16)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = itemsize * math.prod(shape)
    cuts = []
    for axis, length in enumerate(shape):
        step = max(length, 1)
        if axis not in whole and size > limit:
            step = max(1, limit * length // size)
            size = size // length * step
        cuts.append([slice(a, min(a + step, length)) for a in range(0, length, step)])
    return itertools.product(*cuts)
