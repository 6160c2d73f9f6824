"""Centres to start from, chosen among weighted rows on the host.

Greedy k-means++: D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding",
SODA 2007, with the local trials of their section 5: each centre is the best of a few rows drawn in
proportion to ``weight * squared distance``.
"""

from __future__ import annotations

import math

import numpy as np

_BLOCK_ELEMENTS = 1 << 20


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
    chosen[0] = draw(weights, rng.random(1))[0]
    closest = _squared_distances(rows, norms, chosen[:1])[0]
    for i in range(1, k):
        candidates = draw(weights * closest, rng.random(trials))
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


def draw(mass: np.ndarray, u: np.ndarray) -> np.ndarray:
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


def swapped(
    rows: np.ndarray, weights: np.ndarray, centers: np.ndarray, swaps: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Centres of which some were moved to where they lower the inertia most, or None.

    Two centres in one cluster and one for two clusters is where Lloyd's iteration gets stuck. A
    centre is worth what the inertia rises by if its rows go to their second nearest; a row is worth
    what the inertia falls by if it becomes a centre. The worthiest rows, drawn as in k-means++,
    take the places of the least worthy centres as long as that pays (P. Fränti, "Efficiency of
    random swap clustering", J. Big Data 5, 2018; here several at a time).

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d)
        Rows relative to a point near their mean.
    weights : numpy.ndarray, shape (n,)
        Weight of each row.
    centers : numpy.ndarray, shape (k, d)
        Centres at rest, relative to the same point.
    swaps : int
        Centres to move, at most.
    rng : numpy.random.Generator
        Source of the draws.
    """
    k = len(centers)
    labels, closest, second = _two_nearest(rows, centers)
    worth = np.bincount(labels, weights=weights * (second - closest), minlength=k)
    leaving = np.argsort(worth, kind="stable")
    norms = np.einsum("ij,ij->i", rows, rows)
    trials = 2 + int(math.log(k))
    out = centers.copy()
    moved = 0
    for place in leaving[:swaps]:
        candidates = draw(weights * closest, rng.random(trials))
        nearer = np.minimum(_squared_distances(rows, norms, candidates), closest)
        costs = nearer @ weights
        best = int(np.argmin(costs))
        if not float(closest @ weights - costs[best]) > worth[place]:
            break
        out[place] = rows[candidates[best]]
        closest = nearer[best]
        moved += 1
    return out if moved else None


def _two_nearest(
    rows: np.ndarray, centers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest centre of each row, and the squared distances to it and to the second nearest."""
    centers = centers.astype(rows.dtype)
    own = np.einsum("ij,ij->i", centers, centers)
    labels = np.empty(len(rows), np.int64)
    found = np.empty((2, len(rows)), rows.dtype)
    step = max(1, _BLOCK_ELEMENTS // len(centers))
    for a in range(0, len(rows), step):
        block = rows[a : a + step]
        squared = block @ (-2.0 * centers).T
        squared += own
        squared += np.einsum("ij,ij->i", block, block)[:, None]
        at = np.arange(len(block))
        nearest = squared.argmin(axis=1)
        labels[a : a + step] = nearest
        found[0, a : a + step] = squared[at, nearest]
        squared[at, nearest] = np.inf
        found[1, a : a + step] = squared.min(axis=1)
    closest, second = np.maximum(found, 0)
    return labels, closest, second
