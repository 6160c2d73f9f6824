"""Features of a block of rows: their weights, and which of them are missing."""

from __future__ import annotations

from typing import Any

from .kernel import Kernel
from .library import Array, like, namespace
from .memory import each_row
from .transfer import to_host


def _weigh(x: Array, factors: Any) -> Array:
    xp = namespace(x)
    dtype = xp.float32 if x.dtype == xp.float32 else xp.float64
    beside = xp.astype(like(to_host(factors), x), dtype)
    return xp.where(beside == 0, xp.zeros_like(beside), xp.astype(x, dtype) * beside)


weigh = Kernel("weigh", _weigh, workspace=lambda x, out: out, free_axes=each_row)
"""``weigh(x, factors)``: each feature times its factor; 0 where that is 0, whatever the feature."""


def _count_missing(x: Array) -> Array:
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        return xp.zeros_like(x[:1, :], dtype=xp.int64)
    return xp.sum(xp.astype(xp.isnan(x), xp.int64), axis=0, keepdims=True)


count_missing = Kernel("missing", _count_missing, workspace=lambda x, out: x)
"""``count_missing(x)``: how many values of each feature are NaN, shape (1, d)."""
