"""What the functions of `spanwise.cluster.vq` ask of their arguments."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np

from .. import dispatch
from ..errors import ArgumentError, NonFiniteError
from ..kernels.library import namespace
from ..kernels.transfer import to_host
from ._arguments import accept_real, float_dtype


def as_matrix(x: Any, name: str) -> Any:
    """Observations in rows, also where they have one feature."""
    if x.ndim not in (1, 2) or 0 in x.shape:
        raise ArgumentError(
            f"{name} has shape {tuple(x.shape)}; expected observations in rows, (n, d) or (n,), "
            "and at least one"
        )
    return x[:, None] if x.ndim == 1 else x


def as_double(x: Any) -> Any:
    """The array in double precision."""
    if dispatch.kind_of(x) == "chunked":
        return x.astype(np.float64)
    xp = namespace(x)
    return xp.astype(x, xp.float64)


def codes_given(obs: Any, codes: Any, name: str, check_finite: bool, *, of: str) -> np.ndarray:
    """Codes on the host, as rows with the features of ``obs``, whose name is ``of``."""
    codes = accept_real(codes, "vq.vq", name=name)
    codes = np.asarray(to_host(codes), float_dtype(codes))
    if codes.ndim != obs.ndim:
        raise ArgumentError(
            f"{of} has {obs.ndim} dimensions and {name} has {codes.ndim}; expected as many"
        )
    if codes.shape[1:] != tuple(obs.shape[1:]) or codes.size == 0:
        raise ArgumentError(
            f"{name} has shape {codes.shape}; expected a row for each code with the features of "
            f"{of}, which has shape {tuple(obs.shape)}"
        )
    if check_finite and not np.isfinite(codes).all():
        raise NonFiniteError(f"{name} holds NaN or infinity; every code must be finite")
    return codes.reshape(len(codes), -1)


def count_of(codes: Any, name: str, *, whole: bool = True) -> int | None:
    """The number of codes asked for, or None if codes are given.

    A number that is not ``whole`` raises, or is cut off with a warning.
    """
    values = np.asarray(to_host(codes) if hasattr(codes, "dtype") else codes)
    if values.size != 1:
        if values.size == 0:
            raise ArgumentError(f"{name}={codes!r}: expected at least 1 code")
        return None
    value = values.item()
    real = values.dtype.kind in "biuf"
    if not (real and 1 <= value < np.inf) or (whole and value != int(value)):
        raise ArgumentError(f"{name}={value!r}: a scalar is an integer number of at least 1 code")
    if value != int(value):
        warnings.warn("k was not an integer, was converted.", UserWarning, stacklevel=3)
    return int(value)


def check_choice(value: Any, name: str, choices: tuple[str, ...]) -> None:
    """Raise unless the value is one of the choices."""
    if not (isinstance(value, str) and value in choices):
        expected = ", ".join(f'"{choice}"' for choice in choices)
        raise ArgumentError(f"{name}={value!r}: expected one of {expected}")


def check_steps(value: Any) -> None:
    """Raise unless ``iter`` is a positive integer."""
    if not isinstance(value, numbers.Integral) or value < 1:
        raise ArgumentError(f"iter={value!r}: expected an integer of at least 1")


def in_memory(codes: Any) -> Any:
    """Codes out of a Dask array: only functions that compute anyway take them."""
    return codes.compute() if dispatch.kind_of(codes) == "chunked" else codes
