"""Turns on a device: one kernel of a worker at a time, while its other threads read and copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

_LOCK: ContextVar[AbstractContextManager[Any] | None] = ContextVar("spanwise_turns", default=None)


@contextmanager
def taking_turns(lock: AbstractContextManager[Any]) -> Iterator[None]:
    """Let the kernels of the block run on a device only while they hold the lock."""
    token = _LOCK.set(lock)
    try:
        yield
    finally:
        _LOCK.reset(token)


def turn() -> AbstractContextManager[Any]:
    """What a kernel on a device holds while it runs: nothing, unless turns are taken here."""
    lock = _LOCK.get()
    return nullcontext() if lock is None else lock
