"""A limit on the memory that `HostFree` arrays may take, as a device has one. Off by default.

A worker process is given one by the environment: ``SPANWISE_HOSTFREE_MEMORY=64MiB``.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, DeviceMemoryError
from ..kernels.tables import drop_tables
from ..machine import format_bytes, parse_bytes

VARIABLE = "SPANWISE_HOSTFREE_MEMORY"
"""Environment variable that limits the memory of a process from its start."""


def owner(data: np.ndarray) -> np.ndarray | Any:
    """The array that owns the memory of a view."""
    while isinstance(data.base, np.ndarray):
        data = data.base
    return data


class Account:
    """Counts the memory of HostFree arrays that are alive."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.peak = 0
        self._held: dict[int, weakref.ref[Any]] = {}
        # An array may be collected, and given back, while another one is counted.
        self._lock = threading.RLock()

    def take(self, data: np.ndarray) -> None:
        """Count an array's memory until it is freed, or raise if there is no room for it."""
        memory = owner(data)
        with self._lock:
            known = self._held.get(id(memory))
            if known is not None and known() is memory:
                return
            if self.used + memory.nbytes > self.limit:
                raise DeviceMemoryError(
                    f"out of memory on hostfree:0: {format_bytes(memory.nbytes)} wanted, "
                    f"{format_bytes(self.used)} of {format_bytes(self.limit)} in use"
                )
            self.used += memory.nbytes
            self.peak = max(self.peak, self.used)
            self._held[id(memory)] = _noticed(memory, self)

    def give_back(self, identity: int, nbytes: int) -> None:
        """Count an array no longer."""
        with self._lock:
            self.used -= nbytes
            self._held.pop(identity, None)


def _noticed(memory: np.ndarray, account: Account) -> weakref.ref[Any]:
    identity, nbytes = id(memory), memory.nbytes
    return weakref.ref(memory, lambda _: account.give_back(identity, nbytes))


account: Account | None = None
"""The account of this process, if its memory is limited."""

if VARIABLE in os.environ:
    account = Account(parse_bytes(os.environ[VARIABLE]))


@contextmanager
def limit_memory(limit: int | float | str) -> Iterator[Account]:
    """Limit the memory that HostFree arrays of this process take together, in a ``with`` block.

    Parameters
    ----------
    limit : int, float or str
        Bytes, as a number or a text such as ``"1MiB"``. Arrays made before the block are
        counted from the first view of them on; views share the memory of their array. Tables
        that kernels keep on the device go, so that all that is kept is counted.

    Yields
    ------
    Account
        Its ``used`` and ``peak`` are in bytes.

    Raises
    ------
    ArgumentError
        For a negative limit.
    DeviceMemoryError
        In the block, from whatever makes an array that does not fit.

    Examples
    --------
    >>> from spanwise.testing import HostFree, limit_memory
    >>> with limit_memory(1000):
    ...     HostFree(200)
    Traceback (most recent call last):
    ...
    spanwise.errors.DeviceMemoryError: out of memory on hostfree:0: 1.6 KiB wanted, ...
    """
    global account  # noqa: PLW0603 - there is one device in a process
    nbytes = parse_bytes(limit)
    if nbytes < 0:
        raise ArgumentError(f"limit={limit!r}: expected bytes, at least 0")
    drop_tables("hostfree")
    before, account = account, Account(nbytes)
    try:
        yield account
    finally:
        account = before
