"""BLAS on one thread, while tasks that each have a thread of their own run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_inside = 0
_former: list[tuple[Any, int]] = []


@functools.cache
def _libraries() -> list[Any]:
    """Controllers of the BLAS libraries that this process has loaded."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set_threads(library: Any, count: int) -> None:
    """Set the threads of a library for the whole process, from whatever thread.

    Since its version 3.8 threadpoolctl does nothing where another thread was the first to set a
    limit, such as the main thread while tasks run; here a lock keeps threads apart.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(count)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit BLAS to one thread in this process until the last task inside has left.

    The limit belongs to the process, not to the thread, so the first task to enter sets it and
    the last to leave restores it. Without threadpoolctl nothing happens.
    """
    global _inside  # noqa: PLW0603 - the limit is one per process
    with _lock:
        if _inside == 0:
            for library in _libraries():
                _former.append((library, library.get_num_threads()))
                _set_threads(library, 1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            while _inside == 0 and _former:
                _set_threads(*_former.pop())
