"""Slots of a GPU worker: tasks that it works on at a time, of which one runs a kernel.

A worker with several units of the resource ``GPU`` has as many chunks on its device, and threads
to read, copy and store them. Kernels take turns: they need room for workspace, and two at a time
would each take twice as long.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

_locks: weakref.WeakKeyDictionary[Any, threading.RLock] = weakref.WeakKeyDictionary()
_process = threading.RLock()
_guard = threading.Lock()


def lock_of(worker: Any = None) -> threading.RLock:
    """What kernels on the device of a worker take turns with; without a worker, of this process.

    >>> lock_of() is lock_of()
    True
    """
    if worker is None:
        return _process
    with _guard:
        return _locks.setdefault(worker, threading.RLock())
