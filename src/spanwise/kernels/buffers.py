"""Large blocks of memory that are used again, since the system is slow to hand out fresh ones.

An array that is larger than what the C library keeps for itself (32 MiB with glibc) comes as fresh
pages from the system, each of which is cleared and entered in tables at its first touch: for a
transform that takes as long as a third of its arithmetic. A task returns such an array, the next
task on the same worker needs one of the same size.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any

import numpy as np

SMALLEST = 2**22
"""Arrays below this size come from NumPy, whose own caches and the C library's serve them well."""
_IDLE_BYTES = 2**27 * (os.cpu_count() or 1)
"""Most bytes that are kept while nobody uses them: 128 MiB per core."""
_ALIGNMENT = 64
_WASTE = 8
"""A block that is larger than needed is taken if less than 1/8 of it is wasted."""


class _Lease:
    """Owner of the memory of one array; gives it back when the last view of the array is gone."""

    __slots__ = ("block", "pool", "shape")

    def __init__(self, pool: Pool, block: np.ndarray, size: int) -> None:
        self.pool = pool
        self.block = block
        self.shape = (size,)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        pointer = self.block.ctypes.data
        aligned = pointer + -pointer % _ALIGNMENT
        return {"shape": self.shape, "typestr": "|u1", "data": (aligned, False), "version": 3}

    def __del__(self) -> None:
        self.pool.give_back(self.block)


class Pool:
    """Blocks of memory that wait for their next user, the one that waits longest first.

    Parameters
    ----------
    idle_bytes : int
        Most bytes that wait; what exceeds them goes back to the system.
    """

    def __init__(self, idle_bytes: int) -> None:
        self.idle_bytes = idle_bytes
        self._idle: deque[np.ndarray] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Bytes that nobody uses."""
        return sum(block.nbytes for block in self._idle)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An uninitialised array in C order; see :func:`empty`."""
        dtype = np.dtype(dtype)
        size = dtype.itemsize
        for length in shape:
            size *= length
        if not SMALLEST <= size <= self.idle_bytes or dtype.hasobject:
            return np.empty(shape, dtype)
        lease = _Lease(self, self._take(size + _ALIGNMENT), size)
        return np.asarray(lease).view(dtype).reshape(shape)

    def _take(self, size: int) -> np.ndarray:
        with self._lock:
            for i in range(len(self._idle) - 1, -1, -1):
                if size <= self._idle[i].nbytes <= size + size // _WASTE:
                    block = self._idle[i]
                    del self._idle[i]
                    return block
            # What waits makes room for what is needed, so that reuse never adds to a peak.
            freed = 0
            while self._idle and freed < size:
                freed += self._idle.popleft().nbytes
        return np.empty(size, np.uint8)

    def give_back(self, block: np.ndarray) -> None:
        """Keep a block for its next user, unless too much waits already."""
        # The garbage collector may come here while this very thread holds the lock.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._idle.append(block)
            excess = self.waiting - self.idle_bytes
            while excess > 0:
                excess -= self._idle.popleft().nbytes
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Give everything that waits back to the system."""
        with self._lock:
            self._idle.clear()


_POOL = Pool(_IDLE_BYTES)


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised NumPy array, in memory that was used before where it is a large one.

    It is an ordinary array, save that it does not own its memory: when it and all its views are
    gone, the memory waits for the next array of that size.
    """
    return _POOL.empty(shape, dtype)


def copied(
    x: np.ndarray, shape: tuple[int, ...], dtype: Any, *, into: np.ndarray | None = None
) -> np.ndarray:
    """A block in another shape and type, in such memory: cropped, or padded by zeros behind.

    ``into``, which may be overwritten, is taken if it is of that shape and type.

    >>> copied(np.arange(3), (2,), float), copied(np.arange(2), (3,), float)
    (array([0., 1.]), array([0., 1., 0.]))
    """
    if into is not None and into.shape == shape and into.dtype == dtype:
        out = into
    else:
        out = empty(shape, dtype)
    if any(a < b for a, b in zip(x.shape, shape, strict=True)):
        out[...] = 0
    common = tuple(slice(0, min(a, b)) for a, b in zip(x.shape, shape, strict=True))
    out[common] = x[common]
    return out
