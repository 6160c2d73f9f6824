"""A Zarr on the disk through the device: smoothing of planes that no memory has to hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

import spanwise as sw

from ..stores import create
from .device import Device, Times
from .entry import Entry, Rates
from .resident import low_pass

SIZES: dict[str, dict[str, Any]] = {
    "full": {"shape": (1024, 2048, 1024), "chunk": 32},
    "toy": {"shape": (8, 32, 32), "chunk": 2},
}
TARGET = 0.8


def write(path: Path, shape: tuple[int, ...], chunk: int) -> None:
    """White noise in chunks of planes, uncompressed; the same planes again and again."""
    out = create(path, shape, (chunk, *shape[1:]), np.dtype("float32"))
    planes = np.random.default_rng(0).standard_normal((chunk, *shape[1:]), dtype="float32")
    for i in range(0, shape[0], chunk):
        out[i : i + chunk] = planes + np.float32(i)


def opened(path: Path) -> Any:
    """The array, read by as many threads as ask for chunks where zarr (3.4) can.

    Its other pipeline copies all chunks of a process in one thread.
    """
    import zarr
    from zarr.core import codec_pipeline

    name = "FusedCodecPipeline"
    if not hasattr(codec_pipeline, name):
        return zarr.open_array(str(path), mode="r")
    with zarr.config.set({"codec_pipeline.path": f"zarr.core.codec_pipeline.{name}"}):
        return zarr.open_array(str(path), mode="r")


def smooth(x: Any, mask: np.ndarray) -> Any:
    """Smooth planes; of each the mean of the magnitude, which is found where the plane is."""
    low = sw.fft.irfft2(sw.fft.rfft2(x) * mask, s=x.shape[1:])
    return abs(low).mean(axis=(1, 2))


def read(x: Any) -> Any:
    """One value of each plane: what reading alone costs."""
    return x.map_blocks(_first, drop_axis=(1, 2), dtype=x.dtype)


def _first(block: Any) -> Any:
    return block[:, 0, 0]


def out_of_core(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """From the disk (or what the system keeps of it) over the device to a number per plane."""
    how = SIZES[size]
    shape = how["shape"]
    threads = os.cpu_count() or 1
    mask = low_pass(shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.zarr"
        write(path, shape, how["chunk"])
        x = da.from_zarr(opened(path))
        nbytes = x.nbytes

        def ours() -> Any:
            with device.placement():
                return smooth(x, mask).compute(scheduler="threads", num_workers=threads)

        def reading() -> Any:
            return read(x).compute(scheduler="threads", num_workers=threads)

        with device.placement("cpu"):
            want = smooth(x[: how["chunk"]], mask).compute()
        np.testing.assert_allclose(ours()[: how["chunk"]], want, rtol=1e-3)
        times = device.walls_in_turn(ours, reading, seconds=6)
        floor = nbytes / rates.to_device
        name = f"smoothing of a Zarr of {nbytes / 2**30:.2g} GiB, {threads} threads"
        common: dict[str, Any] = {
            "floor": floor,
            "floor_of": "bytes over the rate of copies from pinned memory",
            "bytes": nbytes,
        }
        limit = Times(times.ours, (floor,) * len(times.ours))
        yield Entry(name, "copies of its bytes from pinned memory", limit, target=TARGET, **common)
        yield Entry(name, "reading it with as many threads", times, **common)
        yield from _io_threads(device, size, x, mask, rates)


def _io_threads(
    device: Device, size: str, x: Any, mask: np.ndarray, rates: Rates
) -> Iterator[Entry]:
    """The same on a GPU worker: threads that read beside the one that computes, against none."""
    seconds = {}
    for io_threads in (0, 4):
        with device.cluster(size, cpu=0, gpu=1, io_threads=io_threads) as client:

            def run() -> None:
                with device.placement(), client.as_current():
                    smooth(x, mask).compute()

            run()
            seconds[io_threads] = device.wall(run)
    yield Entry(
        "the same on a GPU worker with 4 threads for I/O",
        "none",
        Times((seconds[4],), (seconds[0],)),
        floor=x.nbytes / rates.to_device,
        floor_of="bytes over the rate of copies from pinned memory",
        bytes=x.nbytes,
    )
