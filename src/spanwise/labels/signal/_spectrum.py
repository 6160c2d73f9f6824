"""Spectra by dimension name."""

from __future__ import annotations

from typing import Any, Literal

from ... import signal as _signal
from ..attrs import derived_attrs, keeps_attrs
from ..coords import frequency_coordinate, read_axis
from ..select import (
    Dims,
    check_labelled,
    choose_dims,
    drop_extra,
    new_name,
    on_dims,
    over_variables,
)

__all__ = ["power_spectrum"]


def power_spectrum(
    obj: Any,
    dim: Dims = None,
    *,
    real_dim: str | None = None,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant"] | None = None,
    shift: bool = True,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power spectrum over one dimension or several.

    With X the plain transform, n the product of the numbers of samples and d the product of their
    spacings::

        density    P = d / n |X|^2      power per unit of frequency
        spectrum   P = |X|^2 / n^2      power of each frequency

    so that the sum of the spectrum, or the sum of the density times the spacings of the
    frequencies, is the mean of the squares of the data (Parseval).

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable is transformed along those of the dimensions that it
        has; a variable that has none of them is kept as it is, one that is not numeric is dropped
        with a warning.
    dim : str, sequence of str or ..., optional
        Dimension to transform, several, or ``...`` for all. It may be left out where the data has
        one dimension only. Coordinates may be numbers, datetime64, timedelta64 or cftime, rising
        or falling; without a coordinate samples are counted. Times count in seconds.
    real_dim : str, optional
        One of the dimensions, for real data: only its non-negative frequencies are computed and
        returned, all but the zero and (for even lengths) the last counting double. Added to
        ``dim`` if it is not there.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of: power per frequency interval, or power.
    detrend : {"constant"}, optional
        Take the mean over the dimensions away.
    shift : bool, default: True
        Put the zero frequency in the centre, but not on ``real_dim``.
    prefix : str, default: "freq_"
        Put before the name of a dimension for its frequencies.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        Real, float32 in single precision; dimensions in the order of the input, renamed and with
        coordinates of frequencies as :func:`spanwise.labels.fft.fft` makes them. ``units`` of the
        data are squared and, for a density, multiplied by those of the dimensions; they are left
        out where one is unknown. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are uneven beyond
        ``spacing_tol`` or neither numbers nor times, a single sample (which has no spacing), or an
        unknown ``scaling`` or ``detrend``.
    ArrayTypeError
        For anything but xarray objects, and for complex data with ``real_dim``.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Warns
    -----
    UserWarning
        Names further coordinates along transformed dimensions, which are dropped.

    Notes
    -----
    The defaults are those of ``xrft.power_spectrum``: two-sided, shifted, a density. One pass over
    the data; one task per chunk where the dimensions are whole. See
    :func:`spanwise.signal.power_spectrum`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import power_spectrum
    >>> x = xr.DataArray(0.5 * np.arange(64), dims="x", attrs={"units": "m"})
    >>> wave = np.sin(2 * np.pi * x / 4).rename("h").assign_coords(x=x).assign_attrs(units="K")
    >>> p = power_spectrum(wave, "x", real_dim="x", scaling="spectrum")
    >>> float(p.idxmax()), round(float(p.max()), 6), p.units, p.freq_x.units
    (0.25, 0.5, 'K^2', '1/m')
    """
    import xarray as xr

    check_labelled(obj, "signal.power_spectrum")
    dims = choose_dims(obj, real_dim if dim is None and real_dim is not None else dim)
    if real_dim is not None:
        (real_dim,) = choose_dims(obj, real_dim)
        dims = (*(d for d in dims if d != real_dim), real_dim)
    obj = drop_extra(obj, dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        axes = [read_axis(da, d, spacing_tol=spacing_tol) for d in own]
        half = own[-1] == real_dim
        power = _signal.power_spectrum(
            da.data,
            axes=[da.get_axis_num(d) for d in own],
            sampling=[float(a.spacing) for a in axes],
            scaling=scaling,
            detrend=detrend,
            shift=shift,
            half=half,
        )
        coordinates = {}
        for axis in axes:
            name = new_name(axis.dim, prefix, da)
            coordinates[axis.dim] = (
                name,
                frequency_coordinate(
                    axis, name, da.sizes[axis.dim], half=axis.dim == real_dim, shift=shift
                ),
            )
        factors = [(a.units, 1) for a in axes] if scaling == "density" else []
        label = "power spectral density of " if scaling == "density" else "power spectrum of "
        attrs = derived_attrs(da.attrs, keep_attrs, *factors, power=2, prefix=label)
        return on_dims(da, power, coordinates, attrs)

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, dims)
