"""The cosine and sine transforms of one and of n axes."""

from __future__ import annotations

from numbers import Number
from types import NoneType
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArgumentTypeError
from ..graph.arguments import integer
from ._call import Check, Options, transform, transform_line
from ._docs import documented


@documented
def dct(
    x: Any,
    /,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Discrete cosine transform along one axis."""
    options, check = _variant("dct", type, orthogonalize)
    return transform_line(
        "dct",
        "dct",
        x,
        n,
        axis,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def idct(
    x: Any,
    /,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse discrete cosine transform along one axis."""
    options, check = _variant("idct", type, orthogonalize)
    return transform_line(
        "idct",
        "idct",
        x,
        n,
        axis,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def dst(
    x: Any,
    /,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Discrete sine transform along one axis."""
    options, check = _variant("dst", type, orthogonalize)
    return transform_line(
        "dst",
        "dst",
        x,
        n,
        axis,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def idst(
    x: Any,
    /,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse discrete sine transform along one axis."""
    options, check = _variant("idst", type, orthogonalize)
    return transform_line(
        "idst",
        "idst",
        x,
        n,
        axis,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def dctn(
    x: Any,
    /,
    type: int = 2,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
    output_chunks: Any = "auto",
) -> Any:
    """Discrete cosine transform along several axes."""
    options, check = _variant("dct", type, orthogonalize)
    return transform(
        "dctn",
        "dct",
        x,
        s,
        axes,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def idctn(
    x: Any,
    /,
    type: int = 2,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse discrete cosine transform along several axes."""
    options, check = _variant("idct", type, orthogonalize)
    return transform(
        "idctn",
        "idct",
        x,
        s,
        axes,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def dstn(
    x: Any,
    /,
    type: int = 2,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Discrete sine transform along several axes."""
    options, check = _variant("dst", type, orthogonalize)
    return transform(
        "dstn",
        "dst",
        x,
        s,
        axes,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


@documented
def idstn(
    x: Any,
    /,
    type: int = 2,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    orthogonalize: bool | None = None,
    *,
    output_chunks: Any = "auto",
) -> Any:
    """Inverse discrete sine transform along several axes."""
    options, check = _variant("idst", type, orthogonalize)
    return transform(
        "idstn",
        "idst",
        x,
        s,
        axes,
        norm,
        workers,
        options=options,
        check=check,
        chunks=output_chunks,
    )


def _variant(kind: str, type: Any, orthogonalize: Any) -> tuple[Options, Check]:
    """The type as the kernel's keywords, and as a check of what there is to transform."""
    if not isinstance(orthogonalize, (Number, np.bool_, NoneType)):
        raise ArgumentTypeError(f"orthogonalize={orthogonalize!r}: expected True, False or None")
    number = integer(type, "type")
    options = (
        ("type", number),
        ("orthogonalize", None if orthogonalize is None else bool(orthogonalize)),
    )

    def check(shape: tuple[int, ...], axes: tuple[int, ...], lengths: tuple[int, ...]) -> None:
        if number not in (1, 2, 3, 4):
            raise ArgumentError(
                f"type={type!r}: invalid {kind[-3:].upper()} type; expected 1, 2, 3 or 4"
            )
        is_empty = any(n == 0 for a, n in enumerate(shape) if a not in axes)
        if number == 1 and kind.endswith("dct") and min(lengths) < 2 and not is_empty:
            raise ArgumentError(
                f"type=1 of one point: a cosine transform of type 1 on axes {axes} of an array of "
                f"shape {shape} needs at least 2 points; give them in n= or s=, or take type 2"
            )

    return options, check
