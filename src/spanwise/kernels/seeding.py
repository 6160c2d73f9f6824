"""Centres to start from, chosen among weighted rows on the host.

Greedy k-means++: D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding",
SODA 2007, with the local trials of their section 5: each centre is the best of a few rows drawn in
proportion to ``weight * squared distance``.
"""

from __future__ import annotations

import math

import numpy as np


def greedy_kmeans_plusplus(
    rows: np.ndarray, weights: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Numbers of ``k`` rows, chosen by k-means++ with ``2 + floor(log k)`` trials for each centre.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d)
        Rows relative to a point near their mean.
    weights : numpy.ndarray, shape (n,)
        Weight of each row; rows of weight 0 are never chosen while others lie apart.
    k : int
        Number of centres.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    numpy.ndarray, shape (k,)
    """
    trials = 2 + int(math.log(k))
    norms = np.einsum("ij,ij->i", rows, rows)
    chosen = np.empty(k, np.int64)
    chosen[0] = _draw(weights, rng.random(1))[0]
    closest = _squared_distances(rows, norms, chosen[:1])[0]
    for i in range(1, k):
        candidates = _draw(weights * closest, rng.random(trials))
        nearer = np.minimum(_squared_distances(rows, norms, candidates), closest)
        best = int(np.argmin(nearer @ weights))
        chosen[i] = candidates[best]
        closest = nearer[best]
    return chosen


def random_rows(weights: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of ``k`` different rows, drawn in proportion to their weights.

    >>> random_rows(np.array([0.0, 1.0, 0.0, 1.0]), 2, np.random.default_rng(0)).tolist()
    [1, 3]
    """
    with np.errstate(divide="ignore"):
        times = rng.exponential(size=len(weights)) / weights
    return np.sort(np.argsort(times, kind="stable")[:k])


def _draw(mass: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Positions drawn in proportion to ``mass``; where nothing has any, the first."""
    cumulative = np.cumsum(mass, dtype=np.float64)
    found = np.searchsorted(cumulative, u * cumulative[-1], side="right")
    last = int(np.flatnonzero(mass)[-1]) if cumulative[-1] > 0 else 0
    return np.minimum(found, last)


def _squared_distances(rows: np.ndarray, norms: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Squared distances of all rows to the chosen ones; shape (chosen, n), never below 0."""
    squared = (-2.0 * rows[chosen]) @ rows.T
    squared += norms
    squared += norms[chosen][:, None]
    np.maximum(squared, 0, out=squared)
    squared[np.arange(len(chosen)), chosen] = 0
    return squared
