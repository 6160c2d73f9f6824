"""What one pass over some rows tells of sets of centres, and how parts of it are put together."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .draws import Draws, joined_draws
from .exact import Bins, Grid, merge_bins, merge_units


@dataclass(frozen=True, slots=True)
class Far:
    """The rows farthest from their centres: candidates for clusters that have no row."""

    distances: np.ndarray
    """Squared distances, falling."""
    index: np.ndarray
    """Global numbers of the rows."""
    rows: np.ndarray
    """The rows relative to the shift, float64."""
    labels: np.ndarray
    """Their centres."""
    weights: np.ndarray
    """Their weights."""

    @classmethod
    def none(cls, features: int) -> Far:
        """No row."""
        numbers, integers = np.empty(0), np.empty(0, np.int64)
        return cls(numbers, integers, np.empty((0, features)), integers, numbers)

    @property
    def fields(self) -> tuple[np.ndarray, ...]:
        """All of it, in the order above."""
        return self.distances, self.index, self.rows, self.labels, self.weights

    def first(self, count: int) -> Far:
        """The farthest ``count``; of equally far rows the lower number comes first."""
        o = np.lexsort((self.index, -self.distances))[:count]
        return Far(*(field[o] for field in self.fields))


def joined_far(parts: Sequence[Far]) -> Far:
    """The rows of all parts."""
    return Far(*map(np.concatenate, zip(*(part.fields for part in parts), strict=True)))


@dataclass(frozen=True)
class Sums:
    """What one pass over some rows tells of one set of centres."""

    grid: Grid | None
    """What the rows were rounded to."""
    totals: np.ndarray
    """Weighted sums of the rows of each centre, in units of the grid; int64 (levels, k, d)."""
    masses: np.ndarray
    """Weights of the rows of each centre, in units of the grid; int64 (levels, k)."""
    squared: Bins
    """Weighted sum of squared distances to each centre, where it was measured."""
    distance: Bins
    """Weighted sum of distances to each centre, where it was measured."""
    far: Far
    """As many of the farthest rows as there are centres without a row, where they are sought."""
    draws: Draws
    """Sampled rows, where some were to be drawn; their weights are over their probabilities."""

    @functools.cached_property
    def sums(self) -> np.ndarray:
        """Weighted sum of the rows of each centre, relative to the shift; float64 (k, d)."""
        assert self.grid is not None
        return _fixed(self.grid.rows(self.totals))

    @functools.cached_property
    def weights(self) -> np.ndarray:
        """Weight of the rows of each centre; float64 (k,)."""
        assert self.grid is not None
        return _fixed(self.grid.weights(self.masses))

    @property
    def empty(self) -> np.ndarray:
        """Which centres have no row of weight; shape (k,)."""
        return (self.masses == 0).all(axis=0)

    @property
    def inertia(self) -> float:
        """Weighted sum of the squared distances, where they were measured."""
        return math.fsum(self.squared.value)

    @property
    def measure(self) -> float:
        """The one sum that was measured."""
        return math.fsum(self.squared.value) + math.fsum(self.distance.value)


def _fixed(values: np.ndarray) -> np.ndarray:
    """The values, which are asked for again and are not to be written to."""
    values.setflags(write=False)
    return values


@dataclass(frozen=True, slots=True)
class Pass:
    """The sums of each set of centres."""

    runs: tuple[Sums, ...]
    """In the order of the sets."""


def merge_passes(parts: Sequence[Pass]) -> Pass:
    """The sums of all parts."""
    return Pass(tuple(_merge(runs) for runs in zip(*(p.runs for p in parts), strict=True)))


def _merge(parts: Sequence[Sums]) -> Sums:
    if len(parts) == 1:
        return parts[0]
    masses = merge_units([p.masses for p in parts])
    far = joined_far([p.far for p in parts])
    return Sums(
        parts[0].grid,
        merge_units([p.totals for p in parts]),
        masses,
        merge_bins([p.squared for p in parts]),
        merge_bins([p.distance for p in parts]),
        far.first(int((masses == 0).all(axis=0).sum())),
        joined_draws([p.draws for p in parts]),
    )
