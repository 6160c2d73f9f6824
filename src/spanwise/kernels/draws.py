"""Random samples of rows, merged from parts of them.

A sample is a bottom-k sketch: row ``i`` of weight ``w`` gets the key ``-log(u_i) / w`` with
``u_i`` of Philox at the global row number, and the smallest keys are the sample. Keys of different
rows are independent exponential times, so a row is drawn in proportion to its weight, without
replacement, and sketches of parts merge into the sketch of the whole. Given the next key ``t``, a
row that was drawn stands for ``w / (1 - exp(-w t))`` of weight (N. Duffield, C. Lund, M. Thorup,
"Priority sampling for estimation of arbitrary subset sums", J. ACM 54, 2007; E. Cohen, H. Kaplan,
"Summarizing data using bottom-k sketches", PODC 2007), which is all rows where all were drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .library import Array, library_of, like, namespace
from .philox import uniforms
from .transfer import to_host


@dataclass(frozen=True, slots=True)
class Draws:
    """Rows that were drawn, or may be in the sample."""

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


def no_draws(d: int, dtype: Any) -> Draws:
    """No rows of so many features."""
    return Draws(np.empty(0), np.empty(0, np.int64), np.empty((0, d), dtype), np.empty(0))


def joined_draws(parts: Sequence[Draws]) -> Draws:
    """The rows of all parts, in their order."""
    return Draws(
        np.concatenate([p.keys for p in parts]),
        np.concatenate([p.index for p in parts]),
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.weights for p in parts]),
    )


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


def taken(x: Array, start: int, take: np.ndarray) -> Draws:
    """The rows of given numbers that lie in this chunk."""
    low, high = np.searchsorted(take, (start, start + x.shape[0]))
    index = np.asarray(take[low:high], np.int64)
    xp = namespace(x)
    rows = to_host(xp.take(x, like(index - start, x), axis=0))
    return Draws(np.zeros(len(index)), index, rows, np.ones(len(index)))


class Sketch:
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
        u = uniforms(self.seed, 0, first, x.shape[0], xp=xp, device=device_of(x))
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
        draws = joined_draws([self.draws, new])
        if len(draws.keys) > 2 * (self.size + 1):
            draws = draws.smallest(self.size + 1)
            self.threshold = min(self.threshold, float(np.nextafter(draws.keys.max(), np.inf)))
        self.draws = draws


def device_of(x: Array) -> Any:
    """Where new arrays beside an array go; None where the library has one place."""
    return None if library_of(x) in ("numpy", "hostfree") else x.device
