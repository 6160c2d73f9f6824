"""From rows and parameters to fitted centres: which method, which rows, sweep after sweep."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArrayTypeError
from ..graph.cluster import REMEDIES, FitPlan, plan_fit, sample_size, sample_threshold
from ..graph.gram import gram_pays
from ..graph.plan import Plan
from ..kernels.draws import sample_of
from ._arguments import check_count, float_dtype
from ._checkpoint import Saved, opened
from ._fit import CORESET_SWEEPS, Ask, Progress, Track, advance, begin
from ._lloyd import Frame
from ._request import Fitted, Found, Request
from ._rows import ChunkedRows, MemoryRows, Rows, check_weight_shape, chunked_weights
from ._start import Sample, Start, given_centers, restarts
from ._wide import fit_wide, wide_plan

_LEAST_ROWS_PER_CLUSTER = 100
"""Rows of a sample that tell enough of a cluster to stop after a few sweeps."""


def fit_rows(x: Any, weights: Any, ks: Sequence[int], request: Request) -> Found:
    """Fit one or several numbers of clusters; all of them share every sweep over the rows."""
    n, d = x.shape
    size = sample_size(n, d, max(ks))
    given = given_centers(request.init, ks[0], d)
    method = method_for(n, d, max(ks)) if request.method == "auto" else request.method
    if given is not None and method == "lloyd" and n > size:
        size = 0
    ask = Ask(
        method=method,
        max_iter=request.max_iter,
        max_sweeps=_sweeps(request, method),
        tol=request.tol,
        seed=request.seed(),
        size=size,
        measure="both" if request.distances else "squared",
    )
    with opened(request.checkpoint, _fingerprint(x, weights, ks, request, ask)) as saved:
        if method == "gram":
            return fit_wide(x, weights, ks, request, given, saved)
        return _fit_tall(x, weights, ks, request, given, ask, saved)


def method_for(n: int, d: int, k: int) -> str:
    """What ``method="auto"`` means for so many rows, features and clusters.

    >>> method_for(10**7, 16, 32), method_for(5000, 4, 8), method_for(500, 10**6, 4)
    ('coreset', 'lloyd', 'gram')
    """
    size = sample_size(n, d, k)
    if n <= size:
        return "lloyd"
    if gram_pays(n, d, k):
        return "gram"
    return "coreset" if size >= _LEAST_ROWS_PER_CLUSTER * k else "lloyd"


def _fit_tall(
    x: Any,
    weights: Any,
    ks: Sequence[int],
    request: Request,
    given: np.ndarray | None,
    ask: Ask,
    saved: Saved,
) -> Found:
    """Sweep after sweep."""
    rows, plan = rows_of(x, weights, ks, request, sampled=ask.size)
    progress, ask = saved.resume(ask)
    if progress is None:
        progress, rows = _started(rows, float_dtype(x), ks, given, request, ask)
        saved.write(progress, ask)
    while not progress.done:
        progress = advance(progress, rows, ask)
        saved.write(progress, ask)
        _tell(progress, request)
    return Found(progress.frame.shift, tuple(_fitted(t, progress) for t in progress.tracks), plan)


def _sweeps(request: Request, method: str) -> float:
    if request.max_passes is not None:
        return int(request.max_passes)
    return CORESET_SWEEPS if method == "coreset" else math.inf


def _fitted(track: Track, progress: Progress) -> Fitted:
    state = track.state
    return Fitted(
        progress.frame.published(state.centers),
        float(state.inertia),
        state.iteration,
        state.occupied,
        track.weights,
        track.distances,
    )


def _fingerprint(
    x: Any, weights: Any, ks: Sequence[int], request: Request, ask: Ask
) -> dict[str, Any]:
    """What a fit that goes on from a checkpoint has to share with the one that wrote it."""
    init = request.init if isinstance(request.init, str) else "given"
    seed = ask.seed if isinstance(request.random_state, numbers.Integral) else None
    return {
        "shape": list(x.shape),
        "dtype": str(float_dtype(x)),
        "weighted": weights is not None,
        "n_clusters": list(ks),
        "method": ask.method,
        "init": init,
        "n_init": request.n_init,
        "max_iter": ask.max_iter,
        "max_passes": request.max_passes,
        "tol": ask.tol,
        "skipna": request.skipna,
        "random_state": None if seed is None else int(seed),
    }


def _started(
    rows: Rows, dtype: Any, ks: Sequence[int], given: Any, request: Request, ask: Ask
) -> tuple[Progress, Rows]:
    """The survey, and centres to start from; the rows that the sweeps go over from here on."""
    n = rows.shape[0]
    plain = rows.weights is None and not request.skipna
    threshold = sample_threshold(n, ask.size) if plain else math.inf
    survey = rows.survey(size=ask.size, threshold=threshold, seed=ask.seed)
    check_count(survey.count, max(ks), weighted=rows.weights is not None)
    shift = survey.shift(dtype)
    frame = Frame(shift, survey.grid(shift, n))
    drawn, stand_for = sample_of(survey.draws, size=ask.size, threshold=threshold)
    drawn = drawn.astype(dtype, copy=False)
    if ask.size and survey.count <= ask.size:
        rows = MemoryRows(drawn, None if rows.weights is None else stand_for)
    if given is not None:
        starts: list[Any] = [given - shift.astype(np.float64)]
    else:
        sampled = survey.count > ask.size
        runs = [restarts(request.n_init, request.init, k, sampled=sampled) for k in ks]
        starts = [
            Start(request.init, k, count, ask.seed, ask.max_iter)
            for k, count in zip(ks, runs, strict=True)
        ]
    sample = Sample.of(drawn, stand_for)
    return begin(frame, starts, sample, ask), rows


def _tell(progress: Progress, request: Request) -> None:
    if request.callback is not None:
        state = progress.tracks[0].state
        request.callback(state.iteration, float(state.inertia), math.sqrt(state.moved))


def rows_of(
    x: Any,
    weights: Any,
    ks: Sequence[int],
    request: Request,
    *,
    sampled: int,
) -> tuple[Any, Plan | None]:
    """The rows and their weights, ready to be swept over, and their plan if they are chunked."""
    if weights is not None:
        weights = dispatch.accept(weights, function="cluster.KMeans", name="sample_weight")
        check_weight_shape(weights, x.shape[0])
    if dispatch.kind_of(x) == "concrete":
        if weights is not None and dispatch.kind_of(weights) == "chunked":
            raise ArrayTypeError(
                "sample_weight is a Dask array beside X in memory; pass sample_weight.compute()"
            )
        return MemoryRows(x, weights, skipna=request.skipna), None
    options.make_placement_effective()
    how = sweeps_plan(x, ks, request, sampled=sampled, weighted=weights is not None)
    how.plan.check(remedies=REMEDIES)
    rows = ChunkedRows(x, chunked_weights(weights, x), how, skipna=request.skipna)
    return rows, how.plan


def sweeps_plan(
    x: Any, ks: Sequence[int], request: Request, *, sampled: int, weighted: bool
) -> FitPlan:
    """The plan of the survey and the sweeps over chunked rows, as many as there can be."""
    from ..graph.dask import shares_ancestors, spec_of

    n, d = x.shape
    method = method_for(n, d, max(ks)) if request.method == "auto" else request.method
    sweeps = min(request.max_iter + 2, _sweeps(request, method)) - 1
    return plan_fit(
        spec_of(x),
        n_clusters=sum(ks),
        sweeps=0 if n <= sampled else int(sweeps),
        sampled=sampled,
        weighted=weighted,
        machine=options.machine(request.memory),
        shared=n > sampled and shares_ancestors(x),
    )


def plan_of(x: Any, ks: Sequence[int], request: Request) -> Plan:
    """What a fit of chunked rows will cost, whatever its method."""
    n, d = x.shape
    method = method_for(n, d, max(ks)) if request.method == "auto" else request.method
    if method == "gram":
        return wide_plan(x, ks, request)
    sampled = sample_size(n, d, max(ks))
    return sweeps_plan(x, ks, request, sampled=sampled, weighted=False).plan
