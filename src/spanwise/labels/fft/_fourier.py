"""Fourier transforms by dimension name: complex ones and those of real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..missing import Fill
from ..select import Dims
from ..transform import transform
from ._docs import documented


@documented
def fft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along one dimension or several."""
    return transform("fft", **locals())


@documented
def rfft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data: the non-negative frequencies of the last dimension."""
    return transform("rfft", **locals(), half=True)


@documented
def fft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along two dimensions."""
    return transform("fft2", **locals(), count=2)


@documented
def rfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data along two dimensions, of which the last is halved."""
    return transform("rfft2", **locals(), half=True, count=2)


@documented
def fftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along several dimensions, by default all."""
    return transform("fftn", **locals())


@documented
def rfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    detrend: Literal["constant", "linear"] | None = None,
    window: Any = None,
    window_correction: bool = False,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data along several dimensions, of which the last is halved."""
    return transform("rfftn", **locals(), half=True)


@documented
def ifft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along one dimension or several."""
    return transform("ifft", **locals(), is_inverse=True)


@documented
def irfft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfft`: real data from the non-negative frequencies of the last dimension."""
    return transform("irfft", **locals(), is_inverse=True, half=True)


@documented
def ifft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along two dimensions."""
    return transform("ifft2", **locals(), is_inverse=True, count=2)


@documented
def irfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfft2`: real data from a spectrum whose last dimension is halved."""
    return transform("irfft2", **locals(), is_inverse=True, half=True, count=2)


@documented
def ifftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    real_dim: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along several dimensions, by default all."""
    return transform("ifftn", **locals(), is_inverse=True)


@documented
def irfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Sequence[float | None] | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfftn`: real data from a spectrum whose last dimension is halved."""
    return transform("irfftn", **locals(), is_inverse=True, half=True)
