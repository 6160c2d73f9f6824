"""A planned detrending of cut axes as a graph."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools

import dask.array as da
from dask.graph_manipulation import clone

from ...kernels.detrend import remove_trend, trend_sums
from ..detrend import DetrendPlan
from ..grid import edges
from .layers import map_kernel, name_of
from .reduce import sum_axis


def lower_detrend(
    x: da.Array, how: DetrendPlan, *, type: str, breaks: tuple[int, ...] = ()
) -> tuple[da.Array, da.Array]:
    """The chunks less their trend, and the sums that it follows from, added in a tree.

    The second reading has tasks of its own: in one graph Dask would keep every chunk of the first
    until the sums are known.
    """
    plan = how.plan
    first, *trees, last = plan.steps
    params = {
        "axes": how.axes,
        "lengths": tuple(x.shape[a] for a in how.axes),
        "type": type,
        "breaks": breaks,
    }
    numbers = tuple((a, edges(x.chunks[a])[:-1]) for a in how.axes)
    sums = map_kernel(
        x,
        functools.partial(trend_sums, **params),
        step=first,
        plan=plan,
        dtype=first.dtype,
        chunks=how.shares.chunks,
        numbers=numbers,
    )
    for axis, step in zip(how.cut, trees, strict=True):
        sums = sum_axis(sums, axis, step=step, plan=plan)
    again = clone(x, seed=name_of(last, sums.name))
    flat = map_kernel(
        again,
        functools.partial(remove_trend, **params),
        step=last,
        plan=plan,
        dtype=last.dtype,
        numbers=numbers,
        beside=(sums,),
    )
    return flat, sums
