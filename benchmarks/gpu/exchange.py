"""A transform along a chunked axis: on one card, and over two GPU workers through the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np

import spanwise as sw

from .device import Device, Times
from .entry import Entry, Rates
from .resident import check_equal

SIZES: dict[str, dict[str, Any]] = {
    "full": {"shape": (256, 1024, 512), "chunks": 16},
    "toy": {"shape": (8, 12, 10), "chunks": 4},
}
NVLINK = 450e9
"""Bytes per second and direction between two cards by NVLink: the data sheet of the H100 SXM says
900 GB/s for both directions."""


def one_card(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """Chunks that are on the card: the exchange is copies within it."""
    how = SIZES[size]
    whole = device.normal(how["shape"], "complex64")
    rows = how["shape"][0] // how["chunks"]
    x = da.from_array(whole, chunks=(rows, *how["shape"][1:]), asarray=False, name="resident")
    plain = device.plain_fft.fftn

    def ours() -> Any:
        y = sw.fft.fftn(x)
        return y.map_blocks(_corner, dtype=y.dtype).compute(scheduler="threads", num_workers=2)

    got = sw.fft.fftn(x).compute(scheduler="threads", num_workers=2)
    check_equal(device, got, plain(whole))
    del got
    # Read and write: the axes that are whole, the exchange, the axis that was cut.
    nbytes = 6 * whole.nbytes
    yield Entry(
        f"fftn over a chunked axis, chunks on one card, complex64 {how['shape']}",
        "the library's fftn of the whole array",
        device.walls_in_turn(ours, lambda: plain(whole), seconds=2),
        floor=nbytes / rates.device_copy,
        floor_of="three passes, each read and written once, at the rate of a copy",
        bytes=nbytes,
    )


def _corner(block: Any) -> Any:
    return block[:1, :1, :1]


def two_workers(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """Two GPU workers on one card and a CPU worker: slices move through the host."""
    how = SIZES[size]
    shape = how["shape"]
    rows = shape[0] // how["chunks"]
    share = {"workers_per_gpu": 2, "device_memory_limit": 0.35} if device.is_card else {}
    x = da.map_blocks(
        _noise,
        chunks=((rows,) * how["chunks"], *((n,) for n in shape[1:])),
        dtype="complex64",
        meta=np.empty((0, 0, 0), "complex64"),
    )
    with device.cluster(size, cpu=1, gpu=2, **share) as client:

        def run(policy: str) -> None:
            with device.placement(policy), client.as_current():
                y = sw.fft.fftn(x)
                abs(y).sum().compute()

        with device.placement(), client.as_current():
            planned = sw.explain(sw.fft.fftn(x)).totals
        run("gpu")
        times = Times((device.wall(lambda: run("gpu")),), (device.wall(lambda: run("cpu")),))
    up, down = planned.to_device.bytes, planned.to_host.bytes
    floor = max(up / rates.to_device, down / rates.to_host)
    # Each of two workers keeps half of what it exchanges.
    crossing = x.nbytes // 2
    yield Entry(
        f"fftn over a chunked axis, two GPU workers through the host, complex64 {shape}",
        "the same cluster, on its CPUs",
        times,
        floor=floor,
        floor_of="copies of one direction over the pinned rate",
        bytes=up + down,
        values={
            "to the device, bytes": up,
            "to the host, bytes": down,
            "between workers, bytes": crossing,
            "exchange by NVLink or UCX (not run), s": crossing / 2 / NVLINK,
            "copies that it would save, bytes": down // 2 + up // 2,
            "copies that it would save, s": up / 2 / rates.to_device + down / 2 / rates.to_host,
        },
    )


def _noise(block_info: Any = None) -> np.ndarray:
    """A chunk of noise that repeats itself: drawing it should not be what is timed."""
    info = block_info[None]
    rng = np.random.default_rng(info["chunk-location"])
    few = rng.standard_normal((4099, 2), dtype="float32").view("complex64")
    return np.resize(few, info["chunk-shape"])
