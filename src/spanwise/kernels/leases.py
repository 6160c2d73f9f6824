"""How long a temporary store lives: as long as a process needs it, and no longer.

Each process that needs a store holds one lease, a file in the store. It needs the store while it
has a handle of it, be that inside what was written there, and, in a worker of Dask, while one of
the worker's keys is such a value, which may be spilled to disk, where no object lives that could
count. The process that gives up the last lease removes the store. So a store goes behind its last
reader as the scheduler knows it: which readers there are is settled by culling, by what a client
still holds and by what is run again after a worker was lost, and none of them can be known when a
graph is built.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import math
import os
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from .folders import LocalFolder, RemoteFolder, folder_of

Folder = LocalFolder | RemoteFolder

STORE = "spanwise-stage"
_LEASE = "lease"
_RENEW = 3600.0
"""Seconds after which the next use of a store renews the lease."""
_FORSAKEN = 24 * 3600.0
"""Seconds after which a lease of another host that nobody renewed is that of a dead process."""

_lock = threading.RLock()  # a finalizer may run wherever its thread happens to be
_held: dict[str, Lease] = {}


def process_name(prefix: str) -> str:
    """A name that is unique and says which process gave it."""
    return f"{prefix}@{host_name()}@{os.getpid()}@{uuid.uuid4().hex}"


@cache
def host_name() -> str:
    """Name of the host and of the space that process numbers count in (containers have theirs)."""
    space = ""
    for read in (_boot, lambda: str(Path("/proc/self/ns/pid").readlink())):
        try:
            space += read()
        except OSError:
            continue
    return f"{socket.gethostname()}.{hashlib.sha256(space.encode()).hexdigest()[:8]}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()


def host_of(url: str) -> str:
    """The host on which a store was made, by its name."""
    parts = re.split(r"[/\\]", url)[-1].split("@")
    return parts[1] if len(parts) == 4 else ""


def _is_dead(name: str, age: Callable[[], float | None]) -> bool:
    """Whether the process that gave a name is gone."""
    import psutil

    parts = name.split("@")
    if len(parts) != 4 or not parts[2].isdigit():
        return False
    if parts[1] == host_name():
        return not psutil.pid_exists(int(parts[2]))
    seconds = age()
    return seconds is not None and seconds > _FORSAKEN


def _has_no_holder(folder: Folder, maker: str = "") -> bool:
    """Whether every lease is that of a dead process; without any, whether the maker is dead."""
    names = folder.names()
    leases = [name for name in names if name.startswith(f"{_LEASE}@")]
    if leases or not maker:
        return all(_is_dead(name, lambda name=name: folder.age(name)) for name in leases)
    # Without a lease a folder is being made or removed by the process that made it.
    return _is_dead(maker, lambda: folder.age(names[0]) if names else None)


def remove_leftovers(base: Folder) -> None:
    """Remove stores that only dead processes held."""
    for name in base.names():
        if name.startswith(f"{STORE}@"):
            folder = base.child(name)
            if _has_no_holder(folder, maker=name):
                folder.remove()


class Lease:
    """What this process holds of one store."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.name = process_name(_LEASE)
        self.handles = 0
        self.keys: set[Any] = set()
        self.pid = os.getpid()
        self.renewed = -math.inf
        self.is_collected = False

    @property
    def is_near(self) -> bool:
        """Whether this process would see the store if it were there."""
        return isinstance(self.folder, LocalFolder) and host_of(self.folder.url) == host_name()

    def renew(self, *, make: bool = False) -> None:
        """Take the lease, or write it again; where the store is out of reach there is none."""
        if make:
            self.folder.make()
        elif time.monotonic() - self.renewed < _RENEW or not self.folder.is_there():
            return
        self.folder.touch(self.name)
        self.renewed = time.monotonic()

    def give_up(self) -> None:
        """Give up the lease; the store goes with the last one."""
        self.folder.close()
        if self.renewed < 0:
            return
        self.folder.unlink(self.name)
        # A lease that is handed over while one list is made may be missing there, not in both.
        if all(_has_no_holder(self.folder) for _ in range(2)):
            self.folder.remove()


def acquire(url: str, *, make: bool = False) -> Lease:
    """Count one more handle."""
    with _lock:
        lease = _held.get(url)
        if lease is None or lease.pid != os.getpid():
            lease = _held[url] = Lease(folder_of(url))
        lease.handles += 1
        lease.renew(make=make)
    return lease


def keep_with(lease: Lease, key: Any) -> None:
    """Keep a lease while a worker of this process has the value of a key."""
    if key is not None:
        with _lock:
            lease.keys.add(key)
        _watch_workers()


def release(url: str, pid: int) -> None:
    """Count one handle less."""
    with _lock:
        lease = _held.get(url)
        # A forked child has copies of its parent's handles, which hold nothing.
        if lease is None or pid != os.getpid():
            return
        lease.handles -= 1
    _review(url, lease)


def _review(url: str, lease: Lease, leaving: Any = None) -> None:
    with _lock:
        if lease.handles or _held.get(url) is not lease or _is_kept(lease, leaving):
            return
        del _held[url]
    _in_background(lease.give_up)


def _collect(url: str, lease: Lease, waits: tuple[float, ...] = (0.1, 1.0, 10.0)) -> None:
    """Free handles that no key needs any more, but the frames of a task that failed.

    An error and its frames refer to each other, and a worker that is idle collects no garbage.
    """

    def collect() -> None:
        if _held.get(url) is lease:
            if not _is_kept(lease):
                gc.collect()
            _collect(url, lease, waits[1:])

    if waits and _held.get(url) is lease:
        timer = threading.Timer(waits[0], collect)
        timer.daemon = True
        timer.start()
    else:
        lease.is_collected = False


def pass_on(url: str) -> str:
    """A lease of its own for a pickle, which may outlive every handle."""
    name = process_name(_LEASE)
    folder = folder_of(url)
    if folder.is_there():
        folder.touch(name)
    return name


def _in_background(work: Callable[[], None]) -> None:
    """Remove at once, or beside an event loop, which must not wait for a file system."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        work()
        return
    try:
        _remover().submit(work)
    except RuntimeError:  # the interpreter is ending
        work()


@cache
def _remover() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "spanwise-store")


def workers() -> list[Any]:
    """Workers of Dask in this process."""
    module = sys.modules.get("distributed.worker")
    if module is None:
        return []
    return [w for w in list(module.Worker._instances) if w.status.name != "closed"]


def current_key() -> Any:
    """Key of the task that a worker of Dask runs in this thread, or None."""
    module = sys.modules.get("distributed.worker")
    if module is None:
        return None
    try:
        return module.get_worker().get_current_task()
    except ValueError:
        return None


def _has(key: Any, leaving: Any = None) -> bool:
    """Whether a worker of this process has the value of a key, perhaps spilled."""
    return any(key in w.data for w in workers() if w is not leaving)


def _is_kept(lease: Lease, leaving: Any = None) -> bool:
    """Whether a worker has a handle among its data."""
    return any(_has(key, leaving) for key in list(lease.keys))


_WATCH = "spanwise-stores"


def _watch_workers() -> None:
    """Have the workers of this process say which keys they drop."""
    for worker in workers():
        if _WATCH not in worker.plugins:
            watch = _watch_class()()
            worker.loop.add_callback(worker.plugin_add, plugin=watch, name=_WATCH)


@cache
def _watch_class() -> Any:
    """A plugin for workers of Dask, which is loaded where there is one."""

    class Watch(sys.modules["distributed"].WorkerPlugin):
        """Gives up leases when the last key that needs them is dropped."""

        def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
            if finish in ("released", "forgotten") and _held:
                for url, lease in list(_held.items()):
                    if key not in lease.keys or _has(key):
                        continue
                    lease.keys.discard(key)
                    if not _is_kept(lease):
                        _review(url, lease)
                        if not lease.is_collected:
                            lease.is_collected = True
                            _collect(url, lease)

        def teardown(self, worker: Any) -> None:
            for url, lease in list(_held.items()):
                _review(url, lease, leaving=worker)

    return Watch
