"""Averages over segments of two labelled arrays."""

from __future__ import annotations

from typing import Any, Literal

from ... import signal as _signal
from ...fft._call import is_complex
from ...signal._segments import Cut
from ...signal._welch import Detrend, coherence_of
from ..attrs import joint_attrs
from ..missing import Fill, source_of
from ..select import Dims, check_labelled
from ..treatment import Treatment
from ._pair import Pair, over_pairs
from ._segments import Line, freedom_of, one_dim

__all__ = ["coherence", "csd"]


def csd(
    obj: Any,
    other: Any,
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
    """Cross power spectral density by Welch's method: the average of ``conj(X) * Y``.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
    other : DataArray or Dataset
        The same, with equal coordinates along the dimension. Other dimensions are joined and
        broadcast as in xarray's arithmetic. Of two Datasets the variables of one name go together;
        with one of them, each variable goes with the DataArray.
    dim, nperseg, noverlap, nfft, window, detrend, return_onesided, scaling, average
        As of `welch`.
    fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        Complex, complex64 in single precision, named after both, with the frequencies in place of
        the dimension. ``units`` of the two are multiplied, for a density also by those of the
        dimension. Lazy for Dask arrays.

    Raises
    ------
    ArgumentError
        As `welch`, and for coordinates along the dimension that differ.
    ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `welch`.

    Notes
    -----
    SciPy's convention: the phase is that by which ``other`` leads ``obj``, opposite to that of
    `cross_spectrum`, which is xrft's. Counted along the coordinate, also where it decreases.

    The values are those of :func:`spanwise.signal.csd`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import csd
    >>> t = np.arange(4_000)
    >>> x = xr.DataArray(np.sin(2 * np.pi * t / 20), dims="t", name="x").chunk(t=700)
    >>> y = xr.DataArray(np.sin(2 * np.pi * t / 20 + 0.5), dims="t", name="y").chunk(t=700)
    >>> c = csd(x, y, "t", nperseg=200).sel(freq_t=0.05, method="nearest")
    >>> c.name, round(float(np.angle(c)), 6)
    ('x_y_csd', 0.5)
    """
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    cut = Cut(window, nperseg, noverlap, nfft, detrend)
    is_density = scaling == "density"

    def one(pair: Pair) -> Any:
        line, number = _line_of_pair(pair, how, return_onesided)
        _, p = _signal.csd(
            *pair.arrays,
            fs=line.rate,
            window=window,
            nperseg=nperseg,
            noverlap=noverlap,
            nfft=nfft,
            detrend=detrend,
            return_onesided=line.one_sided,
            scaling=scaling,
            axis=number,
            average=average,
        )
        attrs = joint_attrs(
            *pair.attrs,
            keep_attrs,
            *((a.units, 1) for a in pair.axes if is_density),
            long_name=f"cross {'spectral density' if is_density else 'spectrum'} of {{}} and {{}}",
        )
        _give_frequencies(pair, line, cut)
        return pair.labelled(line.centred(p, number), "csd", attrs)

    check_labelled(obj, "signal.csd")
    return over_pairs("csd", obj, other, one_dim(obj, dim), None, how, one)


def coherence(
    obj: Any,
    other: Any,
    dim: Dims = None,
    *,
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    window: Any = "hann",
    detrend: Detrend = "constant",
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Magnitude squared coherence of two arrays, from averages over segments.

    ``|Pxy|**2 / (Pxx * Pyy)``, with the spectra that `welch` and `csd` give.

    Parameters
    ----------
    obj : DataArray or Dataset
        As of `csd`.
    other : DataArray or Dataset
        As of `csd`.
    dim, nperseg, noverlap, nfft, window, detrend
        As of `welch`.
    fill, prefix, spacing_tol, keep_attrs
        As of `welch`.

    Returns
    -------
    DataArray or Dataset
        Between 0 and 1, NaN where a spectrum is 0; real, float32 in single precision, named after
        both, with the frequencies in place of the dimension and the unit "1". Lazy for Dask arrays.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `csd`.

    Notes
    -----
    One pass over both. The values are those of :func:`spanwise.signal.coherence`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import coherence
    >>> rng = np.random.default_rng(0)
    >>> wave = 2 * np.sin(2 * np.pi * np.arange(20_000) / 10)
    >>> x, y = (xr.DataArray(wave + rng.standard_normal(20_000), dims="t") for _ in "xy")
    >>> c = coherence(x.chunk(t=3_000), y.chunk(t=3_000), "t", nperseg=100).compute()
    >>> float(c.idxmax()), bool(c.max() > 0.9), bool(c.median() < 0.1)
    (0.1, True, True)
    """
    how = Treatment(prefix=prefix, spacing_tol=spacing_tol, keep_attrs=keep_attrs, fill=fill)
    cut = Cut(window, nperseg, noverlap, nfft, detrend)

    def one(pair: Pair) -> Any:
        line, number = _line_of_pair(pair, how, True)
        sources = tuple(source_of(da, pair.dims) for da in pair.pair)
        x, y = pair.arrays
        _, c = coherence_of(x, y, cut, line.rate, number, sources)
        long_name = "coherence of {} and {}"
        attrs = joint_attrs(*pair.attrs, keep_attrs, long_name=long_name, units="1")
        attrs |= freedom_of(cut, pair.pair[0].sizes[pair.dims[0]], how)
        _give_frequencies(pair, line, cut)
        return pair.labelled(line.centred(c, number), "coherence", attrs, refuses=False)

    check_labelled(obj, "signal.coherence")
    return over_pairs("coherence", obj, other, one_dim(obj, dim), None, how, one)


def _line_of_pair(pair: Pair, how: Treatment, return_onesided: Any) -> tuple[Line, int]:
    """The samples of two arrays, and the number of their axis."""
    (number,), (axis,), (d,) = pair.numbers, pair.axes, pair.dims
    one_sided = bool(return_onesided) and not any(is_complex(x) for x in pair.arrays)
    return Line(axis, pair.coordinates[d][0], one_sided), number


def _give_frequencies(pair: Pair, line: Line, cut: Cut) -> None:
    """Frequencies of segments in place of those of the whole dimension."""
    (d,) = pair.dims
    pair.coordinates[d] = (line.name, line.frequencies(cut.points(pair.pair[0].sizes[d])))
