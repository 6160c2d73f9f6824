"""Mean and covariance of rows from one read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .kernel import Kernel
from .library import Array, namespace
from .rows import row_blocks
from .survey import check_rows
from .transfer import to_host


@dataclass(frozen=True, slots=True)
class Scatter:
    """How rows lie about their mean."""

    count: int
    """Number of rows."""
    mean: np.ndarray
    """Mean of each feature, float64; shape (d,)."""
    products: np.ndarray
    """Sums of the products of two features' deviations from their means; shape (d, d)."""
    low: np.ndarray
    """Least value of each feature."""
    high: np.ndarray
    """Greatest value of each feature."""

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance of the features."""
        return self.products / (self.count - 1)


def merge_scatters(parts: Sequence[Scatter]) -> Scatter:
    """The scatter of the rows of all parts (Chan, Golub, LeVeque 1979)."""
    count, mean, products = parts[0].count, parts[0].mean, parts[0].products
    for part in parts[1:]:
        if part.count == 0:
            continue
        total = count + part.count
        with np.errstate(over="ignore", invalid="ignore"):
            delta = part.mean - mean
            products = products + part.products
            products += np.outer(delta, delta) * (count * part.count / total)
            mean = mean + delta * (part.count / total)
        count = total
    low, high = (np.stack([getattr(p, name) for p in parts]) for name in ("low", "high"))
    return Scatter(count, mean, products, low.min(axis=0), high.max(axis=0))


def _scatter(
    x: Array, weight: None, start: int, beside: None, *, check: bool, name: str
) -> Scatter:
    """Scatter of one chunk; weights, the number of the first row and books are not looked at."""
    d = x.shape[1]
    nothing = np.full(d, np.inf)
    parts = [Scatter(0, np.zeros(d), np.zeros((d, d)), nothing, -nothing)]
    for block in row_blocks(x, least=d):
        if check:
            check_rows(block, skipna=False, name=name)
        parts.append(_of_block(block))
    return merge_scatters(parts)


def _of_block(block: Array) -> Scatter:
    """About the block's first row, so that a constant has no variance at all."""
    xp = namespace(block)
    pilot = block[0, :]
    with np.errstate(over="ignore", invalid="ignore"):
        relative = block - pilot
        mean = xp.mean(relative, axis=0)
        relative = relative - mean
        products = xp.matmul(relative.T, relative)
    low, high = to_host(xp.min(block, axis=0)), to_host(xp.max(block, axis=0))
    mean = to_host(pilot) + to_host(mean)
    return Scatter(block.shape[0], mean, to_host(products), low, high)


scatter = Kernel("scatter", _scatter, result_on_host=True)
"""``scatter(x, weight, start, beside, *, check, name) -> Scatter``."""
