"""The other half of a Hermitian spectrum: X[-k] = conj(X[k]), indices counted modulo n."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from . import buffers
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but

Lines = tuple[slice, ...]
"""An index that selects a part of a block."""

_FIRST = slice(0, 1)
_REST = slice(1, None)
_REST_REVERSED = slice(None, 0, -1)
_REVERSED = slice(None, None, -1)


def mirror_into(
    out: np.ndarray,
    x: np.ndarray,
    *,
    axis: int,
    others: Sequence[int],
    reversed: Sequence[int] = (),
) -> None:
    """Write the mirror image of some lines of a spectrum; see :data:`mirror`.

    ``out`` must not overlap ``x``. On the axes in ``reversed`` no index stays where it is.
    """
    # Along each of the others the index 0 stays and the rest is reversed: two views, no index
    # arrays, and one pass of a ufunc over each of the 2^len(others) corners.
    corners = [
        ((_REVERSED, slice(None)),)
        if other in reversed
        else ((_FIRST, _FIRST), (_REST_REVERSED, _REST))
        for other in others
    ]
    for corner in itertools.product(*corners):
        source, target = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        source[axis] = _REVERSED
        for other, (taken, put) in zip(others, corner, strict=True):
            source[other], target[other] = taken, put
        np.conjugate(x[tuple(source)], out=out[tuple(target)])


def _numpy(
    x: np.ndarray, /, *, axis: int, others: Sequence[int], lines: Lines | None = None
) -> np.ndarray:
    x = x if lines is None else x[lines]
    out = buffers.empty(x.shape, x.dtype.newbyteorder("="))
    mirror_into(out, x, axis=axis, others=others)
    return out


def _generic(x: Array, /, *, axis: int, others: Sequence[int], lines: Lines | None = None) -> Array:
    xp = namespace(x)
    x = x if lines is None else x[lines]
    out = xp.conj(xp.flip(x, axis=(axis, *others)))
    # A flip sends k to n - 1 - k; one step on, it is n - k, and n is 0.
    return xp.roll(out, (1,) * len(others), axis=tuple(others)) if others else out


def _free_axes(
    x: Array, /, *, axis: int, others: Sequence[int], lines: Lines | None = None
) -> tuple[int, ...]:
    return () if lines is not None else all_but(axis, *others, ndim=x.ndim)


mirror = Kernel("mirror", _generic, free_axes=_free_axes)
"""The mirror image of some lines of a Hermitian spectrum.

Along ``axis`` the lines are reversed as they are: a block that holds the lines 1 ... c gives the
lines -c ... -1. Along each of ``others``, the other transformed axes, which the block holds whole,
the index k becomes -k modulo their length. All values are conjugated. ``lines`` selects a part of
the block first."""

mirror.register("numpy", _numpy)
