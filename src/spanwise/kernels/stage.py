"""A temporary store on disk: slices of blocks written once, read once, contiguous either way.

A store is made by a task, so each execution has its own. It removes its files when the last
task that refers to it is done and the scheduler lets go of it, also after an error; stores that a
killed process left behind are removed when the next one starts.
"""

from __future__ import annotations

import itertools
import json
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

from .blocks import Part, Rows, destinations
from .library import Array, library_of
from .transfer import to_device, to_host

_PREFIX = "spanwise-stage-"
_OWNER = "owner.json"


class Store:
    """A folder of one execution; the process that made it removes it with its last reference."""

    def __init__(self, root: str | None = None) -> None:
        base = Path(root) if root else Path(tempfile.gettempdir())
        base.mkdir(parents=True, exist_ok=True)
        remove_leftovers(base)
        self.path = str(base / f"{_PREFIX}{uuid.uuid4().hex}")
        Path(self.path).mkdir()
        owner = {"host": socket.gethostname(), "pid": os.getpid()}
        (Path(self.path) / _OWNER).write_text(json.dumps(owner))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        # A copy in another process refers to the folder and does not own it.
        return _Reference, (self.path,)


class _Reference:
    """A store that another process owns."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _Reference, (self.path,)


def remove_leftovers(base: Path) -> None:
    """Remove stores whose process on this host is gone."""
    import psutil

    for folder in base.glob(f"{_PREFIX}*"):
        try:
            owner = json.loads((folder / _OWNER).read_text())
        except (OSError, ValueError):
            continue  # being made, or being removed
        if owner["host"] == socket.gethostname() and not psutil.pid_exists(owner["pid"]):
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
    return Store(root)


def write(
    block: Array, store: Store | _Reference, name: str, cuts: Sequence[Sequence[Part]]
) -> Written:
    """Write the slices of a block, given the parts of this block per axis, in C order."""
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


def read(
    written: Sequence[Written], indices: Sequence[int], rows: Rows, store: Store | _Reference
) -> Array:
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
