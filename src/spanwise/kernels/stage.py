"""A temporary store on disk: slices of blocks written once, read once, contiguous either way.

A store is made by a task, so each execution has its own. Schedulers copy the handle of a store
between processes, drop the copy they got first, and write one to disk when memory is short; so a
store belongs to nobody. Each handle, and each pickle of one, holds a lease, an empty file in the
folder, and whoever gives up the last lease removes the folder, also after an error. What killed
processes left behind is removed when the next store is made beside it.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
import socket
import tempfile
import uuid
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PlacementError
from .blocks import Part, Rows, destinations
from .library import Array, library_of
from .transfer import to_device, to_host

_FOLDER = "spanwise-stage"
_LEASE = "lease"


class Store:
    """A handle of the folder of one execution; the folder goes with the last handle."""

    def __init__(self, path: str) -> None:
        self.path = path
        lease = _new_lease(path)
        self._finalizer = weakref.finalize(self, _give_up, path, lease)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return _unpickled, (self.path, _new_lease(self.path))


def _unpickled(path: str, lease: str) -> Store:
    """The handle of a pickle, whose lease is handed over."""
    store = Store(path)
    (Path(path) / lease).unlink(missing_ok=True)
    return store


def _process_name(prefix: str) -> str:
    return f"{prefix}@{socket.gethostname()}@{os.getpid()}@{uuid.uuid4().hex}"


def _is_dead(name: str) -> bool:
    """Whether the process in a name is one of this host that is gone."""
    import psutil

    _, host, pid, _ = name.split("@")
    return host == socket.gethostname() and not psutil.pid_exists(int(pid))


def _new_lease(path: str) -> str:
    """Take a lease; on a host that does not see the folder there is nothing to keep."""
    lease = _process_name(_LEASE)
    if Path(path).is_dir():
        (Path(path) / lease).touch()
    return lease


def _leases(path: Path) -> list[str]:
    return [lease.name for lease in path.glob(f"{_LEASE}@*")]


def _give_up(path: str, lease: str) -> None:
    """Give up a lease; the folder goes with the last one."""
    folder = Path(path)
    (folder / lease).unlink(missing_ok=True)
    # A lease that is handed over while one list is made may be missing there, not in both.
    for _ in range(2):
        if not all(_is_dead(name) for name in _leases(folder)):
            return
    shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(base: Path) -> None:
    """Remove stores that only processes of this host held which are gone."""
    for folder in base.glob(f"{_FOLDER}@*"):
        # Without any lease a folder is being made or removed by the process that made it.
        if all(_is_dead(name) for name in _leases(folder) or [folder.name]):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the slices of one block are."""

    path: str
    """File that holds them one after the other."""
    offsets: tuple[int, ...]
    """Byte at which the slice for each combination of target chunks begins."""
    dtype: str
    """Element type."""
    library: str
    """Library that the block came from."""


def open_store(root: str | None) -> Store:
    """Make a store (a task of the graph)."""
    base = Path(root) if root else Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    remove_leftovers(base)
    path = base / _process_name(_FOLDER)
    path.mkdir()
    return Store(str(path))


def write(block: Array, store: Store, name: str, cuts: Sequence[Sequence[Part]]) -> Written:
    """Write the slices of a block, given the parts of this block per axis, in C order."""
    if not Path(store.path).is_dir():
        raise PlacementError(
            f"the temporary store {store.path} is out of reach of {socket.gethostname()}; name a "
            'folder that all workers see: spanwise.set_options(temporary_store="...")'
        )
    library = library_of(block)
    host = to_host(block)
    offsets = []
    position = 0
    path = Path(store.path) / name
    # A task that runs twice (a lost worker) must not spoil what a reader has open.
    partial = path.with_name(f"{name}.{uuid.uuid4().hex}")
    with partial.open("wb", buffering=0) as file:
        for combination in itertools.product(*cuts):
            part = host[tuple(slice(p.start, p.stop) for p in combination)]
            offsets.append(position)
            np.ascontiguousarray(part).tofile(file)
            position += part.nbytes
    partial.replace(path)
    return Written(str(path), tuple(offsets), host.dtype.str, library)


def read(written: Sequence[Written], indices: Sequence[int], rows: Rows, store: Store) -> Array:
    """One block from the store; arguments as :func:`spanwise.kernels.blocks.gather`.

    ``indices[i]`` says which of the slices of ``written[i]`` is wanted. The store is an argument
    so that it outlives its readers.
    """
    del store
    landing = destinations(rows)
    shape = tuple(slices[-1].stop for slices in landing)
    out = np.empty(shape, np.dtype(written[0].dtype))
    for source, index, target in zip(written, indices, itertools.product(*landing), strict=True):
        view = out[target]
        count = math.prod(view.shape)
        with Path(source.path).open("rb") as file:
            part = np.fromfile(file, out.dtype, count, offset=source.offsets[index])
        view[...] = part.reshape(view.shape)
    if written[0].library == "numpy":
        return out
    return to_device(out, library=written[0].library)
