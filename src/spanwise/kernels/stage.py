"""A temporary store: slices of blocks written once, read once, contiguous either way.

A store is made by a task, so each execution has its own. It goes with the last handle of it, be
that the value of the task that made it or what a task wrote into it, also after an error; see
:mod:`spanwise.kernels.leases`. What killed processes left behind is removed when the next store is
made beside it.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import tempfile
import uuid
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


class Store:
    """A handle of the store of one execution."""

    def __init__(self, url: str, key: Any = None, *, make: bool = False) -> None:
        self.url = url
        self.key = key
        self.lease = leases.acquire(url, key, make=make)
        self._finalizer = weakref.finalize(self, leases.release, url, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker of Dask keeps the key until the pickle has arrived, or was read from disk.
        lease = None if leases.workers() else leases.pass_on(self.url)
        return _arrived, (type(self), self.url, self.key, lease)


class Share(Store):
    """A handle inside what was written: wherever that is read, a pickled store is held too."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (type(self), self.url, self.key, None)


def _arrived(kind: type[Store], url: str, key: Any, lease: str | None) -> Store:
    """The handle of a pickle, whose lease is handed over."""
    store = kind(url, key)
    if lease is not None:
        store.lease.folder.unlink(lease)
    return store


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Where the slices of one block are."""

    store: Store
    """Store that they are in, which outlives this value."""
    name: str
    """File that holds them one after the other."""
    offsets: tuple[int, ...]
    """Byte at which the slice for each combination of target chunks begins."""
    dtype: str
    """Element type."""
    library: str
    """Library that the block came from."""


def open_store(root: str | None) -> Store:
    """Make a store in a folder or under a URL (a task of the graph)."""
    base = folder_of(root or tempfile.gettempdir())
    leases.remove_leftovers(base)
    name = leases.process_name(leases.STORE)
    return Store(f"{base.url}/{name}", leases.current_key(), make=True)


def write(block: Array, store: Store, name: str, cuts: Sequence[Sequence[Part]]) -> Written:
    """Write the slices of a block, given the parts of this block per axis, in C order."""
    _check_reach(store)
    library = library_of(block)
    host = to_host(block)
    cut = itertools.product(*([slice(part.start, part.stop) for part in axis] for axis in cuts))
    slices = [host[index] for index in cut]
    *offsets, size = itertools.accumulate((part.nbytes for part in slices), initial=0)
    # A task that runs twice (a lost worker) must not touch what a reader has open.
    name = f"{name}.{uuid.uuid4().hex}"
    with _explained(store.lease):
        store.lease.folder.write(name, slices, size)
    share = Share(store.url, leases.current_key())
    return Written(share, name, tuple(offsets), host.dtype.str, library)


def read(
    written: Sequence[Written | None], indices: Sequence[int], rows: Rows, store: Store
) -> Array:
    """One block from the store; arguments as :func:`spanwise.kernels.blocks.gather`.

    ``indices[i]`` says which of the slices of ``written[i]`` is wanted; where that is None the
    block is zero. The store is an argument so that it outlives its readers.
    """
    landing = destinations(rows)
    shape = tuple(slices[-1].stop for slices in landing)
    first = next(source for source in written if source is not None)
    out = buffers.empty(shape, np.dtype(first.dtype))
    # Writers that ran again after a worker was lost may have had another store.
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
    del store
    return out if first.library == "numpy" else to_device(out, library=first.library)


def _check_reach(store: Store) -> None:
    store.lease.renew()
    if store.lease.folder.is_there():
        return
    if not store.lease.is_near:
        raise _out_of_reach(store.url)
    # It went with a worker that was lost, and this handle of it came late.
    store.lease.renew(make=True)


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
