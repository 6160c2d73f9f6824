"""Cosine and sine transforms by dimension name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..missing import Fill
from ..select import Dims
from ..trigonometric import trigonometric
from ._docs_waves import documented_waves


@documented_waves
def dct(
    obj: Any,
    dim: Dims = None,
    *,
    type: int = 2,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Discrete cosine transform along one dimension or several."""
    return trigonometric("dct", **locals())


@documented_waves
def idct(
    obj: Any,
    dim: Dims = None,
    *,
    type: int | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    prefix: str = "freq_",
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse discrete cosine transform along one dimension or several."""
    return trigonometric("idct", **locals())


@documented_waves
def dctn(
    obj: Any,
    dim: Dims = ...,
    *,
    type: int = 2,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Discrete cosine transform along several dimensions, by default all."""
    return trigonometric("dctn", **locals())


@documented_waves
def idctn(
    obj: Any,
    dim: Dims = ...,
    *,
    type: int | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    prefix: str = "freq_",
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse discrete cosine transform along several dimensions, by default all."""
    return trigonometric("idctn", **locals())


@documented_waves
def dst(
    obj: Any,
    dim: Dims = None,
    *,
    type: int = 2,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Discrete sine transform along one dimension or several."""
    return trigonometric("dst", **locals())


@documented_waves
def idst(
    obj: Any,
    dim: Dims = None,
    *,
    type: int | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    prefix: str = "freq_",
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse discrete sine transform along one dimension or several."""
    return trigonometric("idst", **locals())


@documented_waves
def dstn(
    obj: Any,
    dim: Dims = ...,
    *,
    type: int = 2,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Discrete sine transform along several dimensions, by default all."""
    return trigonometric("dstn", **locals())


@documented_waves
def idstn(
    obj: Any,
    dim: Dims = ...,
    *,
    type: int | None = None,
    norm: str | None = None,
    orthogonalize: bool | None = None,
    prefix: str = "freq_",
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse discrete sine transform along several dimensions, by default all."""
    return trigonometric("idstn", **locals())
