"""What k-means does with blocks of rows in compiled loops, where Numba is (extra ``fast``).

They do what NumPy does elsewhere, to the last bit of what is given out: labels follow from a bound
on rounding errors, and sums are exact. The interpreter is left once for many rows, so that threads
do not wait for each other, and nothing is kept in between.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_ROUND = 1.5 * 2.0**52
"""See `spanwise.kernels.exact.rounded`."""
_FEW_CENTERS, _LONG_ROW = 16, 64
"""Up to so many centres and from so many features on, row by row is faster than a matrix product
of such a shape: 1.2 to 3 times (measured, 8 and 16 centres, 64 to 600 features)."""


def is_installed() -> bool:
    """Whether loops can be compiled."""
    return importlib.util.find_spec("numba") is not None


@dataclass(frozen=True, slots=True)
class Loops:
    """Compiled functions."""

    sweep: Callable[..., None]
    """`_sweep`."""
    squares: Callable[..., None]
    """`_squares`."""
    slices: Callable[..., None]
    """`_slices`."""
    bounds: Callable[..., float]
    """`_bounds`."""
    column_slices: Callable[..., None]
    """`_column_slices`."""
    weighted_bounds: Callable[..., float]
    """`_weighted_bounds`."""
    weighted_slices: Callable[..., None]
    """`_weighted_slices`."""
    missing: Callable[..., int]
    """`_missing`."""


@functools.cache
def loops() -> Loops | None:
    """The functions, compiled when they are first called, or None without Numba."""
    if not is_installed():
        return None
    numba: Any = importlib.import_module("numba")
    register_jitable: Any = importlib.import_module("numba.extending").register_jitable
    for part in (_scan, _settle, _nearest, _add, _add_fine, _add_weighted):
        register_jitable(part)
    for part in (_center, _nothing, _products):
        register_jitable(fastmath={"reassoc", "contract"})(part)
    compiled = numba.njit(nogil=True, cache=True)
    functions = (
        _sweep,
        _squares,
        _slices,
        _bounds,
        _column_slices,
        _weighted_bounds,
        _weighted_slices,
        _missing,
    )
    return Loops(*(compiled(function) for function in functions))


def _squares(raw: Any, shift: Any, centers: Any, labels: Any, out: Any) -> None:
    """Squared distance of each row to its centre, feature by feature in float64.

    Four rows at a time, since each addition waits for the one before it.
    """
    n, d = raw.shape
    for r in range(0, n - n % 4, 4):
        a, b, c, e = labels[r], labels[r + 1], labels[r + 2], labels[r + 3]
        first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
        for f in range(d):
            apart = (np.float64(raw[r, f]) - shift[f]) - centers[a, f]
            first += apart * apart
            apart = (np.float64(raw[r + 1, f]) - shift[f]) - centers[b, f]
            second += apart * apart
            apart = (np.float64(raw[r + 2, f]) - shift[f]) - centers[c, f]
            third += apart * apart
            apart = (np.float64(raw[r + 3, f]) - shift[f]) - centers[e, f]
            fourth += apart * apart
        out[r], out[r + 1], out[r + 2], out[r + 3] = first, second, third, fourth
    for r in range(n - n % 4, n):
        total, j = 0.0, labels[r]
        for f in range(d):
            apart = (np.float64(raw[r, f]) - shift[f]) - centers[j, f]
            total += apart * apart
        out[r] = total


def _nothing(row: Any) -> float:
    """0, or NaN if a value of a row is not finite."""
    total = row[0] - row[0]
    for f in range(1, row.size):
        total += row[f] - row[f]
    return total


def _bounds(raw: Any, low: Any, high: Any) -> float:
    """Narrow the bounds of columns to those of the rows; 0, or NaN if a value is not finite."""
    odd = raw[0, 0] - raw[0, 0]
    for r in range(raw.shape[0]):
        odd += _nothing(raw[r])
        for f in range(raw.shape[1]):
            value = raw[r, f]
            low[f] = value if value < low[f] else low[f]
            high[f] = value if value > high[f] else high[f]
    return odd


def _weighted_bounds(
    raw: Any, weight: Any, skipna: bool, low: Any, high: Any, least: Any, most: Any
) -> float:
    """Narrow the bounds of columns, and of their products with weights, to those of the rows.

    Rows that hold NaN are given the weight 0, and rows of that weight have no bounds. NaN where a
    value is infinite, or NaN and not to be skipped.
    """
    for r in range(raw.shape[0]):
        if _nothing(raw[r]) != 0:
            for f in range(raw.shape[1]):
                if np.isinf(raw[r, f]) or not skipna:
                    return np.nan
            weight[r] = 0
        w = weight[r]
        if w == 0:
            continue
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f])
            low[f] = value if value < low[f] else low[f]
            high[f] = value if value > high[f] else high[f]
            value *= w
            least[f] = value if value < least[f] else least[f]
            most[f] = value if value > most[f] else most[f]
    return 0.0


def _column_slices(raw: Any, units: Any, sums: Any) -> None:
    """Add the slices of values, at three units each, to the sums of their columns."""
    bias = _ROUND * units
    for r in range(raw.shape[0]):
        for f in range(raw.shape[1]):
            rest = np.float64(raw[r, f])
            piece = (rest + bias[0, f]) - bias[0, f]
            sums[0, f] += piece
            rest -= piece
            piece = (rest + bias[1, f]) - bias[1, f]
            sums[1, f] += piece
            rest -= piece
            sums[2, f] += (rest + bias[2, f]) - bias[2, f]


def _weighted_slices(raw: Any, weight: Any, units: Any, sums: Any) -> None:
    """Add the slices of values times the weights of their rows to the sums of their columns."""
    bias = _ROUND * units
    for r in range(raw.shape[0]):
        w = weight[r]
        if w == 0:
            continue
        for f in range(raw.shape[1]):
            rest = np.float64(raw[r, f]) * w
            piece = (rest + bias[0, f]) - bias[0, f]
            sums[0, f] += piece
            rest -= piece
            piece = (rest + bias[1, f]) - bias[1, f]
            sums[1, f] += piece
            rest -= piece
            sums[2, f] += (rest + bias[2, f]) - bias[2, f]


def _missing(raw: Any, out: Any) -> int:
    """Which rows hold NaN, and how many; -1 if a value is infinite."""
    count = 0
    for r in range(raw.shape[0]):
        out[r] = _nothing(raw[r]) != 0
        if out[r]:
            count += 1
            for f in range(raw.shape[1]):
                if np.isinf(raw[r, f]):
                    return -1
    return count


def _slices(values: Any, labels: Any, units: Any, sums: Any) -> None:
    """Add the slices of values, at some units each, to sums by label."""
    bias = _ROUND * units
    for r in range(values.size):
        rest, j = values[r], labels[r]
        for i in range(units.size):
            piece = (rest + bias[i]) - bias[i]
            rest -= piece
            sums[i, j] += piece


def _sweep(
    raw: Any,
    weight: Any,
    shift: Any,
    exact_shift: Any,
    matrix: Any,
    norms: Any,
    centers: Any,
    bound: Any,
    skipna: bool,
    rows: int,
    form: str,
    units: Any,
    levels: Any,
    masses: Any,
    labels: Any,
    sums: Any,
    weights: Any,
) -> None:
    """Label rows, and add them to the sums of their centres.

    Parameters
    ----------
    raw, weight : (n, d) C-contiguous, (n,) float64
        Rows, and their weights where they count.
    shift, exact_shift : (d,)
        In the precision of the rows, and in float64.
    matrix, norms, centers : (k, d), (k,), (k, d) float64
        Centres relative to the shift: times -2, squared norms, and themselves.
    bound : (4,) float64
        Reach, scale, least and radius of `spanwise.kernels.lloyd_engines.Bound`.
    skipna : bool
        Whether the weight of each row that holds NaN is set to 0.
    rows : int
        Rows that are handled at a time.
    form : {"", "rows", "fine", "weighted", "fine weighted"}
        What to sum.
    units, levels, masses
        Of the grid.
    labels, sums, weights : (n,) int32, (levels, k, d) float64, (weight levels, k) float64
        Results; sums are added to.
    """
    n, d = raw.shape
    block = min(rows, n)
    values = np.empty((block, d), raw.dtype)
    scores = np.empty(norms.size * block, raw.dtype)
    beside = np.empty((3, block), raw.dtype)
    for a in range(0, n, rows):
        b = min(a + rows, n)
        part, found = raw[a:b], labels[a:b]
        near = scores[: norms.size * (b - a)].reshape((norms.size, b - a))
        if norms.size <= _FEW_CENTERS and d >= _LONG_ROW:
            _products(part, shift, matrix, values[0], near, beside[0])
        else:
            _center(part, shift, values, beside[0])
            np.dot(matrix, values[: b - a].T, near)
        if skipna:
            for i in range(b - a):
                if np.isnan(beside[0, i]):
                    weight[a + i] = 0
        _scan(near, norms, beside[1], beside[2], found)
        _settle(near, norms, beside, bound, part, exact_shift, centers, found)
        if form == "rows":
            _add(part, exact_shift, units, found, sums, weights)
        elif form == "fine":
            _add_fine(part, exact_shift, levels, found, sums, weights)
        elif form != "":
            is_fine = form == "fine weighted"
            w = weight[a:b]
            _add_weighted(
                part, exact_shift, units, levels, masses, found, w, is_fine, sums, weights
            )


def _center(raw: Any, shift: Any, out: Any, norms: Any) -> None:
    """Rows relative to the shift, and their squared norms: NaN only where a row holds NaN."""
    nothing = shift[0] - shift[0]  # in the precision of the rows
    for r in range(raw.shape[0]):
        total = nothing
        for f in range(raw.shape[1]):
            value = raw[r, f] - shift[f]
            out[r, f] = value
            total += value * value
        norms[r] = total


def _products(raw: Any, shift: Any, matrix: Any, row: Any, scores: Any, norms: Any) -> None:
    """What `_center` and a matrix product give, for few centres: each row is in cache once.

    A row that holds NaN has no products. Four centres at a time share the row.
    """
    k, d = matrix.shape
    nothing = shift[0] - shift[0]  # in the precision of the rows, as `0 * shift[0]` is not
    for r in range(raw.shape[0]):
        total = nothing
        for f in range(d):
            value = raw[r, f] - shift[f]
            row[f] = value
            total += value * value
        norms[r] = total
        if np.isnan(total):
            scores[:, r] = total
            continue
        for j in range(0, k - k % 4, 4):
            first = second = third = fourth = nothing
            for f in range(d):
                value = row[f]
                first += value * matrix[j, f]
                second += value * matrix[j + 1, f]
                third += value * matrix[j + 2, f]
                fourth += value * matrix[j + 3, f]
            scores[j, r], scores[j + 1, r] = first, second
            scores[j + 2, r], scores[j + 3, r] = third, fourth
        for j in range(k - k % 4, k):
            first = nothing
            for f in range(d):
                first += row[f] * matrix[j, f]
            scores[j, r] = first


def _scan(scores: Any, norms: Any, best: Any, second: Any, labels: Any) -> None:
    """The first best centre of each row, its score and the second best, norms added.

    One centre after the other for all rows, which processors do for many rows at once.
    """
    for i in range(labels.size):
        best[i] = scores[0, i] + norms[0]
        second[i] = np.inf
        labels[i] = 0
    for j in range(1, norms.size):
        norm = norms[j]
        for i in range(labels.size):
            score, least = scores[j, i] + norm, best[i]
            lower = score < least
            other = least if lower else score
            second[i] = other if other < second[i] else second[i]
            labels[i] = j if lower else labels[i]
            best[i] = score if lower else least


def _settle(
    scores: Any,
    norms: Any,
    beside: Any,
    bound: Any,
    raw: Any,
    shift: Any,
    centers: Any,
    labels: Any,
) -> None:
    """Compare anew where the second best score is within the bound, or one is no number."""
    for i in range(labels.size):
        own, best, second = beside[0, i], beside[1, i], beside[2, i]
        if np.isnan(own):  # of a row with NaN every centre would be in question, and the first wins
            continue
        length = np.sqrt(own)
        circle = min((length + np.sqrt(max(best + own, 0.0))) * bound[0], bound[3])
        limit = best + circle * (circle + 2 * length) * bound[1] + (circle + 1) * bound[2]
        if second > limit or norms.size == 1:
            continue
        labels[i] = _nearest(scores, i, norms, limit, raw, shift, centers)


def _nearest(
    scores: Any, i: int, norms: Any, limit: float, raw: Any, shift: Any, centers: Any
) -> int:
    """The first nearest of the centres in question, feature by feature in float64."""
    found, least = -1, np.inf
    for j in range(norms.size):
        if scores[j, i] + norms[j] > limit:
            continue
        total = 0.0
        for f in range(raw.shape[1]):
            apart = (np.float64(raw[i, f]) - shift[f]) - centers[j, f]
            total += apart * apart
        if found < 0 or total < least:
            found, least = j, total
    return found


def _add(raw: Any, shift: Any, units: Any, labels: Any, sums: Any, weights: Any) -> None:
    bias = _ROUND * units
    for r in range(raw.shape[0]):
        j = labels[r]
        weights[0, j] += 1.0
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f]) - shift[f]
            sums[0, j, f] += (value + bias[f]) - bias[f]


def _add_fine(raw: Any, shift: Any, levels: Any, labels: Any, sums: Any, weights: Any) -> None:
    bias = _ROUND * levels
    for r in range(raw.shape[0]):
        j = labels[r]
        weights[0, j] += 1.0
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f]) - shift[f]
            coarse = (value + bias[0, f]) - bias[0, f]
            sums[0, j, f] += coarse
            sums[1, j, f] += ((value - coarse) + bias[1, f]) - bias[1, f]


def _add_weighted(
    raw: Any,
    shift: Any,
    units: Any,
    levels: Any,
    masses: Any,
    labels: Any,
    weight: Any,
    is_fine: bool,
    sums: Any,
    weights: Any,
) -> None:
    first, bias, light = _ROUND * units, _ROUND * levels, _ROUND * masses
    for r in range(raw.shape[0]):
        j, w = labels[r], weight[r]
        if w == 0:
            continue
        mass = (w + light[0]) - light[0]
        weights[0, j] += mass
        weights[1, j] += ((w - mass) + light[1]) - light[1]
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f]) - shift[f]
            if not is_fine:
                value = (value + first[f]) - first[f]
            value *= w
            coarse = (value + bias[0, f]) - bias[0, f]
            sums[0, j, f] += coarse
            sums[1, j, f] += ((value - coarse) + bias[1, f]) - bias[1, f]
