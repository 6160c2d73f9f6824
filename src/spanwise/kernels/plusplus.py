"""Draws of plain k-means++: rows in proportion to their squared distance from the centres so far.

D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007. Distances
come from ``(x - c)^2``, so that a row which is a centre has no chance at all.
"""

from __future__ import annotations

import numpy as np

from .kernel import Kernel
from .library import Array, like, namespace
from .rows import row_blocks
from .transfer import to_host


def closest_squares(x: Array, centers: np.ndarray) -> Array:
    """Squared distance of each row to the nearest centre, float64, in the library of the rows."""
    xp = namespace(x)
    here = like(np.asarray(centers, np.float64), x)
    out = [_of_block(block, here) for block in row_blocks(x)]
    if not out:
        return xp.astype(x[:, 0], xp.float64)
    return xp.concat(out) if len(out) > 1 else out[0]


def _of_block(block: Array, centers: Array) -> Array:
    xp = namespace(block)
    columns = block.T
    if isinstance(columns, np.ndarray):
        columns = np.ascontiguousarray(columns)  # long rows are summed fast
    best = None
    for j in range(centers.shape[0]):
        difference = columns - centers[j, :][:, None]
        squares = xp.sum(difference * difference, axis=0)
        best = squares if best is None else xp.minimum(best, squares)
    return best


def first_beyond(masses: Array, target: float) -> int:
    """Number of the first row at which the masses so far add up to ``target``."""
    xp = namespace(masses)
    ends = xp.cumulative_sum(masses)
    found = xp.searchsorted(ends, like(np.asarray([target]), masses))
    return min(int(found[0]), masses.shape[0] - 1)  # rounding may leave the target beyond the end


def row_at(x: Array, number: int) -> np.ndarray:
    """One row, float64, on the host."""
    return to_host(x[number, :]).astype(np.float64)


def _masses(x: Array, weight: None, start: int, centers: np.ndarray) -> np.ndarray:
    """Sum of the squared distances of one chunk, as an array of one element."""
    squares = closest_squares(x, centers)
    return np.asarray([float(namespace(squares).sum(squares))])


def _draw(x: Array, weight: None, start: int, centers: np.ndarray, *, target: float) -> np.ndarray:
    """The row of one chunk at which the squared distances so far add up to ``target``."""
    return row_at(x, first_beyond(closest_squares(x, centers), target))


plusplus_masses = Kernel("plusplus-masses", _masses, result_on_host=True)
"""``plusplus_masses(x, weight, start, centers) -> (1,)``."""

plusplus_draw = Kernel("plusplus-draw", _draw, result_on_host=True)
"""``plusplus_draw(x, weight, start, centers, *, target) -> (d,)``."""
