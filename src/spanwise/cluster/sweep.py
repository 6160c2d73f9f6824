"""Many numbers of clusters from the same reads, and what tells which of them fits."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels.blas import single_threaded
from ..kernels.library import like
from ._arguments import accept_matrix, check_count, check_sweep, reference_of
from ._drive import fit_rows
from ._request import Fitted, Request


@dataclass(frozen=True, slots=True)
class KMeansSweep:
    """Results of `kmeans_sweep`, one entry for each number of clusters."""

    k: np.ndarray
    """Numbers of clusters."""
    inertia: np.ndarray
    """Weighted sum of squared distances to the nearest centre; falls with k."""
    davies_bouldin: np.ndarray
    """Mean likeness of each cluster to the one most like it; lower is better, NaN for k = 1."""
    bic: np.ndarray
    """Bayesian information criterion of spherical clusters of one variance; lower is better."""
    centers: tuple[Any, ...]
    """Centres, shape (k, n_features) each, in the library of the data."""

    def __repr__(self) -> str:
        head = f"{'k':>4} {'inertia':>12} {'Davies-Bouldin':>15} {'BIC':>14}"
        rows = zip(self.k, self.inertia, self.davies_bouldin, self.bic, strict=True)
        return "\n".join(
            [head, *(f"{k:>4} {i:>12.6g} {d:>15.4f} {b:>14.6g}" for k, i, d, b in rows)]
        )


def kmeans_sweep(
    x: Any,
    /,
    ks: Iterable[int] = range(2, 13),
    *,
    sample_weight: Any = None,
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    rng: Any = None,
    method: str = "auto",
    skipna: bool = False,
    max_passes: int | None = None,
    memory: int | str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    callback: Callable[[int, float, float], Any] | None = None,
) -> KMeansSweep:
    """k-means for several numbers of clusters, which share every read of the rows; computes.

    Parameters
    ----------
    x : array, shape (n, d)
        Rows, in memory or a Dask array cut along samples, features or both.
    ks : iterable of int, default: 2 to 12
        Numbers of clusters.
    sample_weight : array, shape (n,), optional
        Weight of each row.
    n_init, max_iter, tol, method, skipna, max_passes, memory, checkpoint
        As of `spanwise.cluster.KMeans`.
    rng : None, int, numpy.random.Generator or numpy.random.RandomState
        Source of the seed.
    callback : callable, optional
        As of `spanwise.cluster.KMeans`, told of the first number of clusters.

    Returns
    -------
    KMeansSweep
        Inertia, Davies-Bouldin index and BIC for each k, and the centres.

    Raises
    ------
    ArgumentError
        For numbers of clusters that are no integers of at least 1, or more than there are rows.
    NonFiniteError
        For NaN (unless ``skipna``) or infinity, from the read that would fit it.

    Notes
    -----
    By default at most 4 reads of each chunk fit all numbers of clusters, in which the largest one
    takes the sample (see `spanwise.cluster.KMeans`). A task holds one block of rows and sums of
    shape (k, d + 1) of all k.

    With S_j the mean distance of the rows of cluster j to its centre c_j, the Davies-Bouldin index
    is the mean over i of max_j (S_i + S_j) / |c_i - c_j|. BIC takes clusters as Gaussians of one
    variance in all directions, with W the weight of all rows and W_j that of cluster j::

        sigma^2 = inertia / (d (W - k))
        log L   = sum_j W_j log(W_j / W) - W d / 2 log(2 pi sigma^2) - d (W - k) / 2
        BIC     = (k (d + 1)) log W - 2 log L

    References
    ----------
    D. L. Davies, D. W. Bouldin, "A cluster separation measure", IEEE PAMI 1, 1979.
    D. Pelleg, A. Moore, "X-means: extending k-means with efficient estimation of the number of
    clusters", ICML 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(0, 0.1, (300, 2)) + np.array([[0, 0], [0, 3], [3, 0]])[np.arange(300) % 3]
    >>> found = sw.cluster.kmeans_sweep(x, range(2, 6), rng=0)
    >>> int(found.k[found.bic.argmin()]), int(found.k[found.davies_bouldin.argmin()])
    (3, 3)
    """
    numbers = _numbers(ks)
    x = accept_matrix(x, "kmeans_sweep")
    check_count(x.shape[0], max(numbers))
    request = Request(
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        random_state=rng,
        skipna=skipna,
        method=method,
        max_passes=max_passes,
        memory=memory,
        callback=callback,
        checkpoint=checkpoint,
        distances=True,
    )
    check_sweep(request)
    with single_threaded():
        fits = fit_rows(x, sample_weight, numbers, request).fits
    reference = reference_of(x)
    return KMeansSweep(
        np.array(numbers),
        np.array([fit.inertia for fit in fits]),
        np.array([_davies_bouldin(fit) for fit in fits]),
        np.array([_bic(fit) for fit in fits]),
        tuple(like(fit.centers, reference) for fit in fits),
    )


def _numbers(ks: Iterable[int]) -> list[int]:
    numbers = list(ks)
    if not numbers or any(not isinstance(k, int | np.integer) or k < 1 for k in numbers):
        raise ArgumentError(f"ks={numbers!r}: expected integers of at least 1, e.g. range(2, 13)")
    return [int(k) for k in numbers]


def _davies_bouldin(fit: Fitted) -> float:
    assert fit.weights is not None
    assert fit.distances is not None
    there = fit.weights > 0
    centers = fit.centers[there].astype(np.float64)
    if len(centers) < 2:
        return math.nan
    spread = fit.distances[there] / fit.weights[there]
    apart = np.sqrt(((centers[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        likeness = (spread[:, None] + spread[None, :]) / apart
    return float(np.nanmax(likeness, axis=1).mean())


def _bic(fit: Fitted) -> float:
    assert fit.weights is not None
    k, d = fit.centers.shape
    each = fit.weights[fit.weights > 0]
    weight = float(each.sum())
    if weight <= k or fit.inertia <= 0:
        return -math.inf
    variance = fit.inertia / (d * (weight - k))
    log_likelihood = (
        float((each * np.log(each / weight)).sum())
        - weight * d / 2 * math.log(2 * math.pi * variance)
        - d * (weight - k) / 2
    )
    return k * (d + 1) * math.log(weight) - 2 * log_likelihood
