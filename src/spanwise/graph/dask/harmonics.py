"""Planned sums of waves as graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da

from ..grid import edges
from ..harmonics import HarmonicsPlan
from .layers import map_kernel
from .reduce import sum_axis


def lower_harmonics(
    x: da.Array, how: HarmonicsPlan, axis: int, sums: Callable[..., Any], finish: Any
) -> da.Array:
    """The graph of ``sums`` of each chunk, added in a tree, and ``finish`` behind it."""
    plan, steps = how.plan, list(how.plan.steps)
    y = map_kernel(
        x,
        sums,
        step=steps.pop(0),
        plan=plan,
        dtype=how.parts.dtype,
        chunks=how.parts.chunks,
        numbers=((axis, edges(x.chunks[axis])[:-1]),),
    )
    if len(steps) > 1:
        y = sum_axis(y, axis, step=steps.pop(0), plan=plan)
    (step,) = steps
    result = plan.result
    return map_kernel(y, finish, step=step, plan=plan, dtype=result.dtype, chunks=result.chunks)
