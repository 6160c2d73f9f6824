"""Phases, amplitude and order of a NumPy block in one pass over it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from .. import buffers
from ..missing import Source, check_finite
from ..spectrum import Ramp, as_inexact, inexact_dtype, tables
from .parts import parts

_PART_BYTES = 2**18
"""Of the product of the factors at a time, which serves all lines of the block while in cache."""

_Corner = tuple[tuple[slice, ...], tuple[slice, ...]]


def modulate(
    x: np.ndarray,
    /,
    *starts: int,
    ramps: tuple[Ramp, ...],
    scale: complex,
    shifts: tuple[tuple[int, int], ...] = (),
    axes: tuple[int, ...] = (),
    source: Source | None = None,
) -> np.ndarray:
    """See :data:`spanwise.kernels.spectrum.modulate`."""
    check_finite(x, axes, source)
    dtype = inexact_dtype(x.dtype, as_complex=bool(ramps))
    if not (shifts or ramps or scale != 1.0):
        return as_inexact(x, False)
    out = buffers.empty(x.shape, dtype)
    factors = list(tables(out, starts, ramps, scale)) or [np.asarray(scale, dtype)]
    free = [a for a in range(x.ndim) if all(f.ndim == 0 or f.shape[a] == 1 for f in factors)]
    for taken, given in _corners(x.shape, dict(shifts)):
        read, written = x[taken], out[given]
        mine = [factor[_of(factor, given)] for factor in factors]
        shape = tuple(1 if a in free else n for a, n in enumerate(written.shape))
        for part in parts(shape, (x.ndim - 1,), out.itemsize, _PART_BYTES):
            factor = functools.reduce(np.multiply, (f[_of(f, part)] for f in mine))
            lines = tuple(slice(None) if a in free else cut for a, cut in enumerate(part))
            np.multiply(read[lines], factor, out=written[lines])
    return out


def _corners(shape: tuple[int, ...], shifts: dict[int, int]) -> Iterator[_Corner]:
    """What is read and where it is written: two runs along each axis that is rolled."""
    runs = []
    for axis, n in enumerate(shape):
        by = shifts.get(axis, 0) % max(n, 1)
        halves = [(slice(0, n - by), slice(by, n)), (slice(n - by, n), slice(0, by))]
        runs.append(halves if by else [(slice(0, n), slice(0, n))])
    for corner in itertools.product(*runs):
        yield tuple(run[0] for run in corner), tuple(run[1] for run in corner)


def _of(factor: np.ndarray, index: tuple[slice, ...]) -> tuple[slice, ...]:
    """The part of a factor that belongs to a part of the block."""
    if not factor.ndim:
        return ()
    return tuple(cut if n > 1 else slice(None) for cut, n in zip(index, factor.shape, strict=True))
