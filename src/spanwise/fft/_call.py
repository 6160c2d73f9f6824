"""What every transform does with a call: SciPy's checks, then a kernel or a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArrayTypeError, UnsupportedError
from ..graph.arguments import (
    check_norm,
    check_workers,
    resolve_axes,
    resolve_lengths,
    resolve_points,
)
from ..kernels.library import namespace
from ..kernels.transforms import TRANSFORMS

_REAL_INPUT = {"rfft": "fft", "ihfft": "ifft"}
"""Transforms that take real data, and those to use for complex data."""

Options = tuple[tuple[str, Any], ...]
Check = Callable[[tuple[int, ...], tuple[int, ...], tuple[int, ...]], None]


def transform_line(
    name: str,
    kind: str,
    x: Any,
    n: int | None,
    axis: int,
    norm: str | None,
    workers: int | None,
    *,
    plan: Any = None,
    options: Options = (),
    check: Check | None = None,
) -> Any:
    """Call a transform of one axis."""
    _refuse_plan(plan)
    s = resolve_points(n, kind=kind)
    return _call(name, kind, x, s, (axis,), norm, workers, options, check, one_axis=True)


def transform(
    name: str,
    kind: str,
    x: Any,
    s: Any,
    axes: Any,
    norm: str | None,
    workers: int | None,
    *,
    plan: Any = None,
    options: Options = (),
    check: Check | None = None,
) -> Any:
    """Call a transform of several axes."""
    _refuse_plan(plan)
    return _call(name, kind, x, s, axes, norm, workers, options, check, one_axis=False)


def is_complex(x: Any) -> bool:
    """Whether an array of any library, or of any chunks, is complex."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")


def _refuse_plan(plan: Any) -> None:
    if plan is not None:
        raise UnsupportedError(
            f"plan={plan!r}: a precomputed plan is not supported, as in scipy.fft"
        )


def _call(
    name: str,
    kind: str,
    x: Any,
    s: Any,
    axes: Any,
    norm: str | None,
    workers: int | None,
    kernel_options: Options,
    check: Check | None,
    *,
    one_axis: bool,
) -> Any:
    x = dispatch.accept(x, function=f"fft.{name}", accessor=f"spanwise.fft.{name}")
    check_workers(workers)
    if kind in _REAL_INPUT and is_complex(x):
        raise ArrayTypeError(
            f"x must be a real sequence, but has dtype {x.dtype}; {name} takes real data. "
            f"Use {name.replace(kind, _REAL_INPUT[kind])}, or x.real"
        )
    chosen, wanted = resolve_axes(x.shape, s, axes)
    if not chosen:
        if TRANSFORMS[kind].half:
            raise ArgumentError(f"axes={axes!r}: at least 1 axis must be transformed")
        return x
    check_norm(norm)

    def lengths(shape: tuple[int, ...]) -> tuple[int, ...]:
        points = resolve_lengths(shape, chosen, wanted, kind=kind, one_axis=one_axis)
        if check is not None:
            check(shape, chosen, points)
        return points

    return dispatch.apply(
        x,
        concrete=lambda block: TRANSFORMS[kind].kernel(
            block,
            kind=kind,
            axes=chosen,
            lengths=lengths(block.shape),
            norm=norm,
            workers=workers,
            **dict(kernel_options),
        ),
        chunked=lambda array: _chunked(name, kind, array, chosen, lengths, norm, kernel_options),
    )


def _chunked(
    name: str,
    kind: str,
    x: Any,
    axes: tuple[int, ...],
    lengths: Callable[[tuple[int, ...]], tuple[int, ...]],
    norm: str | None,
    kernel_options: Options,
) -> Any:
    from ..graph.dask import lower_fft, spec_of
    from ..graph.fft import plan_fft

    spec = spec_of(x)
    how = plan_fft(
        spec,
        kind=kind,
        axes=axes,
        lengths=lengths(spec.shape),
        norm=norm,
        machine=options.machine(),
        operation=name,
        options=kernel_options,
    )
    return lower_fft(x, how, store_root=options.get_options()["temporary_store"])
