"""What the transfer tasks of a placed graph run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..kernels.library import DEVICE_LIBRARIES, library_of
from ..kernels.transfer import to_device, to_host

logger = logging.getLogger("spanwise.transfers")

_STAYS: ContextVar[bool] = ContextVar("spanwise_stays_on_host", default=False)


@contextmanager
def staying_on_host() -> Iterator[None]:
    """Make copies to the device identities in the block: the same graph then runs on the host."""
    token = _STAYS.set(True)
    try:
        yield
    finally:
        _STAYS.reset(token)


def send(value: Any, /, *, library: str, log: bool = False) -> Any:
    """Copy the arrays of the host in a value to the device; what is no array stays as it is.

    Parameters
    ----------
    value : array, tuple, list or dict
        What a task gave out.
    library : str
        Array library of the device.
    log : bool
        Whether to write each copy to the logger ``spanwise.transfers``.
    """
    if _STAYS.get():
        return value
    if library == "hostfree":
        from ..testing import register_with_dask

        register_with_dask()  # which does so for CuPy by itself
    return _send(value, library, log)


def fetch(value: Any, /, *, log: bool = False) -> Any:
    """Copy the device arrays in a value to the host; anything else stays as it is."""
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, [fetch(v, log=log) for v in value])
    if isinstance(value, dict):
        return {k: fetch(v, log=log) for k, v in value.items()}
    if not hasattr(value, "dtype") or library_of(value) not in DEVICE_LIBRARIES:
        return value
    if log:
        logger.info("to_host: %s %s, %d bytes", value.shape, value.dtype, value.nbytes)
    return to_host(value)


def pack(*values: Any) -> tuple[Any, ...]:
    """The outputs of one task, when it has several."""
    return values


def _send(value: Any, library: str, log: bool) -> Any:
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, [_send(v, library, log) for v in value])
    if isinstance(value, dict):
        return {k: _send(v, library, log) for k, v in value.items()}
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    if log:
        logger.info("to_device: %s %s, %d bytes", value.shape, value.dtype, value.nbytes)
    return to_device(value, library=library)


def _rebuilt(value: Any, items: list[Any]) -> Any:
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
