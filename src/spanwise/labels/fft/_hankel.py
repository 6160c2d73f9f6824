"""The fast Hankel transform by dimension name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import fft as _fft
from ...errors import ArgumentError
from ..attrs import derived_attrs, keeps_attrs
from ..missing import Fill, check_fill, fill_missing, refuse_missing
from ..select import (
    Dims,
    check_labelled,
    choose_dims,
    drop_extra,
    new_name,
    on_dims,
    over_variables,
)
from ..units import base_unit, product


def fht(
    obj: Any,
    dim: Dims = None,
    *,
    mu: float,
    offset: float = 0.0,
    bias: float = 0.0,
    fill: Fill = None,
    prefix: str = "k_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fast Hankel transform along a dimension whose coordinate is even in the logarithm.

    ``A(k) = int_0^inf a(r) J_mu(k r) k dr``, with wave numbers k in radians per unit of r.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real data, on an array of any library or a Dask array cut along any dimension.
    dim : str, optional
        Dimension to transform, with a coordinate of positive, rising numbers. It may be left out
        where the data has one dimension only.
    mu : float
        Order of the Bessel function, of either sign.
    offset : float, default: 0.0
        Logarithm of ``kc rc``; see :func:`spanwise.fft.fhtoffset`.
    bias : float, default: 0.0
        Exponent of a power law, as of :func:`spanwise.fft.fht`.
    fill : "interp" or number, optional
        What takes the place of NaN, as in :func:`spanwise.labels.fft.fft`.
    prefix : str, default: "k_"
        Put before the name of the dimension for its wave numbers.
    spacing_tol : float, default: 1e-3
        Difference of steps of the logarithm, relative to their mean, up to which they are even.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        In the precision of the data (with a bias, double), with their units. The dimension is
        renamed and has the coordinate ``exp(offset) / r``, rising. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For a dimension that the data does not have, or a coordinate that is not positive and even
        in the logarithm.
    ArrayTypeError
        For anything but xarray objects, and for complex data.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along the dimension.
    MemoryBudgetError
        If no way of making the dimension whole fits the memory budget.

    Examples
    --------
    The function ``r exp(-r^2/2)`` is its own transform of order 0:

    >>> import numpy as np, xarray as xr, spanwise as sw
    >>> from spanwise.labels.fft import fht, ifht
    >>> r = np.logspace(-7, 1, 128)
    >>> da = xr.DataArray(r * np.exp(-(r**2) / 2), dims="r", coords={"r": r})
    >>> offset = sw.fft.fhtoffset(np.log(r[1] / r[0]), mu=0, initial=-6 * np.log(10))
    >>> y = fht(da, "r", mu=0, offset=offset)
    >>> bool(abs(y - y.k_r * np.exp(-(y.k_r**2) / 2)).max() < 1e-5)
    True
    >>> bool(abs(ifht(y, "k_r").values - da.values).max() < 1e-12)
    True
    """
    how = {"mu": mu, "offset": offset, "bias": bias}
    return _hankel("fht", obj, dim, how, fill, prefix, spacing_tol, keep_attrs)


def ifht(
    obj: Any,
    dim: Dims = None,
    *,
    mu: float | None = None,
    offset: float | None = None,
    bias: float | None = None,
    prefix: str = "k_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `fht`.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real data, on an array of any library or a Dask array cut along any dimension.
    dim : str, optional
        Dimension of wave numbers. It may be left out where the data has one dimension only.
    mu, offset, bias : float, optional
        As of `fht`. Default: as it recorded them; offset and bias else 0.
    prefix : str, default: "k_"
        Taken away from the name of the dimension.
    spacing_tol : float, default: 1e-3
        As of `fht`.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        As of `fht`; the coordinate is equal to the one transformed within rounding.

    Raises
    ------
    ArgumentError
        As `fht`, and without a recorded ``mu``.
    ArrayTypeError
        For anything but xarray objects, and for complex data.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along the dimension.
    MemoryBudgetError
        If no way of making the dimension whole fits the memory budget.

    Examples
    --------
    See `fht`.

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.fft import ifht
    >>> da = xr.DataArray([1.0, 3.0, 2.0], dims="k_r", coords={"k_r": [1.0, 2.0, 4.0]})
    >>> ifht(da, mu=0.5).r.values
    array([0.25, 0.5 , 1.  ])
    """
    how = {"mu": mu, "offset": offset, "bias": bias}
    return _hankel("ifht", obj, dim, how, None, prefix, spacing_tol, keep_attrs)


def _hankel(
    name: str,
    obj: Any,
    dim: Dims,
    how: Mapping[str, float | None],
    fill: Fill,
    prefix: str,
    spacing_tol: float,
    keep_attrs: bool | None,
) -> Any:
    import xarray as xr

    check_labelled(obj, f"fft.{name}")
    check_fill(fill)
    dims = choose_dims(obj, dim, count=1)
    obj = drop_extra(obj, dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        (d,) = own
        values, dln = _logarithmic(da, d, spacing_tol)
        used = _options(da.coords[d].attrs, how, d)
        filled = fill_missing(da, own, fill)
        turned = filled.transpose(..., d)
        x = getattr(_fft, name)(turned.data, dln, **used)
        x = refuse_missing(x, turned, (x.ndim - 1,), own, fills=name == "fht")
        x = turned.copy(data=x).transpose(*da.dims).data
        new = new_name(d, prefix, da)
        coordinate = _reciprocal(da.coords[d], new, values, used, record=name == "fht")
        return on_dims(da, x, {d: (new, coordinate)}, derived_attrs(da.attrs, keep_attrs))

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, dims)


def _options(attrs: Any, how: Mapping[str, float | None], dim: str) -> dict[str, float]:
    """The parameters as given, else as recorded."""
    used = {}
    for key, given in how.items():
        value = attrs.get(key, None if key == "mu" else 0.0) if given is None else given
        if value is None:
            raise ArgumentError(
                f"mu=None: the coordinate of {dim!r} records no order; give that of the transform"
            )
        used[key] = float(value)
    return used


def _logarithmic(da: Any, dim: str, spacing_tol: float) -> tuple[np.ndarray, float]:
    """The coordinate and the mean step of its logarithm."""
    values = da.coords[dim].values if dim in da.coords else np.zeros(0)
    is_positive = values.dtype.kind in "iuf" and values.size > 1 and bool(np.all(values > 0))
    steps = np.diff(np.log(values.astype(float))) if is_positive else np.zeros(1)
    mean = float(steps.mean())
    if not mean > 0 or bool(np.any(np.abs(steps - mean) > spacing_tol * mean)):
        raise ArgumentError(
            f"dim={dim!r}: a Hankel transform needs a coordinate of positive, rising numbers that "
            f"are even in the logarithm within spacing_tol={spacing_tol:g}, e.g. np.logspace(...)"
        )
    return values.astype(float), mean


def _reciprocal(
    coordinate: Any, name: str, values: np.ndarray, used: dict[str, float], *, record: bool
) -> Any:
    """The coordinate exp(offset) / r, rising."""
    import xarray as xr

    label = coordinate.attrs.get("long_name", coordinate.name)
    attrs: dict[str, Any] = {"long_name": f"wave number along {label}"} if record else {}
    units = product((base_unit(coordinate.attrs.get("units")), -1))
    if units is not None:
        attrs["units"] = units
    if record:
        attrs |= used
    return xr.Variable(name, np.exp(used["offset"]) / values[::-1], attrs)
