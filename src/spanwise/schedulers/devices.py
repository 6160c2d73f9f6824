"""What devices there are: GPU workers of a cluster, or the GPUs of this process."""

from __future__ import annotations

import functools
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .. import rates
from ..errors import ArgumentError
from ..measures import CPU
from .local import active_client, local_threads
from .policy import DEVICE_MEMORY_SHARE, DeviceFacts

DEVICES = ("cupy", "hostfree")
"""Device libraries: CuPy, and the stand-in that needs no GPU."""

RESOURCE = "GPU"
"""The worker resource that marks a GPU worker, one unit for each task at a time."""

REMEMBER_SECONDS = 2.0
"""How long what a cluster answered is taken to hold: one call asks for several collections."""

_remembered: dict[tuple[str, str | None], tuple[float, DeviceFacts]] = {}
_asked: dict[tuple[str, frozenset[str]], dict[str, int]] = {}
_models: dict[tuple[str, frozenset[str]], tuple[tuple[str, int], ...]] = {}


def check_device(device: str) -> str:
    """The device library, or an error that lists them."""
    if device not in DEVICES:
        raise ArgumentError(f"device={device!r}: expected one of {DEVICES}")
    return device


def survey(device: str = "cupy", *, client: Any = None) -> DeviceFacts:
    """What devices a graph built now could use, and the reason if there are none.

    Parameters
    ----------
    device : {"cupy", "hostfree"}
        Array library of the device.
    client : distributed.Client, optional
        Ask this client's cluster instead of the active one's.

    Returns
    -------
    DeviceFacts
        GPU workers are those with the worker resource ``GPU``; where none has it, workers are
        asked whether they have CuPy and a CUDA device. Without a cluster the devices of this
        process count. Nothing is computed.

    Examples
    --------
    >>> survey("hostfree").where
    'this process (stand-in for a GPU)'
    """
    check_device(device)
    client = client if client is not None else active_client()
    facts = _local(device) if client is None else _of_cluster(device, client)
    if len(_remembered) > 32:  # clients come and go
        _remembered.clear()
    _remembered[device, getattr(client, "id", None)] = (time.monotonic(), facts)
    return facts


def remembered(device: str) -> DeviceFacts:
    """The latest survey for the active client, or a new one if it is too old."""
    client = active_client()
    known = _remembered.get((device, getattr(client, "id", None)))
    if known is not None and time.monotonic() - known[0] < REMEMBER_SECONDS:
        return known[1]
    return survey(device, client=client)


def latest(device: str) -> DeviceFacts:
    """The latest survey for the active client, without asking anybody."""
    client = active_client()
    known = _remembered.get((device, getattr(client, "id", None)))
    if known is not None:
        return known[1]
    return DeviceFacts(library=device, missing="the cluster has not been asked for its workers")


def with_rates(facts: DeviceFacts, *, client: Any = None, ask: bool = True) -> DeviceFacts:
    """The facts with the models of the devices and what was measured of them and of the host.

    Workers are asked for the model of their device once, and only if ``ask``.
    """
    models = _models_of(facts, client, ask) if facts.devices else ()
    known = rates.load_table().of(CPU, *(name for name, _ in models))
    return replace(facts, models=models, rates=known)


def _models_of(facts: DeviceFacts, client: Any, ask: bool) -> tuple[tuple[str, int], ...]:
    """The models of the devices, and how many workers have each."""
    if facts.library == "hostfree":
        return (("hostfree", facts.devices),)
    client = client if client is not None else active_client()
    if client is None:
        return ((cuda_model(), facts.devices),)
    latest = client.id, frozenset()
    if ask and not client.asynchronous:
        there = facts.addresses or tuple(gpu_workers(client))
        question = client.id, frozenset(there)
        if question not in _models:
            answers = client.run(cuda_model, workers=list(there), on_error="ignore")
            _models[question] = counted_models(answers.values(), len(there))
        _models[latest] = _models[question]
    return _models.get(latest, (("", facts.devices),))


def counted_models(answers: Iterable[Any], workers: int) -> tuple[tuple[str, int], ...]:
    """How many workers have each model; of those that did not say, the most frequent one.

    >>> counted_models(["T4", "A100", "T4"], 4)
    (('A100', 1), ('T4', 3))
    >>> counted_models([""], 2)
    (('', 2),)
    """
    found = Counter(m for m in answers if isinstance(m, str) and m)
    most = max(sorted(found), key=lambda m: found[m], default="")
    found[most] += workers - found.total()
    return tuple(sorted(found.items()))


def gpu_workers(client: Any) -> list[str]:
    """Addresses of the workers with the resource ``GPU``."""
    found = _workers(client).items()
    return [a for a, w in found if (w.get("resources") or {}).get(RESOURCE, 0) >= 1]


def _local(device: str) -> DeviceFacts:
    threads = local_threads()
    if device == "hostfree":
        where = "this process (stand-in for a GPU)"
        return DeviceFacts(device, 1, where, host_threads=threads - 1)
    found = cuda_devices()
    if isinstance(found, str):
        return DeviceFacts(device, missing=found)
    n = len(found)
    return DeviceFacts(
        device,
        n,
        "this process",
        memory=min(found),
        host_threads=max(threads - n, 0),
        device_threads=n,
    )


@functools.cache
def cuda_model() -> str:
    """The model of the current CUDA device, as the driver names it; empty where there is none."""
    if isinstance(cuda_devices(), str):
        return ""
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return properties["name"].decode()


@functools.cache
def cuda_devices() -> tuple[int, ...] | str:
    """Memory of each CUDA device of this process in bytes, or the reason why there is none."""
    if "cupy" not in sys.modules and importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed here"
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
        memory = []
        for number in range(count):
            properties = cupy.cuda.runtime.getDeviceProperties(number)
            memory.append(int(properties["totalGlobalMem"]))
    except Exception as error:
        return f"CUDA finds no device here ({type(error).__name__})"
    if not memory:
        return "this machine has no CUDA device"
    from ..kernels.cupy.libraries import missing_libraries

    # The checker takes the package kernels/cupy for CuPy.
    return missing_libraries(cupy.cuda) or tuple(memory)  # pyright: ignore[reportAttributeAccessIssue]


def usable_memory(dask_worker: Any = None) -> int | str:
    """Bytes of the smallest device that a task may plan with, or the reason why there is none.

    Dask passes the worker where this runs. A limited pool counts as the device of which it is the
    share that plans may fill (workers that share a card have a part of it each), and tasks that
    are on the device together divide it.
    """
    found = cuda_devices()
    if isinstance(found, str):
        return found
    import cupy

    pool = cupy.get_default_memory_pool()
    each = []
    for number, total in enumerate(found):
        with cupy.cuda.Device(number):
            limit = pool.get_limit()
        each.append(min(total, int(limit / DEVICE_MEMORY_SHARE)) if limit else total)
    resources = {} if dask_worker is None else dask_worker.state.total_resources
    return min(each) // max(int(resources.get(RESOURCE, 1)), 1)


def _of_cluster(device: str, client: Any) -> DeviceFacts:
    workers = _workers(client)
    if not workers:
        return DeviceFacts(device, missing="no worker has started yet")
    marked = gpu_workers(client)
    if marked:
        memory = _ask(client, tuple(marked)) if device == "cupy" else {}
        return DeviceFacts(
            device,
            len(marked),
            _count(len(marked), "GPU worker"),
            advertised=True,
            memory=min(memory.values(), default=None),
            host_threads=_threads(workers, set(workers).difference(marked)),
            device_threads=_threads(workers, marked),
        )
    found = _ask(client, tuple(workers)) if device == "cupy" else {}
    if found:
        return DeviceFacts(
            device,
            len(found),
            _count(len(found), "worker") + " with a CUDA device",
            addresses=tuple(sorted(found)),
            memory=min(found.values()),
            host_threads=_threads(workers, set(workers).difference(found)),
            device_threads=_threads(workers, found),
        )
    return DeviceFacts(
        device, missing=f"none of {_count(len(workers), 'worker')} has the resource {RESOURCE}"
    )


def _threads(workers: Mapping[str, Any], chosen: Collection[str]) -> int:
    """Threads of some of the workers."""
    return sum(int(workers[a].get("nthreads", 1)) for a in chosen)


def _workers(client: Any) -> Mapping[str, Any]:
    if not client.asynchronous:
        return client.scheduler_info(n_workers=-1)["workers"]
    # An asynchronous client cannot be asked from here; its cluster object knows the workers.
    cluster = getattr(client, "cluster", None)
    return getattr(cluster, "scheduler_info", {}).get("workers", {})


def _ask(client: Any, addresses: tuple[str, ...]) -> dict[str, int]:
    """Device memory of the workers that have a CUDA device, asked once for each set of workers."""
    if client.asynchronous:
        return {}
    question = (client.id, frozenset(addresses))
    if question not in _asked:
        answers = client.run(usable_memory, workers=list(addresses), on_error="ignore")
        _asked[question] = {a: found for a, found in answers.items() if isinstance(found, int)}
    return _asked[question]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
