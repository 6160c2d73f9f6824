"""Lloyd's algorithm as init, step and terminate, driven over rows in memory or chunked alike.

The protocol (a solver that knows one step, a driver that knows the loop) is that of optimistix.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import numpy as np

from ..kernels.exact import Grid
from ..kernels.lloyd import Books
from ..kernels.lloyd_pass import Sums
from ._rows import Rows

logger = logging.getLogger("spanwise.cluster")


@dataclass(frozen=True, slots=True)
class Frame:
    """What all sweeps over some rows share."""

    shift: np.ndarray
    """Point that rows and centres are relative to, in the precision of the rows."""
    grid: Grid
    """What rows are rounded to where they are summed."""

    def books(self, *centers: np.ndarray) -> Books:
        """Sets of centres to sweep with."""
        return Books(self.shift, centers, self.grid)

    def published(self, centers: np.ndarray) -> np.ndarray:
        """Centres as they are given out: in the precision of the rows, relative to nothing."""
        return (centers + self.shift).astype(self.shift.dtype)

    def rounded(self, centers: np.ndarray) -> np.ndarray:
        """Centres as they come back from what is given out."""
        return relative_to(self.shift, self.published(centers))


def relative_to(shift: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Centres in float64 relative to a shift."""
    return centers.astype(np.float64) - shift.astype(np.float64)


@dataclass(frozen=True, slots=True)
class State:
    """Where an iteration stands."""

    centers: np.ndarray
    """Centres relative to the shift, float64; shape (k, d)."""
    iteration: int = 0
    """Steps done."""
    moved: float = np.inf
    """Sum of the squared shifts of the centres in the last step."""
    inertia: float = np.inf
    """Inertia about the centres before the last step."""
    gain: float = np.inf
    """By how much of itself the last step but one lowered the inertia."""
    occupied: int = 0
    """Clusters that had weight in the last sweep."""


@dataclass(frozen=True, slots=True)
class Lloyd:
    """Moves each centre to the mean of the rows nearest to it."""

    tol: float
    """The iteration ends when the squared shifts add up to no more than this."""
    max_iter: int
    """It ends after so many steps at the latest."""
    least_gain: float = -math.inf
    """It ends when a step lowers the inertia by no more than this share."""

    def init(self, centers: np.ndarray) -> State:
        """Before the first step."""
        return State(centers)

    def step(self, state: State, sums: Sums, inertia: float) -> State:
        """The means of the rows that were nearest to the centres."""
        centers = means(*relocate(sums), fallback=state.centers)
        shifts = centers - state.centers
        moved = float(_products(shifts, shifts).sum())
        occupied = len(centers) - int(sums.empty.sum())
        gain = state.inertia - inertia
        gain = gain / state.inertia if 0 < state.inertia < math.inf else math.inf
        return State(centers, state.iteration + 1, moved, inertia, gain, occupied)

    def terminate(self, state: State) -> bool:
        """Whether the centres rest: no row changed its cluster, or all shifts are small."""
        return (
            state.iteration >= self.max_iter
            or state.moved <= self.tol
            or state.gain <= self.least_gain
        )


def second_moment(centers: np.ndarray, sums: Sums, inertia: float) -> float:
    """Weighted sum of the squared norms of all rows, from the inertia about some centres.

    sum w |x - c|^2 = Q - 2 sum_j c_j.S_j + sum_j W_j |c_j|^2 with S and W the sums of the rows and
    of the weights of each cluster.
    """
    return inertia - _about(centers, sums)


def inertia_of(centers: np.ndarray, sums: Sums, moment: float) -> float:
    """Inertia about centres from the second moment, by the same identity, never below 0."""
    return max(0.0, moment + _about(centers, sums))


def _about(centers: np.ndarray, sums: Sums) -> float:
    return float((sums.weights * _products(centers, centers)).sum()) - 2.0 * float(
        _products(sums.sums, centers).sum()
    )


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products of the rows of two tables, which may be of many megabytes."""
    return np.einsum("ij,ij->i", a, b)


def mean_variance(sums: Sums, moment: float) -> float:
    """Mean of the population variances of the features."""
    weight = float(sums.weights.sum())
    if weight <= 0:
        return 0.0
    mean = sums.sums.sum(axis=0) / weight
    return max(0.0, moment / weight - float((mean * mean).sum())) / len(mean)


def relocate(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Sums and weights with each empty cluster given one of the rows farthest from their centres.

    As scikit-learn: the row leaves its cluster, weight and all.
    """
    total, weights = sums.sums, sums.weights
    empty = np.flatnonzero(sums.empty)
    far = sums.far
    if len(empty) == 0 or len(far.distances) == 0 or far.distances[0] == 0:
        return total, weights
    total, weights = total.copy(), weights.copy()
    for new, row, old, w in zip(empty, far.rows, far.labels, far.weights, strict=False):
        total[old] -= w * row
        weights[old] -= w
        total[new] = w * row
        weights[new] = w
    return total, weights


def means(total: np.ndarray, weights: np.ndarray, *, fallback: np.ndarray) -> np.ndarray:
    """Means; a cluster without weight takes the centre of the heaviest one, as in scikit-learn."""
    heavy = int(np.argmax(weights))
    if weights[heavy] <= 0:
        return fallback
    empty = weights <= 0
    if not empty.any():
        return total / weights[:, None]
    out = total / np.where(empty, 1.0, weights)[:, None]
    out[empty] = out[heavy]
    return out


def iterate(rows: Rows, solver: Lloyd, centers: np.ndarray, frame: Frame) -> State:
    """Step until the solver has had enough: one sweep over rows in memory for each step."""
    state = solver.init(centers)
    moment = math.nan
    while not solver.terminate(state):
        first = math.isnan(moment)
        sums = sweep(rows, frame, state.centers, measure="squared" if first else "none")
        if first:
            moment = second_moment(state.centers, sums, sums.measure)
        inertia = inertia_of(state.centers, sums, moment)
        state = solver.step(state, sums, inertia)
    return state


def sweep(rows: Rows, frame: Frame, centers: np.ndarray, *, measure: str) -> Sums:
    """One sweep with one set of centres; another one for far rows if a centre has none."""
    books = frame.books(centers)
    sums = rows.sums(books, measure=measure).runs[0]  # pyright: ignore[reportArgumentType]
    if sums.empty.any():
        sums = rows.sums(books, measure=measure, farthest=True).runs[0]  # pyright: ignore
    return sums


def settle(rows: Rows, state: State, frame: Frame) -> State:
    """The inertia about the centres as they are now."""
    sums = rows.sums(frame.books(state.centers), measure="squared").runs[0]
    return replace(state, inertia=sums.measure, occupied=len(state.centers) - int(sums.empty.sum()))
