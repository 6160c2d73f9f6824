"""Loops of Lloyd's iteration compiled by Numba, where it is installed (extra ``fast``).

They do what their NumPy counterparts do, to the last bit of what they give out: labels follow from
a bound on rounding errors, and sums are exact.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_ROUND = 1.5 * 2.0**52
"""See `spanwise.kernels.exact.rounded`."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Compiled functions."""

    center: Callable[..., Any]
    """``center(raw, shift, out, norms)``: rows relative to the shift, and their squared norms."""
    scan: Callable[..., Any]
    """``scan(scores, norms, row_norms, reach, scale, limits, labels)``: the one score within the
    limit, -1 where there are several; norms of centres are added to scores here."""
    add: Callable[..., Any]
    """``add(raw, shift, units, labels, sums, weights)``: sums of rounded rows."""
    add_fine: Callable[..., Any]
    """``add_fine(raw, shift, levels, labels, sums, weights)``: sums of rows on two levels."""
    add_weighted: Callable[..., Any]
    """``add_weighted(raw, shift, units, levels, masses, labels, weight, fine, sums, weights)``."""


def is_installed() -> bool:
    """Whether loops can be compiled."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def loops() -> Loops | None:
    """The compiled functions, or None without Numba."""
    if not is_installed():
        return None
    import numba

    compiled = numba.njit(nogil=True, cache=True)
    fused = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
    scans = {np.dtype(np.float32): compiled(_scan32), np.dtype(np.float64): compiled(_scan64)}

    def scan(scores: np.ndarray, *others: Any) -> None:
        scans[scores.dtype](scores, *others)

    return Loops(fused(_center), scan, compiled(_add), compiled(_add_fine), compiled(_add_weighted))


def _center(raw: Any, shift: Any, out: Any, norms: Any) -> None:
    for r in range(raw.shape[0]):
        total = raw[r, 0] - raw[r, 0]
        for f in range(raw.shape[1]):
            value = raw[r, f] - shift[f]
            out[r, f] = value
            total += value * value
        norms[r] = total


# The minimum of floats is not vectorised by LLVM, that of integers is: bits of floats are put in
# the order of the floats, which leaves the sign and turns the others over where it is set.


def _scan32(
    scores: Any, norms: Any, row_norms: Any, reach: float, scale: float, limits: Any, labels: Any
) -> None:
    ones, sign = np.int32(0x7FFFFFFF), np.int32(31)
    for r in range(scores.shape[0]):
        least = ones
        for j in range(scores.shape[1]):
            bits = np.float32(scores[r, j] + norms[j]).view(np.int32)
            least = min(least, np.int32(bits ^ ((bits >> sign) & ones)))
        best = np.int32(least ^ ((least >> sign) & ones)).view(np.float32)
        length = np.sqrt(row_norms[r])
        circle = (length + np.sqrt(max(best + row_norms[r], np.float32(0)))) * reach
        limit = np.float32(best + circle * (circle + 2 * length) * scale)
        count, index = 0, 0
        for j in range(scores.shape[1]):
            near = not (scores[r, j] + norms[j] > limit)
            count += near
            index += near * j
        limits[r] = limit
        labels[r] = index if count == 1 else -1


def _scan64(
    scores: Any, norms: Any, row_norms: Any, reach: float, scale: float, limits: Any, labels: Any
) -> None:
    ones, sign = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(63)
    for r in range(scores.shape[0]):
        least = ones
        for j in range(scores.shape[1]):
            bits = np.float64(scores[r, j] + norms[j]).view(np.int64)
            least = min(least, bits ^ ((bits >> sign) & ones))
        best = np.int64(least ^ ((least >> sign) & ones)).view(np.float64)
        length = np.sqrt(row_norms[r])
        circle = (length + np.sqrt(max(best + row_norms[r], 0.0))) * reach
        limit = best + circle * (circle + 2 * length) * scale
        count, index = 0, 0
        for j in range(scores.shape[1]):
            near = not (scores[r, j] + norms[j] > limit)
            count += near
            index += near * j
        limits[r] = limit
        labels[r] = index if count == 1 else -1


def _add(raw: Any, shift: Any, units: Any, labels: Any, sums: Any, weights: Any) -> None:
    bias = _ROUND * units
    for r in range(raw.shape[0]):
        j = labels[r]
        weights[j] += 1.0
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f]) - shift[f]
            sums[j, f] += (value + bias[f]) - bias[f]


def _add_fine(raw: Any, shift: Any, levels: Any, labels: Any, sums: Any, weights: Any) -> None:
    bias = _ROUND * levels
    for r in range(raw.shape[0]):
        j = labels[r]
        weights[j] += 1.0
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
    fine: bool,
    sums: Any,
    weights: Any,
) -> None:
    first, bias, light = _ROUND * units, _ROUND * levels, _ROUND * masses
    for r in range(raw.shape[0]):
        j = labels[r]
        w = weight[r]
        if w == 0:
            continue
        mass = (w + light[0]) - light[0]
        weights[0, j] += mass
        weights[1, j] += ((w - mass) + light[1]) - light[1]
        for f in range(raw.shape[1]):
            value = np.float64(raw[r, f]) - shift[f]
            if not fine:
                value = (value + first[f]) - first[f]
            value *= w
            coarse = (value + bias[0, f]) - bias[0, f]
            sums[0, j, f] += coarse
            sums[1, j, f] += ((value - coarse) + bias[1, f]) - bias[1, f]
