"""Discrete Fourier transforms by dimension name, with frequency coordinates.

The defaults are xrft's: the spectrum is shifted, its phase counts from coordinate 0 and its
amplitude holds the spacing, so that it approximates the Fourier integral::

    X(f) = d sum_j x[j] exp(-2 pi i f t[j])

for samples x[j] at coordinates t[j], a distance d apart, at the frequencies f = k / (n d).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import fft as _fft
from .docs import documented
from .select import Dims, check_labelled, choose_dims
from .transform import Treatment, transform

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]


@documented
def fft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along one dimension or several."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="fft")


@documented
def rfft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data: the non-negative frequencies of the last dimension."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="rfft", half=True)


@documented
def fft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along two dimensions."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="fft2", count=2)


@documented
def rfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data along two dimensions, of which the last is halved."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="rfft2", half=True, count=2)


@documented
def fftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform along several dimensions, by default all."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="fftn")


@documented
def rfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    shift: bool = True,
    true_phase: bool = True,
    true_amplitude: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform of real data along several dimensions, of which the last is halved."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, shift, true_phase, true_amplitude)
    return transform(obj, dim, n, how, name="rfftn", half=True)


@documented
def ifft(
    obj: Any,
    dim: Dims = None,
    *,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along one dimension or several."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, None, how, name="ifft", inverse=True)


@documented
def irfft(
    obj: Any,
    dim: Dims = None,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfft`: real data from the non-negative frequencies of the last dimension."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, n, how, name="irfft", inverse=True, half=True)


@documented
def ifft2(
    obj: Any,
    dim: Dims = ...,
    *,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along two dimensions."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, None, how, name="ifft2", inverse=True, count=2)


@documented
def irfft2(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfft2`: real data from a spectrum whose last dimension is halved."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, n, how, name="irfft2", inverse=True, half=True, count=2)


@documented
def ifftn(
    obj: Any,
    dim: Dims = ...,
    *,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse Fourier transform along several dimensions, by default all."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, None, how, name="ifftn", inverse=True)


@documented
def irfftn(
    obj: Any,
    dim: Dims = ...,
    *,
    n: int | Mapping[str, int] | None = None,
    norm: str | None = None,
    true_phase: bool | None = None,
    true_amplitude: bool | None = None,
    lag: float | Mapping[str, float] | None = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Inverse of `rfftn`: real data from a spectrum whose last dimension is halved."""
    how = Treatment(norm, prefix, spacing_tol, keep_attrs, True, true_phase, true_amplitude, lag)
    return transform(obj, dim, n, how, name="irfftn", inverse=True, half=True)


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
