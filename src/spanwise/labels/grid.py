"""Evenly spaced coordinates as numbers that give every value back to the last bit.

A result of arithmetic on labelled data keeps only the labels that are equal exactly, so a
coordinate that came back with another last bit would silently lose its points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

_DENOMINATORS = (1000, 10**6)
"""Largest denominators tried for steps such as 1/10 and 1/12."""
_LARGEST_NUMERATOR = 2**53


@dataclass(frozen=True, slots=True)
class Grid:
    """The values (first + step * i) / denominator, or first + step * i where denominator is 0."""

    first: float | int
    """First value; an integer if ``denominator`` is not 0."""
    step: float | int
    """Difference of neighbours; an integer if ``denominator`` is not 0."""
    denominator: int = 0
    """Divides integers: a division rounds correctly, so that 0.1, 0.2, 0.3 come out exactly."""

    @property
    def exact_first(self) -> Fraction:
        """First value."""
        return Fraction(self.first) / (self.denominator or 1)

    @property
    def exact_step(self) -> Fraction:
        """Difference of neighbours."""
        return Fraction(self.step) / (self.denominator or 1)

    def values(self, count: int, dtype: Any) -> np.ndarray:
        """The first ``count`` values.

        >>> Grid(1, 1, 10).values(3, "float64")
        array([0.1, 0.2, 0.3])
        """
        dtype = np.dtype(dtype)
        if not self.denominator:
            steps = self.step * np.arange(count)
            if dtype.kind in "iu":  # first may be beyond the integers that a float holds
                return (round(self.first) + np.rint(steps).astype("int64")).astype(dtype)
            return (self.first + steps).astype(dtype)
        numerators = self.first + self.step * np.arange(count, dtype="int64")
        return (numerators if self.denominator == 1 else numerators / self.denominator).astype(
            dtype
        )


def fit(values: np.ndarray) -> Grid:
    """The grid of two or more evenly spaced values, exact if one of the simple forms is.

    >>> fit(np.array([0.1, 0.2, 0.3])), fit(np.array([10, 8, 6]))
    (Grid(first=1, step=1, denominator=10), Grid(first=10, step=-2, denominator=1))
    """
    first, last, count = values[0].item(), values[-1].item(), values.size
    mean = Fraction(last) - Fraction(first)
    mean /= count - 1
    if values.dtype.kind in "iu" and mean.denominator == 1:
        candidate = Grid(first, mean.numerator, 1)
        if np.array_equal(candidate.values(count, values.dtype), values):
            return candidate
    if values.dtype.kind == "f":
        for candidate in _candidates(values, mean):
            if np.array_equal(candidate.values(count, values.dtype), values):
                return candidate
    return Grid(first, float(mean))


def _candidates(values: np.ndarray, mean: Fraction) -> Iterator[Grid]:
    """Forms that coordinates have in practice: decimals and fractions, linspace, arange."""
    first = Fraction(values[0].item())
    for largest in _DENOMINATORS:
        a, p = first.limit_denominator(largest), mean.limit_denominator(largest)
        q = math.lcm(a.denominator, p.denominator)
        numerators = int(a * q), int(p * q)
        if numerators[1] and abs(numerators[0]) + values.size * abs(numerators[1]) < (
            _LARGEST_NUMERATOR
        ):
            yield Grid(*numerators, q)
    yield Grid(float(first), float(mean))
    yield Grid(float(first), (values[1] - values[0]).item())
