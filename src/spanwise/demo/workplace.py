"""Where the demo's tasks run: the threads of this process, or a local cluster."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import numpy as np

from .. import options
from ..cluster import KMeans


@dataclass(frozen=True, slots=True)
class Settings:
    """What the demo is told."""

    size: int = 2 * 2**30
    """Bytes of the dataset."""
    memory: int = 512 * 2**20
    """Bytes that all workers together may hold."""
    workers: int = 2
    """Tasks that run at a time: threads, or processes of one thread each."""
    cluster: str = "threads"
    """``"threads"`` or ``"distributed"``."""
    out: Path = Path("spanwise-demo")
    """Folder of everything that is written."""
    seed: int = 0
    """Of the dataset, and of k-means."""

    @property
    def threads(self) -> int:
        """Tasks that one process runs at a time."""
        return self.workers if self.cluster == "threads" else 1

    @property
    def budget(self) -> int:
        """Bytes that one process may hold."""
        return self.memory * self.threads // self.workers


@contextmanager
def planned_workplace(settings: Settings) -> Iterator[None]:
    """The options to plan with, for the threads of this process."""
    with (
        dask.config.set(scheduler="threads", num_workers=settings.workers),
        options.set_options(memory=settings.memory, temporary_store=str(settings.out)),
    ):
        yield


@contextmanager
def workplace(settings: Settings) -> Iterator[list[int]]:
    """Dask's scheduler and spanwise's options as asked for; yields the processes to measure."""
    with ExitStack() as stack:
        stack.enter_context(
            options.set_options(memory=settings.budget, temporary_store=str(settings.out))
        )
        if settings.cluster == "threads":
            stack.enter_context(dask.config.set(scheduler="threads", num_workers=settings.workers))
            yield [_ready(figure=True)]
            return
        from distributed import Client, LocalCluster

        # Loopback only. No limit but the plan's, so that what is measured is not Dask's doing.
        cluster = LocalCluster(
            n_workers=settings.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
        )
        client = stack.enter_context(Client(stack.enter_context(cluster)))
        workers: Any = client.run(_ready)
        yield [_ready(figure=True), *workers.values()]


def _ready(*, figure: bool = False) -> int:
    """The process, once it has loaded what it will need: that is baseline, not data."""
    for name in ("dask.array", "scipy.fft", "scipy.ndimage", "zarr", "spanwise.demo.jobs"):
        importlib.import_module(name)
    # Compiled loops, where there are some, are libraries as well once they are loaded.
    KMeans(2, random_state=0).fit(np.arange(12, dtype=np.float32).reshape(-1, 1))
    if figure:
        from .figure import rehearse

        rehearse()
    return os.getpid()


def return_freed_memory() -> None:
    """Have the C library hand freed memory back at once, where it is glibc.

    Its default keeps freed blocks of up to 32 MiB with the process, so that resident memory tells
    little of what is in use. Workers of dask.distributed are started with the same setting.
    """
    import ctypes
    import platform

    if platform.libc_ver()[0] != "glibc":
        return
    trim_threshold = -1  # M_TRIM_THRESHOLD of mallopt(3)
    ctypes.CDLL(None).mallopt(trim_threshold, 2**16)
