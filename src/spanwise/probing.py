"""Measures kernels and copies on the kinds of devices that there are, here and on workers."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ArgumentError
from .kernels.engines import resolve_engine
from .kernels.library import Array, synchronize
from .kernels.probes import Probe, probes
from .kernels.transfer import to_device, to_host
from .measures import CPU, TO_DEVICE, TO_HOST, Observation, RateTable
from .options import fft_engine
from .schedulers import devices

logger = logging.getLogger("spanwise")

_SECONDS = 0.02
"""Time that each measurement repeats for."""
_LEAST_RUNS = 2
_LONGEST = 0.02
"""A block is made smaller where a run should take longer, down to so many times the size before:"""
_LEAST_GROWTH = 4
_SIZES = {"numpy": (2**19, 2**23), "hostfree": (2**19, 2**23), "cupy": (2**20, 2**26)}
"""Bytes of the blocks, below and above the caches; a GPU needs larger ones to be busy."""
_LEAST_COPY = 2**12
"""Bytes of the smallest copy that is measured: results can be as small."""


def device_libraries(device: str | None) -> list[str]:
    """The device libraries to measure in this process."""
    found = devices.cuda_devices()
    if device is None:
        return [] if isinstance(found, str) else ["cupy"]
    devices.check_device(device)
    if device == "cupy" and isinstance(found, str):
        raise ArgumentError(
            f"device='cupy': {found}; leave device out to measure the CPU, or write 'hostfree'"
        )
    return [device]


def measure_kernels(library: str, engines: Mapping[str, str] | None = None) -> RateTable:
    """Rates of kernels on blocks of a library in this process, and of copies if it has a device.

    Kernels of the host keep all cores busy, as tasks do; a device is given one at a time.

    Parameters
    ----------
    library : str
        ``"numpy"``, ``"cupy"`` or ``"hostfree"``.
    engines : mapping, optional
        What transforms NumPy blocks to each element type. Default: what the options say.
    """
    seen: list[Observation] = []
    for probe in probes(_chosen(engines)):
        try:
            seen += _measure(probe, library)
        except Exception as error:
            if library == "numpy":
                raise
            # What a device cannot do, or has no room for, is no reason to know nothing of it.
            told = f"{type(error).__name__}: {error}"
            logger.warning("%s of %s was not measured: %s", probe.kernel, probe.dtype, told)
    if library != "numpy":
        seen += _measure_copies(library)
    return RateTable().observe(seen)


def _measure(probe: Probe, library: str) -> Iterator[Observation]:
    """Runs on a block of each size; one that is slow is not run on the largest."""
    measure = _measure_host if library == "numpy" else _measure_device
    before, quickest = 0, 0.0
    for most in _SIZES[library]:
        nbytes = most
        while nbytes * quickest > _LONGEST and nbytes > _LEAST_GROWTH * before:
            nbytes //= 2
        for observation in measure(probe, nbytes, library):
            yield observation
            quickest = observation.seconds / observation.nbytes
        before = nbytes


def _chosen(engines: Mapping[str, str] | None) -> Callable[[str], str]:
    if engines is None:
        return lambda dtype: fft_engine(dtype, None)
    return lambda dtype: resolve_engine(None, engines.get(dtype))


def _measure_host(probe: Probe, nbytes: int, library: str) -> Iterator[Observation]:
    tasks = os.cpu_count() or 1
    block = probe.block(nbytes)
    with ThreadPoolExecutor(tasks) as pool:

        def round_of_tasks() -> None:
            for _ in pool.map(lambda _: probe.run(block), range(tasks)):
                pass

        for seconds in _repeated(round_of_tasks):
            yield Observation(probe.kernel, probe.dtype, CPU, probe.arrays * block.nbytes, seconds)


def _measure_device(probe: Probe, nbytes: int, library: str) -> Iterator[Observation]:
    there = to_device(probe.block(nbytes), library=library)
    synchronize(there)

    def run() -> None:
        probe.run(there)
        synchronize(there)

    model = _model(library)
    for seconds in _repeated(run):
        yield Observation(probe.kernel, probe.dtype, model, probe.arrays * there.nbytes, seconds)


def _measure_copies(library: str) -> Iterator[Observation]:
    """Copies both ways, which are those of bytes, whatever these mean."""
    model = _model(library)
    for nbytes in (_LEAST_COPY, *_SIZES[library]):
        block = np.ones(nbytes, np.uint8)
        there = to_device(block, library=library)

        def send(block: np.ndarray = block) -> None:
            synchronize(to_device(block, library=library))

        def fetch(there: Array = there) -> None:
            to_host(there)

        for way, work in ((TO_DEVICE, send), (TO_HOST, fetch)):
            for seconds in _repeated(work):
                yield Observation(way, "", model, nbytes, seconds)


def _model(library: str) -> str:
    return "hostfree" if library == "hostfree" else devices.cuda_model()


def _repeated(work: Callable[[], Any]) -> list[float]:
    """Times of repetitions, the quicker half: what else the machine does is felt little."""
    work()  # tables, pages and compilation of the first run are not counted
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(times) < _LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[: (len(times) + 1) // 2]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One worker that stands for its kind."""

    address: str
    """Where it is."""
    library: str
    """Array library that it is measured with."""
    resources: dict[str, int] | None = None
    """What its tasks ask for."""


def measure_workers(client: Any, device: str | None = None) -> RateTable:
    """Rates of one worker of each kind of a cluster, one after the other."""
    table = RateTable()
    for kind in _kinds(client, device):
        future = client.submit(
            measure_kernels,
            kind.library,
            workers=[kind.address],
            resources=kind.resources,
            pure=False,
            key=f"spanwise-calibrate-{kind.library}-{time.monotonic_ns()}",
        )
        table = table.merge(future.result())
    return table


def _kinds(client: Any, device: str | None) -> list[_Kind]:
    """One worker without a device, and one for each model of device."""
    if device is not None:
        devices.check_device(device)
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise ArgumentError("client: its cluster has no worker yet; client.wait_for_workers(1)")
    marked = devices.gpu_workers(client)
    asks = {devices.RESOURCE: 1} if marked else None
    if device == "hostfree":
        models = {"hostfree": (marked or workers)[0]}
    else:
        answers = client.run(devices.cuda_model, workers=marked or workers, on_error="ignore")
        models = {m: a for a, m in answers.items() if isinstance(m, str) and m}
        if device == "cupy" and not models:
            raise ArgumentError("device='cupy': no worker of the client has a CUDA device")
    placed = [_Kind(a, device or "cupy", asks) for a in models.values()]
    there = set(marked) or (set(models.values()) if device != "hostfree" else set())
    plain = [a for a in workers if a not in there]
    # Where all workers have a device, what stays on the host runs beside it.
    return [_Kind((plain or workers)[0], "numpy"), *placed]
