"""Spectra of each segment by dimension name, and the way back."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

from ... import signal as _signal
from ...fft._call import is_complex
from ...kernels.segment_spectra import Extension, Mode
from ...signal._segments import Cut
from ...signal._welch import Detrend
from ..attrs import derived_attrs
from ..coords import Axis
from ..grid import Grid
from ..missing import Fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, new_variable
from ..treatment import Treatment
from ._common import chosen, over
from ._segments import line_of, one_dim

__all__ = ["spectrogram", "stft"]

LABELS = {
    "psd": "power spectral density of ",
    "complex": "short-time spectrum of ",
    "magnitude": "amplitude spectrum of ",
    "angle": "phase of ",
    "phase": "phase of ",
}
_EXACT = 2**53


def spectrogram(
    obj: Any,
    dim: Dims = None,
    *,
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    window: Any = ("tukey", 0.25),
    detrend: Detrend = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    mode: Mode = "psd",
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Spectrum of each of consecutive segments: how frequencies change with time.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable that has the dimension; others are kept as they are.
    dim : str, optional
        Dimension that is cut into segments. It may be left out where the data has one dimension
        only. Its coordinate may hold numbers, datetime64, timedelta64 or cftime, evenly spaced.
    nperseg, noverlap : int, optional
        Samples of a segment (default: 256), and those that neighbours share (an eighth of them).
    nfft : int, optional
        Points of the transform, if segments are to be padded with zeros.
    window : str, tuple, float or array, default: ("tukey", 0.25)
        What segments are multiplied by, see :func:`spanwise.signal.get_window`.
    detrend : {"constant", "linear"}, False or callable, default: "constant"
        What is taken away of each segment.
    return_onesided : bool, default: True
        For real data: non-negative frequencies only. Two sides have the zero frequency in their
        centre.
    scaling : {"density", "spectrum"}, default: "density"
        Power per unit of frequency, or power.
    mode : {"psd", "complex", "magnitude", "angle", "phase"}, default: "psd"
        What of the spectrum of each segment, see :func:`spanwise.signal.spectrogram`.
    fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        With the frequencies in place of the dimension, which is the last one now and has as its
        coordinate the middle of each segment. Power has the ``units`` of the data squared, for a
        density times those of the dimension; amplitudes of a spectrum those of the data; angles
        are in radians. Lazy for a Dask array, and in one chunk of segments for each chunk of data.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `welch`.

    Notes
    -----
    One pass over the data and one task per chunk. Angles count from the first sample of each
    segment, in the order of the data. The values are those of
    :func:`spanwise.signal.spectrogram`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import spectrogram
    >>> time = xr.date_range("2000-01-01", periods=2_400, freq="h", unit="ns")
    >>> x = xr.DataArray(np.random.default_rng(0).standard_normal(2_400), {"time": time})
    >>> s = spectrogram(x.chunk(time=700), nperseg=240, noverlap=0)
    >>> s.dims, s.shape, str(s.time.values[0])[:16]
    (('freq_time', 'time'), (121, 10), '2000-01-06T00:00')
    """
    check_labelled(obj, "signal.spectrogram")
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    cut = Cut(window, nperseg, noverlap, nfft, detrend, lambda nperseg: nperseg // 8)

    def one(x: Any, axis: int, fs: float, one_sided: bool) -> Any:
        return _signal.spectrogram(
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
            mode=mode,
        )

    kind = "psd" if scaling == "density" else "spectrum"
    return _spectra(obj, dim, how, cut, return_onesided, kind, mode, one, None)


def stft(
    obj: Any,
    dim: Dims = None,
    *,
    nperseg: int = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    window: Any = "hann",
    detrend: Detrend = False,
    return_onesided: bool = True,
    boundary: Extension | None = "zeros",
    padded: bool = True,
    scaling: Literal["spectrum", "psd"] = "spectrum",
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Short-time Fourier transform: the complex spectrum of each of overlapping segments.

    Parameters
    ----------
    obj : DataArray or Dataset
        As of `spectrogram`.
    dim : str, optional
        Dimension that is cut into segments.
    nperseg : int, default: 256
        Samples of a segment.
    noverlap : int, optional
        Samples that neighbours share; half a segment by default.
    nfft, window, detrend, return_onesided
        As of `spectrogram`.
    boundary : {"zeros", "constant", "even", "odd"}, optional
        What half a segment at either end is continued by; None for nothing.
    padded : bool, default: True
        Whether zeros make the last segment whole.
    scaling : {"spectrum", "psd"}, default: "spectrum"
        Squared magnitudes are power, or power per unit of frequency.
    fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        Complex, with the frequencies in place of the dimension, which is the last one now and has
        as its coordinate the middle of each segment. ``units`` as those of the data, none for
        "psd". The coordinate of the frequencies carries what `istft` needs. Lazy for a Dask array.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `welch`.

    Notes
    -----
    One pass over the data and one task per chunk. The values are those of
    :func:`spanwise.signal.stft`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import istft, stft
    >>> x = xr.DataArray(np.random.default_rng(0).standard_normal(999), dims="t").chunk(t=300)
    >>> z = stft(x, "t", nperseg=100)
    >>> z.dims, z.shape, bool(abs(istft(z) - x).max() < 1e-14)
    (('freq_t', 't'), (51, 21), True)
    """
    check_labelled(obj, "signal.stft")
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    cut = Cut(window, nperseg, noverlap, nfft, detrend)

    def one(x: Any, axis: int, fs: float, one_sided: bool) -> Any:
        return _signal.stft(
            x,
            fs=fs,
            window=window,
            nperseg=nperseg,
            noverlap=noverlap,
            nfft=nfft,
            detrend=detrend,
            return_onesided=one_sided,
            boundary=boundary,
            padded=padded,
            axis=axis,
            scaling=scaling,
        )

    record = {"boundary": boundary is not None, "scaling": scaling, "window": _plain(window)}
    return _spectra(obj, dim, how, cut, return_onesided, scaling, "complex", one, record)


def _spectra(
    obj: Any,
    dim: Dims,
    how: Treatment,
    cut: Cut,
    return_onesided: Any,
    scaling: str,
    mode: Mode,
    function: Any,
    record: dict[str, Any] | None,
) -> Any:
    """Spectra of segments with their labels; ``record`` of what has a way back."""
    obj, dims = chosen(obj, one_dim(obj, dim), None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        (d,) = own
        line = line_of(da, d, how, one_sided=bool(return_onesided) and not is_complex(da.data))
        number, n = da.get_axis_num(d), da.sizes[d]
        x = fill_missing(da, own, how.fill).data
        _, _, z = function(x, number, line.rate, line.one_sided)
        z = line.centred(refuse_missing(z, da, (number,), own), number)
        nperseg, step = cut.lengths(n)
        inverse = None
        if record is not None:
            inverse = record | {"nperseg": nperseg, "noverlap": nperseg - step, "samples": n}
        first = Fraction(0) if record and record["boundary"] else Fraction(nperseg, 2)
        attrs = _attrs(da, line.axis, how, scaling, mode)
        dims = tuple(line.name if name == d else name for name in da.dims)
        bare = da.drop_vars([name for name, c in da.coords.items() if d in c.dims])
        out = new_variable(bare, (*dims, d), z, attrs)
        out.name = da.name
        middle = centres(line.axis, first, step, z.shape[-1])
        return out.assign_coords({line.name: line.frequencies(cut.points(n), inverse), d: middle})

    return over(obj, dims, one, how.keep_attrs)


def _attrs(da: Any, axis: Axis, how: Treatment, scaling: str, mode: Mode) -> dict[Any, Any]:
    """Attributes of what of a spectrum was asked for."""
    label = LABELS[mode]
    if mode == "psd":
        factors = [(axis.units, 1)] if scaling == "psd" else []
        label = label if scaling == "psd" else "power spectrum of "
        return derived_attrs(da.attrs, how.keep_attrs, *factors, power=2, prefix=label)
    if mode in ("complex", "magnitude"):
        # The root of a unit is none.
        factors = [(None, 1)] if scaling == "psd" else []
        return derived_attrs(da.attrs, how.keep_attrs, *factors, prefix=label)
    attrs = derived_attrs(da.attrs, how.keep_attrs, (None, 1), prefix=label)
    return attrs | {"units": "radian"} if attrs or how.keep_attrs is not False else attrs


def _plain(window: Any) -> Any:
    """A window as JSON holds it; values are not recorded."""
    if isinstance(window, (str, float, int)):
        return window
    if isinstance(window, tuple) and all(isinstance(w, (str, float, int)) for w in window):
        return list(window)
    return None


def centres(axis: Axis, first: Fraction, step: int, count: int) -> Any:
    """The middle of segments as an xarray variable.

    Parameters
    ----------
    axis : Axis
        The samples.
    first : Fraction
        Samples from the first one to the middle of the first segment.
    step : int
        Samples from one segment to the next.
    count : int
        Number of segments.
    """
    begin = axis.grid.exact_first + first * axis.grid.exact_step
    distance = step * axis.grid.exact_step
    kind, ticks = axis.kind, axis.ticks
    if axis.is_time and not _is_whole(begin, distance) and not kind.startswith("cftime"):
        # Half a sample may need a finer unit; nanoseconds are the finest.
        finer = 10**9 // ticks
        begin, distance, ticks = begin * finer, distance * finer, 10**9
        kind = f"{kind.partition('[')[0]}[ns]"
    elif not axis.is_time and not (kind[:3] in ("int", "uin") and _is_whole(begin, distance)):
        kind = kind if kind.startswith("float") else "float64"
    scale = math.lcm(begin.denominator, distance.denominator)
    small = (abs(begin) + count * abs(distance)) * scale < _EXACT
    if axis.is_time:
        grid = Grid(round(begin), float(distance))
    elif small:
        grid = Grid(int(begin * scale), int(distance * scale), scale)
    else:
        grid = Grid(float(begin), float(distance))
    return replace(axis, grid=grid, kind=kind, ticks=ticks, exact="").coordinate(count)


def _is_whole(*values: Fraction) -> bool:
    return all(v.denominator == 1 for v in values)
