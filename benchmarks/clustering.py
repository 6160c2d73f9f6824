"""Workloads of `spanwise.cluster`.

The answer of a fit is its centres and the label of every sample, both in memory. Two fits are
compared by the inertia that follows from these, in float64; what an estimator says of itself is
not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .samples import Samples, make_samples
from .workload import Agreement, Peer, Workload

WORSE = 0.05
"""How much larger our inertia may be: fits from other seeds end in other local minima."""


@dataclass(frozen=True)
class Fit:
    """What is left of a fit."""

    centres: np.ndarray
    """Clusters by features."""
    labels: np.ndarray
    """Of each sample."""
    iterations: int
    """Lloyd iterations."""
    reads: float = float("nan")
    """Reads of the chunk that was read most while fitting, without labels afterwards."""


def fit_chunks(estimator: Any, x: Samples) -> Fit:
    """Fit to a Dask array, then label every sample."""
    if x.source is not None:
        x.source.reset()
    estimator.fit(x.chunked)
    reads = float("nan") if x.source is None else float(x.source.passes)
    labels = np.asarray(estimator.labels_.compute())
    return Fit(estimator.cluster_centers_, labels, int(estimator.n_iter_), reads)


def ours(x: Samples) -> Fit:
    """Our fit with its defaults."""
    from spanwise.cluster import KMeans

    return fit_chunks(KMeans(x.clusters, random_state=0), x)


def dask_ml(x: Samples) -> Fit:
    """Dask-ML's fit with its defaults."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dask_ml.cluster import KMeans

        return fit_chunks(KMeans(x.clusters, random_state=0), x)


def sklearn(x: Samples) -> Fit:
    """scikit-learn's fit with its defaults, which labels as it fits."""
    from sklearn.cluster import KMeans

    fit = KMeans(x.clusters, random_state=0).fit(x.memory)
    return Fit(fit.cluster_centers_, fit.labels_, int(fit.n_iter_))


def inertia(x: Samples, fit: Fit) -> float:
    """Sum of squared distances between samples and the centres of their labels."""
    rows = 100_000
    total = 0.0
    for start in range(0, len(x.memory), rows):
        part = slice(start, start + rows)
        offset = x.memory[part] - np.asarray(fit.centres, dtype=np.float64)[fit.labels[part]]
        total += float(np.square(offset, out=offset).sum())
    return total


def same_quality(x: Samples, our: Fit, their: Fit) -> Agreement:
    """Compare inertias, and say what each fit took."""
    inertias = inertia(x, our), inertia(x, their)
    counts: dict[str, tuple[float, float]] = {
        "inertia": inertias,
        "iterations": (our.iterations, their.iterations),
    }
    if x.source is not None:
        counts["reads per chunk"] = our.reads, their.reads
    return Agreement(inertias[0] / inertias[1] - 1, WORSE, counts)


SKLEARN = Peer("sklearn.cluster.KMeans, in memory", sklearn, None, "sklearn", "scikit-learn")
DASK_ML = Peer("dask_ml.cluster.KMeans", dask_ml, None, "dask_ml", "dask-ml")
TOY = {"n": 2000, "d": 4, "k": 3, "chunk": 600, "spread": 1.0}

WORKLOADS = (
    Workload(
        name="kmeans",
        summary="k-means of float32 samples, few features: a default fit, and all labels",
        sizes={
            "full": {"n": 2_000_000, "d": 4, "k": 8, "chunk": 100_000, "spread": 1.0},
            "toy": TOY,
        },
        make=make_samples,
        ours=ours,
        peers=(SKLEARN,),
        check=same_quality,
    ),
    Workload(
        name="kmeans-wide",
        summary="k-means of float32 samples, many features: a default fit, and all labels",
        sizes={
            "full": {"n": 500_000, "d": 64, "k": 64, "chunk": 25_000, "spread": 0.5},
            "toy": {**TOY, "d": 16, "spread": 0.5},
        },
        make=make_samples,
        ours=ours,
        peers=(SKLEARN,),
        check=same_quality,
    ),
    Workload(
        name="kmeans-reads",
        summary="k-means of a source that counts the reads of its chunks (each read is a copy)",
        sizes={
            "full": {
                "n": 200_000,
                "d": 4,
                "k": 8,
                "chunk": 10_000,
                "spread": 1.0,
                "counted": True,
            },
            "toy": {**TOY, "counted": True},
        },
        make=make_samples,
        ours=ours,
        peers=(DASK_ML,),
        check=same_quality,
    ),
)
