"""Default fits from five seeds: their speed, the reads they take, and how good they are.

A pair is a fit of either side from the same seed, 0 to 4 in turn. The time is that of the fit with
the labels of all samples; the inertia follows from centres and labels of the five fits, in float64
and outside of the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .clustering import WORSE, Fit, inertia
from .samples import Samples, make_samples
from .timing import threads
from .workload import Agreement, Family, Limit, Measured, Peer, Workload

SEEDS = range(5)
MEAN = "mean inertia over the peer's"
WORST = "worst inertia over the peer's mean"
READS = "reads per chunk"
EQUAL = 1.01
"""Inertia that counts as that of the peer."""
PEER = "sklearn.cluster.KMeans, in memory"


def from_each_seed(x: Samples) -> Iterator[Samples]:
    """The same samples for each fit."""
    return (replace(x, fit_seed=seed) for seed in SEEDS)


def one_fit(estimator: Any, x: Samples, rows: Any) -> Measured:
    """Fit, then label every sample."""
    with threads():  # once more: the estimator has loaded its native pools
        if x.source is not None:
            x.source.reset()
        start = time.perf_counter()
        model = estimator.fit(rows)
        reads = float("nan") if x.source is None else float(x.source.passes)
        labels = np.asarray(model.labels_)
        seconds = time.perf_counter() - start
    return Measured(Fit(model.cluster_centers_, labels, int(model.n_iter_), reads), seconds)


def ours(x: Samples) -> Measured:
    """Our fit with its defaults."""
    from spanwise.cluster import KMeans

    memory = None if x.source is None else _sums_only(x)
    return one_fit(KMeans(x.clusters, random_state=x.fit_seed, memory=memory), x, x.rows)


def _sums_only(x: Samples) -> int:
    """A budget in which no row stays in memory: reads of a source that is larger are counted."""
    from spanwise.cluster import fit_plan

    steps = fit_plan(x.rows, x.clusters).steps
    beside = max(step.peak_bytes for step in steps if step.pattern == "reduce")
    return beside - 1 if steps[0].pattern == "cached" else beside


def sklearn(x: Samples) -> Measured:
    """scikit-learn's fit with its defaults."""
    from sklearn.cluster import KMeans

    return one_fit(KMeans(x.clusters, random_state=x.fit_seed), x, x.memory)


def same_quality(x: Samples, our: Sequence[Fit], their: Sequence[Fit]) -> Agreement:
    """Compare inertias with the mean of the peer's, and say what the fits took."""
    found, reference = ([inertia(x, fit) for fit in fits] for fits in (our, their))
    mean = float(np.mean(reference))
    ratio = float(np.mean(found)) / mean
    counts = {
        MEAN: (ratio, 1.0),
        WORST: (max(found) / mean, max(reference) / mean),
        "mean iterations": tuple(np.mean([f.iterations for f in fits]) for fits in (our, their)),
    }
    if x.source is not None:
        counts[READS] = max(fit.reads for fit in our), float("nan")  # the peer reads no chunks
    return Agreement(ratio - 1, WORSE, counts)


SKLEARN = Peer(PEER, sklearn, None, "sklearn", "scikit-learn")
TOY = {"n": 4000, "d": 4, "k": 3, "spread": 1.0}


def fit(name: str, summary: str, full: dict[str, Any], toy: dict[str, Any]) -> Workload:
    """Fits of an array in memory, whose mean inertia is promised."""
    return Workload(
        name=f"kmeans-fit-{name}",
        summary=f"k-means of {summary}: default fits of an array in memory, and all labels",
        sizes={"full": full, "toy": toy},
        make=make_samples,
        ours=ours,
        peers=(SKLEARN,),
        check=same_quality,
        vary=from_each_seed,
        limits=(Limit(MEAN, EQUAL),),
        costly=True,
    )


def passes(name: str, summary: str, full: dict[str, Any], toy: dict[str, Any]) -> Workload:
    """Fits of a source that counts, whose reads and worst inertia are promised."""
    return Workload(
        name=f"kmeans-passes-{name}",
        summary=f"k-means of {summary}, from a source that counts the reads of its chunks: "
        "default fits, and all labels",
        sizes={"full": {**full, "counted": True}, "toy": {**toy, "counted": True}},
        make=make_samples,
        ours=ours,
        peers=(SKLEARN,),
        check=same_quality,
        vary=from_each_seed,
        limits=(Limit(READS, 4), Limit(WORST, EQUAL)),
        costly=True,
    )


def drawn(n: int, d: int, k: int, spread: float) -> dict[str, Any]:
    """Arguments of overlapping blobs."""
    return {"n": n, "d": d, "k": k, "spread": spread}


FITS = (
    fit("4", "float32 samples of 4 features", drawn(2_000_000, 4, 8, 1.0), TOY),
    fit("16", "float32 samples of 16 features", drawn(1_000_000, 16, 64, 1.0), {**TOY, "d": 16}),
    fit("64", "float32 samples of 64 features", drawn(500_000, 64, 256, 0.5), {**TOY, "d": 64}),
    fit("128", "float32 samples of 128 features", drawn(200_000, 128, 1024, 0.5), {**TOY, "d": 99}),
    fit(
        "grid",
        "blobs on a grid of 10 by 10",
        {"kind": "grid", "n": 500_000, "side": 10, "k": 100},
        {"kind": "grid", "n": 4000, "side": 2, "k": 4},
    ),
    fit(
        "sst",
        "real sea-surface temperatures, points by months",
        {"kind": "sea temperatures", "step": 1, "k": 8},
        {"kind": "sea temperatures", "step": 4, "k": 3},
    ),
)
PASSES = (
    passes(
        "grid",
        "blobs on a grid of 10 by 10",
        {"kind": "grid", "n": 100_000, "side": 10, "k": 100, "chunk": 5000},
        {"kind": "grid", "n": 4000, "side": 2, "k": 4, "chunk": 600},
    ),
    passes(
        "photograph",
        "the colours of a photograph",
        {"kind": "photograph", "step": 1, "k": 64, "chunk": 16_000},
        {"kind": "photograph", "step": 6, "k": 4, "chunk": 1000},
    ),
    passes(
        "air",
        "air temperatures, a decade at a point by its years",
        {"kind": "air temperatures", "step": 1, "k": 12, "chunk": 5000},
        {"kind": "air temperatures", "step": 5, "k": 3, "chunk": 600},
    ),
    passes(
        "blobs",
        "overlapping blobs",
        {**drawn(60_000, 16, 32, 0.5), "chunk": 3000},
        {**TOY, "chunk": 600},
    ),
    passes(
        "uniform",
        "a cube without clusters",
        {"kind": "uniform", "n": 60_000, "d": 8, "k": 32, "chunk": 3000},
        {"kind": "uniform", "n": 4000, "d": 3, "k": 3, "chunk": 600},
    ),
    passes(
        "lognormal",
        "heavy tails",
        {"kind": "lognormal", "n": 60_000, "d": 8, "k": 32, "chunk": 3000},
        {"kind": "lognormal", "n": 4000, "d": 3, "k": 3, "chunk": 600},
    ),
)
WORKLOADS = FITS + PASSES
FAMILY = Family("default fits in memory", tuple(w.name for w in FITS), PEER, 2.0)
