"""What the transfer tasks of a placed graph run."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np

from ..errors import PlacementError
from ..kernels.library import DEVICE_LIBRARIES, library_of
from ..kernels.transfer import to_device, to_host

logger = logging.getLogger("spanwise.transfers")


def send(value: Any, /, *, library: str, resource: str | None = None, log: bool = False) -> Any:
    """Copy the arrays of the host in a value to the device; what is no array stays as it is.

    Parameters
    ----------
    value : array, tuple, list or dict
        What a task gave out.
    library : str
        Array library of the device.
    resource : str, optional
        A Dask worker must have this resource, or `PlacementError` is raised: a graph whose
        annotations were lost says so instead of running on the wrong worker.
    log : bool
        Whether to write each copy to the logger ``spanwise.transfers``.
    """
    if resource is not None:
        _check_worker(resource)
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


def _check_worker(resource: str) -> None:
    module = sys.modules.get("distributed.worker")
    if module is None:
        return
    try:
        worker = module.get_worker()
    except ValueError:  # not inside a task of a Dask worker
        return
    if not worker.state.total_resources.get(resource):
        raise PlacementError(
            f"device work arrived on the worker {worker.address}, which has no resource "
            f"{resource!r}: this graph lost its annotations after it was placed "
            "(dask.delayed drops them). Compute or persist the array under "
            "spanwise.schedulers.placement(...) first, or build the delayed graph under "
            "placement('cpu')"
        )
