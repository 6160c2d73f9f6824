"""What the functions of this package ask of their arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import dispatch, options, rates
from ..errors import ArgumentError
from ..fft._call import engine_of
from ..graph.arguments import resolve_axes
from ..kernels.library import namespace


def some_axes(x: Any, axes: int | Iterable[int]) -> tuple[int, ...]:
    """Distinct axes of the array, one at least, counted from the front."""
    chosen, _ = resolve_axes(x.shape, None, axes)
    if not chosen:
        raise ArgumentError("axes=(): name at least one axis")
    return chosen


def spacings(sampling: float | Iterable[float], count: int) -> tuple[float, ...]:
    """One positive spacing per axis."""
    values = np.asarray(sampling, dtype=float)
    if values.ndim == 0:
        values = np.full(count, float(values))
    if values.shape != (count,):
        raise ArgumentError(f"sampling={sampling!r}: expected one number, or {count}: one per axis")
    if not np.all((values > 0) & np.isfinite(values)):
        raise ArgumentError(f"sampling={sampling!r}: distances between samples must be positive")
    return tuple(values.tolist())


def is_whole(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether a block holds the whole of each of the axes."""
    return dispatch.kind_of(x) == "concrete" or all(len(x.chunks[a]) == 1 for a in axes)


def fft_engine(x: Any) -> dict[str, Any]:
    """Keyword of kernels that transform blocks: what does it, where it is not SciPy."""
    is_chunked = dispatch.kind_of(x) == "chunked"
    measured = options.machine().rates if is_chunked else rates.load()
    return dict(engine_of("fft", x, measured))


def is_complex(x: Any) -> bool:
    """Whether the elements are complex numbers."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")
