"""A temporary store: slices of blocks written once, read once, contiguous either way.

The first task of a process that writes for an exchange makes a store, which goes with the last
value that a task wrote into it, also after an error; see :mod:`spanwise.kernels.leases`. What
killed processes left behind is removed when the next store is made beside it.

A task apart that made the store would have to run before every writer. Dask's local schedulers run
what became ready last and leave such a task for the end: by then every block waits for its writer.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import PlacementError, StoreError
from . import buffers, leases
from .blocks import Part, Rows, destinations
from .folders import folder_of
from .library import Array, library_of
from .transfer import to_device, to_host

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Room:
    """Where the slices of an exchange go, in each process to a store of its own."""

    root: str | None
    """Folder or URL under which stores are made; None for the system's temporary folder."""
    exchange: str
    """Which exchange."""


class Store:
    """What this process has of a store: at most one object for each."""

    def __init__(self, url: str, *, make: bool = False) -> None:
        self.url = url
        self.blocks: set[str] = set()
        """Source blocks that were written into it; none is written twice into the same store."""
        self.lease = leases.acquire(url, make=make)
        self._finalizer = weakref.finalize(self, leases.release, url, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker of Dask keeps the key until the pickle has arrived, or was read from disk.
        lease = None if leases.workers() else leases.pass_on(self.url)
        return _arrived, (self.url, lease)


_lock = threading.Lock()
_writing: weakref.WeakValueDictionary[tuple[int, Room], Store] = weakref.WeakValueDictionary()
_stores: weakref.WeakValueDictionary[tuple[int, str], Store] = weakref.WeakValueDictionary()


def _arrived(url: str, lease: str | None) -> Store:
    """The store of a pickle, whose lease is handed over."""
    with _lock:
        store = _stores.get((os.getpid(), url))
        if store is None:
            store = _stores[os.getpid(), url] = Store(url)
    if lease is not None:
        store.lease.folder.unlink(lease)
    return store


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Where the slices of one block are."""

    store: Store
    """Store that they are in, which does not outlive what was written."""
    name: str
    """File that holds them one after the other."""
    offsets: tuple[int, ...]
    """Byte at which the slice for each combination of target chunks begins."""
    dtype: str
    """Element type."""
    library: str
    """Library that the block came from."""
    key: Any = None
    """Key of the task that wrote it, on a worker of Dask."""

    def __post_init__(self) -> None:
        leases.keep_with(self.store.lease, self.key)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = self.store, self.name, self.offsets, self.dtype, self.library, self.key
        return type(self), fields


def open_store(root: str | None) -> Store:
    """Make a store in a folder or under a URL."""
    base = folder_of(root or tempfile.gettempdir())
    leases.remove_leftovers(base)
    store = Store(f"{base.url}/{leases.process_name(leases.STORE)}", make=True)
    _stores[os.getpid(), store.url] = store
    return store


def _store_for(room: Room, block: str) -> Store:
    """The store of this process in which a block of an exchange was not yet written.

    A block is written again where the exchange is computed once more at the same time, or after a
    worker was lost. In another store neither touches what a reader of the other has open, and no
    store collects the files of one execution after another.
    """
    with _lock:
        store = _writing.get((os.getpid(), room))
        if store is None or block in store.blocks:
            store = _writing[os.getpid(), room] = open_store(room.root)
        store.blocks.add(block)
    return store


def write(block: Array, room: Room, name: str, cuts: Sequence[Sequence[Part]]) -> Written:
    """Write the slices of a block, given the parts of this block per axis, in C order."""
    library = library_of(block)
    host = to_host(block)
    cut = itertools.product(*([slice(part.start, part.stop) for part in axis] for axis in cuts))
    slices = [host[index] for index in cut]
    *offsets, size = itertools.accumulate((part.nbytes for part in slices), initial=0)
    store = _store_for(room, name)
    with _explained(store.lease):
        store.lease.renew()
        store.lease.folder.write(name, slices, size)
    key = leases.current_key()
    return Written(store, name, tuple(offsets), host.dtype.str, library, key)


def read(written: Sequence[Written | None], indices: Sequence[int], rows: Rows) -> Array:
    """One block from what was written; arguments as :func:`spanwise.kernels.blocks.gather`.

    ``indices[i]`` says which of the slices of ``written[i]`` is wanted; where that is None the
    block is zero.
    """
    landing = destinations(rows)
    shape = tuple(slices[-1].stop for slices in landing)
    first = next(source for source in written if source is not None)
    out = buffers.empty(shape, np.dtype(first.dtype))
    # Each process that wrote has a store of its own.
    wanted: dict[leases.Lease, list[tuple[str, int, np.ndarray]]] = {}
    for source, index, target in zip(written, indices, itertools.product(*landing), strict=True):
        view = out[target]
        if source is None:
            view[...] = 0
        elif view.size:
            ranges = wanted.setdefault(source.store.lease, [])
            ranges.append((source.name, source.offsets[index], view))
    for lease, ranges in wanted.items():
        with _explained(lease):
            lease.renew()
            lease.folder.read(ranges)
    return out if first.library == "numpy" else to_device(out, library=first.library)


def _out_of_reach(url: str) -> PlacementError:
    return PlacementError(
        f"the temporary store {url} is out of reach of {socket.gethostname()} (process "
        f"{os.getpid()}); name a folder or URL that all workers see: "
        'spanwise.set_options(temporary_store="...")'
    )


@contextmanager
def _explained(lease: leases.Lease) -> Iterator[None]:
    """Errors of a file system, with the name of the store and what to do."""
    try:
        yield
    except FileNotFoundError as error:
        if not lease.is_near and not lease.folder.is_there():
            raise _out_of_reach(lease.folder.url) from error
        raise StoreError(
            f"the temporary store {lease.folder.url} lost a file before it was read ({error}); "
            "compute again, and see that nothing else clears the folder that "
            'spanwise.set_options(temporary_store="...") names'
        ) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreError(
            error.errno,
            f"the temporary store is full ({error.strerror}); name a folder or URL with more "
            'room: spanwise.set_options(temporary_store="...")',
            lease.folder.url,
        ) from error
