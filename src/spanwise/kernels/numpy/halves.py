"""Complex transforms of real NumPy blocks: half of one axis, and its mirror image.

X[-k] = conj(X[k]) saves half the arithmetic. Parts are small, so that what was just computed is
still in cache when it is copied and mirrored, and the next one lands in the same memory.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import buffers
from ..fft import axis_to_halve
from ..hermitian import mirror_into
from .parts import batch, is_paged, lines, parts

_PART_BYTES = 2**23
"""Real data is transformed in parts of this size, where other axes can be cut."""

Half = Callable[[np.ndarray, tuple[int, ...], tuple[int, ...]], np.ndarray]
"""``half(x, lengths, axes)``: the transform, of whose last axis the points 0 ... n/2 are made."""


def by_half(
    x: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype,
    axes: tuple[int, ...],
    half: Half,
    *,
    rows: bool = False,
) -> np.ndarray:
    """A complex transform of real data in a block of this shape.

    The fastest-varying axis is halved if ``rows``, else the one that suits most libraries.
    """
    lengths = {axis: shape[axis] for axis in axes}
    rows = rows or is_paged(shape, axes, dtype)
    halved = max(axes) if rows else axis_to_halve(lengths)
    others = tuple(axis for axis in axes if axis != halved)
    order = (*others, halved)
    points = tuple(lengths[axis] for axis in order)
    out = buffers.empty(shape, dtype)
    for part in parts(shape, axes, dtype.itemsize, _PART_BYTES):
        # No name holds the half, which has to be free before the next one is made.
        _fill(out[part], half(x[batch(part, axes)], points, order), halved, others)
    return out


def _fill(out: np.ndarray, spectrum: np.ndarray, halved: int, others: tuple[int, ...]) -> None:
    """Both halves of a spectrum from the first one."""
    n, kept = out.shape[halved], spectrum.shape[halved]
    out[lines(halved, 0, kept)] = spectrum
    mirrored = spectrum[lines(halved, 1, n - kept + 1)]
    mirror_into(out[lines(halved, kept, n)], mirrored, axis=halved, others=others)
