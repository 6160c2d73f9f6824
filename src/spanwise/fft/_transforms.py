"""The complex, real and Hermitian Fourier transforms of one, two and n axes."""

from __future__ import annotations

from typing import Any

from ._call import Order, transform, transform_line
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
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Discrete Fourier transform along one axis."""
    return transform_line(
        "fft",
        "fft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


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
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Inverse discrete Fourier transform along one axis."""
    return transform_line(
        "ifft",
        "ifft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


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
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Discrete Fourier transform of real data along one axis."""
    return transform_line(
        "rfft",
        "rfft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


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
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `rfft`: real data from the non-negative frequencies of one axis."""
    return transform_line(
        "irfft",
        "irfft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


@documented
def hfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Discrete Fourier transform of a Hermitian signal along one axis: a real spectrum."""
    return transform_line(
        "hfft",
        "hfft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


@documented
def ihfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    order: Order = "natural",
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `hfft`: half a Hermitian signal from the real spectrum of one axis."""
    return transform_line(
        "ihfft",
        "ihfft",
        x,
        n,
        axis,
        norm,
        workers,
        plan=plan,
        order=order,
        chunks=output_chunks,
    )


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
    output_chunks: Any = "auto",
) -> Any:
    """Two-dimensional discrete Fourier transform."""
    return transform("fft2", "fft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """Inverse two-dimensional discrete Fourier transform."""
    return transform("ifft2", "ifft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """Two-dimensional discrete Fourier transform of real data."""
    return transform("rfft2", "rfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `rfft2`: real data from half a two-dimensional spectrum."""
    return transform("irfft2", "irfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


@documented
def hfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    output_chunks: Any = "auto",
) -> Any:
    """Two-dimensional discrete Fourier transform of a Hermitian signal: a real spectrum."""
    return transform("hfft2", "hfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


@documented
def ihfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `hfft2`: half a Hermitian signal from a real two-dimensional spectrum."""
    return transform("ihfft2", "ihfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """N-dimensional discrete Fourier transform."""
    return transform("fftn", "fft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """Inverse N-dimensional discrete Fourier transform."""
    return transform("ifftn", "ifft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """N-dimensional discrete Fourier transform of real data."""
    return transform("rfftn", "rfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


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
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `rfftn`: real data from half an N-dimensional spectrum."""
    return transform("irfftn", "irfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


@documented
def hfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    output_chunks: Any = "auto",
) -> Any:
    """N-dimensional discrete Fourier transform of a Hermitian signal: a real spectrum."""
    return transform("hfftn", "hfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)


@documented
def ihfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse of `hfftn`: half a Hermitian signal from a real N-dimensional spectrum."""
    return transform("ihfftn", "ihfft", x, s, axes, norm, workers, plan=plan, chunks=output_chunks)
