"""A fit of wide data: one read for all inner products, one for the centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import dispatch, options
from ..graph.gram import plan_centers, plan_gram
from ..graph.plan import Plan
from ._arguments import float_dtype
from ._checkpoint import Saved
from ._gram import centers_of, gram_of
from ._gram_lloyd import GramFit, gram_kmeans
from ._request import Fitted, Found, Request
from ._start import restarts


def fit_wide(
    x: Any,
    weights: Any,
    ks: Sequence[int],
    request: Request,
    given: np.ndarray | None,
    saved: Saved,
) -> Found:
    """Fit one or several numbers of clusters to rows with far more features than there are rows."""
    seed, fits = _resumed(saved)
    if fits is None:
        seed = request.seed()
        gram = gram_of(x, weights, skipna=request.skipna, anchors=given, memory=request.memory)
        start = None if given is None else gram.anchors
        fits = [
            gram_kmeans(
                gram,
                k,
                n_init=restarts(request.n_init, request.init, k),
                tol=request.tol,
                max_iter=request.max_iter,
                seed=seed,
                rows=start,
            )
            for k in ks
        ]
        _save(saved, fits, seed)
    if request.callback is not None:
        request.callback(fits[0].n_iter, fits[0].inertia, 0.0)
    members = [fit.members for fit in fits]
    centers = centers_of(x, members, weights, ks, memory=request.memory)
    # Centres are compared with rows relative to the middle of the centres.
    shift = centers[0].mean(axis=0, dtype=np.float64).astype(float_dtype(x))
    pairs = zip(centers, fits, strict=True)
    fitted = tuple(
        Fitted(c, f.inertia, f.n_iter, f.occupied, f.weights, f.distances, f.labels)
        for c, f in pairs
    )
    plan = wide_plan(x, ks, request) if dispatch.kind_of(x) == "chunked" else None
    return Found(shift, fitted, plan)


def wide_plan(x: Any, ks: Sequence[int], request: Request) -> Plan:
    """What both reads of chunked rows cost."""
    from ..graph.dask import spec_of

    machine, spec = options.machine(request.memory), spec_of(x)
    products = plan_gram(spec, machine=machine, operation="KMeans.fit").plan
    centers = [plan_centers(spec, n_clusters=k, machine=machine).steps for k in ks]
    steps = (*products.steps, *(step for some in centers for step in some))
    return replace(products, steps=steps)


_FIELDS = ("labels", "members", "weights", "distances")


def _save(saved: Saved, fits: Sequence[GramFit], seed: int) -> None:
    arrays = {f"{name}_{i}": getattr(fit, name) for i, fit in enumerate(fits) for name in _FIELDS}
    numbers = [[fit.inertia.hex(), fit.n_iter] for fit in fits]
    saved.write_arrays({"fits": numbers, "seed": seed}, arrays)


def _resumed(saved: Saved) -> tuple[int, list[GramFit] | None]:
    header, arrays = saved.read_arrays()
    if header is None:
        return 0, None
    fits = []
    for i, (inertia, steps) in enumerate(header["fits"]):
        labels, members, weights, distances = (arrays[f"{name}_{i}"] for name in _FIELDS)
        fits.append(
            GramFit(labels, members, float.fromhex(inertia), int(steps), weights, distances)
        )
    return header["seed"], fits
