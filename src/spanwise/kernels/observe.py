"""Who is told what kernels and copies do: a context variable, so each task hears of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Observer(Protocol):
    """Hears of the copies and kernels of a task."""

    def copied(self, direction: str, nbytes: int, seconds: float) -> None:
        """A copy, ``"to_device"`` or ``"to_host"``, was made."""
        ...

    def ran(self, kernel: str, library: str, dtype: str, nbytes: int, seconds: float) -> None:
        """A kernel ran on a block of a library."""
        ...

    def cut(self, kernel: str, parts: int) -> None:
        """A kernel, which may be within another one, ran on a block part by part."""
        ...


_OBSERVER: ContextVar[Observer | None] = ContextVar("spanwise_observer", default=None)
_INSIDE: ContextVar[bool] = ContextVar("spanwise_inside_kernel", default=False)


def observer() -> Observer | None:
    """Who is told of copies here, if anybody is."""
    return _OBSERVER.get()


def kernel_observer() -> Observer | None:
    """Who is told of a kernel that starts here; of kernels within a kernel nobody is."""
    return None if _INSIDE.get() else _OBSERVER.get()


@contextmanager
def observed_by(who: Observer) -> Iterator[None]:
    """Tell ``who`` of what happens in the block."""
    token = _OBSERVER.set(who)
    try:
        yield
    finally:
        _OBSERVER.reset(token)


@contextmanager
def inside_kernel() -> Iterator[None]:
    """The block belongs to a kernel that is observed already."""
    token = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(token)
