"""`place_on`: placement on a cluster that somebody else started."""

from __future__ import annotations

import logging
import weakref
from typing import Any

from ..errors import ArgumentError
from ..machine import parse_bytes
from .records import TOPIC, events
from .refining import refine_from
from .wire import CarriesArrays, carry_arrays

logger = logging.getLogger("spanwise")

NO_WORKERS_TIMEOUT = "60s"
"""A task that no worker may run fails after this time instead of waiting for ever."""

DEFAULT_GRACE = "30s"
"""How long a GPU worker that went may take to come back: Nannies restart them within seconds."""

_listeners: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


class place_on:  # noqa: N801 - it is called as a function, or used in a with statement
    """Keep device work on the GPU workers of a cluster that is running.

    A cluster of :class:`MixedCluster` does so by itself. On any other (``dask scheduler`` and
    ``dask worker --resources GPU=1``, dask-jobqueue, Kubernetes, LocalCUDACluster) call it once,
    or use it in a ``with`` block. GPU workers are those with the resource ``GPU``; where none has
    it, workers are asked for their CUDA devices.

    Parameters
    ----------
    client : distributed.Client
        A client of the cluster; its scheduler may be anywhere.

    Raises
    ------
    ArgumentError
        For anything but a client, and for one that is asynchronous.

    Notes
    -----
    A plugin of the scheduler sees to it that

    - device work runs on GPU workers and there only, also where a graph lost its annotations
      (``dask.delayed(f)(x)``);
    - device work for which there is no GPU worker, or for which a device has no memory, runs on
      the CPU, with the same result;
    - if the last GPU worker goes and does not come back within ``spanwise.gpu-worker-grace``
      (30 s), what waits for it runs on the CPU;
    - tasks that no worker may run fail in a minute, where the scheduler has no limit of its own;
    - chunks that wait for a device are held back beyond ``spanwise.gate-bytes``, by default a
      quarter of the memory of the GPU workers.

    CuPy arrays that go from one worker to another, or to the client, take the way through the host
    and need nothing but CuPy for it.

    Each change of place is written to the logger ``spanwise`` and kept in `events`. The plugin
    stays until `close`, also when this client has gone.

    Examples
    --------
    >>> from distributed import Client
    >>> from spanwise.schedulers import place_on
    >>> client = Client(
    ...     processes=False,
    ...     n_workers=1,
    ...     resources={"GPU": 1},
    ...     dashboard_address="127.0.0.1:0",
    ...     worker_dashboard_address="127.0.0.1:0",
    ... )
    >>> with place_on(client) as placed:
    ...     placed.events
    []
    >>> client.close()
    """

    def __init__(self, client: Any) -> None:
        import dask.config
        from dask.utils import parse_timedelta

        from .dask.plugin import NAME, PlacementPlugin

        _check(client)
        carry_arrays()
        client.register_plugin(CarriesArrays())
        self._client = client
        grace = dask.config.get("spanwise.gpu-worker-grace", None) or DEFAULT_GRACE
        limit = dask.config.get("spanwise.gate-bytes", None)
        self._owns = not client.run_on_scheduler(_has_plugin, NAME)
        client.register_plugin(
            PlacementPlugin(
                grace=float(parse_timedelta(grace)),
                gate_bytes=None if limit is None else parse_bytes(limit),
                timeout=float(parse_timedelta(NO_WORKERS_TIMEOUT)),
            ),
            name=NAME,
        )
        _listeners[client] = _listeners.get(client, 0) + 1
        if _listeners[client] == 1:
            client.subscribe_topic(TOPIC, _Listener())
        self._open = True

    @property
    def events(self) -> list[dict[str, Any]]:
        """What has changed its place on the cluster, in order; each has a ``message``."""
        return events(self._client)

    def close(self) -> None:
        """Take the plugin away, unless it was there before; what ran refines the rates."""
        from .dask.plugin import NAME

        if not self._open:
            return
        self._open = False
        client = self._client
        _listeners[client] -= 1
        if client.status != "running":
            return
        refine_from(client)
        if not _listeners[client]:
            client.unsubscribe_topic(TOPIC)
        if self._owns:
            client.run_on_scheduler(_remove_plugin, NAME)

    def __enter__(self) -> place_on:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Listener:
    """Writes events of placement to the log: the first of each kind and name as a warning."""

    def __init__(self) -> None:
        self._heard: set[tuple[Any, Any]] = set()

    def __call__(self, event: tuple[float, dict[str, Any]]) -> None:
        _, message = event
        action, name = message.get("action"), message.get("name")
        first = name is None or (action, name) not in self._heard
        self._heard.add((action, name))
        logger.log(logging.WARNING if first else logging.DEBUG, "%s", message.get("message"))


def _check(client: Any) -> None:
    if not hasattr(client, "register_plugin"):
        raise ArgumentError(
            f"client={type(client).__name__}: expected a distributed.Client, as "
            "distributed.Client(address) or cluster.get_client() gives"
        )
    if client.asynchronous:
        raise ArgumentError(
            "client is asynchronous, and place_on waits for its cluster; call it once with a "
            "synchronous client of the same scheduler"
        )


def _has_plugin(name: str, dask_scheduler: Any = None) -> bool:
    return name in dask_scheduler.plugins


def _remove_plugin(name: str, dask_scheduler: Any = None) -> None:
    plugin = dask_scheduler.plugins.get(name)
    if plugin is not None:
        plugin.retire()
        dask_scheduler.remove_plugin(name)
