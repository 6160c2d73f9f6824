"""The first read of a fit: count, weight, mean, variance and a random sample of the rows.

The sample is a bottom-k sketch: row ``i`` of weight ``w`` gets the key ``-log(u_i) / w`` with
``u_i`` of Philox at the global row number, and the smallest keys are the sample. Keys of different
rows are independent exponential times, so a row is drawn in proportion to its weight, without
replacement, and sketches of parts merge into the sketch of the whole. Given the next key ``t``, a
row that was drawn stands for ``w / (1 - exp(-w t))`` of weight (N. Duffield, C. Lund, M. Thorup,
"Priority sampling for estimation of arbitrary subset sums", J. ACM 54, 2007; E. Cohen, H. Kaplan,
"Summarizing data using bottom-k sketches", PODC 2007), which is all rows where all were drawn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, NonFiniteError
from .kernel import Kernel
from .library import Array, library_of, like, namespace
from .philox import uniforms
from .transfer import to_host

_BLOCK_ELEMENTS = {"numpy": 1 << 16}
_DEVICE_BLOCK_ELEMENTS = 1 << 23


@dataclass(frozen=True, slots=True)
class Draws:
    """Rows that may be in the sample."""

    keys: np.ndarray
    """Exponential time of each row; the smallest are the sample."""
    index: np.ndarray
    """Global number of each row."""
    rows: np.ndarray
    """The rows, on the host."""
    weights: np.ndarray
    """Weight of each row."""

    def smallest(self, count: int) -> Draws:
        """The ``count`` rows of the smallest keys, in the order of their numbers."""
        order = np.lexsort((self.index, self.keys))[:count]
        order = order[np.argsort(self.index[order], kind="stable")]
        return Draws(self.keys[order], self.index[order], self.rows[order], self.weights[order])


@dataclass(frozen=True, slots=True)
class Survey:
    """What one read tells of the rows."""

    count: int
    """Rows that take part: neither left out for NaN nor of weight 0."""
    weight: float
    """Their weight."""
    mean: np.ndarray
    """Weighted mean of each feature."""
    m2: np.ndarray
    """Weighted sum of squared deviations from the mean."""
    draws: Draws
    """Candidates for the sample."""

    @property
    def variance(self) -> np.ndarray:
        """Weighted population variance of each feature."""
        return self.m2 / self.weight if self.weight > 0 else self.m2


def merge_surveys(parts: Sequence[Survey], *, size: int | None) -> Survey:
    """One survey of the rows of all parts, in their order (Chan, Golub, LeVeque 1979)."""
    count, weight = parts[0].count, parts[0].weight
    mean, m2 = parts[0].mean, parts[0].m2
    for part in parts[1:]:
        count += part.count
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
    draws = Draws(
        np.concatenate([p.draws.keys for p in parts]),
        np.concatenate([p.draws.index for p in parts]),
        np.concatenate([p.draws.rows for p in parts]),
        np.concatenate([p.draws.weights for p in parts]),
    )
    if size is not None:
        draws = draws.smallest(size + 1)
    return Survey(count, weight, mean, m2, draws)


def sample_of(draws: Draws, *, size: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The sampled rows, in order, and the weight that each stands for.

    Parameters
    ----------
    draws : Draws
        Candidates of all rows.
    size : int
        Rows of the sample.
    threshold : float
        Keys beyond it were not kept.
    """
    if len(draws.keys) > size:
        threshold = float(np.partition(draws.keys, size)[size])
        draws = draws.smallest(size)
    if math.isinf(threshold):
        return draws.rows, draws.weights
    return draws.rows, draws.weights / -np.expm1(-draws.weights * threshold)


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
    if bool(xp.any(xp.isinf(x))):
        raise NonFiniteError(f"{name} holds infinity; every value must be finite")
    missing = xp.any(xp.isnan(x), axis=1)
    if not bool(xp.any(missing)):
        return None
    if not skipna:
        raise NonFiniteError(
            f"{name} holds NaN; fill or drop those rows first "
            "(spanwise.cluster.KMeans(..., skipna=True) leaves them out)"
        )
    return missing


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
) -> Survey:
    """Survey one chunk whose first row has the global number ``start``.

    ``take`` names rows by their global number instead of drawing them.
    """
    xp = namespace(x)
    n, d = x.shape
    if weight is not None:
        weight = xp.astype(
            like(weight, x) if isinstance(weight, np.ndarray) else weight, xp.float64
        )
        check_weights(weight)
    elements = _BLOCK_ELEMENTS.get(library_of(x), _DEVICE_BLOCK_ELEMENTS)
    rows = max(1, elements // max(d, 1))
    sketch = _Sketch(start, size, threshold, seed, _empty_draws(d, _host_dtype(x)))
    parts = [Survey(0, 0.0, np.zeros(d), np.zeros(d), sketch.none)]
    for a in range(0, n, rows):
        b = min(a + rows, n)
        block = x[a:b, :]
        w = None if weight is None else weight[a:b]
        exact = xp.astype(block, xp.float64)
        if isinstance(exact, np.ndarray):
            exact = np.ascontiguousarray(exact)  # the order of the sums is the memory's
        missing = check_rows(exact, skipna=skipna) if check else None
        if missing is not None:
            w = xp.ones_like(exact[:, 0]) if w is None else w
            w = xp.where(missing, xp.zeros_like(w), w)
            exact = xp.where(missing[:, None], xp.zeros_like(exact), exact)
        with np.errstate(over="ignore", invalid="ignore"):
            parts.append(_moments(exact, w, sketch.none))
        if take is None and size > 0:
            sketch.add(block, w, a)
    whole = merge_surveys(parts, size=None)
    draws = sketch.draws if take is None else _taken(x, start, take)
    return Survey(whole.count, whole.weight, whole.mean, whole.m2, draws)


survey = Kernel("survey", _survey, result_on_host=True)
"""``survey(x, weight, start, take, *, size, threshold, seed, skipna, check) -> Survey``."""


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


whiten = Kernel("whiten", _whiten)
"""``whiten(x, start, scales)``: rows over the scales of their features."""


def _host_dtype(x: Array) -> np.dtype:
    return to_host(x[:0, :]).dtype


def _empty_draws(d: int, dtype: Any) -> Draws:
    return Draws(np.empty(0), np.empty(0, np.int64), np.empty((0, d), dtype), np.empty(0))


def _moments(x: Array, w: Array | None, none: Draws) -> Survey:
    """Moments about the block's first row of weight, so that a constant has no variance at all."""
    xp = namespace(x)
    count, d = x.shape
    if w is None:
        total, first = float(count), 0
    else:
        total = float(xp.sum(w))
        if total == 0:
            return Survey(0, 0.0, np.zeros(d), np.zeros(d), none)
        count, first = (
            int(xp.sum(xp.astype(w > 0, xp.int64))),
            int(xp.argmax(xp.astype(w > 0, xp.int8))),
        )
    pilot = x[first, :]
    x = x - pilot
    mean = (xp.sum(x, axis=0) if w is None else xp.matmul(w, x)) / total
    x -= mean
    x *= x
    m2 = xp.sum(x, axis=0) if w is None else xp.matmul(w, x)
    return Survey(count, total, to_host(pilot) + to_host(mean), to_host(m2), none)


def _taken(x: Array, start: int, take: np.ndarray) -> Draws:
    """The rows of given numbers that lie in this chunk."""
    low, high = np.searchsorted(take, (start, start + x.shape[0]))
    index = np.asarray(take[low:high], np.int64)
    xp = namespace(x)
    rows = to_host(xp.take(x, like(index - start, x), axis=0))
    return Draws(np.zeros(len(index)), index, rows, np.ones(len(index)))


class _Sketch:
    """The smallest keys of a chunk, gathered block by block."""

    def __init__(self, start: int, size: int, threshold: float, seed: int, none: Draws) -> None:
        self.start = start
        self.size = size
        self.threshold = threshold
        self.seed = seed
        self.none = none
        self.draws = none

    def add(self, x: Array, w: Array | None, offset: int) -> None:
        """Take in the rows of one block; ``offset`` counts from the start of the chunk."""
        xp = namespace(x)
        first = self.start + offset
        u = uniforms(self.seed, 0, first, x.shape[0], xp=xp, device=_device(x))
        if w is None:
            chosen = xp.nonzero(u > math.exp(-self.threshold))[0]
            keys = -np.log(to_host(xp.take(u, chosen)))
            weights = np.ones(len(keys))
        else:
            positive = w > 0
            time = -xp.log(u) / xp.where(positive, w, xp.ones_like(w))
            chosen = xp.nonzero(xp.logical_and(positive, time < self.threshold))[0]
            keys, weights = to_host(xp.take(time, chosen)), to_host(xp.take(w, chosen))
        index = to_host(chosen)
        if len(index):
            new = Draws(keys, index + first, to_host(xp.take(x, chosen, axis=0)), weights)
            self._keep(new)

    def _keep(self, new: Draws) -> None:
        old = self.draws
        draws = Draws(
            np.concatenate([old.keys, new.keys]),
            np.concatenate([old.index, new.index]),
            np.concatenate([old.rows, new.rows]),
            np.concatenate([old.weights, new.weights]),
        )
        if len(draws.keys) > 2 * (self.size + 1):
            draws = draws.smallest(self.size + 1)
            self.threshold = min(self.threshold, float(np.nextafter(draws.keys.max(), np.inf)))
        self.draws = draws


def _device(x: Array) -> Any:
    return None if library_of(x) in ("numpy", "hostfree") else x.device
