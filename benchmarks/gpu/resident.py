"""Transforms of data that are on the device: our functions against the library's own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft

import spanwise as sw

from .device import Device
from .entry import Entry, Rates

TRANSFORMS: dict[str, dict[str, Any]] = {
    "rfft2 of planes": {
        "kind": "rfftn",
        "dtype": "float32",
        "axes": (1, 2),
        "full": (64, 1024, 1024),
        "toy": (2, 32, 32),
    },
    "fft of lines": {
        "kind": "fftn",
        "dtype": "complex64",
        "axes": (1,),
        "full": (4096, 16384),
        "toy": (8, 64),
    },
    "fft down the first axis": {
        "kind": "fftn",
        "dtype": "complex64",
        "axes": (0,),
        "full": (4096, 16384),
        "toy": (64, 8),
    },
    "fftn of a cube": {
        "kind": "fftn",
        "dtype": "complex64",
        "axes": (0, 1, 2),
        "full": (512, 512, 512),
        "toy": (8, 8, 8),
    },
    "rfft2 of planes in double precision": {
        "kind": "rfftn",
        "dtype": "float64",
        "axes": (1, 2),
        "full": (32, 1024, 1024),
        "toy": (2, 32, 32),
    },
}
IMAGES = {"full": (32, 2048, 2048), "toy": (2, 64, 64)}
FFT_TARGET = 0.95


def transforms(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """One chunk at a time, resident: what our layers cost over a plain call."""
    for name, how in TRANSFORMS.items():
        x = device.normal(how[size], how["dtype"])
        axes = how["axes"]
        ours = getattr(sw.fft, how["kind"])
        theirs = getattr(device.plain_fft, how["kind"])
        out = ours(x, axes=axes)
        check_equal(device, out, theirs(x, axes=axes))
        nbytes = x.nbytes + out.nbytes
        del out
        times = device.in_turn(
            lambda x=x, ours=ours, axes=axes: ours(x, axes=axes),
            lambda x=x, theirs=theirs, axes=axes: theirs(x, axes=axes),
            seconds=1.5,
            least=5,
        )
        points = math.prod(x.shape)
        lines = sum(math.log2(x.shape[a]) for a in axes)
        yield Entry(
            f"{name}, {how['dtype']} {x.shape}",
            "cupyx.scipy.fft" if device.is_card else "numpy.fft",
            times,
            floor=nbytes / rates.device_copy,
            floor_of="input read and output written once, at the rate of a copy",
            target=FFT_TARGET,
            bytes=nbytes,
            flops=(2.5 if how["kind"] == "rfftn" else 5.0) * points * lines,
        )


def check_equal(device: Device, ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    """Raise unless two results agree: nothing is timed that is not right."""
    xp = device.xp
    difference = float(xp.linalg.vector_norm(xp.reshape(ours - theirs, (-1,))))
    size = float(xp.linalg.vector_norm(xp.reshape(theirs, (-1,))))
    if not difference <= tolerance * size:
        raise AssertionError(f"the answers differ by {difference / size:.2g}")


def smoothing(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """A batch of images without their high frequencies: the same lines on every library."""
    shape = IMAGES[size]
    images = device.normal(shape)
    on_host = sw.to_host(images)
    mask = low_pass(shape[1:])
    there = device.put(mask)
    mine = smooth_by(sw.fft, images, there)
    plain = smooth_by(device.plain_fft, images, there)
    check_equal(device, mine(), plain())
    cores = os.cpu_count() or 1

    def on_cpu() -> Any:
        with scipy.fft.set_workers(cores):
            return smooth_by(scipy.fft, on_host, mask)()

    check_equal(device, mine(), device.put(on_cpu()))
    # Fused to one read and one write; each transform and the mask read and write once, as written.
    nbytes = 2 * images.nbytes
    values = {"bytes of six passes": 6 * images.nbytes}
    for name, run, turns, target in (
        ("the library's own functions", plain, device.in_turn, FFT_TARGET),
        (f"scipy.fft on {cores} cores of this machine", on_cpu, device.walls_in_turn, None),
    ):
        yield Entry(
            f"smoothing of {shape[0]} images of {shape[1]} x {shape[2]}, float32",
            name,
            turns(mine, run, seconds=2),
            floor=nbytes / rates.device_copy,
            floor_of="images read and written once, at the rate of a copy",
            target=target,
            bytes=nbytes,
            values=values,
        )


def smooth_by(fft: Any, images: Any, mask: Any) -> Callable[[], Any]:
    """The task, with somebody's ``rfftn`` and ``irfftn``."""

    def run() -> Any:
        spectrum = fft.rfftn(images, axes=(1, 2)) * mask
        return fft.irfftn(spectrum, s=images.shape[1:], axes=(1, 2))

    return run


def low_pass(shape: tuple[int, int]) -> np.ndarray:
    """A Gaussian over frequencies, in float32."""
    y, x = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    return np.exp(-200.0 * (x**2 + y**2)).astype("float32")
