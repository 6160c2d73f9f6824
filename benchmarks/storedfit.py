"""A default fit of k-means to a Zarr that the budget does not hold.

Each side runs in a process of its own, as in `benchmarks.outofcore`: it opens the array, fits, and
leaves its centres; what the page cache holds of the array is dropped before. The inertia follows
from the centres alone, in float64.

The mix of the blobs changes from chunk to chunk, as seasons do along a record, so that no chunk
stands for the others.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

import spanwise as sw

from .clustering import WORSE
from .stores import create, flush, main, run_apart
from .workload import THREADS, Agreement, Limit, Measured, Peer, Workload

INPUT, CENTRES = "samples.zarr", "centres.npy"
MIB = 2**20
SPREAD = 0.5
"""Standard deviation of the centres of the blobs, whose width is 1."""
ROWS = 2**24, 2**18
"""Samples, and those of a chunk, at full size."""
FEATURES, CLUSTERS = 64, 20
BUDGET = "512MiB"
PEAK = "peak RSS over what was held before, MiB"
INERTIA = "inertia over the peer's"
NO_MORE = 1 + 1e-6
"""Inertia over the peer's that counts as no more: to this both end in the same minimum."""
SAMPLE = 500
"""Rows of the sample, for each cluster."""
CHUNK_BYTES = 4 * FEATURES * ROWS[1]
SAMPLE_BYTES = 4 * FEATURES * SAMPLE * CLUSTERS
ALLOWED = 2 * THREADS * CHUNK_BYTES + SAMPLE_BYTES + 64 * MIB
"""Two chunks of each thread, the sample, and 64 MiB."""


@dataclass(frozen=True)
class Stored:
    """Blobs in float32 in an uncompressed Zarr, in chunks of samples."""

    path: Path
    """The folder of everything, which goes with this value."""
    clusters: int
    """Centres to look for."""
    budget: str
    """Memory for our side."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.path)


def make_stored(*, n: int, d: int, k: int, chunk: int, budget: str, seed: int) -> Stored:
    """Write blobs, chunk by chunk."""
    centres = SPREAD * np.random.default_rng(seed).standard_normal((k, d), dtype=np.float32)
    folder = Path(tempfile.mkdtemp(prefix="spanwise-benchmark-"))
    target = create(folder / INPUT, (n, d), (chunk, d), np.dtype("float32"))

    def write(start: int) -> None:
        rng = np.random.default_rng((seed, start))
        rows = min(chunk, n - start)
        blob = rng.choice(k, size=rows, p=rng.dirichlet(np.full(k, 0.5)))
        block = rng.standard_normal((rows, d), dtype=np.float32)
        block += centres[blob]
        target[start : start + rows] = block

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(0, n, chunk)))
    np.save(folder / CENTRES, centres)
    return Stored(folder, k, budget)


def fit(folder: Path, estimator: Any) -> float:
    """Seconds from opening the array until the centres are known, which replace those there."""
    clusters = len(np.load(folder / CENTRES))
    start = time.perf_counter()
    model = estimator(clusters, random_state=0).fit(da.from_zarr(str(folder / INPUT)))
    seconds = time.perf_counter() - start
    np.save(folder / CENTRES, model.cluster_centers_)
    return seconds


def our_fit(folder: Path, budget: str) -> float:
    """Our fit with its defaults, within a budget."""
    with sw.set_options(memory=budget):
        return fit(folder, sw.cluster.KMeans)


def dask_ml_fit(folder: Path, budget: str) -> float:
    """Dask-ML's fit with its defaults."""
    del budget
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dask_ml.cluster import KMeans

        return fit(folder, KMeans)


SIDES = {"ours": our_fit, "dask-ml": dask_ml_fit}


def isolated(side: str, x: Stored) -> Measured:
    """Fit in a fresh process."""
    flush(x.path / INPUT)
    measured = run_apart(__name__, side, x.path, x.budget)
    values = {PEAK: (measured["peak"] - measured["before"]) / MIB}
    return Measured(np.load(x.path / CENTRES), measured["seconds"], values)


def ours(x: Stored) -> Measured:
    """Our fit."""
    return isolated("ours", x)


def dask_ml(x: Stored) -> Measured:
    """Dask-ML's fit."""
    return isolated("dask-ml", x)


def inertia(x: Stored, centres: np.ndarray) -> float:
    """Sum of squared distances to the nearest centres, chunk by chunk."""
    import zarr

    samples: Any = zarr.open_array(str(x.path / INPUT), mode="r")
    centres = centres.astype(np.float64)
    norms = np.square(centres).sum(axis=1)

    def part(start: int) -> float:
        rows = samples[start : start + step].astype(np.float64)
        nearest = (norms - 2 * rows @ centres.T).argmin(axis=1)
        rows -= centres[nearest]
        return float(np.square(rows, out=rows).sum())

    step = samples.chunks[0]
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(part, range(0, samples.shape[0], step)))


def lower_inertia(x: Stored, our: np.ndarray, their: np.ndarray) -> Agreement:
    """Compare inertias."""
    found, reference = inertia(x, our), inertia(x, their)
    ratio = found / reference
    return Agreement(ratio - 1, WORSE, {INERTIA: (ratio, 1.0), "inertia": (found, reference)})


WORKLOADS = (
    Workload(
        name="kmeans-stored",
        summary="k-means of a float32 Zarr, uncompressed, within a budget: a default fit",
        sizes={
            "full": {
                "n": ROWS[0],
                "d": FEATURES,
                "k": CLUSTERS,
                "chunk": ROWS[1],
                "budget": BUDGET,
            },
            "toy": {"n": 6000, "d": 4, "k": 3, "chunk": 1000, "budget": "64MiB"},
        },
        make=make_stored,
        ours=ours,
        peers=(Peer("dask_ml.cluster.KMeans", dask_ml, 10, "dask_ml", "dask-ml"),),
        check=lower_inertia,
        limits=(Limit(INERTIA, NO_MORE), Limit(PEAK, ALLOWED / MIB)),
        costly=True,
    ),
)


if __name__ == "__main__":
    main(SIDES, ("spanwise.cluster", "dask.array", "zarr"))
