"""How fast bytes move within the device, and between host and device."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import dask.array as da
import numpy as np

import spanwise as sw
from spanwise.kernels.cupy.streams import own_stream

from .device import Device, Times, median_of
from .entry import Entry, Rates

SIZES = {"full": {"copy": 2**30, "chunks": 32, "chunk": (16, 2048, 1024)}}
SIZES["toy"] = {"copy": 2**20, "chunks": 4, "chunk": (2, 64, 32)}


def measure_rates(device: Device, size: str) -> Rates:
    """The ceilings that floors are made of."""
    nbytes = SIZES[size]["copy"]
    there = device.normal((nbytes // 4,))
    target = device.xp.empty_like(there)

    def copy() -> None:
        target[...] = there

    pageable = np.ones(nbytes // 4, "float32")
    pinned = device.pinned(pageable.shape)
    runs = {
        "to_device": lambda: device.put(pinned),
        "to_host": lambda: fetch_into(device, there, pinned),
        "to_device_pageable": lambda: device.put(pageable),
        "to_host_pageable": lambda: sw.to_host(there),
    }
    found = {name: nbytes / median_of(device.wall, run) for name, run in runs.items()}
    return Rates(device_copy=2 * nbytes / median_of(device.clock, copy), **found)


def fetch_into(device: Device, x: Any, out: np.ndarray) -> None:
    """Copy a device array into memory of the host that is there."""
    if device.is_card:
        x.get(out=out)
    else:
        out[...] = x.copy_to_host()


def pinned_against_pageable(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """What pinned memory would make of our copies, with one thread and with four."""
    nbytes = SIZES[size]["copy"]
    pageable = np.ones((4, nbytes // 16), "float32")
    pinned = device.pinned(pageable.shape)
    there = device.put(pageable)
    for threads in (1, 4):

        def each(run: Callable[[Any], Any], parts: Any, threads: int = threads) -> None:
            on_threads(device, [lambda part=part: run(part) for part in parts], threads)

        up = device.walls_in_turn(
            lambda each=each: each(device.put, list(pageable)),
            lambda each=each: each(device.put, list(pinned)),
            seconds=1,
        )
        yield _copy_entry("to the device", threads, up, nbytes, rates.to_device)
        down = device.walls_in_turn(
            lambda each=each: each(sw.to_host, [there[i] for i in range(4)]),
            lambda each=each: each(
                lambda i: fetch_into(device, there[i], pinned[i]), list(range(4))
            ),
            seconds=1,
        )
        yield _copy_entry("to the host", threads, down, nbytes, rates.to_host)


def _copy_entry(where: str, threads: int, times: Times, nbytes: int, rate: float) -> Entry:
    return Entry(
        f"copy {where}, {threads} thread{'s' * (threads > 1)}",
        "the same from or to pinned memory",
        times,
        floor=nbytes / rate,
        floor_of="bytes over the pinned rate of one copy",
        bytes=nbytes,
    )


def on_threads(device: Device, works: list[Callable[[], Any]], threads: int) -> None:
    """Run works on so many threads, each on a stream of its own where there is one."""
    queue = iter(works)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                one = next(queue, None)
            if one is None:
                return
            one()

    def in_stream() -> None:
        with own_stream() if device.is_card else nullcontext():
            work()

    if threads == 1:
        work()
        return
    running = [threading.Thread(target=in_stream) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def overlap(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """Chunks in memory of the host through the device: four threads against one."""
    how = SIZES[size]
    chunk = how["chunk"]
    one = np.random.default_rng(0).standard_normal(chunk, dtype="float32")
    values = np.concatenate([one] * how["chunks"])
    x = da.from_array(values, chunks=chunk, name="overlap")

    def run(threads: int) -> None:
        with device.placement():
            smooth = sw.fft.irfft2(0.5 * sw.fft.rfft2(x), s=chunk[1:])
            smooth.compute(scheduler="threads", num_workers=threads)

    times = device.walls_in_turn(lambda: run(4), lambda: run(1), seconds=4)
    nbytes = values.nbytes
    yield Entry(
        "chunks of the host through the device and back, 4 threads",
        "1 thread",
        times,
        floor=max(nbytes / rates.to_device, nbytes / rates.to_host),
        floor_of="bytes of one direction over its pinned rate: both directions at a time",
        bytes=2 * nbytes,
    )
