"""Two arrays that are worked on together along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dispatch
from ..errors import ArgumentError
from ..graph.arguments import normal_axis
from ..kernels.library import namespace
from ._cross import accepted_pair
from ._segments import (
    eager,
)


def nothing(x: Any, y: Any, axis: int) -> tuple[Any, Any]:
    """What SciPy gives for no data: two empty arrays of the shape that they would have."""
    shape = list(np.broadcast_shapes(*(_without(v.shape, axis) for v in (x, y))))
    shape.insert(axis, min(x.shape[axis], y.shape[axis]))
    empty = np.empty(shape)
    if dispatch.kind_of(x) == "concrete":
        return eager(empty, x), eager(empty, x)
    import dask.array as da

    lazy: Any = da.from_array(eager(empty, x), asarray=False)
    return eager(empty, x), lazy


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def pair_of(x: Any, y: Any, axis: int, function: str) -> tuple[Any, Any, int]:
    """Two arrays of as many axes, of one library, in chunks that go together; and the axis."""
    x, y = accepted_pair(x, y, function)
    found = normal_axis(axis, max(x.ndim, y.ndim))
    x, y = (_with_axes(v, axis, found, max(x.ndim, y.ndim)) for v in (x, y))
    try:
        np.broadcast_shapes(_without(x.shape, found), _without(y.shape, found))
    except ValueError:
        raise ArgumentError(
            f"x and y cannot be broadcast together: their shapes are {x.shape} and {y.shape}, and "
            f"axis {found} is that of the samples"
        ) from None
    if dispatch.kind_of(x) == "chunked":
        y = _in_chunks_of(x, y, found)
    return x, y, found


def _with_axes(x: Any, axis: int, found: int, ndim: int) -> Any:
    """An array with the samples on an axis and others of length one in front of its own."""
    own = normal_axis(axis, x.ndim)
    missing = ndim - x.ndim
    if not missing:
        return x
    x = x[(None,) * missing]
    order = [a for a in range(ndim) if a != own + missing]
    order.insert(found, own + missing)
    if dispatch.kind_of(x) == "chunked":
        return x.transpose(order)
    return namespace(x).permute_dims(x, tuple(order))


def _in_chunks_of(x: Any, y: Any, axis: int) -> Any:
    """A Dask array in the chunks of another, but for the axis of the samples if both are cut."""
    alike = [a for a in range(x.ndim) if x.shape[a] == y.shape[a]]
    return y.rechunk({a: x.chunks[a] for a in alike if a != axis or y.numblocks[a] == 1})


def lengthened(x: Any, axis: int, length: int) -> Any:
    """An array continued by zeros."""
    missing = length - x.shape[axis]
    if not missing:
        return x
    shape = (*x.shape[:axis], missing, *x.shape[axis + 1 :])
    if dispatch.kind_of(x) == "concrete":
        xp = namespace(x)
        return xp.concat([x, eager(np.zeros(shape, str(x.dtype).split(".")[-1]), x)], axis=axis)
    import dask.array as da

    return da.concatenate([x, da.zeros_like(x, shape=shape)], axis=axis)
