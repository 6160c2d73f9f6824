"""Taking trends away by dimension name."""

from __future__ import annotations

from typing import Any, Literal

from ...errors import ArgumentError
from ...signal._detrend import detrend_axes
from ..attrs import keeps_attrs
from ..coords import read_axis
from ..select import Dims, check_labelled, choose_dims
from ._common import over

__all__ = ["detrend"]


def detrend(
    obj: Any,
    dim: Dims = None,
    type: Literal["linear", "constant"] = "linear",
    *,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Take a linear trend or the mean away over one dimension or several.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable loses its trend over those of the dimensions that it
        has; a variable that has none of them is kept as it is, one that is not numeric is dropped
        with a warning.
    dim : str, sequence of str or ..., optional
        Dimension of the trend, several, or ``...`` for all. It may be left out where the data has
        one dimension only.
    type : {"linear", "constant"}, default: "linear"
        The linear function of all of the dimensions that fits best by least squares, or the mean.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        As ``obj``, with its coordinates and chunks, in its precision (integers become double).
        Missing values make all of their line missing. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, another type, and coordinates that are uneven
        beyond ``spacing_tol``, in which a linear function of the samples is none.
    ArrayTypeError
        For anything but xarray objects.

    Notes
    -----
    One task per chunk where the dimensions are whole; along cut ones the data are read twice, see
    :func:`spanwise.signal.detrend`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import detrend
    >>> y, x = xr.DataArray(np.arange(4.0), dims="y"), xr.DataArray(np.arange(5.0), dims="x")
    >>> bool(abs(detrend(3 + 2 * y - x, ("y", "x"))).max() < 1e-12)
    True
    """
    check_labelled(obj, "signal.detrend")
    if type not in ("linear", "constant"):
        raise ArgumentError(f"type={type!r}: expected 'linear' or 'constant'")
    dims = choose_dims(obj, dim)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        for d in own if type == "linear" else ():
            if da.sizes[d] > 1:
                read_axis(da, d, spacing_tol=spacing_tol)
        out = da.copy(data=detrend_axes(da.data, tuple(da.get_axis_num(d) for d in own), type))
        return out if keeps_attrs(keep_attrs) else out.drop_attrs(deep=False)

    return over(obj, dims, one, keep_attrs)
