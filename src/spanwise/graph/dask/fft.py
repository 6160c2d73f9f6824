"""Planned Fourier transforms and shifts as graphs."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools

import dask.array as da

from ...kernels.blocks import roll as roll_kernel
from ...kernels.fft import fft as fft_kernel
from ..fft import FFTPlan, Local, ShiftPlan
from .exchange import exchange
from .layers import map_kernel


def lower_fft(x: da.Array, how: FFTPlan, *, store_root: str | None = None) -> da.Array:
    """The graph of a planned Fourier transform."""
    plan = how.plan
    for stage_plan, step in zip(how.stages, plan.steps, strict=True):
        if isinstance(stage_plan, Local):
            function = functools.partial(
                fft_kernel,
                kind=stage_plan.kind,
                axes=stage_plan.axes,
                lengths=stage_plan.lengths,
                norm=how.norm,
            )
            result = stage_plan.result
            x = map_kernel(
                x, function, step=step, plan=plan, dtype=result.dtype, chunks=result.chunks
            )
        else:
            x = exchange(x, stage_plan, step=step, plan=plan, store_root=store_root)
    return x


def lower_shift(x: da.Array, how: ShiftPlan) -> da.Array:
    """The graph of a planned roll."""
    (step,) = how.plan.steps
    if how.exchange is not None:
        return exchange(x, how.exchange, step=step, plan=how.plan)
    axes, shifts = zip(*how.shifts, strict=True) if how.shifts else ((), ())
    function = functools.partial(roll_kernel, shifts=shifts, axes=axes)
    return map_kernel(x, function, step=step, plan=how.plan, dtype=x.dtype) if axes else x
