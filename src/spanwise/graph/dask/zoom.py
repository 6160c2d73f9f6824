"""A planned band of frequencies as a graph."""

from __future__ import annotations

import functools

import dask.array as da

from ...kernels.zoom import zoom as zoom_kernel
from ..grid import edges
from ..zoom import ZoomPlan
from .exchange import exchange
from .layers import map_kernel
from .reduce import sum_axis


def lower_zoom(x: da.Array, how: ZoomPlan, *, store_root: str | None = None) -> da.Array:
    """The graph of a planned band."""
    plan, axis = how.plan, how.axis
    steps = list(plan.steps)
    if how.exchange is not None:
        x = exchange(x, how.exchange, step=steps.pop(0), plan=plan, store_root=store_root)
    step = steps.pop(0)
    chunks = list(plan.result.chunks)
    chunks[axis] = (how.band.points,) * x.numblocks[axis]
    function = functools.partial(zoom_kernel, axis=axis, band=how.band)
    firsts = edges(x.chunks[axis])[:-1]
    y = map_kernel(
        x,
        function,
        step=step,
        plan=plan,
        dtype=step.dtype,
        chunks=tuple(chunks),
        numbers=((axis, firsts),),
    )
    return sum_axis(y, axis, step=steps.pop(0), plan=plan) if steps else y
