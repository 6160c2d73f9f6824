"""A map of clusters of time series, from a Zarr in chunks of time as models write them.

Each point of a globe is a sample with its months as the features, land is NaN, and points count by
their area. Rows are nowhere together in the chunks. The peer does what people do: load, stack, drop
NaN, scikit-learn, unstack. Both sides start from the same centres, in processes of their own.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

import spanwise as sw

from .stores import flush, main, run_apart
from .workload import THREADS, Agreement, Limit, Measured, Peer, Workload

INPUT, START, LABELS = "sst.zarr", "start.npy", "labels.npy"
MIB = 2**20
GRID = {"n": 1200, "ny": 720, "nx": 1440, "chunk": 60}
PROVINCES = 20
"""Kinds of series that there are, each in a part of the map; more than clusters."""
NOISE = 1.5
"""Standard deviation of the noise; that of the series is 1."""
PEAK = "peak RSS over what was held before, MiB"
RATIO = "peak over the peer's"


@dataclass(frozen=True)
class Stored:
    """Series of every point in float32, uncompressed, in chunks of time."""

    path: Path
    """The folder of everything, which goes with this value."""
    budget: str
    """Memory for our side."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.path)


@dataclass(frozen=True)
class Map:
    """What is left of a fit."""

    labels: np.ndarray
    """Of each point, -1 on land."""
    peak: float
    """MiB that the process added to what it held before."""


def make_map(
    *, n: int, ny: int, nx: int, chunk: int, clusters: int, budget: str, seed: int
) -> Stored:
    """Write noisy series of provinces, chunk by chunk."""
    import zarr

    rng = np.random.default_rng(seed)
    series = rng.standard_normal((n, PROVINCES), dtype=np.float32)
    y, x = np.ogrid[0 : 1 : ny * 1j, 0 : 1 : nx * 1j]
    wave = np.sin(6 * np.pi * x + 1) * np.sin(4 * np.pi * y)
    land = wave > 0.4
    # Waves of the coast keep the borders of provinces from following the grid.
    across = np.minimum((5 * (x + 0.03 * wave)).astype(int) % 5, 4)
    province = 4 * across + np.clip((4 * (y + 0.03 * wave)).astype(int), 0, 3)
    folder = Path(tempfile.mkdtemp(prefix="spanwise-benchmark-"))
    latitude = {"standard_name": "latitude", "units": "degrees_north"}
    template = xr.Dataset(
        {
            "sst": (
                ("time", "lat", "lon"),
                da.zeros((n, ny, nx), dtype="f4", chunks=(chunk, ny, nx)),
            )
        },
        coords={"lat": ("lat", (np.arange(ny) + 0.5) * 180 / ny - 90, latitude)},
    )
    template.to_zarr(
        folder / INPUT, compute=False, consolidated=False, encoding={"sst": {"compressors": None}}
    )
    target: Any = zarr.open_array(str(folder / INPUT / "sst"), mode="r+")

    def write(start: int) -> None:
        rng = np.random.default_rng((seed, start))
        part = series[start : start + chunk]
        block = rng.standard_normal((len(part), ny, nx), dtype=np.float32)
        block *= NOISE
        for i, values in enumerate(part):
            block[i] += values[province]
        block[:, land] = np.nan
        target[start : start + len(part)] = block

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(0, n, chunk)))
    start = series[:, rng.choice(PROVINCES, clusters, replace=False)].T
    noise = rng.standard_normal(start.shape, dtype=np.float32)
    np.save(folder / START, start + NOISE * noise)
    return Stored(folder, budget)


def our_map(folder: Path, budget: str) -> float:
    """Seconds of our call, until all labels are in memory."""
    import spanwise.xarray  # noqa: F401  (the accessor)

    centres = np.load(folder / START)
    start = time.perf_counter()
    with sw.set_options(memory=budget):
        sst = xr.open_zarr(folder / INPUT, consolidated=False)["sst"]
        found = sst.spanwise.cluster.kmeans(
            len(centres), feature_dim="time", weights="area", init=centres, method="lloyd"
        )
        labels = found["labels"].values
    seconds = time.perf_counter() - start
    np.save(folder / LABELS, labels)
    return seconds


def stacked_map(folder: Path, budget: str) -> float:
    """Seconds of loading, stacking, fitting by scikit-learn, and unstacking."""
    del budget
    from sklearn.cluster import KMeans

    centres = np.load(folder / START)
    start = time.perf_counter()
    sst = xr.open_zarr(folder / INPUT, consolidated=False)["sst"].load()
    rows = sst.stack(point=("lat", "lon")).transpose("point", "time").dropna("point")
    area = np.cos(np.deg2rad(rows["lat"].values))
    fit = KMeans(len(centres), init=centres, n_init=1).fit(rows.values, sample_weight=area)
    labels = np.full(sst.shape[1:], -1, np.int32)
    points = rows.indexes["point"].codes
    labels[points[0], points[1]] = fit.labels_
    seconds = time.perf_counter() - start
    np.save(folder / LABELS, labels)
    return seconds


SIDES = {"ours": our_map, "sklearn": stacked_map}


def isolated(side: str, x: Stored) -> Measured:
    """Fit in a fresh process."""
    flush(x.path / INPUT)
    measured = run_apart(__name__, side, x.path, x.budget)
    peak = (measured["peak"] - measured["before"]) / MIB
    labels = np.load(x.path / LABELS)
    return Measured(Map(labels, peak), measured["seconds"], {PEAK: peak})


def ours(x: Stored) -> Measured:
    """Our map."""
    return isolated("ours", x)


def sklearn(x: Stored) -> Measured:
    """That of stacked points in memory."""
    return isolated("sklearn", x)


def same_labels(x: Stored, our: Map, their: Map) -> Agreement:
    """Count the points whose labels differ."""
    del x
    wrong = float((our.labels != their.labels).mean())
    return Agreement(wrong, 0.0, {RATIO: (our.peak / their.peak, 1.0)})


WORKLOADS = (
    Workload(
        name="kmeans-map",
        summary="k-means map of a float32 Zarr in chunks of time, NaN on land, weights by area",
        sizes={
            "full": {**GRID, "clusters": 8, "budget": "1GiB"},
            "toy": {"n": 24, "ny": 30, "nx": 40, "chunk": 6, "clusters": 3, "budget": "64MiB"},
        },
        make=make_map,
        ours=ours,
        peers=(
            Peer("stack, dropna, sklearn.cluster.KMeans", sklearn, 1, "sklearn", "scikit-learn"),
        ),
        check=same_labels,
        limits=(Limit(RATIO, 0.2),),
        costly=True,
    ),
)


if __name__ == "__main__":
    main(SIDES, ("spanwise.cluster", "spanwise.xarray", "dask.array", "zarr", "sklearn.cluster"))
