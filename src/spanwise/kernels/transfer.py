"""The only code that copies between host and device, and the counts of what it copied."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArrayTypeError, MissingDependencyError
from .library import Array, library_of, lives_on_host, namespace, to_numpy
from .observe import observer


@dataclass(slots=True)
class TransferCount:
    """Copies of one direction in this process since they were last reset."""

    copies: int = 0
    """Number of copies."""
    bytes: int = 0
    """Bytes copied."""
    seconds: float = 0.0
    """Time spent copying."""


@dataclass
class TransferLog:
    """Thread-safe counts of copies to and from devices."""

    to_device: TransferCount = field(default_factory=TransferCount)
    """Host to device."""
    to_host: TransferCount = field(default_factory=TransferCount)
    """Device to host."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, direction: str, nbytes: int, seconds: float) -> None:
        """Count one copy, and tell who watches this task."""
        with self._lock:
            count: TransferCount = getattr(self, direction)
            count.copies += 1
            count.bytes += nbytes
            count.seconds += seconds
        watcher = observer()
        if watcher is not None:
            watcher.copied(direction, nbytes, seconds)

    def reset(self) -> None:
        """Start counting from zero."""
        with self._lock:
            self.to_device = TransferCount()
            self.to_host = TransferCount()


LOG = TransferLog()
"""Copies of this process."""


@contextmanager
def counted_transfers() -> Iterator[TransferLog]:
    """Count the copies that happen inside the block, from zero."""
    LOG.reset()
    yield LOG


def to_host(x: Array, /) -> np.ndarray:
    """Copy a device array to the host (a host array is returned as it is)."""
    _refuse_lazy(x, "to_host", "meta=numpy.empty((0,) * x.ndim, x.dtype)")
    library = library_of(x)
    if library == "numpy":
        return x
    start = time.perf_counter()
    if library == "cupy":
        out = x.get()
    elif library == "hostfree":
        out = x.copy_to_host()
    elif library == "torch" and not lives_on_host(x):
        out = x.detach().cpu().resolve_conj().resolve_neg().numpy()
    elif library == "array_api_strict" and not lives_on_host(x):
        out = to_numpy(x.to_device(namespace(x).Device("CPU_DEVICE")))
    else:
        return to_numpy(x)
    LOG.add("to_host", out.nbytes, time.perf_counter() - start)
    return out


def to_device(x: Any, /, *, library: str = "cupy") -> Array:
    """Copy a host array to the current device (an array that is there is returned as it is)."""
    _refuse_lazy(x, "to_device", "meta=cupy.empty((0,) * x.ndim, x.dtype)")
    if library_of(x) == library:
        return x
    start = time.perf_counter()
    if library == "hostfree":
        from ..testing.hostfree import HostFree

        out = HostFree.copy_from_host(np.asarray(x))
    elif library == "cupy":
        try:
            import cupy
        except ImportError as error:
            raise MissingDependencyError(
                'CuPy is needed on a GPU worker: python -m pip install "spanwise[cuda13]" '
                '(or "spanwise[cuda12]", as your driver has it)'
            ) from error
        # Otherwise the copy would go on behind our back: what is in pinned memory could be
        # overwritten before it has left, and its time would count as the next kernel's.
        out = cupy.asarray(x, blocking=True)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        raise ArgumentError(f"library={library!r}: expected 'cupy' or 'hostfree'")
    LOG.add("to_device", out.nbytes, time.perf_counter() - start)
    return out


def _refuse_lazy(x: Any, function: str, meta: str) -> None:
    """A Dask array is copied chunk by chunk, when it is computed."""
    if hasattr(x, "__dask_graph__"):
        raise ArrayTypeError(
            f"x is a Dask array; copy each of its chunks: x.map_blocks(spanwise.{function}, {meta})"
        )
