"""How CuPy arrays go from one Dask process to another: through the host, into CuPy's memory.

Dask's own way needs Numba or RMM in both processes, and whoever waits for an array that could not
be sent waits for ever. What Numba receives lies beside CuPy's pool, beyond the limit of a worker.
"""

from __future__ import annotations

import sys
from typing import Any

from distributed import WorkerPlugin
from distributed.protocol import dask_deserialize, dask_serialize
from distributed.protocol.numpy import deserialize_numpy_ndarray, serialize_numpy_ndarray

from ..kernels.transfer import to_device, to_host


class CarriesArrays(WorkerPlugin):
    """Lets a worker send and receive CuPy arrays."""

    name = "spanwise-arrays"

    def setup(self, worker: Any) -> None:
        """Called in each worker when it starts or when the plugin is registered."""
        carry_arrays()


def carry_arrays() -> None:
    """Let this process send and receive CuPy arrays; CuPy is not imported for it."""
    for table in (dask_serialize, dask_deserialize):
        table.register_lazy("cupy", _register)
    if sys.modules.get("cupy") is not None:
        _register()  # Dask may have found its own way already


def _register() -> None:
    import cupy

    kind = cupy.ndarray  # pyright: ignore[reportAttributeAccessIssue]
    dask_serialize.register(kind)(_sent)
    dask_deserialize.register(kind)(_received)


def _sent(x: Any) -> tuple[dict[str, Any], list[Any]]:
    return serialize_numpy_ndarray(to_host(x))


def _received(header: dict[str, Any], frames: list[Any]) -> Any:
    return to_device(deserialize_numpy_ndarray(header, frames))
