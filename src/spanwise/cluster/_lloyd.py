"""Lloyd's algorithm as init, step and terminate, driven over rows in memory or chunked alike.

The protocol (a solver that knows one step, a driver that knows the loop) is that of optimistix.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from ..kernels.lloyd import Books, Sums
from ._rows import Rows

logger = logging.getLogger("spanwise.cluster")


@dataclass(frozen=True, slots=True)
class State:
    """Where an iteration stands."""

    centers: np.ndarray
    """Centres relative to the shift, float64; shape (k, d)."""
    iteration: int = 0
    """Steps done."""
    moved: float = np.inf
    """Sum of the squared shifts of the centres in the last step."""
    inertia: float = np.nan
    """Inertia that was measured last, about the centres before the last step."""
    occupied: int = 0
    """Clusters that had weight in the last sweep."""


@dataclass(frozen=True, slots=True)
class Lloyd:
    """Moves each centre to the mean of the rows nearest to it."""

    tol: float
    """The iteration ends when the squared shifts add up to no more than this."""
    max_iter: int
    """It ends after so many steps at the latest."""

    def init(self, centers: np.ndarray) -> State:
        """Before the first step."""
        return State(centers)

    def step(self, state: State, sums: Sums) -> State:
        """The means of the rows that were nearest to the centres."""
        centers = means(*relocate(sums), fallback=state.centers)
        moved = float(((centers - state.centers) ** 2).sum())
        occupied = int((sums.weights > 0).sum())
        return State(centers, state.iteration + 1, moved, sums.measure, occupied)

    def terminate(self, state: State) -> bool:
        """Whether the centres rest: no row changed its cluster, or all shifts are small."""
        return state.iteration >= self.max_iter or state.moved <= self.tol


def relocate(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Sums and weights with each empty cluster given one of the rows farthest from their centres.

    As scikit-learn: the row leaves its cluster, weight and all.
    """
    total, weights = sums.sums.copy(), sums.weights.copy()
    empty = np.flatnonzero(weights == 0)
    far = sums.far
    if len(empty) == 0 or len(far.distances) == 0 or far.distances[0] == 0:
        return total, weights
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
    out = np.empty_like(total)
    np.divide(total, weights[:, None], out=out, where=weights[:, None] > 0)
    out[weights <= 0] = out[heavy]
    return out


def iterate(
    rows: Rows, solver: Lloyd, centers: np.ndarray, shift: np.ndarray, *, skipna: bool
) -> State:
    """Step until the solver has had enough: one sweep over the rows for each step.

    Inertia is measured on the way where a sweep costs more than its arithmetic, so that centres
    which come to rest need no further sweep.
    """
    state = solver.init(centers)
    measure = "squared" if rows.reads_cost else "none"
    while not solver.terminate(state):
        sums = rows.sums(Books(shift, (state.centers,)), measure=measure, skipna=skipna).runs[0]
        state = solver.step(state, sums)
        logger.info("iteration %d: centres moved by %g", state.iteration, state.moved**0.5)
    return state


def settle(
    rows: Rows, state: State, published: np.ndarray, shift: np.ndarray, *, skipna: bool
) -> State:
    """The inertia about the published centres: one more sweep, unless the last one told it."""
    if rows.reads_cost and state.moved == 0:
        return state
    centers = published.astype(np.float64) - shift.astype(np.float64)
    sums = rows.sums(
        Books(shift, (centers,)), measure="squared", skipna=skipna, farthest=False
    ).runs[0]
    return replace(state, inertia=sums.measure, occupied=int((sums.weights > 0).sum()))
