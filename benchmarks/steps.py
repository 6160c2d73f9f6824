"""One Lloyd iteration in memory: a long fit less a short one, from the same centres.

Both fits set out from the first samples, which lie anywhere, and ask for no tolerance, so that
neither comes to rest before it is told to. What they do once, before and after iterating, drops
out.
"""

from __future__ import annotations

import inspect
import time
from typing import Any

from .clustering import Fit, inertia
from .samples import Samples, make_samples
from .seeds import PEER, drawn
from .timing import threads
from .workload import Agreement, Family, Measured, Peer, Workload

SHORT, LONG = 2, 12
"""Iterations of the two fits."""
SAME = 1e-3
"""Relative difference of inertia after the same iterations: sums are rounded differently, and a
sample that changes sides moves others."""


def iterations(estimator: Any, x: Samples, **how: Any) -> Measured:
    """The centres and labels of the long fit, and the time of one iteration."""

    def fit(count: int) -> tuple[Any, float]:
        model = estimator(
            x.clusters, init=x.memory[: x.clusters], n_init=1, tol=0, max_iter=count, **how
        )
        start = time.perf_counter()
        model.fit(x.memory)
        return model, time.perf_counter() - start

    with threads():  # once more: the estimator has loaded its native pools
        fit(1)  # what is done once in a process is in neither
        _, short = fit(SHORT)
        model, long = fit(LONG)
    # Where an iteration takes no time to speak of, the short fit may have taken longer.
    seconds = max((long - short) / (LONG - SHORT), 1e-9)
    return Measured(Fit(model.cluster_centers_, model.labels_, int(model.n_iter_)), seconds)


def ours(x: Samples) -> Measured:
    """Our iteration over all samples."""
    from spanwise.cluster import KMeans

    has_methods = "method" in inspect.signature(KMeans).parameters
    return iterations(KMeans, x, **({"method": "lloyd"} if has_methods else {}))


def sklearn(x: Samples) -> Measured:
    """scikit-learn's iteration."""
    from sklearn.cluster import KMeans

    return iterations(KMeans, x, algorithm="lloyd")


def same_path(x: Samples, our: Fit, their: Fit) -> Agreement:
    """Compare inertias; both must have iterated as often as they were told."""
    inertias = inertia(x, our), inertia(x, their)
    counts: dict[str, tuple[float, float]] = {
        "inertia": inertias,
        "iterations": (our.iterations, their.iterations),
    }
    is_full = our.iterations == their.iterations == LONG
    error = abs(inertias[0] / inertias[1] - 1) if is_full else float("inf")
    return Agreement(error, SAME, counts)


SKLEARN = Peer(PEER, sklearn, 0.6, "sklearn", "scikit-learn")


def step(n: int, d: int, k: int, spread: float) -> Workload:
    """Iterations over blobs in memory."""
    return Workload(
        name=f"kmeans-step-{d}",
        summary=f"one Lloyd iteration over float32 samples of {d} features in memory: "
        f"a fit of {LONG} less one of {SHORT}, by {LONG - SHORT}",
        # Blobs of toy size overlap in many features as well, lest they be found too soon.
        sizes={"full": drawn(n, d, k, spread), "toy": drawn(20_000, d, 5, 2 / d**0.5)},
        make=make_samples,
        ours=ours,
        peers=(SKLEARN,),
        check=same_path,
    )


WORKLOADS = (
    step(2_000_000, 4, 8, 1.0),
    step(1_000_000, 16, 64, 1.0),
    step(500_000, 64, 256, 0.5),
    step(200_000, 128, 1024, 0.5),
)
FAMILY = Family("one Lloyd iteration", tuple(w.name for w in WORKLOADS), PEER, 0.9)
