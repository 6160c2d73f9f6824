"""How many rows each cluster has, and their weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .exact import Bins, binned_by, merge_bins
from .kernel import Kernel
from .library import Array
from .transfer import to_host


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of clusters; exact, and so of no order."""

    counts: np.ndarray
    """Rows of each cluster, int64."""
    masses: Bins
    """Their weight."""

    @property
    def shares(self) -> np.ndarray:
        """The part of all weight that each cluster has; NaN where there is none."""
        weights = self.masses.value
        total = weights.sum()
        return weights / (total if total else np.nan)


def _tally(labels: Array, weight: Array | None, start: int, books: None, *, clusters: int) -> Tally:
    """Count a block of labels, shape (n, 1); those below 0 belong to no cluster."""
    del start, books
    code = to_host(labels)[:, 0]
    there = code >= 0
    code = code[there]
    weights = np.ones(len(code)) if weight is None else _on_host(weight)[there]
    return Tally(np.bincount(code, minlength=clusters), binned_by(weights, code, clusters))


def _on_host(weight: Any) -> np.ndarray:
    return np.asarray(to_host(weight), np.float64)


tally = Kernel("tally", _tally, result_on_host=True)
"""``tally(labels, weight, start, books, *, clusters) -> Tally``."""


def merge_tallies(parts: Sequence[Tally]) -> Tally:
    """One tally of all parts."""
    masses = merge_bins([part.masses for part in parts])
    return Tally(np.sum([part.counts for part in parts], axis=0), masses)
