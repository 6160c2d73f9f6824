"""Workloads of `spanwise.labels`: data with coordinates, against the xarray FFT package."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

import spanwise.labels.fft as labelled

from .fourier import magnitude, reduce_chunks
from .spectra import TASKS, tasks_per_chunk
from .workload import Agreement, Limit, Peer, Workload

ERROR = 1e-5
"""Tolerance of sums over float32 data that went forward and back."""
MOST_TASKS = 2.0
DIMS, FREQUENCIES = ("y", "x"), ("freq_y", "freq_x")


@dataclass(frozen=True)
class Back:
    """What came back from a round trip."""

    sums: np.ndarray
    """Sum of absolute values of each plane."""
    result: xr.DataArray
    """The lazy result, for what it is besides."""


def make_maps(*, shape: tuple[int, ...], chunks: tuple[int, ...], seed: int) -> xr.DataArray:
    """White noise in float32 on a grid in metres, one axis of which runs downwards."""
    memory = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    name = f"maps-{seed}-{shape}-{chunks}"
    _, y, x = shape
    coords = {
        "y": ("y", 5e5 - 250.0 * np.arange(y), {"units": "m"}),
        "x": ("x", 1e5 + 250.0 * np.arange(x), {"units": "m"}),
    }
    return xr.DataArray(
        da.from_array(memory, chunks=chunks, name=name),
        dims=("time", "y", "x"),
        coords=coords,
        attrs={"units": "K"},
    )


def round_trip(there_and_back: Callable[[xr.DataArray], Any]) -> Callable[[xr.DataArray], Back]:
    """Forward and back; each chunk of the result summed in place."""

    def run(data: xr.DataArray) -> Back:
        result = there_and_back(data)
        sums = reduce_chunks(result.data, magnitude, (1, 2))
        return Back(sums, result)

    return run


def ours(data: xr.DataArray) -> xr.DataArray:
    """By dimension names."""
    return labelled.ifft(labelled.fft(data, DIMS), FREQUENCIES)


def theirs(data: xr.DataArray) -> xr.DataArray:
    """The same call of xrft, which warns of what it will change."""
    import xrft  # pyright: ignore[reportMissingImports]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xrft.ifft(xrft.fft(data, dim=list(DIMS)), dim=list(FREQUENCIES))


def same_maps(data: xr.DataArray, our: Back, their: Back) -> Agreement:
    """Sums are those of the data, and shape, coordinates and kind of numbers the peer's.

    A coordinate that runs downwards comes back upwards from xrft.
    """
    expected = reduce_chunks(data.data, magnitude, (1, 2))
    error = max(float(np.abs(back.sums / expected - 1).max()) for back in (our, their))
    alike = our.result.sizes == their.result.sizes and (
        our.result.dtype.kind == their.result.dtype.kind
    )
    for dim in DIMS:
        alike &= our.result[dim].equals(data[dim])
        alike &= bool(np.allclose(np.sort(their.result[dim]), np.sort(data[dim])))
    counts = {TASKS: (tasks_per_chunk(our.result.data), tasks_per_chunk(their.result.data))}
    return Agreement(error if alike else float("inf"), ERROR, counts)


WORKLOADS = (
    Workload(
        name="round-trip",
        summary="fft and ifft of labelled float32 maps over two dimensions, with coordinates; each "
        "result chunk summed in place",
        sizes={
            "full": {"shape": (64, 1024, 1024), "chunks": (4, 1024, 1024)},
            "toy": {"shape": (6, 32, 45), "chunks": (2, 32, 45)},
        },
        make=make_maps,
        ours=round_trip(ours),
        peers=(
            Peer(
                "xrft.fft, ifft",
                round_trip(theirs),
                floor=5,
                module="xrft",
                requirement="xrft==1.0.1",
            ),
        ),
        check=same_maps,
        limits=(Limit(TASKS, MOST_TASKS),),
    ),
)
