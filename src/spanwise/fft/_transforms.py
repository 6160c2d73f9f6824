"""The complex and real transforms of one, two and n axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArrayTypeError, UnsupportedError
from ..graph.arguments import (
    check_norm,
    check_workers,
    integer,
    resolve_axes,
    resolve_lengths,
)
from ..kernels.fft import fft as _kernel
from ..kernels.library import namespace
from ._docs import documented


@documented
def fft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Discrete Fourier transform along one axis."""
    return _transform("fft", "fft", x, _length(n), (axis,), norm, workers, plan)


@documented
def ifft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse discrete Fourier transform along one axis."""
    return _transform("ifft", "ifft", x, _length(n), (axis,), norm, workers, plan)


@documented
def rfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Discrete Fourier transform of real data along one axis."""
    return _transform("rfft", "rfft", x, _length(n), (axis,), norm, workers, plan)


@documented
def irfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfft`: real data from the non-negative frequencies of one axis."""
    return _transform("irfft", "irfft", x, _length(n), (axis,), norm, workers, plan)


@documented
def fft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Two-dimensional discrete Fourier transform."""
    return _transform("fft2", "fft", x, s, axes, norm, workers, plan)


@documented
def ifft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse two-dimensional discrete Fourier transform."""
    return _transform("ifft2", "ifft", x, s, axes, norm, workers, plan)


@documented
def rfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Two-dimensional discrete Fourier transform of real data."""
    return _transform("rfft2", "rfft", x, s, axes, norm, workers, plan)


@documented
def irfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfft2`: real data from half a two-dimensional spectrum."""
    return _transform("irfft2", "irfft", x, s, axes, norm, workers, plan)


@documented
def fftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """N-dimensional discrete Fourier transform."""
    return _transform("fftn", "fft", x, s, axes, norm, workers, plan)


@documented
def ifftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse N-dimensional discrete Fourier transform."""
    return _transform("ifftn", "ifft", x, s, axes, norm, workers, plan)


@documented
def rfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """N-dimensional discrete Fourier transform of real data."""
    return _transform("rfftn", "rfft", x, s, axes, norm, workers, plan)


@documented
def irfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfftn`: real data from half an N-dimensional spectrum."""
    return _transform("irfftn", "irfft", x, s, axes, norm, workers, plan)


def _length(n: int | None) -> tuple[int] | None:
    if n is None:
        return None
    points = integer(n, "n")
    if points < 1:
        raise ArgumentError(f"n={n}: invalid number of data points; expected at least 1")
    return (points,)


def _transform(
    name: str, kind: str, x: Any, s: Any, axes: Any, norm: str | None, workers: Any, plan: Any
) -> Any:
    """Check the arguments as SciPy does, then run the kernel or plan the graph."""
    if plan is not None:
        raise UnsupportedError(
            f"plan={plan!r}: a precomputed plan is not supported, as in scipy.fft"
        )
    x = dispatch.accept(x, function=f"fft.{name}", accessor=f"spanwise.fft.{name}")
    check_norm(norm)
    check_workers(workers)
    if kind == "rfft" and _is_complex(x):
        raise ArrayTypeError(
            f"x must be a real sequence, but has dtype {x.dtype}; {name} takes real data. "
            f"Use {name.removeprefix('r')}, or x.real"
        )
    axes, wanted = resolve_axes(x.shape, s, axes)
    if not axes:
        if kind in ("rfft", "irfft"):
            raise ArgumentError(f"axes={axes!r}: at least 1 axis must be transformed")
        return x
    return dispatch.apply(
        x,
        concrete=lambda block: _kernel(
            block,
            kind=kind,
            axes=axes,
            lengths=resolve_lengths(block.shape, axes, wanted, kind=kind),
            norm=norm,
            workers=workers,
        ),
        chunked=lambda array: _chunked(name, kind, array, axes, wanted, norm),
    )


def _is_complex(x: Any) -> bool:
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")


def _chunked(
    name: str,
    kind: str,
    x: Any,
    axes: tuple[int, ...],
    wanted: tuple[int | None, ...],
    norm: str | None,
) -> Any:
    from ..graph.dask import lower_fft, spec_of
    from ..graph.fft import plan_fft

    spec = spec_of(x)
    how = plan_fft(
        spec,
        kind=kind,
        axes=axes,
        lengths=resolve_lengths(spec.shape, axes, wanted, kind=kind),
        norm=norm,
        machine=options.machine(),
        operation=name,
    )
    return lower_fft(x, how, store_root=options.get_options()["temporary_store"])
