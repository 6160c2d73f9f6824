"""Single precision held against double: labels far from the origin, and a sum over many samples.

Centres come from a few iterations over the first samples on either side, each from the same start.
Each side is then held against its own centres as it publishes them, in float64.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .samples import blobs
from .seeds import PEER
from .timing import threads
from .workload import Agreement, Limit, Measured, Peer, Workload

WRONG = "labels wrong, %"
ERROR = "relative error of inertia_"
ROWS = 100_000
"""Samples that are compared at a time, in float64."""
TIE = 1e-12
"""Distances that differ by so little, relative to them, are equal."""


@dataclass(frozen=True)
class Offset:
    """Blobs in float32, away from the origin."""

    memory: np.ndarray
    """Samples by features."""
    clusters: int
    """Centres to look for."""
    fitted: int
    """First samples that are fitted to."""


@dataclass(frozen=True)
class Found:
    """What a side says."""

    centres: np.ndarray
    """Clusters by features."""
    labels: np.ndarray
    """Of each sample."""
    inertia: float
    """As the estimator has it."""


def make_offset(
    *, n: int, d: int, k: int, fitted: int, offset: float, scale: float, seed: int
) -> Offset:
    """Draw blobs of unit width and spread, scaled and moved."""
    memory = blobs(np.random.default_rng(seed), k=k, n=n, d=d, spread=1.0)
    memory *= np.float32(scale)
    memory += np.float32(offset)
    return Offset(memory, k, fitted)


def fit_and_label(estimator: Any, x: Offset, *, labelled: bool) -> Measured:
    """Fit to the first samples; the time is that of labelling all, or else of fitting."""
    with threads():  # once more: the estimator has loaded its native pools
        model = estimator(x.clusters, init=x.memory[: x.clusters], n_init=1, max_iter=5)
        start = time.perf_counter()
        model.fit(x.memory[: x.fitted])
        if labelled:
            start = time.perf_counter()
            labels = model.predict(x.memory)
        else:
            labels = model.labels_
        seconds = time.perf_counter() - start
    return Measured(Found(model.cluster_centers_, labels, float(model.inertia_)), seconds)


def our_labels(x: Offset) -> Measured:
    """Our labels of all samples."""
    from spanwise.cluster import KMeans

    return fit_and_label(KMeans, x, labelled=True)


def our_inertia(x: Offset) -> Measured:
    """Our inertia."""
    from spanwise.cluster import KMeans

    return fit_and_label(KMeans, x, labelled=False)


def sklearn_labels(x: Offset) -> Measured:
    """scikit-learn's labels of all samples."""
    from sklearn.cluster import KMeans

    return fit_and_label(KMeans, x, labelled=True)


def sklearn_inertia(x: Offset) -> Measured:
    """scikit-learn's inertia."""
    from sklearn.cluster import KMeans

    return fit_and_label(KMeans, x, labelled=False)


def distances(x: Offset, found: Found) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Squared distances, some samples by all centres, and the labels of these samples."""
    centres = found.centres.astype(np.float64)
    for start in range(0, len(found.labels), ROWS):
        part = slice(start, start + ROWS)
        rows = x.memory[part].astype(np.float64)
        squares = np.stack([np.square(rows - centre).sum(axis=1) for centre in centres], axis=1)
        yield squares, found.labels[part]


def wrong(x: Offset, found: Found) -> float:
    """Percentage of the samples whose label is not that of a nearest centre."""
    count = 0
    for squares, labels in distances(x, found):
        chosen = np.take_along_axis(squares, labels[:, None], axis=1)[:, 0]
        count += int(np.count_nonzero(chosen > squares.min(axis=1) * (1 + TIE)))
    return 100 * count / len(found.labels)


def inertia_error(x: Offset, found: Found) -> float:
    """How far the inertia is from the sum of the squared distances to the nearest centres."""
    truth = sum(float(squares.min(axis=1).sum()) for squares, _ in distances(x, found))
    return abs(found.inertia / truth - 1)


def right_labels(x: Offset, our: Found, their: Found) -> Agreement:
    """No label of ours may be wrong, whatever the peer's are."""
    counts = wrong(x, our), wrong(x, their)
    return Agreement(counts[0], 0.0, {WRONG: counts})


def right_inertia(x: Offset, our: Found, their: Found) -> Agreement:
    """Our inertia must be right, whatever the peer's is."""
    errors = inertia_error(x, our), inertia_error(x, their)
    return Agreement(errors[0], LARGEST, {ERROR: errors})


LARGEST = 1e-6
TOY = {"n": 20_000, "d": 3, "k": 5, "fitted": 5000}


def labels(name: str, offset: float, scale: float) -> Workload:
    """Labels of samples around an offset."""
    where = {"offset": offset, "scale": scale}
    return Workload(
        name=f"kmeans-labels-{name}",
        summary=f"labels of float32 samples at {offset:g} ± {scale:g} by centres that are there",
        sizes={
            "full": {"n": 1_000_000, "d": 3, "k": 8, "fitted": 50_000, **where},
            "toy": {**TOY, **where},
        },
        make=make_offset,
        ours=our_labels,
        peers=(Peer(f"{PEER}, predict", sklearn_labels, None, "sklearn", "scikit-learn"),),
        check=right_labels,
        limits=(Limit(WRONG, 0.0),),
    )


WORKLOADS = (
    labels("metres", 5e6, 1e3),
    labels("pascal", 101_325.0, 500.0),
    labels("kelvin", 280.0, 1.0),
    Workload(
        name="kmeans-inertia",
        summary="the inertia of very many float32 samples: a fit of 5 iterations",
        sizes={
            "full": {
                "n": 20_000_000,
                "d": 2,
                "k": 4,
                "fitted": 20_000_000,
                "offset": 0.0,
                "scale": 1.0,
            },
            "toy": {**TOY, "fitted": TOY["n"], "offset": 0.0, "scale": 1.0},
        },
        make=make_offset,
        ours=our_inertia,
        peers=(Peer(PEER, sklearn_inertia, None, "sklearn", "scikit-learn"),),
        check=right_inertia,
        limits=(Limit(ERROR, LARGEST),),
    ),
)
