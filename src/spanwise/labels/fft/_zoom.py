"""The transform at a band of frequencies, by dimension name."""

from __future__ import annotations

import cmath
import math
from fractions import Fraction
from typing import Any

import numpy as np

from ... import fft as _fft
from ...errors import ArgumentError, NonFiniteError
from ...kernels.spectrum import Ramp
from ..attrs import derived_attrs, keeps_attrs
from ..coords import Axis, read_axis
from ..missing import Fill, check_fill, fill_missing, source_of
from ..numeric import flipped, modulated
from ..select import check_labelled, choose_dims, drop_extra, new_name, on_dims, over_variables
from ..treatment import LONG_NAME
from ..units import product


def zoom_fft(
    obj: Any,
    fn: Any,
    m: int | None = None,
    *,
    dim: str | None = None,
    endpoint: bool = False,
    true_phase: bool = True,
    true_amplitude: bool = True,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Fourier transform at the frequencies of a band only.

    ``X(f) = d sum_j x[j] exp(-2 pi i f t[j])`` at m frequencies f from f1 on, as
    :func:`spanwise.labels.fft.fft` gives it at its own.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
    fn : float or pair of float
        The band ``(f1, f2)``, or f2 where f1 is 0, in cycles per unit of the coordinate (of times:
        per second).
    m : int, optional
        Number of frequencies; that of samples by default.
    dim : str, optional
        Dimension to transform. It may be left out where the data has one dimension only.
    endpoint : bool, default: False
        Whether f2 is the last frequency; otherwise it is the first one left out.
    true_phase, true_amplitude, fill, prefix, spacing_tol, keep_attrs
        As of :func:`spanwise.labels.fft.fft`.

    Returns
    -------
    DataArray or Dataset
        Complex, float32 in single precision; the dimension is renamed and has a coordinate of
        frequencies. Units as of :func:`spanwise.labels.fft.fft`. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For a dimension that the data does not have, a coordinate that is uneven beyond
        ``spacing_tol`` or neither numbers nor times, and fewer than one frequency.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        For frequencies that are not finite; when the result is computed, by the task that meets
        NaN or infinity along the dimension.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Notes
    -----
    A cut dimension stays where it is: each chunk adds its share of the frequencies; see
    :func:`spanwise.fft.zoom_fft`. There is no inverse.

    Examples
    --------
    The amplitude of an annual cycle of 10 K in 30 years of days:

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.fft import zoom_fft
    >>> t = xr.date_range("2000-01-01", periods=30 * 365, freq="1D")
    >>> year = 365 * 86400.0
    >>> da = xr.DataArray(10 * np.cos(2 * np.pi * np.arange(30 * 365) / 365), {"time": t}, "time")
    >>> y = zoom_fft(da, (0.9 / year, 1.1 / year), 21, endpoint=True)
    >>> round(float(abs(y).idxmax()) * year, 6)
    1.0
    >>> round(2 * float(abs(y).max()) / (30 * year), 6)
    10.0
    """
    import xarray as xr

    check_labelled(obj, "fft.zoom_fft")
    check_fill(fill)
    dims = choose_dims(obj, dim, count=1)
    first, last = _band(fn)
    obj = drop_extra(obj, dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        (d,) = own
        axis = read_axis(da, d, spacing_tol=spacing_tol)
        number = da.get_axis_num(d)
        source = source_of(da, own)
        x = fill_missing(da, own, fill).data
        if true_phase and axis.is_decreasing:
            x = flipped(x, [number])
        fs = float(1 / axis.spacing)
        x = _fft.zoom_fft(x, (first, last), m, fs=fs, endpoint=endpoint, axis=number)
        points = int(x.shape[number])
        step = Fraction(last - first) / (max(points - 1, 1) if endpoint else points)
        scale: complex = float(axis.spacing) if true_amplitude else 1.0
        ramps = []
        if true_phase:
            origin = axis.lowest(da.sizes[d])
            # exp(-2 pi i (f1 + k df) t0); whole cycles are taken away exactly.
            ramps.append(Ramp(number, points, "half", -_turn(step * origin)))
            scale *= cmath.exp(-2j * math.pi * _turn(Fraction(first) * origin))
        x = modulated(x, ramps, scale, axes=(number,), source=source)
        name = new_name(d, prefix, da)
        coordinate = _coordinate(axis, name, np.linspace(first, last, points, endpoint=endpoint))
        factors = [(axis.units, 1)] if true_amplitude else []
        attrs = derived_attrs(da.attrs, keep_attrs, *factors, prefix=LONG_NAME)
        return on_dims(da, x, {d: (name, coordinate)}, attrs)

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, dims)


def _band(fn: Any) -> tuple[float, float]:
    """First and last frequency."""
    values = np.ravel(np.asarray(fn, dtype=float)).tolist()
    if len(values) not in (1, 2):
        raise ArgumentError(f"fn={fn!r}: expected one frequency, or a pair")
    if not all(map(math.isfinite, values)):
        raise NonFiniteError(f"fn={fn!r}: expected finite frequencies")
    return (0.0, values[0]) if len(values) == 1 else (values[0], values[1])


def _turn(cycles: Fraction) -> float:
    """Cycles less whole ones."""
    return float(cycles - round(cycles))


def _coordinate(axis: Axis, name: str, values: np.ndarray) -> Any:
    import xarray as xr

    attrs: dict[str, Any] = {"long_name": f"frequency along {axis.label}"}
    units = product((axis.units, -1))
    if units is not None:
        attrs["units"] = units
    return xr.Variable(name, values, attrs)
