"""Fourier transforms by dimension: what happens to data and labels, in one pass.

Everything numeric is lazy on lazy data. Coordinates and attributes, which are small, are made at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .attrs import keeps_attrs
from .forward import forward
from .inverse import inverse
from .select import (
    Dims,
    check_labelled,
    choose_dims,
    choose_lengths,
    drop_extra,
    over_variables,
)
from .treatment import Treatment


def transform(
    name: str,
    obj: Any,
    dim: Dims,
    *,
    n: Any = None,
    real_dim: str | None = None,
    half: bool = False,
    count: int | None = None,
    is_inverse: bool = False,
    **treatment: Any,
) -> Any:
    """Transform a DataArray, or each variable of a Dataset.

    Parameters
    ----------
    name : str
        Public name.
    obj, dim, n
        As the user gave them.
    real_dim : str, optional
        Dimension that is real on one side and half a spectrum on the other.
    half : bool
        Whether the last dimension is that.
    count : int, optional
        Number of dimensions that there must be.
    is_inverse : bool
        Whether the spectrum is given.
    **treatment
        Fields of `Treatment`.
    """
    import xarray as xr

    check_labelled(obj, f"fft.{name}")
    how = Treatment(**treatment)
    dims = choose_dims(obj, real_dim if dim is None and real_dim is not None else dim)
    if real_dim is not None:
        (real_dim,) = choose_dims(obj, real_dim)
        dims = (*(d for d in dims if d != real_dim), real_dim)
    if count is not None and len(dims) != count:
        raise ArgumentError(f"dim={dim!r}: expected {count} dimensions, e.g. dim=('y', 'x')")
    lengths = choose_lengths(n, dims)
    half_dim = dims[-1] if half else real_dim
    _check_windows(how, dims)
    how = replace(how, lag=_lags(how.lag, dims))
    obj = drop_extra(obj, dims)
    one = inverse if is_inverse else forward

    def run(da: Any, own: tuple[str, ...]) -> Any:
        return one(da, own, lengths, half_dim, how)

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, run, keep_attrs=keeps_attrs(how.keep_attrs))
    return run(obj, dims)


def _lags(lag: Any, dims: tuple[str, ...]) -> Any:
    """The coordinate of the central sample: one for all dimensions, or by dimension."""
    if lag is None or (np.ndim(lag) == 0 and not isinstance(lag, Mapping)):
        return lag
    if not isinstance(lag, Mapping):
        values = list(lag)
        if len(values) != len(dims):
            raise ArgumentError(f"lag={lag!r}: expected a number, or one for each of {dims}")
        lag = dict(zip(dims, values, strict=True))
    other = [d for d in lag if d not in dims]
    if other:
        raise ArgumentError(f"lag={lag!r}: {other[0]!r} is not transformed; {dims=}")
    return lag


def _check_windows(how: Treatment, dims: tuple[str, ...]) -> None:
    """Refuse windows of dimensions that are not transformed."""
    if isinstance(how.window, Mapping):
        other = [d for d in how.window if d not in dims]
        if other:
            raise ArgumentError(f"window={how.window!r}: {other[0]!r} is not transformed; {dims=}")
