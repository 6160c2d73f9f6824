"""k-means on the inner products of all rows: one read of the data, then any number of runs.

With the weighted membership ``a_c`` of a cluster (``w_i / W_c`` for its rows, 0 elsewhere) its
centre is ``X^T a_c``, so that ``|x_i - c|^2 = G_ii - 2 (G a_c)_i + a_c^T G a_c`` for the matrix
``G = X X^T``: Lloyd's iteration, k-means++ and inertia need nothing but G (B. Schölkopf, A. Smola,
K.-R. Müller, "Nonlinear component analysis as a kernel eigenvalue problem", Neural Comput. 10,
1998, section 5). Products with memberships are sums of rows of G in the order of the rows, by a
sparse product, so that threads of BLAS have no part in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..errors import ArgumentError
from ..kernels.gram import weight_of
from ..kernels.seeding import draw
from ._arguments import check_count
from ._rows import in_threads


@dataclass(frozen=True, slots=True)
class GramMatrix:
    """Inner products of rows about a point among them; those of short integers are exact."""

    matrix: np.ndarray
    """Products of the rows, then of the anchors, over ``4**exponent``; shape (N, N)."""
    exponent: int
    """Keeps products of very large or small values in range."""
    weights: np.ndarray
    """Weight of each row, 0 for those left out; shape (n,)."""
    missing: np.ndarray
    """Rows that hold NaN; shape (n,)."""
    features: int
    """Features of the rows."""

    @property
    def anchors(self) -> np.ndarray:
        """Numbers of the anchors among the rows of the matrix."""
        return np.arange(len(self.weights), len(self.matrix))

    @property
    def variance(self) -> float:
        """Mean over the features of the weighted variance, over ``4**exponent``."""
        n = len(self.weights)
        total = math.fsum(self.weights)
        spread = math.fsum(self.weights * np.diag(self.matrix)[:n]) / total
        (mean,) = _Centers(memberships(np.zeros(n, np.int64), self, 1), self.matrix).norms
        return max(spread - float(mean), 0.0) / self.features


@dataclass(frozen=True, slots=True)
class GramFit:
    """One clustering."""

    labels: np.ndarray
    """Nearest centre of each row, int32; -1 for rows that hold NaN."""
    members: np.ndarray
    """Rows whose means the centres are, by cluster: ``labels`` of the step before, with empty
    clusters filled; -1 for rows without weight. What `centers_of` takes."""
    inertia: float
    """Weighted sum of squared distances to the nearest centre."""
    n_iter: int
    """Iterations."""
    weights: np.ndarray
    """Weight of the rows nearest to each centre; shape (k,)."""
    distances: np.ndarray
    """Weighted sum of their distances to it; shape (k,)."""

    @property
    def occupied(self) -> int:
        """Clusters that have a row."""
        return len(np.unique(self.members[self.members >= 0]))


def gram_kmeans(
    gram: GramMatrix,
    k: int,
    *,
    n_init: int = 1,
    tol: float = 1e-4,
    max_iter: int = 300,
    seed: int = 0,
    rows: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> GramFit:
    """Cluster the rows, in memory.

    Parameters
    ----------
    gram : GramMatrix
        Of `gram_of`; one serves any k.
    k : int
        Number of clusters.
    n_init : int, default: 1
        Runs from different starts, of which the one of least inertia is given.
    tol : float, default: 1e-4
        A run ends when the squared shifts of the centres add up to no more than ``tol`` times the
        mean variance of the features, or when no row changes its cluster.
    max_iter : int, default: 300
        Iterations of a run, at most.
    seed : int, default: 0
        Run ``i`` draws from ``numpy.random.default_rng([seed, i])``.
    rows : numpy.ndarray, shape (k,), optional
        Numbers of the rows to begin from, instead of k-means++; ``gram.anchors`` for given centres.
    labels : numpy.ndarray, shape (n,), optional
        Clusters whose means to begin from.

    Returns
    -------
    GramFit
    """
    check_count(int((gram.weights > 0).sum()), k)
    bound = tol * gram.variance

    def run(number: int) -> GramFit:
        return _Run(gram, k).solve(_start(gram, k, rows, labels, [seed, number]), bound, max_iter)

    count = 1 if rows is not None or labels is not None else n_init
    fits = in_threads(run, range(count))
    return min(fits, key=lambda fit: fit.inertia)


class _Run:
    """Lloyd's iteration for one number of clusters."""

    def __init__(self, gram: GramMatrix, k: int) -> None:
        self.gram = gram
        self.k = k
        self.n = len(gram.weights)
        self.norms = np.diag(gram.matrix)[: self.n]

    def solve(self, start: csr_array, bound: float, max_iter: int) -> GramFit:
        """Step until no label changes or the centres rest, as scikit-learn does."""
        centers = _Centers(start, self.gram.matrix)
        labels = np.full(self.n, -1)
        members, settled, step = labels, False, 0
        while step < max_iter and not settled:
            step += 1
            found, squared = self.nearest(centers)
            members = self.relocate(found, squared)
            new = _Centers(memberships(members, self.gram, self.k), self.gram.matrix)
            moved = new.moved(centers)
            settled = bool(np.array_equal(found, labels))
            labels, centers = found, new
            if moved <= bound:
                break
        labels, squared = self.nearest(centers)
        scaled = math.fsum(self.gram.weights * squared)
        shown = np.where(self.gram.missing, -1, labels).astype(np.int32)
        weights = self.gram.weights
        apart = np.ldexp(np.sqrt(squared), self.gram.exponent)
        return GramFit(
            shown,
            members,
            _unscaled(scaled, self.gram.exponent),
            step,
            np.bincount(labels, weights=weights, minlength=self.k),
            np.bincount(labels, weights=weights * apart, minlength=self.k),
        )

    def nearest(self, centers: _Centers) -> tuple[np.ndarray, np.ndarray]:
        """The first of the nearest centres of each row, and the squared distance to it."""
        scores = centers.norms[:, None] - 2.0 * centers.products[:, : self.n]
        labels = scores.argmin(axis=0)
        squared = scores[labels, np.arange(self.n)] + self.norms
        return labels, np.maximum(squared, 0.0)

    def relocate(self, labels: np.ndarray, squared: np.ndarray) -> np.ndarray:
        """Each empty cluster takes one of the rows farthest from their centres.

        As scikit-learn: the row leaves its cluster, weight and all.
        """
        weights = self.gram.weights
        members = np.where(weights > 0, labels, -1)
        empty = np.setdiff1d(np.arange(self.k), members)
        if len(empty) == 0:
            return members
        order = np.lexsort((np.arange(self.n), -np.where(weights > 0, squared, -1.0)))
        far = order[: len(empty)]
        if squared[far[0]] > 0:
            members[far] = empty[: len(far)]
        return members


class _Centers:
    """Centres as memberships of rows, and their products with all rows."""

    def __init__(self, parts: csr_array, matrix: np.ndarray) -> None:
        self.parts = parts
        self.products: np.ndarray = parts @ matrix
        self.norms = self.against(self.products)

    def against(self, products: np.ndarray) -> np.ndarray:
        """Inner products of the centres with others whose products with all rows are given."""
        return np.asarray(self.parts.multiply(products).sum(axis=1)).ravel()

    def moved(self, old: _Centers) -> float:
        """Sum of the squared shifts; differences of products cancel before they are summed."""
        shifts = self.products - old.products
        squared = self.against(shifts) - old.against(shifts)
        return math.fsum(np.maximum(squared, 0.0))


def memberships(members: np.ndarray, gram: GramMatrix, k: int) -> csr_array:
    """Weights of the rows in each centre; a cluster without rows takes those of the heaviest."""
    total = weight_of(members, gram.weights, k)
    heavy = int(np.argmax(total))
    rows = [np.flatnonzero(members == c) for c in range(k)]
    rows = [r if len(r) else rows[heavy] for r in rows]
    total = np.where(total > 0, total, total[heavy])
    values = [gram.weights[r] / w for r, w in zip(rows, total, strict=True)]
    pointers = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    return csr_array(
        (np.concatenate(values), np.concatenate(rows), pointers), shape=(k, len(gram.matrix))
    )


def _start(
    gram: GramMatrix,
    k: int,
    rows: np.ndarray | None,
    labels: np.ndarray | None,
    seed: list[int],
) -> csr_array:
    """The centres to begin from."""
    if labels is not None:
        members = np.where(gram.weights > 0, np.asarray(labels, np.int64), -1)
        if members.shape != gram.weights.shape or members.max() >= k:
            raise ArgumentError(
                f"labels has shape {members.shape} and values up to {members.max()}; expected one "
                f"of 0 ... {k - 1} for each of the {len(gram.weights)} rows"
            )
        return memberships(members, gram, k)
    if rows is None:
        chosen = plus_plus(gram, k, np.random.default_rng(seed))
    else:
        chosen = np.asarray(rows, np.int64)
    if chosen.shape != (k,) or chosen.min() < 0 or chosen.max() >= len(gram.matrix):
        raise ArgumentError(
            f"rows={rows!r}: expected {k} numbers of rows, below {len(gram.matrix)}"
        )
    return csr_array((np.ones(k), chosen, np.arange(k + 1)), shape=(k, len(gram.matrix)))


def plus_plus(gram: GramMatrix, k: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of rows, by greedy k-means++ as `spanwise.kernels.seeding` draws them."""
    weights = gram.weights
    n = len(weights)
    norms = np.diag(gram.matrix)[:n]

    def squared(chosen: np.ndarray) -> np.ndarray:
        out = norms[chosen][:, None] - 2.0 * gram.matrix[chosen, :n] + norms
        np.maximum(out, 0, out=out)
        out[np.arange(len(chosen)), chosen] = 0
        return out

    trials = 2 + int(math.log(k))
    chosen = np.empty(k, np.int64)
    chosen[0] = draw(weights, rng.random(1))[0]
    closest = squared(chosen[:1])[0]
    for i in range(1, k):
        candidates = draw(weights * closest, rng.random(trials))
        nearer = np.minimum(squared(candidates), closest)
        best = int(np.argmin((nearer * weights).sum(axis=1)))
        chosen[i] = candidates[best]
        closest = nearer[best]
    return chosen


def _unscaled(value: float, exponent: int) -> float:
    return float(np.ldexp(value, 2 * exponent))
