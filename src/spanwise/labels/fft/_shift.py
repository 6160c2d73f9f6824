"""Shifts of the zero frequency by dimension name."""

from __future__ import annotations

from typing import Any

from ... import fft as _fft
from ..select import Dims, check_labelled, choose_dims


def fftshift(obj: Any, dim: Dims = ...) -> Any:
    """Move the zero frequency to the centre, with its coordinates.

    Parameters
    ----------
    obj : DataArray or Dataset
        A spectrum that is not shifted.
    dim : str, sequence of str or ..., default: ...
        Dimensions to shift; all by default.

    Returns
    -------
    DataArray or Dataset
        Data and coordinates rolled by ``n // 2`` along each dimension. Lazy for a Dask array, one
        task per chunk.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have.
    ArrayTypeError
        For anything but xarray objects.

    Examples
    --------
    >>> import xarray as xr
    >>> from spanwise.labels.fft import fftshift
    >>> da = xr.DataArray([0, 1, 2], dims="freq_x", coords={"freq_x": [0.0, 0.1, -0.1]})
    >>> fftshift(da, "freq_x").freq_x.values
    array([-0.1,  0. ,  0.1])
    """
    return _shift(obj, dim, "fftshift", 1)


def ifftshift(obj: Any, dim: Dims = ...) -> Any:
    """Undo `fftshift`: the two differ for odd lengths.

    Parameters
    ----------
    obj : DataArray or Dataset
        A shifted spectrum.
    dim : str, sequence of str or ..., default: ...
        Dimensions to shift; all by default.

    Returns
    -------
    DataArray or Dataset
        Data and coordinates rolled by ``-(n // 2)`` along each dimension. Lazy for a Dask array,
        one task per chunk.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have.
    ArrayTypeError
        For anything but xarray objects.

    Examples
    --------
    >>> import xarray as xr
    >>> from spanwise.labels.fft import ifftshift
    >>> da = xr.DataArray([2, 0, 1], dims="freq_x", coords={"freq_x": [-0.1, 0.0, 0.1]})
    >>> ifftshift(da, "freq_x").freq_x.values
    array([ 0. ,  0.1, -0.1])
    """
    return _shift(obj, dim, "ifftshift", -1)


def _shift(obj: Any, dim: Dims, name: str, sign: int) -> Any:
    import xarray as xr

    check_labelled(obj, f"fft.{name}")
    dims = choose_dims(obj, dim)
    shifts = {d: sign * (obj.sizes[d] // 2) for d in dims}
    coords = obj.coords.to_dataset().roll(shifts, roll_coords=True).coords

    def one(da: Any) -> Any:
        axes = [da.get_axis_num(d) for d in dims if d in da.dims]
        return da.copy(data=getattr(_fft, name)(da.data, axes=axes)) if axes else da

    if isinstance(obj, xr.Dataset):
        out = obj.assign({key: one(variable).variable for key, variable in obj.data_vars.items()})
    else:
        out = one(obj)
    return out.assign_coords(coords)
