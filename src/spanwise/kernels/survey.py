"""The first read of a fit: count, weight, mean, bounds and a random sample of the rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, NonFiniteError
from .draws import Draws, Sketch, joined_draws, no_draws, taken
from .exact import Bins, Grid, binned, bins_between, bins_of_count, grid_of, merge_bins, no_bins
from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .memory import each_row
from .transfer import to_host

if TYPE_CHECKING:
    from .numpy.loops import Loops

_BLOCK_ELEMENTS = {"numpy": 1 << 18}
_DEVICE_BLOCK_ELEMENTS = 1 << 23
_SHIFT_BITS = 10


@dataclass(frozen=True, slots=True)
class Survey:
    """What one read tells of the rows.

    All but ``spread`` is exact, or a choice of values, and so depends on no chunking.
    """

    count: int
    """Rows that take part: neither left out for NaN nor of weight 0."""
    total: Bins
    """Their weight."""
    sums: Bins
    """Weighted sum of each feature."""
    low: np.ndarray
    """Least value of each feature, infinity where there are no rows."""
    high: np.ndarray
    """Greatest value of each feature, minus infinity where there are no rows."""
    heaviest: float | None
    """The largest weight; None where all weights are 1."""
    spread: Spread | None
    """Second moments, where they were asked for."""
    draws: Draws
    """Candidates for the sample."""

    @property
    def weight(self) -> float:
        """Weight of the rows."""
        return float(self.total.value[0])

    @property
    def mean(self) -> np.ndarray:
        """Weighted mean of each feature."""
        return self.sums.value / self.weight if self.weight > 0 else self.sums.value

    @property
    def variance(self) -> np.ndarray:
        """Weighted population variance of each feature."""
        assert self.spread is not None
        return self.spread.variance

    def shift(self, dtype: Any) -> np.ndarray:
        """A point near the mean, of few digits, so that most differences from it are exact."""
        return shift_near(self.mean, self.low, self.high, dtype)

    def grid(self, shift: np.ndarray, rows: int) -> Grid:
        """What rows relative to the shift are rounded to; ``rows`` counts all there are."""
        return grid_about(shift, self.low, self.high, rows, self.heaviest)


def shift_near(mean: np.ndarray, low: np.ndarray, high: np.ndarray, dtype: Any) -> np.ndarray:
    """The mean in few digits of its feature's range; a constant itself, and 0 for no number."""
    with np.errstate(invalid="ignore"):
        width = high - low
    _, exponents = np.frexp(np.where(np.isfinite(width), width, 1.0))
    step = np.ldexp(1.0, np.maximum(exponents - _SHIFT_BITS, -960))
    near = np.where(width == 0, low, np.rint(mean / step) * step)
    return np.where(np.isfinite(near), near, 0.0).astype(dtype)


def grid_about(
    shift: np.ndarray, low: np.ndarray, high: np.ndarray, rows: int, heaviest: float | None
) -> Grid:
    """The grid for rows between bounds; double precision has two levels."""
    exact = shift.astype(np.float64)
    with np.errstate(invalid="ignore"):
        largest = np.maximum(high - exact, exact - low)
    largest = np.where(np.isfinite(largest), largest, 1.0)
    return grid_of(largest, rows, heaviest, fine=shift.dtype == np.float64)


@dataclass(frozen=True, slots=True)
class Spread:
    """Second moments about the mean, right for any offset but not to the last bit."""

    weight: float
    """Weight of the rows."""
    mean: np.ndarray
    """Weighted mean of each feature."""
    m2: np.ndarray
    """Weighted sum of squared deviations from the mean."""

    @property
    def variance(self) -> np.ndarray:
        """Weighted population variance of each feature."""
        return self.m2 / self.weight if self.weight > 0 else self.m2


def merge_surveys(parts: Sequence[Survey], *, size: int | None) -> Survey:
    """One survey of the rows of all parts."""
    draws = joined_draws([p.draws for p in parts])
    weights = [p.heaviest for p in parts if p.heaviest is not None]
    spreads = [p.spread for p in parts if p.spread is not None]
    return Survey(
        sum(p.count for p in parts),
        merge_bins([p.total for p in parts]),
        merge_bins([p.sums for p in parts]),
        np.min([p.low for p in parts], axis=0),
        np.max([p.high for p in parts], axis=0),
        max(weights) if weights else None,
        _merge_spreads(spreads) if spreads else None,
        draws if size is None else draws.smallest(size + 1),
    )


def _merge_spreads(parts: Sequence[Spread]) -> Spread:
    """Moments of all parts, in their order (Chan, Golub, LeVeque 1979)."""
    weight, mean, m2 = parts[0].weight, parts[0].mean, parts[0].m2
    for part in parts[1:]:
        if part.weight == 0:
            continue
        if weight == 0:
            weight, mean, m2 = part.weight, part.mean, part.m2
            continue
        total = weight + part.weight
        delta = part.mean - mean
        mean = mean + delta * (part.weight / total)
        m2 = m2 + part.m2 + delta * delta * (weight * part.weight / total)
        weight = total
    return Spread(weight, mean, m2)


def check_weights(weight: Array) -> None:
    """Raise unless weights are finite and not negative."""
    xp = namespace(weight)
    if not bool(xp.all(xp.isfinite(weight))):
        raise NonFiniteError("sample_weight holds NaN or infinity; every weight must be finite")
    if bool(xp.any(weight < 0)):
        raise ArgumentError("sample_weight holds negative values; every weight must be 0 or more")


def check_rows(x: Array, *, skipna: bool, name: str = "x") -> Array | None:
    """Which rows hold NaN, or None if no row does; infinity, and NaN unless skipped, raise."""
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if bool(xp.isfinite(xp.sum(x))):
            return None
    missing = _rows_of_nan(x)
    if missing is None:
        raise NonFiniteError(f"{name} holds infinity; every value must be finite")
    if not bool(xp.any(missing)):
        return None
    if not skipna:
        raise NonFiniteError(
            f"{name} holds NaN; fill or drop those rows first "
            "(spanwise.cluster.KMeans(..., skipna=True) leaves them out)"
        )
    return missing


def _rows_of_nan(x: Array) -> Array | None:
    """Which rows hold NaN; None if a value is infinite."""
    if isinstance(x, np.ndarray) and x.flags.c_contiguous and x.dtype in (np.float32, np.float64):
        from .numpy.loops import loops

        compiled = loops()
        if compiled is not None:
            missing = np.empty(len(x), bool)
            return None if compiled.missing(x, missing) < 0 else missing
    xp = namespace(x)
    return None if bool(xp.any(xp.isinf(x))) else xp.any(xp.isnan(x), axis=1)


def _survey(
    x: Array,
    weight: Array | None,
    start: int,
    take: np.ndarray | None,
    *,
    size: int,
    threshold: float,
    seed: int,
    skipna: bool = False,
    check: bool = True,
    spread: bool = False,
) -> Survey:
    """Survey one chunk whose first row has the global number ``start``.

    ``take`` names rows by their global number instead of drawing them.
    """
    xp = namespace(x)
    n, d = x.shape
    if weight is not None:
        weight = like(weight, x) if isinstance(weight, np.ndarray) else weight
        weight = xp.astype(weight, xp.float64)
        check_weights(weight)
    rows = max(1, _BLOCK_ELEMENTS.get(library_of(x), _DEVICE_BLOCK_ELEMENTS) // max(d, 1))
    none = no_draws(d, to_host(x[:0, :]).dtype)
    sketch = Sketch(start, size, threshold, seed, none)
    weighted = weight is not None or skipna
    parts = [_of_nothing(d, none, weighted=weighted, spread=spread)]
    how = {"weighted": weighted, "spread": spread}
    for a in range(0, n, rows):
        b = min(a + rows, n)
        block = x[a:b, :]
        w = None if weight is None else weight[a:b]
        part = None
        if check and not spread:
            part, w = _quick(block, w, none, weighted=weighted, skipna=skipna)
        if part is None:
            exact, w = _exact_rows(block, w, check=check, skipna=skipna)
            with np.errstate(over="ignore", invalid="ignore"):
                part = _of_block(exact, w, none, **how)
        parts.append(part)
        if take is None and size > 0:
            sketch.add(block, w, a)
    whole = merge_surveys(parts, size=None)
    return replace(whole, draws=sketch.draws if take is None else taken(x, start, take))


def _exact_rows(
    block: Array, w: Array | None, *, check: bool, skipna: bool
) -> tuple[Array, Array | None]:
    """Rows in float64 and their weights, with those that hold NaN at 0 if they are left out."""
    xp = namespace(block)
    exact = xp.astype(block, xp.float64)
    if isinstance(exact, np.ndarray):
        exact = np.ascontiguousarray(exact)  # the order of the sums is the memory's
    missing = check_rows(exact, skipna=skipna) if check else None
    if missing is not None:
        w = xp.ones_like(exact[:, 0]) if w is None else w
        w = xp.where(missing, xp.zeros_like(w), w)
        exact = xp.where(missing[:, None], xp.zeros_like(exact), exact)
    return exact, w


survey = Kernel("survey", _survey, result_on_host=True)
"""``survey(x, weight, start, take, *, size, threshold, seed, skipna, check, spread) -> Survey``."""


def deviations(moments: Survey, *, warn: bool) -> np.ndarray:
    """Standard deviation of each feature, 1 where there is none."""
    out = np.sqrt(moments.variance)
    if warn and bool((out == 0).any()):
        warnings.warn(
            "Some columns have standard deviation zero. "
            "The values of these columns will not change.",
            RuntimeWarning,
            stacklevel=3,
        )
    return np.where(out == 0, 1.0, out)


def _whiten(x: Array, start: int, scales: np.ndarray) -> Array:
    """Divide features, the first of which has the number ``start``, by their scales."""
    xp = namespace(x)
    dtype = xp.float32 if x.dtype == xp.float32 else xp.float64
    here = like(scales[start : start + x.shape[1]], x)
    return xp.astype(x, dtype) / xp.astype(here, dtype)


whiten = Kernel("whiten", _whiten, free_axes=each_row)
"""``whiten(x, start, scales)``: rows over the scales of their features."""


def _of_nothing(d: int, none: Draws, *, weighted: bool, spread: bool) -> Survey:
    moments = Spread(0.0, np.zeros(d), np.zeros(d)) if spread else None
    ends = np.full(d, np.inf), np.full(d, -np.inf)
    heaviest = 0.0 if weighted else None
    return Survey(0, no_bins(1, 3), no_bins(d, 3), *ends, heaviest, moments, none)


def _quick(
    x: Array, w: Array | None, none: Draws, *, weighted: bool, skipna: bool
) -> tuple[Survey | None, Array | None]:
    """Survey rows by compiled loops, where there are some and nothing is wrong with a value.

    Also gives the weights, with 0 for rows that are left out.
    """
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float64):
        return None, w
    from .numpy.loops import loops

    compiled = loops()
    if compiled is None:
        return None, w
    x = np.ascontiguousarray(x, np.float32 if x.dtype == np.float32 else np.float64)
    if w is None:
        part = _of_rows(x, compiled, none, weighted=weighted)
        if part is not None or not skipna:
            return part, None
    weights = np.ones(len(x)) if w is None else np.array(w, np.float64)
    part = _of_weighted_rows(x, weights, compiled, none, skipna=skipna)
    return (None, w) if part is None else (part, weights)


def _of_rows(x: np.ndarray, compiled: Loops, none: Draws, *, weighted: bool) -> Survey | None:
    """Survey rows of one weight, unless a value is not finite."""
    low, high = np.full(x.shape[1], np.inf), np.full(x.shape[1], -np.inf)
    if math.isnan(compiled.bounds(x, low, high)):
        return None
    sums = bins_between(low, high, lambda units, sums: compiled.column_slices(x, units, sums))
    heaviest = 1.0 if weighted else None
    return Survey(len(x), bins_of_count(len(x)), sums, low, high, heaviest, None, none)


def _of_weighted_rows(
    x: np.ndarray, weights: np.ndarray, compiled: Loops, none: Draws, *, skipna: bool
) -> Survey | None:
    """Survey rows whose weights are set to 0 where they hold NaN, unless a value is wrong."""
    low, least = np.full((2, x.shape[1]), np.inf)
    high, most = np.full((2, x.shape[1]), -np.inf)
    if math.isnan(compiled.weighted_bounds(x, weights, skipna, low, high, least, most)):
        return None
    count = int(np.count_nonzero(weights))
    if count < len(x):  # rows of weight 0 add as much
        least, most = np.minimum(least, 0.0), np.maximum(most, 0.0)
    sums = bins_between(
        least, most, lambda units, sums: compiled.weighted_slices(x, weights, units, sums)
    )
    total = binned(weights[:, None])
    return Survey(count, total, sums, low, high, float(weights.max()), None, none)


def _of_block(x: Array, w: Array | None, none: Draws, *, weighted: bool, spread: bool) -> Survey:
    """Survey float64 rows without a sample."""
    xp = namespace(x)
    moments = _spread(x, w) if spread else None
    # NumPy adds and compares along long rows faster than along short ones.
    axis = int(isinstance(x, np.ndarray) and x.shape[0] > x.shape[1])
    if axis:
        x = np.ascontiguousarray(x.T)
    if w is None:
        low, high = to_host(xp.min(x, axis=axis)), to_host(xp.max(x, axis=axis))
        count = int(x.shape[axis])
        heaviest = 1.0 if weighted else None
        total, sums = bins_of_count(count), binned(x, axis=axis)
        return Survey(count, total, sums, low, high, heaviest, moments, none)
    there = w > 0
    beside, weights = (there[None, :], w[None, :]) if axis else (there[:, None], w[:, None])
    infinite = xp.full_like(x, math.inf)
    low = xp.min(xp.where(beside, x, infinite), axis=axis)
    high = xp.max(xp.where(beside, x, -infinite), axis=axis)
    return Survey(
        int(xp.sum(xp.astype(there, xp.int64))),
        binned(w[:, None]),
        binned(x * weights, axis=axis),
        to_host(low),
        to_host(high),
        float(xp.max(w)),
        moments,
        none,
    )


def _spread(x: Array, w: Array | None) -> Spread:
    """Moments about the block's first row of weight, so that a constant has no variance at all."""
    xp = namespace(x)
    count, d = x.shape
    if w is None:
        total, first = float(count), 0
    else:
        total = float(xp.sum(w))
        if total == 0:
            return Spread(0.0, np.zeros(d), np.zeros(d))
        first = int(xp.argmax(xp.astype(w > 0, xp.int8)))
    pilot = x[first, :]
    x = x - pilot
    mean = (xp.sum(x, axis=0) if w is None else xp.matmul(w, x)) / total
    x -= mean
    x *= x
    m2 = xp.sum(x, axis=0) if w is None else xp.matmul(w, x)
    return Spread(total, to_host(pilot) + to_host(mean), to_host(m2))
