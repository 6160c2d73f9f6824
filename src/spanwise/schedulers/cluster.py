"""CPU workers and GPU workers side by side on this machine."""

from __future__ import annotations

import ipaddress
import logging
import os
from typing import Any, Literal

from ..errors import ArgumentError
from . import devices

LOOPBACK = "127.0.0.1"
"""Everything listens here unless the user asks for more and has TLS."""

NO_WORKERS_TIMEOUT = "60s"
"""A task that no worker may run fails after this time instead of waiting for ever."""


class MixedCluster:
    """A Dask cluster of CPU workers and GPU workers on this machine.

    Parameters
    ----------
    cpu : int, default: 2
        CPU workers.
    gpu : int or "auto", default: "auto"
        GPU workers, one process and one thread each, which advertise the resource ``GPU``.
        ``"auto"``: one for each CUDA device that is found; none where there is none.
    device : {"cupy", "hostfree"}, optional
        Array library of the GPU workers. ``"hostfree"`` needs no GPU: for tests.
    threads_per_cpu_worker : int, default: 1
        Tasks that a CPU worker runs at a time.
    memory_limit : str, int or None, default: "auto"
        Memory of each worker, as Dask takes it. ``"auto"``: the machine's, in equal shares.
    processes : bool, default: True
        Whether each worker is a process of its own, restarted if it dies. False keeps all of them
        in this process, for tests; their threads then share one Python interpreter.
    host : str, default: "127.0.0.1"
        Address that scheduler and workers listen on.
    security : distributed.security.Security, optional
        TLS for every connection, e.g. ``Security.temporary()``.

    Raises
    ------
    ArgumentError
        For counts below zero, no worker at all, or a host beyond loopback without ``security``:
        whoever can connect to a Dask cluster can run code on it.

    Notes
    -----
    A GPU worker sees one device (``CUDA_VISIBLE_DEVICES``), a CPU worker none. Scheduler, workers
    and dashboard listen on loopback.

    Examples
    --------
    >>> from spanwise.schedulers import MixedCluster
    >>> with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
    ...     sorted(client.cluster.workers)
    ['cpu0', 'gpu0']
    """

    def __init__(
        self,
        cpu: int = 2,
        gpu: int | Literal["auto"] = "auto",
        *,
        device: str = "cupy",
        threads_per_cpu_worker: int = 1,
        memory_limit: str | int | None = "auto",
        processes: bool = True,
        host: str = LOOPBACK,
        security: Any = None,
    ) -> None:
        devices.check_device(device)
        _check_count("cpu", cpu)
        _check_count("threads_per_cpu_worker", threads_per_cpu_worker, least=1)
        self._visible = _visible_devices()
        if gpu == "auto":
            gpu = len(self._visible)
        _check_count("gpu", gpu)
        if cpu + gpu == 0:
            raise ArgumentError(f"cpu={cpu}, gpu={gpu}: a cluster needs a worker")
        if device == "cupy" and gpu > len(self._visible):
            raise ArgumentError(
                f"gpu={gpu}: this machine has {len(self._visible)} CUDA devices; "
                "write gpu='auto', or device='hostfree' for workers that only stand for GPUs"
            )
        if not _is_loopback(host) and security is None:
            raise ArgumentError(
                f"host={host!r}: beyond loopback anyone who can connect runs code on the cluster; "
                "pass security=distributed.security.Security.temporary() or keep host='127.0.0.1'"
            )
        self.cpu = cpu
        self.gpu = gpu
        self.device = device
        self._threads = threads_per_cpu_worker
        self._memory_limit = memory_limit
        self._processes = processes
        self._host = host
        self._security = security
        self._cluster: Any = None
        self._client: Any = None

    def __enter__(self) -> Any:
        """Start the workers and return the client; ``client.cluster`` is the cluster."""
        import dask.config
        from distributed import Client, SpecCluster

        from .remote import place_on

        try:
            # The scheduler reads this when it starts.
            with dask.config.set({"distributed.scheduler.no-workers-timeout": NO_WORKERS_TIMEOUT}):
                self._cluster = SpecCluster(
                    workers=self._workers(),
                    scheduler=self._scheduler(),
                    security=self._security,
                    silence_logs=logging.WARNING,  # type: ignore[arg-type]
                    name=f"spanwise-{os.getpid()}-{id(self):x}",
                )
            self._client = Client(self._cluster)
            self._client.wait_for_workers(self.cpu + self.gpu, timeout=120)
            place_on(self._client)
        except BaseException:
            self.close()
            raise
        return self._client

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the client and every worker."""
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        try:
            if client is not None:
                client.close()
        finally:
            if cluster is not None:
                cluster.close()

    def _scheduler(self) -> dict[str, Any]:
        from distributed import Scheduler

        options = {
            "host": self._host,
            "protocol": "tcp" if self._security is None else "tls",
            "port": 0,
            "dashboard": True,
            "dashboard_address": f"{_bracketed(self._host)}:0",
            "security": self._security,
        }
        return {"cls": Scheduler, "options": options}

    def _workers(self) -> dict[str, Any]:
        cpu = {"nthreads": self._threads, "env": {"CUDA_VISIBLE_DEVICES": ""}}
        spec = {f"cpu{i}": self._worker(f"cpu{i}", cpu) for i in range(self.cpu)}
        for i in range(self.gpu):
            visible = self._visible[i] if self.device == "cupy" else ""
            gpu = {
                "nthreads": 1,
                "resources": {devices.RESOURCE: 1},
                "env": {"CUDA_VISIBLE_DEVICES": visible},
            }
            spec[f"gpu{i}"] = self._worker(f"gpu{i}", gpu)
        return spec

    def _worker(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        from distributed import Nanny, Worker

        options = {
            **options,
            "name": name,
            "host": self._host,
            "dashboard": False,
            "dashboard_address": f"{_bracketed(self._host)}:0",
            "memory_limit": self._limit(),
            "security": self._security,
            "silence_logs": logging.WARNING,
        }
        if self._processes:
            return {"cls": Nanny, "options": options}
        options.pop("env")  # all share the environment of this process
        return {"cls": Worker, "options": options}

    def _limit(self) -> Any:
        """An equal share: Dask's own "auto" shares by threads and counts only one worker's."""
        if self._memory_limit != "auto":
            return self._memory_limit
        from ..machine import total_memory

        return total_memory() // (self.cpu + self.gpu)


def _visible_devices() -> list[str]:
    """The CUDA devices that this process may hand out, as the driver names them."""
    found = devices.cuda_devices()
    if isinstance(found, str):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [n.strip() for n in named.split(",")] if named else [str(i) for i in range(len(found))]
    return names[: len(found)]


def _check_count(name: str, value: Any, least: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name}={value!r}: expected an integer of at least {least}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
