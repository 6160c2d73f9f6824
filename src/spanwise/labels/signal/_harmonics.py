"""A few frequencies of a long dimension."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import signal as _signal
from ...errors import ArgumentError
from ..attrs import derived_attrs
from ..coords import Axis, read_axis
from ..missing import Fill, fill_missing, refuse_missing
from ..numeric import flipped
from ..select import Dims, check_labelled, new_name, on_dims
from ..treatment import Treatment
from ..units import product
from ._common import chosen, over
from ._segments import one_dim

__all__ = ["band_power", "harmonics"]


def harmonics(
    obj: Any,
    frequencies: float | Iterable[float] | None = None,
    dim: Dims = None,
    *,
    periods: Any = None,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Complex amplitudes of waves of given frequencies along a dimension.

    ``A cos(2 pi f t + p)`` over whole periods has the amplitude ``A exp(i p)``, t counted from the
    lowest coordinate. See :func:`spanwise.signal.harmonics` for the definition.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable that has the dimension; others are kept as they are.
    frequencies : float or sequence of float, optional
        In cycles per unit of the coordinate, for times per second.
    dim : str, optional
        Dimension of the samples. It may be left out where the data has one dimension only.
    periods : number, timedelta, or a sequence of these, optional
        In place of frequencies: units of the coordinate from one crest to the next (for times
        seconds), or for times timedelta64 or datetime.timedelta.
    fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        Complex, complex64 in single precision, with the frequencies in place of the dimension, and
        the periods as a second coordinate ``period_<dim>`` along them if those were given.
        ``units`` are those of the data. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are not evenly spaced, both or
        none of ``frequencies`` and ``periods``, and periods that are not positive.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Notes
    -----
    One pass over the data and one task per chunk; nothing but sums changes chunk.

    Examples
    --------
    The annual and the semi-annual cycle of 240 years of months (of 30 days):

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import harmonics
    >>> t = np.arange(240 * 12)
    >>> cycle = 9 * np.cos(2 * np.pi * t / 12 - 1) + np.cos(2 * np.pi * t / 6 + 2)
    >>> time = np.datetime64("1850-01-01", "ns") + t * np.timedelta64(30, "D")
    >>> x = xr.DataArray(cycle, {"time": time})
    >>> year = np.timedelta64(360, "D")
    >>> a = harmonics(x.chunk(time=500), dim="time", periods=[year, year / 2]).compute()
    >>> abs(a).values.round(6).tolist(), np.angle(a).round(6).tolist()
    ([9.0, 1.0], [-1.0, 2.0])
    """
    check_labelled(obj, "signal.harmonics")
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    obj, dims = chosen(obj, one_dim(obj, dim), None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        import xarray as xr

        (d,) = own
        axis, number = read_axis(da, d, spacing_tol=spacing_tol), da.get_axis_num(d)
        cycles, named = _cycles(frequencies, periods, axis)
        x = fill_missing(da, own, fill).data
        x = flipped(x, [number] if axis.is_decreasing else [])
        a = _signal.harmonics(x, cycles, axis=number, sampling=float(axis.spacing))
        a = refuse_missing(a, da, (number,), own)
        attrs = derived_attrs(da.attrs, keep_attrs, prefix="harmonics of ")
        name = new_name(d, prefix, da)
        about = {"long_name": f"frequency along {axis.label}"}
        units = product((axis.units, -1))
        about |= {} if units is None else {"units": units}
        out = on_dims(da, a, {d: (name, xr.Variable(name, cycles, about))}, attrs)
        return out if named is None else out.assign_coords({f"period_{d}": (name, named)})

    return over(obj, dims, one, keep_attrs)


def _cycles(frequencies: Any, periods: Any, axis: Axis) -> tuple[np.ndarray, np.ndarray | None]:
    """Frequencies per unit of a coordinate, and periods if those were given."""
    if (frequencies is None) == (periods is None):
        raise ArgumentError(
            f"frequencies={frequencies!r} and periods={periods!r}: give one of the two"
        )
    if periods is None:
        return np.atleast_1d(np.asarray(frequencies)), None
    named = np.atleast_1d(np.asarray(periods))
    if named.dtype == object and all(isinstance(p, datetime.timedelta) for p in named):
        named = named.astype("timedelta64[us]")
    length = named
    if named.dtype.kind == "m":
        if not axis.is_time:
            raise ArgumentError(
                f"periods={periods!r}: the coordinate of {axis.dim!r} holds no times; give numbers "
                "in its unit"
            )
        length = named / np.timedelta64(1, "s")
        named = named.astype("timedelta64[ns]")
    if length.dtype.kind not in "iuf" or not (np.isfinite(length) & (length > 0)).all():
        raise ArgumentError(f"periods={periods!r}: expected positive numbers or timedeltas")
    return 1.0 / length, named


def band_power(
    obj: Any,
    band: tuple[float, float],
    dim: Dims = None,
    *,
    fill: Fill = None,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power of the frequencies of a band: the mean square of what a band-pass would leave.

    Parameters
    ----------
    obj : DataArray or Dataset
        As of `harmonics`.
    band : (float, float)
        Lowest and highest frequency, both included, in cycles per unit of the coordinate, for times
        per second.
    dim : str, optional
        Dimension of the samples. It may be left out where the data has one dimension only.
    fill, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        Real, float32 in single precision, without the dimension. ``units`` of the data are squared.
        Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are not evenly spaced, and a
        band in which there is no frequency.
    ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `harmonics`.

    Notes
    -----
    Narrow bands of a cut dimension move nothing but sums, see :func:`spanwise.signal.band_power`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import band_power
    >>> x = xr.DataArray(3 * np.sin(2 * np.pi * 0.01 * np.arange(9_000)), dims="t").chunk(t=2_000)
    >>> float(band_power(x, (0.009, 0.011), "t").compute().round(6))
    4.5
    """
    check_labelled(obj, "signal.band_power")
    how = Treatment(prefix="freq_", spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    obj, dims = chosen(obj, one_dim(obj, dim), None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        (d,) = own
        axis, number = read_axis(da, d, spacing_tol=spacing_tol), da.get_axis_num(d)
        x = flipped(fill_missing(da, own, fill).data, [number] if axis.is_decreasing else [])
        p = _signal.band_power(x, band, axis=number, sampling=float(axis.spacing))
        p = refuse_missing(p, da, (), own)
        attrs = derived_attrs(da.attrs, keep_attrs, power=2, prefix="band power of ")
        stale = [name for name, c in da.coords.items() if d in c.dims]
        out = da.drop_vars(stale).isel({d: 0}, drop=True).copy(data=p)
        out.attrs = attrs
        return out

    return over(obj, dims, one, keep_attrs)
