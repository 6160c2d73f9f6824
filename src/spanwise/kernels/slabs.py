"""Working on a block part by part, so that what lies between its steps stays in the cache."""

from __future__ import annotations

import math

from .library import Array, library_of

_BYTES = 2**22
"""Bytes of input at a time, on the CPU; a device wants all of it at once."""
_RUN_BYTES = 2**12
"""A part whose contiguous runs are shorter costs more to gather than it saves."""

Index = tuple[slice, ...]


def slabs(x: Array, axes: tuple[int, ...]) -> list[Index]:
    """Parts of a block, each of which holds ``axes`` whole: one, or many along another axis.

    >>> import numpy as np
    >>> [part[0] for part in slabs(np.zeros((4, 512, 2048)), (1, 2))]
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    whole = (slice(None),) * x.ndim
    if library_of(x) != "numpy" or x.nbytes <= _BYTES:
        return [whole]
    free = [a for a in range(x.ndim) if a not in axes and x.shape[a] > 1]
    for axis in free[:1]:
        n = x.shape[axis]
        each = max(1, _BYTES * n // x.nbytes)
        if each * math.prod(x.shape[axis + 1 :]) * x.itemsize >= _RUN_BYTES:
            before, after = whole[:axis], whole[axis + 1 :]
            return [(*before, slice(i, i + each), *after) for i in range(0, n, each)]
    return [whole]
