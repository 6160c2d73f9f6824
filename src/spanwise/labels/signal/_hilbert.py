"""Analytic signals by dimension name."""

from __future__ import annotations

from typing import Any

from ... import signal as _signal
from ..attrs import kept_attrs
from ..coords import read_axis
from ..missing import Fill, check_fill, fill_missing, refuse_missing
from ..select import check_labelled, choose_dims, on_dims
from ._common import over

__all__ = ["hilbert"]


def hilbert(
    obj: Any,
    dim: str | None = None,
    *,
    fill: Fill = None,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Analytic signal: the data, plus i times their Hilbert transform along a dimension.

    Its magnitude is the envelope of the data, its angle their phase, which grows along the
    coordinate.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real data, on an array of any library or a Dask array cut along any dimension. Of a Dataset
        every numeric variable that has the dimension is transformed; others are kept as they are,
        one along it that is not numeric is dropped with a warning.
    dim : str, optional
        The dimension. It may be left out where the data has one only. Its coordinate may be
        numbers, datetime64, timedelta64 or cftime, rising or falling.
    fill : "interp" or number, optional
        What takes the place of NaN: the number, or a linear interpolation (the nearest value beyond
        the ends). None: NaN is an error.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        Complex, float32 in single precision, with the dimensions, all the coordinates, name and
        units of the input. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For a dimension that the data does not have, complex data, and a coordinate that is uneven
        beyond ``spacing_tol`` or neither numbers nor times.
    ArrayTypeError
        For anything but xarray objects.
    MemoryBudgetError
        If no way of making the dimension whole fits the memory budget.
    NonFiniteError
        For NaN or infinity along the dimension, by the task that meets it: with a Dask array, when
        the result is computed.

    Notes
    -----
    One pass over the data; one task per chunk where the dimension is whole, see
    :func:`spanwise.signal.hilbert`. The transform is circular: ends that differ ring.

    Examples
    --------
    The envelope of a wave packet:

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import hilbert
    >>> t = xr.DataArray(0.1 * np.arange(1000), dims="t", attrs={"units": "s"})
    >>> packet = np.exp(-(((t - 50) / 10) ** 2)).assign_coords(t=t)
    >>> wave = (packet * np.cos(2 * np.pi * 0.5 * t)).assign_attrs(units="m")
    >>> envelope = abs(hilbert(wave, "t"))
    >>> bool(abs(envelope - packet).max() < 1e-6), hilbert(wave, "t").units
    (True, 'm')
    """
    check_labelled(obj, "signal.hilbert")
    fill = check_fill(fill)
    dims = choose_dims(obj, dim, count=1)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        axis = read_axis(da, own[0], spacing_tol=spacing_tol)
        da = fill_missing(da, own, fill)
        number = da.get_axis_num(own[0])
        y = _signal.hilbert(da.data, axis=number)
        y = refuse_missing(y, da, (number,), own)
        if axis.is_decreasing:  # the transform counted from the other end
            y = y.conj()
        attrs = kept_attrs(da.attrs, keep_attrs)
        if "long_name" in attrs:
            attrs["long_name"] = f"analytic signal of {attrs['long_name']}"
        return on_dims(da, y, {}, attrs)

    return over(obj, dims, one, keep_attrs)
