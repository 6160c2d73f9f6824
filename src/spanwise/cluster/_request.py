"""What is asked of a fit, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.plan import Plan
from ._start import seed_of


@dataclass(frozen=True, slots=True)
class Request:
    """Parameters of `spanwise.cluster.KMeans` but the number of clusters."""

    init: Any = "k-means++"
    n_init: Any = "auto"
    max_iter: int = 300
    tol: float = 1e-4
    random_state: Any = None
    skipna: bool = False
    method: str = "auto"
    max_passes: int | None = None
    memory: int | str | None = None
    callback: Callable[[int, float, float], Any] | None = None
    checkpoint: Any = None
    distances: bool = False
    """Whether distances to the centres are to be summed in the end as well."""

    def seed(self) -> int:
        """The seed of this fit; another one each time if there is no random state."""
        return seed_of(self.random_state)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Centres of one number of clusters."""

    centers: np.ndarray
    """In the precision of the rows; shape (k, d)."""
    inertia: float
    """Weighted sum of squared distances to them."""
    iterations: int
    """Steps over all rows."""
    occupied: int
    """Clusters that have weight."""
    weights: np.ndarray | None
    """Weight of each cluster, where distances were summed."""
    distances: np.ndarray | None
    """Weighted sum of the distances to each centre, where it was asked for."""
    labels: np.ndarray | None = None
    """Label of each row, where the fit has them all in memory."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a fit gives."""

    shift: np.ndarray
    """Point that rows and centres are compared relative to."""
    fits: tuple[Fitted, ...]
    """One for each number of clusters."""
    plan: Plan | None
    """What it was to cost; None for rows in memory."""
