"""What tests of the engines of k-means share: books of centres, and passes that must be equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.exact import grid_of
from ..kernels.lloyd import Books
from ..kernels.lloyd_pass import Pass

_FAR = ("distances", "index", "rows", "labels", "weights")
_DRAWS = ("rows", "weights")


def books_of(
    x: np.ndarray, *centers: Any, weight: float | None = None, rows: int | None = None
) -> Books:
    """Books of centres about a point near the mean, with a grid for sums of finite rows.

    ``rows`` is how many there are in all, if ``x`` is a part of them.
    """
    dtype = np.dtype(np.float32 if x.dtype == np.float32 else np.float64)
    finite = np.where(np.isfinite(x), x, 0).astype(float)
    shift = finite.mean(axis=0).astype(dtype) if len(x) else np.zeros(x.shape[1], dtype)
    largest = np.abs(finite - shift).max(axis=0, initial=0)
    grid = grid_of(largest, rows or len(x), weight, fine=dtype == np.float64)
    return Books(shift, tuple(np.asarray(c, float) - shift for c in centers), grid)


def assert_same_pass(got: Pass, want: Pass) -> None:
    """Everything that a pass tells is equal, to the last bit."""
    for a, b in zip(got.runs, want.runs, strict=True):
        np.testing.assert_array_equal(a.totals, b.totals)
        np.testing.assert_array_equal(a.masses, b.masses)
        np.testing.assert_array_equal(a.squared.value, b.squared.value)
        np.testing.assert_array_equal(a.distance.value, b.distance.value)
        for part, names in (("far", _FAR), ("draws", _DRAWS)):
            for name in names:
                ours, theirs = (getattr(getattr(run, part), name) for run in (a, b))
                np.testing.assert_array_equal(ours, theirs)
