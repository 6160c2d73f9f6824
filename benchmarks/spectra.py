"""Workloads of labelled spectra: what is done to data beside the transform counts."""

from __future__ import annotations

import warnings
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from spanwise.labels.signal import power_spectrum

from .fourier import ERROR, PLANES, magnitude, make_field, reduce_chunks
from .workload import Agreement, Limit, Peer, Workload

HOW = {"window": "hann", "window_correction": True, "detrend": "linear"}
"""The treatment that both sides are asked for."""
TASKS = "tasks per chunk"


def make_planes(**size: Any) -> xr.DataArray:
    """Planes of white noise on a slope, with coordinates."""
    x = make_field(**size).chunked
    ny, nx = map(int, x.shape[1:])
    slope = np.linspace(-5, 5, ny, dtype=np.float32)[:, None] + np.float32(100)
    coords = {"y": 0.5 * np.arange(ny), "x": 0.5 * np.arange(nx)}
    values = x.map_blocks(np.add, slope, dtype=np.float32).persist()
    return xr.DataArray(values, dims=("time", "y", "x"), coords=coords)


def ours(data: xr.DataArray) -> da.Array:
    """The spectrum by spanwise, lazy."""
    return power_spectrum(data, ("y", "x"), **HOW).data


def by_xrft(data: xr.DataArray) -> da.Array:
    """The spectrum by xrft, lazy."""
    import xrft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of xarray, on what xrft calls
        return xrft.power_spectrum(data, dim=["y", "x"], **HOW).data


def tasks_per_chunk(y: Any) -> float:
    """Tasks of the graph that Dask runs, for each chunk of the result."""
    (optimised,) = dask.optimize(y)
    graph = dict(optimised.__dask_graph__())
    return sum(not hasattr(task, "value") for task in graph.values()) / y.npartitions


def same_spectra(data: xr.DataArray, one: np.ndarray, other: np.ndarray) -> Agreement:
    """Compare sums over each plane, and count the tasks that they take."""
    counts = {TASKS: (tasks_per_chunk(ours(data)), tasks_per_chunk(by_xrft(data)))}
    return Agreement(float(np.abs(one / other - 1).max()), ERROR, counts)


def summed(spectrum: Any) -> Any:
    """Each result chunk summed in place, plane by plane."""
    return lambda data: reduce_chunks(spectrum(data), magnitude, (1, 2))


WORKLOADS = (
    Workload(
        name="power-spectrum",
        summary="labelled power spectrum of float32 planes, 4 to a chunk, with window and linear "
        "detrend; each result chunk summed in place",
        sizes=PLANES,
        make=make_planes,
        ours=summed(ours),
        peers=(
            Peer(
                "xrft.power_spectrum",
                summed(by_xrft),
                floor=6,
                memory=0.25,
                module="xrft",
                requirement="xrft==1.0.1",
            ),
        ),
        check=same_spectra,
        limits=(Limit(TASKS, 2),),
    ),
)
