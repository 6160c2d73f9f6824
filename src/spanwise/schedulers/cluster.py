"""CPU workers and GPU workers side by side on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any, Literal

import dask.config
from dask.utils import parse_timedelta
from distributed import Client, Nanny, Scheduler, SpecCluster, Worker

from ..errors import ArgumentError
from ..machine import parse_bytes, total_memory
from . import devices
from .gpu_worker import DEFAULT_DEVICE_MEMORY, GpuWorker, device_bytes
from .listening import LOOPBACK, bracketed, checked_security, is_loopback
from .remote import NO_WORKERS_TIMEOUT, place_on

LOST_WORKER_TIMEOUT = "120s"
"""Time that a worker which died has to come back; Dask's own 15 s are short for loading CUDA."""

ALLOWED_FAILURES = 10
"""Workers that may die under a task before it fails. Dask blames a death on every task that the
worker was sent, and a GPU worker is sent all of its tasks at once."""

START_TIMEOUT = 120
"""Seconds that a worker may take to start."""


class MixedCluster:
    """A Dask cluster of CPU workers and GPU workers on this machine.

    Parameters
    ----------
    cpu : int, default: 2
        CPU workers.
    gpu : int or "auto", default: "auto"
        GPU workers, one process each, which advertise the resource ``GPU``. ``"auto"``:
        ``workers_per_gpu`` for each CUDA device that is found; none where there is none.
    device : {"cupy", "hostfree"}, optional
        Array library of the GPU workers. ``"hostfree"`` needs no GPU: for tests.
    threads_per_cpu_worker : int, default: 1
        Tasks that a CPU worker runs at a time.
    workers_per_gpu : int, default: 1
        GPU workers that may share a card. Cards are handed out in turn, so that none is shared
        while another is free.
    io_threads : int, default: 0
        Threads of a GPU worker beside the one that computes: they read, copy and write the next
        chunks meanwhile. At most ``1 + io_threads`` chunks are on the device at a time, and one
        kernel runs.
    memory_limit : str, int, float or None, default: "auto"
        Memory of each worker: bytes, a text such as ``"4GiB"``, a share of the machine's (a float
        up to 1), or None for no limit. ``"auto"``: the machine's, in equal shares.
    device_memory_limit : float, int, str or None, default: 0.8
        What arrays of a GPU worker may fill of its card: a share that the workers of the card
        divide, bytes of each of them, or None for no limit. See :class:`.gpu_worker.GpuWorker`.
    processes : bool, default: True
        Whether each worker is a process of its own, restarted if it dies. False keeps all of them
        in this process, for tests; their threads then share one Python interpreter, and its first
        CUDA device.
    host : str, default: "127.0.0.1"
        Address that scheduler and workers listen on.
    security : distributed.security.Security, optional
        TLS for every connection, e.g. ``Security.temporary()``. Default: as Dask's configuration
        has it, which is none.

    Raises
    ------
    ArgumentError
        For counts below zero, no worker at all, more GPU workers than cards have room for, or a
        host beyond loopback without TLS: whoever can connect to a Dask cluster can run code on it.

    Notes
    -----
    A GPU worker sees one device (``CUDA_VISIBLE_DEVICES``), a CPU worker none. Scheduler and
    workers listen on ``host``, dashboards on loopback wherever that is. Nothing is left running
    when a worker cannot start or the body of the ``with`` statement raises.

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
        workers_per_gpu: int = 1,
        io_threads: int = 0,
        memory_limit: str | float | None = "auto",
        device_memory_limit: float | str | None = DEFAULT_DEVICE_MEMORY,
        processes: bool = True,
        host: str = LOOPBACK,
        security: Any = None,
    ) -> None:
        devices.check_device(device)
        _check_count("cpu", cpu)
        _check_count("threads_per_cpu_worker", threads_per_cpu_worker, least=1)
        _check_count("workers_per_gpu", workers_per_gpu, least=1)
        _check_count("io_threads", io_threads)
        _check_memory_limit(memory_limit)
        device_bytes(device_memory_limit, total=1)  # an error for what is no limit
        self._visible, missing = _visible_devices()
        if not processes:
            self._visible = self._visible[:1]
        if gpu == "auto":
            gpu = len(self._visible) * workers_per_gpu
        _check_count("gpu", gpu)
        if cpu + gpu == 0:
            raise ArgumentError(f"cpu={cpu}, gpu={gpu}: a cluster needs a worker")
        if device == "cupy":
            _check_room(gpu, len(self._visible), workers_per_gpu, missing)
        self._security = checked_security(host, security)
        self.cpu = cpu
        self.gpu = gpu
        self.device = device
        self._threads = threads_per_cpu_worker
        self._workers_per_gpu = workers_per_gpu
        self._io_threads = io_threads
        self._memory_limit = memory_limit
        self._device_memory_limit = device_memory_limit
        self._processes = processes
        self._host = host
        self._running: list[contextlib.ExitStack] = []

    def __enter__(self) -> Client:
        """Start the workers and return the client; ``client.cluster`` is the cluster."""
        with contextlib.ExitStack() as stack:
            # Dask reads the one when a scheduler starts, the other whenever a worker is lost.
            stack.enter_context(dask.config.set(_timeouts()))
            cluster = stack.enter_context(
                _Cluster(
                    workers=self._workers(),
                    scheduler=self._scheduler(),
                    security=self._security,
                    silence_logs=logging.WARNING,  # type: ignore[arg-type]
                    name=f"spanwise-{os.getpid()}-{id(self):x}-{len(self._running)}",
                )
            )
            client = stack.enter_context(Client(cluster))
            client.wait_for_workers(self.cpu + self.gpu, timeout=START_TIMEOUT)
            place_on(client)
            self._running.append(stack.pop_all())
        return client

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the client and every worker of the latest ``with`` statement."""
        if self._running:
            self._running.pop().close()

    def _scheduler(self) -> dict[str, Any]:
        failures = dask.config.get("distributed.scheduler.allowed-failures")
        options = {
            "host": self._host,
            "protocol": "tls" if self._security.require_encryption else "tcp",
            "port": 0,
            "dashboard": True,
            "dashboard_address": self._dashboard(),
            "security": self._security,
            "allowed_failures": max(failures, ALLOWED_FAILURES),
        }
        return {"cls": Scheduler, "options": options}

    def _workers(self) -> dict[str, Any]:
        cpu = {"nthreads": self._threads, "env": {"CUDA_VISIBLE_DEVICES": ""}}
        spec = {f"cpu{i}": self._worker(f"cpu{i}", cpu) for i in range(self.cpu)}
        slots = 1 + self._io_threads
        for i in range(self.gpu):
            gpu: dict[str, Any] = {
                "nthreads": slots,
                "resources": {devices.RESOURCE: slots},
                "env": {"CUDA_VISIBLE_DEVICES": ""},
            }
            if self.device == "cupy":
                card = i % len(self._visible)
                sharers = len(range(card, self.gpu, len(self._visible)))
                gpu["env"] = {"CUDA_VISIBLE_DEVICES": self._visible[card]}
                gpu["plugins"] = (GpuWorker(self._device_memory_limit, workers_per_gpu=sharers),)
            spec[f"gpu{i}"] = self._worker(f"gpu{i}", gpu)
        return spec

    def _worker(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        options = {
            **options,
            "name": name,
            "host": self._host,
            "dashboard": False,
            "dashboard_address": self._dashboard(),
            "memory_limit": self._limit(),
            "security": self._security,
            "silence_logs": logging.WARNING,
            "death_timeout": START_TIMEOUT,
        }
        if self._processes:
            return {"cls": Nanny, "options": options}
        options.pop("env")  # all share the environment of this process
        return {"cls": Worker, "options": options}

    def _dashboard(self) -> str:
        """Pages over HTTP know neither TLS nor users, so they stay on this machine."""
        return f"{bracketed(self._host) if is_loopback(self._host) else LOOPBACK}:0"

    def _limit(self) -> Any:
        """An equal share: Dask's own "auto" shares by threads and counts only one worker's."""
        if self._memory_limit != "auto":
            return self._memory_limit
        return total_memory() // (self.cpu + self.gpu)


class _Cluster(SpecCluster):
    """A cluster that takes down what it started, also where Dask leaves its event loop running."""

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except BaseException:
            self.close()
            raise


def _timeouts() -> dict[str, Any]:
    """Dask's settings for a cluster of ours, where nobody chose longer ones."""
    unrunnable = dask.config.get("distributed.scheduler.no-workers-timeout")
    lost = dask.config.get("distributed.deploy.lost-worker-timeout")
    return {
        "distributed.scheduler.no-workers-timeout": unrunnable or NO_WORKERS_TIMEOUT,
        "distributed.deploy.lost-worker-timeout": max(
            lost, LOST_WORKER_TIMEOUT, key=parse_timedelta
        ),
    }


def _visible_devices() -> tuple[list[str], str]:
    """The CUDA devices that this process may hand out, as the driver names them, or why none."""
    found = devices.cuda_devices()
    if isinstance(found, str):
        return [], found
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [n.strip() for n in named.split(",")] if named else [str(i) for i in range(len(found))]
    return names[: len(found)], ""


def _check_room(gpu: int, cards: int, workers_per_gpu: int, missing: str) -> None:
    """Refuse more GPU workers than may share the cards."""
    if gpu <= cards * workers_per_gpu:
        return
    if not cards:
        raise ArgumentError(
            f"gpu={gpu}: this machine has 0 CUDA devices that CuPy could use ({missing}); write "
            "gpu='auto', or device='hostfree' for workers that only stand for GPUs"
        )
    raise ArgumentError(
        f"gpu={gpu}: this machine has {cards} CUDA device{'s' * (cards > 1)} for workers, and "
        f"workers_per_gpu={workers_per_gpu}; write gpu='auto', or workers_per_gpu="
        f"{-(-gpu // cards)} to let workers share a card"
    )


def _check_count(name: str, value: Any, least: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name}={value!r}: expected an integer of at least {least}")


def _check_memory_limit(value: Any) -> None:
    """Dask would find out only while workers start."""
    if value is None or value == "auto":
        return
    try:
        known = not isinstance(value, bool) and (parse_bytes(value) > 0 or 0 < value <= 1)
    except (ArgumentError, TypeError):
        known = False
    if not known:
        raise ArgumentError(
            f"memory_limit={value!r}: expected bytes, a text such as '4GiB', a share of the "
            "machine's memory such as 0.4, 'auto', or None for no limit"
        )
