"""What every transform does with a call: SciPy's checks, then a kernel or a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import dispatch, options, rates
from ..errors import ArgumentError, ArrayTypeError, UnsupportedError
from ..graph.arguments import (
    check_norm,
    check_workers,
    resolve_axes,
    resolve_lengths,
    resolve_points,
)
from ..kernels.fft import fft as fft_kernel
from ..kernels.library import namespace
from ..kernels.transforms import TRANSFORMS
from ..rates import Rates

if TYPE_CHECKING:
    from ..graph.fft import FFTPlan

_REAL_INPUT = {"rfft": "fft", "ihfft": "ifft"}
"""Transforms that take real data, and those to use for complex data."""

Order = Literal["natural", "decimated"]
"""Order of the points of an axis whose transform takes four steps."""


def check_order(order: Any) -> None:
    """Refuse an order that no transform has."""
    if order not in ("natural", "decimated"):
        raise ArgumentError(f"order={order!r}: expected 'natural' or 'decimated'")


Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Chunking:
    """What a caller says of the order and the chunks of a lazy result."""

    order: Order
    """Order of the points of an axis whose transform takes four steps."""
    output_chunks: Any
    """``"auto"``, ``"restore"``, or chunks as Dask takes them."""

    def __post_init__(self) -> None:
        check_order(self.order)
        if isinstance(self.output_chunks, str) and self.output_chunks not in ("auto", "restore"):
            raise ArgumentError(
                f"output_chunks={self.output_chunks!r}: expected 'auto', 'restore' (those of the "
                "input) or chunks, e.g. (100, -1)"
            )
        if self.order == "decimated" and self.output_chunks != "auto":
            raise ArgumentError(
                f"order='decimated' and output_chunks={self.output_chunks!r}: the chunks are what "
                "decimated order is about; leave output_chunks out"
            )

    def of_result(
        self,
        chunks: tuple[tuple[int, ...], ...],
        kind: str,
        axes: tuple[int, ...],
        points: tuple[int, ...],
    ) -> tuple[tuple[int, ...], ...] | None:
        """Chunks that the result shall have; None if the plan may choose."""
        if isinstance(self.output_chunks, str) and self.output_chunks == "auto":
            return None
        from dask.array.core import normalize_chunks

        shape = [sum(c) for c in chunks]
        for axis, n in zip(axes, points, strict=True):
            shape[axis] = n
        if TRANSFORMS[kind].half == "out":
            shape[axes[-1]] = points[-1] // 2 + 1
        wanted = self.output_chunks
        if wanted == "restore":
            wanted = tuple(
                c if sum(c) == length else max(c) if len(c) > 1 else -1
                for c, length in zip(chunks, shape, strict=True)
            )
        try:
            return normalize_chunks(wanted, shape=tuple(shape))
        except (ValueError, TypeError) as error:
            raise ArgumentError(
                f"output_chunks={wanted!r}: no chunks of the shape {tuple(shape)}: {error}"
            ) from error


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
    order: Order = "natural",
    chunks: Any = "auto",
) -> Any:
    """Call a transform of one axis."""
    _refuse_plan(plan)
    chunking = Chunking(order, chunks)
    return _call(name, kind, x, n, (axis,), norm, workers, options, check, chunking, one_axis=True)


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
    chunks: Any = "auto",
) -> Any:
    """Call a transform of several axes."""
    _refuse_plan(plan)
    chunking = Chunking("natural", chunks)
    return _call(name, kind, x, s, axes, norm, workers, options, check, chunking, one_axis=False)


def is_complex(x: Any) -> bool:
    """Whether an array of any library, or of any chunks, is complex."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")


def plan_line(x: Any, kind: str, n: int, axis: int) -> FFTPlan:
    """Plan a transform of one axis of a Dask array that is to go back again.

    An axis that takes four steps is left (or taken) in rows: chunk k holds every P-th point from k
    on, of all n, and of a real signal there are only the chunks 0 ... P/2.
    """
    from ..graph.dask import spec_of
    from ..graph.fft import plan_fft

    machine = options.machine()
    return plan_fft(
        spec_of(x),
        kind=kind,
        axes=(axis,),
        lengths=(n,),
        norm=None,
        machine=machine,
        operation=kind,
        options=engine_of(kind, x, machine.rates),
        order="rows",
    )


def lower(x: Any, how: FFTPlan) -> Any:
    """The graph of a plan."""
    from ..graph.dask import lower_fft

    return lower_fft(x, how, store_root=options.get_options()["temporary_store"])


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
    chunking: Chunking,
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
    s = resolve_points(s, kind=kind) if one_axis else s
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
            **dict((*kernel_options, *_engine_here(kind, block))),
        ),
        chunked=lambda array: _chunked(
            name, kind, array, chosen, lengths, norm, kernel_options, chunking
        ),
    )


def _engine_here(kind: str, block: Any) -> Options:
    """What transforms a block at once; what was measured is looked up for NumPy's alone."""
    return engine_of(kind, block, rates.load()) if isinstance(block, np.ndarray) else ()


def engine_of(kind: str, x: Any, measured: Rates | None) -> Options:
    """What transforms NumPy blocks, where it is not SciPy."""
    if TRANSFORMS[kind].kernel is not fft_kernel or not isinstance(x.dtype, np.dtype):
        return ()
    engine = options.fft_engine(TRANSFORMS[kind].result_dtype(x.dtype), measured)
    return () if engine == "scipy" else (("engine", engine),)


def _chunked(
    name: str,
    kind: str,
    x: Any,
    axes: tuple[int, ...],
    lengths: Callable[[tuple[int, ...]], tuple[int, ...]],
    norm: str | None,
    kernel_options: Options,
    chunking: Chunking,
) -> Any:
    from ..graph.dask import spec_of
    from ..graph.fft import plan_fft

    spec = spec_of(x)
    points = lengths(spec.shape)
    machine = options.machine()
    how = plan_fft(
        spec,
        kind=kind,
        axes=axes,
        lengths=points,
        norm=norm,
        machine=machine,
        operation=name,
        options=(*kernel_options, *engine_of(kind, x, machine.rates)),
        order=chunking.order,
        output_chunks=chunking.of_result(spec.chunks, kind, axes, points),
    )
    return lower(x, how)
