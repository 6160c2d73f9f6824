"""Sums that come out equal, to the last bit, in whatever order and pieces they are added.

Addition of float64 is exact as long as all terms and sums are multiples of one unit and stay below
2^53 of it. Two ways to such terms:

- `Grid`: where bounds are known, each value is rounded once to a unit that leaves enough room;
- `Bins`: where nothing is known, a value is cut into slices at fixed powers of two, and the two or
  three uppermost kinds of slices that occur are summed, each kind by itself.

J. Demmel, H. D. Nguyen, "Parallel reproducible summation", IEEE Trans. Computers 64, 2015, whose
bins these are; rounding by a constant (``(x + 1.5 * 2^52 u) - 1.5 * 2^52 u`` is x rounded to a
multiple of u, ties to even) is T. J. Dekker's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .library import Array, like, namespace
from .transfer import to_host

_ROUND = 1.5 * 2.0**52
_WIDTH = 26
"""Bits of a bin: sums of 2^26 slices stay below 2^52 units."""
_LOWEST, _HIGHEST = -38, 36
"""Bins whose units, and the constants that round to them, are normal numbers."""

ROWS_AT_ONCE = 1 << 16
"""Rows whose rounded values float64 adds exactly, before the sums become integers."""
_BITS_AT_ONCE = 52 - 16
LOST = np.iinfo(np.int64).min
"""Stands for a sum that is no number; no other sum comes near it."""


def rounded(x: Array, unit: float | Array) -> Array:
    """The nearest multiples of a unit, which is a power of two; exact below 2^51 of it."""
    bias = _ROUND * unit
    return (x + bias) - bias


@dataclass(frozen=True, slots=True)
class Bins:
    """Exact sums of columns, as integers of units of neighbouring bins."""

    top: np.ndarray
    """Number of the uppermost bin of each column; shape (m,)."""
    parts: np.ndarray
    """Sums of slices, in units of 2^26 to the bin's number, falling; int64, shape (bins, m)."""

    @property
    def value(self) -> np.ndarray:
        """The sums in float64; NaN where a value was not finite or beyond 1e290."""
        out = np.zeros(len(self.top))
        usable = np.minimum(self.top, _HIGHEST)
        for i in range(len(self.parts) - 1, -1, -1):
            out += np.ldexp(self.parts[i].astype(np.float64), _WIDTH * (usable - i))
        return np.where(self.top > _HIGHEST, np.nan, out)


def no_bins(columns: int, bins: int) -> Bins:
    """Sums of nothing."""
    return Bins(np.full(columns, _LOWEST), np.zeros((bins, columns), np.int64))


def binned(x: Array, *, bins: int = 3, axis: int = 0) -> Bins:
    """Sum float64 rows, column by column, or with ``axis=1`` columns, row by row.

    Parameters
    ----------
    x : array, shape (rows, m) or (m, rows)
        At most 2^26 rows.
    bins : int
        Kinds of slices that are kept: each value counts to 2^-26 (two) or 2^-52 (three) of
        the largest one.
    axis : int
        Axis of the rows.

    Examples
    --------
    >>> x = np.array([[1e16, 0.1], [1.0, 0.2], [-1e16, 0.3]])
    >>> binned(x).value
    array([1. , 0.6])
    """
    m = x.shape[1 - axis]
    if x.shape[axis] == 0:
        return no_bins(m, bins)
    xp = namespace(x)
    parts = np.empty((bins, m), np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        top = _bin_of(np.maximum(to_host(xp.max(x, axis=axis)), -to_host(xp.min(x, axis=axis))))
        for i, unit in enumerate(_units(top, bins)):
            bias = like(_ROUND * (unit if axis == 0 else unit[:, None]), x)
            piece = x + bias
            piece -= bias
            parts[i] = _counts(to_host(xp.sum(piece, axis=axis)), unit)
            if i < bins - 1:
                x = x - piece
    return Bins(top, parts)


def binned_by(
    values: np.ndarray,
    labels: np.ndarray,
    columns: int,
    add: Callable[..., None] | None = None,
) -> Bins:
    """Sum values by label, in three bins.

    Parameters
    ----------
    values : numpy.ndarray, shape (rows,)
        At most 2^26 float64 numbers.
    labels : numpy.ndarray, shape (rows,)
        Column that each belongs to.
    columns : int
        How many there are.
    add : callable, optional
        ``add(values, labels, units, sums)`` adds the slices of all values, faster than NumPy does.
    """
    if len(values) == 0:
        return no_bins(columns, 3)
    sums = np.empty((3, columns))
    with np.errstate(invalid="ignore", over="ignore"):
        top = _bin_of(np.array([max(values.max(), -values.min())]))
        units = np.concatenate(_units(top, 3))
        if add is not None:
            sums[:] = 0
            add(values, labels, units, sums)
        else:
            for i, unit in enumerate(units):
                piece = rounded(values, unit)
                values = values - piece
                sums[i] = np.bincount(labels, weights=piece, minlength=columns)
        parts = _counts(sums, units[:, None]).astype(np.int64)
    return Bins(np.full(columns, top[0]), parts)


def binned_by_membership(values: Array, hot: Array) -> Bins:
    """Sum values by label, on their device; ``hot`` (rows, labels) is 1 where a row has a label."""
    xp = namespace(values)
    parts = np.empty((3, hot.shape[1]), np.int64)
    top = _bin_of(np.array([max(float(xp.max(values)), -float(xp.min(values)))]))
    for i, unit in enumerate(np.concatenate(_units(top, 3))):
        piece = rounded(values, float(unit))
        values = values - piece
        parts[i] = _counts(to_host(xp.matmul(hot.T, piece)), np.float64(unit))
    return Bins(np.full(hot.shape[1], top[0]), parts)


def bins_between(
    low: np.ndarray, high: np.ndarray, add: Callable[[np.ndarray, np.ndarray], None]
) -> Bins:
    """Sums of columns of known bounds, in three bins; ``add(units, sums)`` adds the slices."""
    top = _bin_of(np.maximum(high, -low))
    units = np.stack(_units(top, 3))
    sums = np.zeros(units.shape)
    add(units, sums)
    return Bins(top, _counts(sums, units).astype(np.int64))


def bins_of_count(count: int) -> Bins:
    """The sum of so many ones."""
    return Bins(np.zeros(1, np.int64), np.array([[count], [0], [0]], np.int64))


def _units(top: np.ndarray, bins: int) -> list[np.ndarray]:
    """Units of the uppermost bins; those of what is no number do not matter."""
    usable = np.where(top > _HIGHEST, 0, top)
    return [np.ldexp(1.0, _WIDTH * np.maximum(usable - i, _LOWEST)) for i in range(bins)]


def _counts(sums: np.ndarray, unit: np.ndarray | np.float64) -> np.ndarray:
    return np.where(np.isfinite(sums), sums, 0.0) // unit


def _bin_of(largest: np.ndarray) -> np.ndarray:
    """The lowest bin of which values are at most half the unit of the bin above."""
    _, exponent = np.frexp(largest)
    top = -(-(exponent - (_WIDTH - 1)) // _WIDTH)
    top = np.where(largest == 0, _LOWEST, np.maximum(top, _LOWEST))
    return np.where(np.isfinite(largest), top, _HIGHEST + 1)


def merge_bins(parts: Sequence[Bins]) -> Bins:
    """The sums of all parts: what lies below the kept bins of the whole is dropped everywhere."""
    first, *others = parts
    if not others:
        return first
    bins = len(first.parts)
    top = np.max([p.top for p in parts], axis=0)
    if all((p.top == top).all() for p in parts):
        return Bins(top, np.sum([p.parts for p in parts], axis=0))
    out = np.zeros((bins, len(top)), np.int64)
    for part in parts:
        down = top - part.top
        for i in range(bins):
            # Slices in bins above a part's uppermost one are zero.
            source = i - down
            here = np.take_along_axis(part.parts, np.clip(source, 0, bins - 1)[None], axis=0)[0]
            out[i] += np.where(source >= 0, here, 0)
    return Bins(top, out)


@dataclass(frozen=True, slots=True)
class Grid:
    """Units that rows, relative to a shift, and their weights are rounded to.

    All are powers of two. Double precision, and products with weights, have two levels, the second
    of which takes what the first leaves over.
    """

    units: np.ndarray
    """Unit of each feature; float64, shape (d,)."""
    bits: int
    """No value is beyond 2^bits units."""
    weight: float | None
    """A power of two that no weight exceeds; None where all weights are 1."""
    fine: bool
    """Whether rows keep what is below the units."""

    @property
    def levels(self) -> tuple[np.ndarray, ...]:
        """Units of the sums of rows, coarse before fine."""
        coarse = self.units * (self.weight or 1.0)
        two = self.fine or self.weight is not None
        return (coarse, coarse * 2.0**-self.bits) if two else (coarse,)

    @property
    def weight_levels(self) -> tuple[float, ...]:
        """Units of the sums of weights."""
        if self.weight is None:
            return (1.0,)
        coarse = self.weight * 2.0**-self.bits
        return coarse, coarse * 2.0**-self.bits

    def weighing(self, weight: float | None) -> Grid:
        """The same for rows of other weights, of which this is the largest; None: all are 1."""
        bound = None
        if weight is not None:
            bound = 2.0 ** math.ceil(math.log2(weight)) if weight > 0 else 1.0
        return replace(self, weight=bound)

    def rows(self, totals: np.ndarray) -> np.ndarray:
        """Sums of rows (k, d) in float64, from integers of shape (levels, k, d)."""
        return _summed(totals, self.levels)

    def weights(self, totals: np.ndarray) -> np.ndarray:
        """Sums of weights (k,) in float64, from integers of shape (weight levels, k)."""
        return _summed(totals, self.weight_levels)


def add_units(totals: np.ndarray, sums: np.ndarray, unit: np.ndarray | float) -> None:
    """Add float sums, multiples of a unit, to integers; what is not finite is lost from then on."""
    finite = np.isfinite(sums)
    if finite.all():
        totals += (sums / unit).astype(np.int64)
        return
    lost = ~finite | (totals == LOST)
    totals += (np.where(finite, sums, 0.0) / unit).astype(np.int64)
    totals[lost] = LOST


def merge_units(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The integers of all parts."""
    out = np.sum(parts, axis=0)
    lost = np.min(parts, axis=0) == LOST
    if lost.any():
        out[lost] = LOST
    return out


def _summed(totals: np.ndarray, levels: tuple[np.ndarray | float, ...]) -> np.ndarray:
    # Fine before coarse: the integers depend on no order, so neither do the roundings here.
    out = totals[-1].astype(np.float64)
    out *= levels[-1]
    for part, unit in zip(totals[-2::-1], levels[-2::-1], strict=True):
        piece = part.astype(np.float64)
        piece *= unit
        out += piece
    if totals.size and totals.min() == LOST:
        out[(totals == LOST).any(axis=0)] = np.nan
    return out


def grid_of(largest: np.ndarray, rows: int, weight: float | None, *, fine: bool) -> Grid:
    """Units for rows of known bounds.

    Parameters
    ----------
    largest : numpy.ndarray, shape (d,)
        Bound of the absolute value of each feature.
    rows : int
        Rows in all. Their sum stays below 2^62 units: a level resolves values to 2^-36 of the bound
        up to 6e7 rows, and to 2^-32 for 1e9.
    weight : float or None
        The largest weight, None where all are 1.
    fine : bool
        Whether rows keep a second level, as double precision needs.

    Examples
    --------
    >>> grid = grid_of(np.array([3.0]), 1000, None, fine=False)
    >>> grid.bits, float(grid.units[0]) == 2.0 ** (2 - 36)
    (36, True)
    """
    bits = min(_BITS_AT_ONCE, 62 - max(rows, 1).bit_length())
    _, exponents = np.frexp(largest)
    units = np.ldexp(1.0, np.clip(exponents - bits, -960, 960))
    return Grid(units, bits, None, fine).weighing(weight)
