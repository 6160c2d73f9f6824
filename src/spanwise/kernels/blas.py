"""BLAS on one thread, while tasks that each have a thread of their own run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_inside = 0
_limit: Any = None


@functools.cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit BLAS to one thread in this process until the last task inside has left.

    The limit belongs to the process, not to the thread, so the first task to enter sets it and
    the last to leave restores it. Without threadpoolctl nothing happens.
    """
    global _inside, _limit  # noqa: PLW0603 - the limit is one per process
    with _lock:
        if _inside == 0:
            controller = _controller()
            _limit = controller.limit(limits=1, user_api="blas") if controller else None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _limit is not None:
                _limit.restore_original_limits()
                _limit = None
