"""Where a temporary store lives: a folder of this machine's file system, or a URL of fsspec's.

Either is used only for what object stores have: putting a whole object, reading a range of one,
listing, deleting. Nothing is renamed or appended to.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, MissingDependencyError, StoreError

_PACK = 1 << 20
"""Bytes of the buffer in which small or scattered parts are brought together."""
_DIRECT = 1 << 12
"""A contiguous part of so many bytes is written from where it is."""
_PUT = 1 << 23
"""Bytes that are written at a time."""
_VECTOR = 512
"""Parts that are written at a time; systems take 1024."""
_BATCH = 1 << 25
"""Bytes that are asked of a remote store at a time."""
_DESCRIPTORS = 128
"""Files that a process keeps open for reading, per store."""
_HAS_PREADV = hasattr(os, "preadv")

Ranges = Iterable[tuple[str, int, np.ndarray]]
"""Names of files, the byte to start at, and the array to fill from there."""


def folder_of(url: str) -> LocalFolder | RemoteFolder:
    """The folder that a path or URL names."""
    protocol, separator, path = url.partition("://")
    if not separator or "::" in protocol:
        return LocalFolder(url) if not separator else RemoteFolder(url)
    return LocalFolder(path) if protocol in ("file", "local") else RemoteFolder(url)


def check_url(url: str) -> None:
    """Refuse a URL whose protocol nobody knows."""
    protocol, separator, _ = url.partition("://")
    if not separator:
        return
    import fsspec  # which makes known what installed packages add
    from fsspec.registry import known_implementations

    name = protocol.rpartition("::")[2]
    if name not in known_implementations and name not in fsspec.registry:
        raise ArgumentError(
            f"temporary_store={url!r}: fsspec does not know the protocol {protocol!r}; expected a "
            "folder or a URL such as 's3://bucket/scratch'"
        )


class LocalFolder:
    """A folder of a mounted file system."""

    def __init__(self, path: str) -> None:
        self.path = Path(path).expanduser().absolute()
        self._prefix = f"{self.path}{os.sep}"
        self._open = _OpenFiles()

    @property
    def url(self) -> str:
        """What other processes find the folder by."""
        return str(self.path)

    def child(self, name: str) -> LocalFolder:
        """A folder inside this one."""
        return LocalFolder(str(self.path / name))

    def make(self) -> None:
        """Make the folder and those above it."""
        self.path.mkdir(parents=True, exist_ok=True)

    def is_there(self) -> bool:
        """Whether this process sees the folder."""
        return self.path.is_dir()

    def names(self) -> list[str]:
        """What is in the folder."""
        try:
            return [path.name for path in self.path.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def age(self, name: str) -> float | None:
        """Seconds since a file was written, if that can be known."""
        try:
            return time.time() - (self.path / name).stat().st_mtime
        except OSError:
            return None

    def touch(self, name: str) -> None:
        """Write an empty file, or write it again."""
        (self.path / name).touch()

    def unlink(self, name: str) -> None:
        """Remove a file, which may be gone."""
        (self.path / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Close what is open for reading: a removed file keeps its bytes until then."""
        self._open.clear()

    def write(self, name: str, parts: Iterable[np.ndarray], size: int = 0) -> None:
        """Write parts, of this size together, into a new file; after an error there is none."""
        path = self.path / name
        try:
            with path.open("xb", buffering=0) as file:
                _reserve(file.fileno(), size)
                pack(parts, lambda batch: _write_all(file.fileno(), batch))
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def read(self, ranges: Ranges) -> None:
        """Fill arrays from ranges of files."""
        pad = np.empty(0, np.uint8)
        for name, start, view in ranges:
            file = self._open(self._prefix + name)
            if view.flags.c_contiguous:
                file.read(view, start, name)
                continue
            pad = pad if pad.size else np.empty(_PACK, np.uint8)
            for offset, piece in _pieces(view, start, pad.nbytes):
                here = pad[: piece.nbytes]
                file.read(here, offset, name)
                piece[...] = here.view(piece.dtype).reshape(piece.shape)


class RemoteFolder:
    """A prefix of an object store, or a folder of any file system that fsspec knows."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = _file_system(self.url)

    def child(self, name: str) -> RemoteFolder:
        """A folder inside this one."""
        return RemoteFolder(f"{self.url}/{name}")

    def make(self) -> None:
        """Make the folder, with an object that shows that it is there."""
        self._fs.makedirs(self._root, exist_ok=True)
        self.touch("made")

    def is_there(self) -> bool:
        """Whether this process sees the folder."""
        self._fs.invalidate_cache(self._root)
        return self._fs.exists(self._path("made"))

    def names(self) -> list[str]:
        """What is in the folder."""
        self._fs.invalidate_cache(self._root)
        try:
            found = self._fs.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        return [name.rstrip("/").rpartition("/")[2] for name in found]

    def age(self, name: str) -> float | None:
        """Seconds since an object was put, if that can be known."""
        try:
            return time.time() - self._fs.modified(self._path(name)).timestamp()
        except (OSError, NotImplementedError, AttributeError):
            return None

    def touch(self, name: str) -> None:
        """Put a small object."""
        self._fs.pipe_file(self._path(name), b"\n")

    def unlink(self, name: str) -> None:
        """Remove an object, which may be gone."""
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def remove(self) -> None:
        """Remove all that is under the prefix."""
        self._fs.invalidate_cache(self._root)
        try:
            self._fs.rm(self._root, recursive=True)
        except FileNotFoundError:
            return

    def close(self) -> None:
        """Nothing stays open."""

    def write(self, name: str, parts: Iterable[np.ndarray], size: int = 0) -> None:
        """Write parts, of this size together, into a new object; after an error there is none."""
        del size
        path = self._path(name)
        try:
            with self._fs.open(path, "wb") as file:
                pack(parts, file.writelines)
        except BaseException:
            self.unlink(name)
            raise

    def read(self, ranges: Ranges) -> None:
        """Fill arrays from ranges of objects, many requests at a time."""
        batch: list[tuple[str, int, np.ndarray]] = []
        held = 0
        for name, start, view in ranges:
            for offset, piece in _pieces(view, start, _BATCH):
                if held + piece.nbytes > _BATCH and batch:
                    self._fetch(batch)
                    batch, held = [], 0
                batch.append((name, offset, piece))
                held += piece.nbytes
        self._fetch(batch)

    def _fetch(self, batch: list[tuple[str, int, np.ndarray]]) -> None:
        if not batch:
            return
        got = self._fs.cat_ranges(
            [self._path(name) for name, _, _ in batch],
            [start for _, start, _ in batch],
            [start + view.nbytes for _, start, view in batch],
            on_error="raise",
        )
        for (name, _, view), data in zip(batch, got, strict=True):
            if len(data) != view.nbytes:
                raise _cut_short(name)
            view[...] = np.frombuffer(data, view.dtype).reshape(view.shape)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec
    from fsspec.registry import known_implementations

    check_url(url)
    try:
        fs, root = fsspec.url_to_fs(url)
    except ImportError as error:
        protocol = url.partition("://")[0]
        package = known_implementations[protocol]["class"].partition(".")[0]
        command = f": python -m pip install {package}" if package != "fsspec" else ""
        raise MissingDependencyError(
            f"temporary_store={url!r} needs a package that is not here ({error}){command}"
        ) from error
    return fs, root.rstrip("/")


class _OpenFiles:
    """The files first read, open: many target blocks read from each source file."""

    def __init__(self) -> None:
        self._files: dict[str, _OpenFile] = {}
        self._lock = threading.Lock()

    def __call__(self, path: str) -> _OpenFile:
        file = self._files.get(path)
        if file is None:
            file = _OpenFile(path)
            if _HAS_PREADV:
                with self._lock:
                    if len(self._files) >= _DESCRIPTORS:
                        del self._files[next(iter(self._files))]
                    self._files[path] = file
        return file

    def clear(self) -> None:
        """Close them all, each when the last thread that reads it is done."""
        self._files.clear()


class _OpenFile:
    """An open file, closed when the last thread that reads it is done."""

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read(self, view: np.ndarray, start: int, name: str) -> None:
        """Fill a contiguous array from a byte on; threads may read at the same time."""
        if _HAS_PREADV and os.preadv(self._descriptor, [view.data], start) == view.nbytes:
            return
        rest = _bytes_of(view)
        while rest.nbytes:
            count = self._read_some(rest, start)
            if not count:
                raise _cut_short(name)
            rest = rest[count:]
            start += count

    def _read_some(self, rest: memoryview, start: int) -> int:
        if _HAS_PREADV:
            return os.preadv(self._descriptor, [rest], start)
        os.lseek(self._descriptor, start, os.SEEK_SET)
        data = os.read(self._descriptor, min(rest.nbytes, _BATCH))
        rest[: len(data)] = data
        return len(data)


def _cut_short(name: str) -> StoreError:
    return StoreError(f"{name} of the temporary store ends too early: something cut it short")


def _reserve(descriptor: int, size: int) -> None:
    """Have Linux lay out a file beforehand, where its file system can do it at once.

    Written through the page cache a file then takes two thirds of the time. Not posix_fallocate:
    where the file system cannot, that writes every block.
    """
    if size and (fallocate := _fallocate()) is not None:
        fallocate(descriptor, 0, 0, size)


@cache
def _fallocate() -> Any:
    if sys.platform != "linux":
        return None
    try:
        function = ctypes.CDLL(None).fallocate
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return function


def _write_all(descriptor: int, batch: list[memoryview]) -> None:
    """Write buffers one after the other; a system may take less at a time than it is given."""
    if not hasattr(os, "writev"):
        for data in batch:
            rest = data
            while rest.nbytes:
                rest = rest[os.write(descriptor, rest) :]
        return
    rest = batch
    while rest:
        count = os.writev(descriptor, rest)
        skip = 0
        while skip < len(rest) and count >= rest[skip].nbytes:
            count -= rest[skip].nbytes
            skip += 1
        rest = rest[skip:]
        if count:
            rest = [rest[0][count:], *rest[1:]]


def _bytes_of(x: np.ndarray) -> memoryview:
    """The bytes of a contiguous array, which has at least one."""
    return x.reshape(-1).view(np.uint8).data


def _pieces(x: np.ndarray, start: int, limit: int) -> Iterator[tuple[int, np.ndarray]]:
    """An array in pieces of so many bytes at most, along its first axes, and where each begins."""
    if x.nbytes <= limit or x.ndim == 0:
        yield start, x
        return
    if len(x) == 1:
        yield from _pieces(x[0], start, limit)
        return
    row = x.nbytes // len(x)
    count = max(1, limit // row)
    for i in range(0, len(x), count):
        yield from _pieces(x[i : i + count], start + i * row, limit)


def pack(parts: Iterable[np.ndarray], put: Callable[[list[memoryview]], Any]) -> None:
    """Put out the bytes of arrays in batches: what is contiguous from where it is, else copied."""
    pad = np.empty(0, np.uint8)
    batch: list[memoryview] = []
    begin = end = size = 0

    def flush() -> None:
        nonlocal begin, end, size
        if end > begin:
            batch.append(pad[begin:end].data)
        if batch:
            put(batch)
            batch.clear()
        begin = end = size = 0

    for part in parts:
        if part.flags.c_contiguous and part.nbytes >= _DIRECT:
            if end > begin:
                batch.append(pad[begin:end].data)
                begin = end
            batch.append(_bytes_of(part))
            size += part.nbytes
        else:
            pad = pad if pad.size else np.empty(_PACK, np.uint8)
            for _, piece in _pieces(part, 0, _PACK):
                if end + piece.nbytes > _PACK:
                    flush()
                here = pad[end : end + piece.nbytes]
                here.view(piece.dtype).reshape(piece.shape)[...] = piece
                end += piece.nbytes
        if size >= _PUT or len(batch) >= _VECTOR:
            flush()
    flush()
