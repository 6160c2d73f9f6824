"""Facts about the workers that a graph built now would run on."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from .. import rates
from ..machine import DEFAULT_SHARE, Machine, default_machine, parse_bytes, total_memory

_DISTRIBUTED_SCHEDULERS = (None, "dask.distributed", "distributed")


def active_client() -> Any:
    """The distributed client that ``compute()`` would use, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    import dask.config

    scheduler = dask.config.get("scheduler", None)
    named = getattr(scheduler, "__self__", scheduler)
    if isinstance(named, distributed.Client):
        return named
    if scheduler not in _DISTRIBUTED_SCHEDULERS:
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def local_threads() -> int:
    """Tasks that Dask's threaded scheduler runs at a time."""
    import dask.config
    from dask.system import CPU_COUNT

    if dask.config.get("scheduler", None) in ("sync", "synchronous", "single-threaded"):
        return 1
    pool = dask.config.get("pool", None)
    workers = dask.config.get("num_workers", None) or getattr(pool, "_max_workers", None)
    return int(workers or CPU_COUNT)


def current_machine(*, memory: int | float | str | None = None, client: Any = None) -> Machine:
    """The machine to plan for: the active client's workers, or this process.

    Parameters
    ----------
    memory : int, float or str, optional
        Budget of one worker, as the option ``spanwise.memory`` gives it.
    client : distributed.Client, optional
        Plan for this client's workers instead of the active one's.
    """
    client = client if client is not None else active_client()
    machine = None if client is None else _cluster_machine(client)
    machine = machine or replace(default_machine(local_threads()), rates=rates.load())
    if memory is None:
        return machine
    return replace(
        machine, memory=parse_bytes(memory), explicit=True, source="option spanwise.memory"
    )


def _cluster_machine(client: Any) -> Machine | None:
    if client.asynchronous:
        return None
    found = client.scheduler_info(n_workers=-1)["workers"]
    workers = list(found.values())
    if not workers:
        return None
    limits = [w["memory_limit"] for w in workers if w["memory_limit"]]
    share = min(limits) if limits else total_memory() // len(workers)
    return Machine(
        threads=max(w["nthreads"] for w in workers),
        memory=int(DEFAULT_SHARE * share),
        workers=len(workers),
        distributed=True,
        explicit=bool(limits),
        source=f"{DEFAULT_SHARE:.0%} of the workers' memory limit"
        if limits
        else f"{DEFAULT_SHARE:.0%} of a worker's share of this machine's memory",
        rates=rates.load() if _are_here(found) else None,
        hosts=len({urlsplit(address).hostname for address in found}),
    )


def _are_here(addresses: Iterable[str]) -> bool:
    """Whether workers run on this very machine, for which its rates hold."""
    here = {"127.0.0.1", "::1", "localhost", socket.gethostname()}
    return all(a.startswith("inproc:") or urlsplit(a).hostname in here for a in addresses)
