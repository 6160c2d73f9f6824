"""A planned filling of gaps as a graph."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools

import dask.array as da
from dask.graph_manipulation import clone

from ...kernels.gaps import fill_between, gap_ends
from ..grid import edges
from ..missing import Carry, FillPlan
from ..plan import Plan, Step
from .fft import lower_stage
from .layers import map_kernel, name_of


def lower_fill(x: da.Array, how: FillPlan, *, store_root: str | None = None) -> da.Array:
    """The graph of a plan."""
    for part, steps in how.parts:
        if isinstance(part, Carry):
            x = _carry(x, part, steps, how.plan, store_root)
        else:
            x = lower_stage(x, part, steps[0], how.plan, store_root)
    return x


def _carry(
    x: da.Array, how: Carry, steps: tuple[Step, ...], plan: Plan, store_root: str | None
) -> da.Array:
    """What the chunks tell, brought together, and the chunks filled.

    The second reading has tasks of its own: in one graph Dask would keep every chunk of the first
    until all have told.
    """
    first, between, last = steps
    axes = (how.axis,)
    starts = (how.axis, edges(x.chunks[how.axis])[:-1])
    ends = map_kernel(
        x,
        functools.partial(gap_ends, axes=axes),
        step=first,
        plan=plan,
        dtype=first.dtype,
        chunks=how.ends.source.chunks,
        numbers=(starts,),
    )
    ends = lower_stage(ends, how.ends, between, plan, store_root)
    again = clone(x, seed=name_of(last, ends.name))
    return map_kernel(
        again,
        functools.partial(fill_between, axes=axes),
        step=last,
        plan=plan,
        dtype=x.dtype,
        numbers=(starts, (how.axis, tuple(range(x.numblocks[how.axis])))),
        beside=(ends,),
    )
