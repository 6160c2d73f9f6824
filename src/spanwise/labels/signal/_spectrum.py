"""Spectra by dimension name."""

from __future__ import annotations

from typing import Any, Literal

from ... import signal as _signal
from ..attrs import derived_attrs
from ..missing import Fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, on_dims
from ..treatment import Treatment
from ._common import chosen, frequencies, over, segments, window_list

__all__ = ["power_spectrum"]


def power_spectrum(
    obj: Any,
    dim: Dims = None,
    *,
    real_dim: str | None = None,
    scaling: Literal["density", "spectrum"] = "density",
    window: Any = None,
    window_correction: bool = False,
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power spectrum over one dimension or several.

    With X the plain transform of the data, less their trend and times the window w, n the product
    of the numbers of samples and d the product of their spacings::

        density    P = d / n |X|^2      power per unit of frequency
        spectrum   P = |X|^2 / n^2      power of each frequency

    so that the sum of the spectrum, or the sum of the density times the spacings of the
    frequencies, is the mean of ``|w x|**2`` (Parseval). ``window_correction`` divides the density
    by the mean of ``w**2`` and the spectrum by the square of the mean of w.

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
    window : str, tuple, float, array or mapping of dimension to these, optional
        Multiply the samples by a window along each dimension named, or along those of the mapping:
        whatever :func:`spanwise.signal.get_window` takes, in the order of the data.
    window_correction : bool, default: False
        Make up for the power that the window takes away: that of noise in a density, that of a
        wave in a spectrum.
    detrend : {"constant", "linear"}, optional
        Take the mean, or the least-squares trend over all dimensions, away from the samples.
    shift : bool, default: True
        Put the zero frequency in the centre, but not on ``real_dim``.
    chunks_to_segments : bool, default: False
        Transform each chunk of a Dask array by itself: a dimension ``<dim>_segment`` before each
        dimension named counts its chunks, which must be of one length.
    fill : "interp" or number, optional
        What takes the place of NaN: a number, or linear interpolation between the neighbours along
        the first dimension named, the nearest value beyond the ends. Without it NaN is an error.
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
        coordinates of frequencies as :func:`spanwise.labels.fft.fft` makes them, in the order of
        the data. ``units`` of the data are squared and, for a density, multiplied by those of the
        dimensions; they are left out where one is unknown. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are uneven beyond
        ``spacing_tol`` or neither numbers nor times, a single sample (which has no spacing), an
        unknown ``scaling`` or ``detrend``, what is no window, ``window_correction`` without one,
        and segments of several lengths.
    ArrayTypeError
        For anything but xarray objects, and for complex data with ``real_dim``.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
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
    check_labelled(obj, "signal.power_spectrum")
    how = Treatment(
        prefix=prefix,
        spacing_tol=spacing_tol,
        keep_attrs=keep_attrs,
        shift=shift,
        detrend=detrend,
        window=window,
        window_correction=window_correction,
        chunks_to_segments=chunks_to_segments,
        fill=fill,
    )
    obj, dims = chosen(obj, dim, real_dim, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        da = segments(da, own, how)
        axes, coordinates = frequencies(da, own, real_dim, how)
        numbers = tuple(da.get_axis_num(d) for d in own)
        power = _signal.power_spectrum(
            fill_missing(da, own, how.fill).data,
            axes=numbers,
            sampling=[float(a.spacing) for a in axes],
            window=window_list(how, own),
            window_correction=window_correction,
            scaling=scaling,
            detrend=detrend,
            shift=shift,
            half=own[-1] == real_dim,
        )
        power = refuse_missing(power, da, numbers, own)
        factors = [(a.units, 1) for a in axes] if scaling == "density" else []
        label = "power spectral density of " if scaling == "density" else "power spectrum of "
        attrs = derived_attrs(da.attrs, keep_attrs, *factors, power=2, prefix=label)
        return on_dims(da, power, coordinates, attrs)

    return over(obj, dims, one, keep_attrs)
