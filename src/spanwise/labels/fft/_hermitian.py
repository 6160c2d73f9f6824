"""Transforms of Hermitian signals, of which one half is given, by dimension name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..missing import Fill
from ..select import Dims
from ..transform import transform
from ._docs_hermitian import documented_hermitian


@documented_hermitian
def hfft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_amplitude: bool = True,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of half a Hermitian signal along one dimension or several: real."""
    return transform("hfft", **locals(), true_phase=False, hermitian=True)


@documented_hermitian
def ihfft(
    obj: Any,
    dim: Dims = None,
    *,
    norm: str | None = None,
    true_amplitude: bool | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `hfft`: half a Hermitian signal from a real spectrum."""
    return transform("ihfft", **locals(), is_inverse=True, true_phase=False, hermitian=True)


@documented_hermitian
def hfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_amplitude: bool = True,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of half a Hermitian signal along two dimensions: real."""
    return transform("hfft2", **locals(), true_phase=False, hermitian=True, count=2)


@documented_hermitian
def ihfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    norm: str | None = None,
    true_amplitude: bool | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `hfft2`: half a Hermitian signal from a real spectrum."""
    return transform(
        "ihfft2", **locals(), is_inverse=True, true_phase=False, hermitian=True, count=2
    )


@documented_hermitian
def hfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_amplitude: bool = True,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of half a Hermitian signal along several dimensions: real."""
    return transform("hfftn", **locals(), true_phase=False, hermitian=True)


@documented_hermitian
def ihfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    norm: str | None = None,
    true_amplitude: bool | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `hfftn`: half a Hermitian signal from a real spectrum."""
    return transform("ihfftn", **locals(), is_inverse=True, true_phase=False, hermitian=True)
