"""Averages over segments by dimension name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ... import fft as _fft
from ... import signal as _signal
from ...errors import ArgumentError
from ...fft._call import is_complex
from ...graph.arguments import integer
from ...signal._freedom import degrees_of_freedom
from ...signal._segments import Cut
from ...signal._welch import Detrend
from ..attrs import derived_attrs, keeps_attrs
from ..coords import Axis, frequency_coordinate, read_axis
from ..missing import Fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, choose_dims, new_name, on_dims
from ..treatment import Treatment
from ._common import chosen, over

__all__ = ["periodogram", "welch"]


@dataclass(frozen=True, slots=True)
class Line:
    """A dimension whose segments are transformed, and its frequencies."""

    axis: Axis
    """The samples."""
    name: str
    """Name of the frequencies."""
    one_sided: bool
    """Whether only non-negative frequencies are given out."""

    @property
    def rate(self) -> float:
        """Samples per unit."""
        return 1.0 / float(self.axis.spacing)

    def frequencies(self, points: int, inverse: dict[str, Any] | None = None) -> Any:
        """The coordinate of the frequencies of a transform of so many points."""
        return frequency_coordinate(
            self.axis, self.name, points, half=self.one_sided, inverse=inverse
        )

    def centred(self, x: Any, number: int) -> Any:
        """A spectrum with the zero frequency in its centre, if it has two sides."""
        return x if self.one_sided else _fft.fftshift(x, axes=(number,))


def line_of(da: Any, dim: str, how: Treatment, *, one_sided: bool) -> Line:
    """The samples along a dimension."""
    axis = read_axis(da, dim, spacing_tol=how.spacing_tol)
    return Line(axis, new_name(dim, how.prefix, da), one_sided)


def one_dim(obj: Any, dim: Dims) -> str:
    """The one dimension that segments lie along."""
    dims = choose_dims(obj, dim)
    if len(dims) != 1:
        raise ArgumentError(
            f"dim={dim!r}: segments lie along one dimension; name one of "
            f"{', '.join(map(repr, dims))}"
        )
    return dims[0]


def welch(
    obj: Any,
    dim: Dims = None,
    *,
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    window: Any = "hann",
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    average: Literal["mean", "median"] = "mean",
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power spectral density by Welch's method: the average over overlapping segments.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable that has the dimension; others are kept as they are.
    dim : str, optional
        Dimension that is cut into segments. It may be left out where the data has one dimension
        only. Its coordinate gives the sampling rate: numbers, datetime64, timedelta64 or cftime
        (in seconds), evenly spaced; without a coordinate samples are counted.
    nperseg, noverlap : int, optional
        Samples of a segment (default: 256), and those that neighbours share (half of them).
    nfft : int, optional
        Points of the transform, if segments are to be padded with zeros.
    window : str, tuple, float or array, default: "hann"
        What segments are multiplied by, see :func:`spanwise.signal.get_window`.
    detrend : {"constant", "linear"}, False or callable, default: "constant"
        What is taken away of each segment, see :func:`spanwise.signal.welch`.
    return_onesided : bool, default: True
        For real data: non-negative frequencies only, with the power of the negative ones. Two sides
        have the zero frequency in their centre.
    scaling : {"density", "spectrum"}, default: "density"
        Power per unit of frequency, or power.
    average : {"mean", "median"}, default: "mean"
        The median, corrected for its bias, is little moved by a few disturbed segments.
    fill : "interp" or number, optional
        What takes the place of NaN: a number, or linear interpolation along the dimension. Without
        it NaN is an error.
    prefix : str, default: "freq_"
        Put before the name of the dimension for its frequencies.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        Real, float32 in single precision, with the frequencies in place of the dimension. ``units``
        of the data are squared and, for a density, multiplied by those of the dimension. The
        attribute ``degrees_of_freedom`` tells how well a mean knows the spectrum (twice the number
        of independent segments). Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are not evenly spaced, and
        what :func:`spanwise.signal.welch` refuses.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If the dimension is shorter than a segment, and for further coordinates along it, which are
        dropped.

    Notes
    -----
    One pass over the data and one task per chunk, whatever the chunks; see
    :func:`spanwise.signal.welch`, whose values these are.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import welch
    >>> time = xr.date_range("2000-01-01", periods=8_000, freq="h", unit="ns")
    >>> tide = np.sin(2 * np.pi * np.arange(8_000) / 12.5)
    >>> x = xr.DataArray(tide, {"time": time}, name="level", attrs={"units": "m"}).chunk(time=999)
    >>> p = welch(x, "time", nperseg=1_000)
    >>> p.units, p.freq_time.units, round(float(1 / p.compute().idxmax()) / 3600, 3)
    ('m^2 s', '1/s', 12.5)
    """
    check_labelled(obj, "signal.welch")
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)

    cut = Cut(window, nperseg, noverlap, nfft, detrend)

    def one(x: Any, axis: int, fs: float, one_sided: bool) -> Any:
        return _signal.welch(
            x,
            fs=fs,
            window=window,
            nperseg=nperseg,
            noverlap=noverlap,
            nfft=nfft,
            detrend=detrend,
            return_onesided=one_sided,
            scaling=scaling,
            axis=axis,
            average=average,
        )

    freedom = cut if average == "mean" else None
    return _power(obj, dim, how, return_onesided, scaling, cut.points, one, freedom)


def periodogram(
    obj: Any,
    dim: Dims = None,
    *,
    nfft: int | None = None,
    window: Any = "boxcar",
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power spectral density of a whole dimension, without an average.

    Parameters
    ----------
    obj : DataArray or Dataset
        As of `welch`.
    dim : str, optional
        Dimension to transform.
    nfft : int, optional
        Points of the transform: zeros are appended, or samples left out at the end.
    window : str, tuple, float or array, default: "boxcar"
        What the samples are multiplied by; "boxcar" for nothing.
    detrend, return_onesided, scaling, fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        As that of `welch`.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `welch`.

    Notes
    -----
    The values are those of :func:`spanwise.signal.periodogram`; `power_spectrum` is the same over
    several dimensions.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import periodogram
    >>> x = xr.DataArray(np.sin(2 * np.pi * np.arange(100) / 4), dims="t").chunk(t=30)
    >>> float(periodogram(x, "t", scaling="spectrum").compute().idxmax())
    0.25
    """
    check_labelled(obj, "signal.periodogram")
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)

    def one(x: Any, axis: int, fs: float, one_sided: bool) -> Any:
        return _signal.periodogram(
            x,
            fs=fs,
            window=window,
            nfft=nfft,
            detrend=detrend,
            return_onesided=one_sided,
            scaling=scaling,
            axis=axis,
        )

    def points(length: int) -> int:
        return length if nfft is None else integer(nfft, "nfft")

    return _power(obj, dim, how, return_onesided, scaling, points, one)


def _power(
    obj: Any,
    dim: Dims,
    how: Treatment,
    return_onesided: Any,
    scaling: str,
    points: Callable[[int], int],
    function: Callable[..., Any],
    freedom: Cut | None = None,
) -> Any:
    """A power spectrum over one dimension with its labels."""
    obj, dims = chosen(obj, one_dim(obj, dim), None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        (d,) = own
        line = line_of(da, d, how, one_sided=bool(return_onesided) and not is_complex(da.data))
        number = da.get_axis_num(d)
        x = fill_missing(da, own, how.fill).data
        _, p = function(x, number, line.rate, line.one_sided)
        p = line.centred(refuse_missing(p, da, (number,), own), number)
        is_density = scaling == "density"
        factors = [(line.axis.units, 1)] if is_density else []
        label = "power spectral density of " if is_density else "power spectrum of "
        attrs = derived_attrs(da.attrs, how.keep_attrs, *factors, power=2, prefix=label)
        attrs |= freedom_of(freedom, da.sizes[d], how)
        frequencies = line.frequencies(points(da.sizes[d]))
        return on_dims(da, p, {d: (line.name, frequencies)}, attrs)

    return over(obj, dims, one, how.keep_attrs)


def freedom_of(cut: Cut | None, length: int, how: Treatment) -> dict[str, float]:
    """How well an average knows the spectrum, as an attribute: for bands of confidence."""
    if cut is None or not keeps_attrs(how.keep_attrs):
        return {}
    number = degrees_of_freedom(cut.window, *cut.lengths(length), length)
    return {"degrees_of_freedom": round(number, 3)}
