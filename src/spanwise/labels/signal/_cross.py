"""Spectra of two labelled arrays together."""

from __future__ import annotations

from typing import Any, Literal

from ... import signal as _signal
from ..attrs import joint_attrs
from ..missing import Fill
from ..select import Dims
from ..treatment import Treatment
from ._pair import Pair, over_pairs

__all__ = ["cross_phase", "cross_spectrum"]


def cross_spectrum(
    obj: Any,
    other: Any,
    dim: Dims = None,
    *,
    real_dim: str | None = None,
    scaling: Literal["density", "spectrum"] = "density",
    window: Any = None,
    window_correction: bool = False,
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = True,
    true_phase: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Cross spectrum of two arrays over one dimension or several.

    With X and Y the plain transforms of the data, less their trends and times the window, n the
    product of the numbers of samples and d the product of their spacings::

        density    C = d / n X conj(Y)
        spectrum   C = X conj(Y) / n^2

    The phase of C is that of ``obj`` less that of ``other``.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
    other : DataArray or Dataset
        The same, with equal coordinates along the dimensions to transform. Other dimensions are
        joined and broadcast as in xarray's arithmetic. Of two Datasets the variables of one name
        go together; with one of them, each variable goes with the DataArray. Variables that lack
        the dimensions, or are not numeric, are dropped with a warning.
    dim, real_dim, scaling, window, window_correction, detrend, shift
        As of `power_spectrum`.
    true_phase : bool, default: True
        Count along the coordinates; False: in the order of the data, where coordinates decrease.
    chunks_to_segments, fill, prefix, spacing_tol, keep_attrs
        As of `power_spectrum`. Segments are the chunks of ``obj``.

    Returns
    -------
    DataArray or Dataset
        Complex, complex64 in single precision, named after both; dimensions in the order of
        ``obj``, then those that only ``other`` has. ``units`` of the two are multiplied, for a
        density also by those of the dimensions, and left out where one is unknown. Lazy for Dask
        arrays.

    Raises
    ------
    ArgumentError
        As `power_spectrum`, and for coordinates along transformed dimensions that differ.
    ArrayTypeError
        For anything but xarray objects, arrays of two libraries, and for complex data with
        ``real_dim``.
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
    The defaults are those of ``xrft.cross_spectrum``. See :func:`spanwise.signal.cross_spectrum`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import cross_spectrum
    >>> t = xr.DataArray(0.5 * np.arange(64), dims="t", attrs={"units": "s"})
    >>> u = np.sin(2 * np.pi * t / 4).rename("u").assign_coords(t=t).assign_attrs(units="m")
    >>> v = np.cos(2 * np.pi * t / 4).rename("v").assign_coords(t=t).assign_attrs(units="K")
    >>> c = cross_spectrum(u, v, "t", real_dim="t", scaling="spectrum")
    >>> c.name, c.units, round(float(c.sel(freq_t=0.25).imag), 6)
    ('u_v_cross_spectrum', 'm K', -0.5)
    """
    how = Treatment(
        prefix=prefix,
        spacing_tol=spacing_tol,
        keep_attrs=keep_attrs,
        shift=shift,
        true_phase=true_phase,
        detrend=detrend,
        window=window,
        window_correction=window_correction,
        chunks_to_segments=chunks_to_segments,
        fill=fill,
    )
    is_density = scaling == "density"

    def one(pair: Pair) -> Any:
        x = _signal.cross_spectrum(
            *pair.arrays,
            axes=pair.numbers,
            sampling=[float(a.spacing) for a in pair.axes],
            window=pair.windows,
            window_correction=window_correction,
            scaling=scaling,
            detrend=detrend,
            shift=shift,
            half=pair.dims[-1] == real_dim,
        )
        attrs = joint_attrs(
            *pair.attrs,
            keep_attrs,
            *((a.units, 1) for a in pair.axes if is_density),
            long_name=f"cross {'spectral density' if is_density else 'spectrum'} of {{}} and {{}}",
        )
        return pair.labelled(x, "cross_spectrum", attrs)

    return over_pairs("cross_spectrum", obj, other, dim, real_dim, how, one)


def cross_phase(
    obj: Any,
    other: Any,
    dim: Dims = None,
    *,
    real_dim: str | None = None,
    window: Any = None,
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = True,
    true_phase: bool = True,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Phase of the cross spectrum of two arrays: that of ``obj`` less that of ``other``.

    Parameters
    ----------
    obj : DataArray or Dataset
        The first of the two, as of `cross_spectrum`.
    other, dim, real_dim, window, detrend, shift, true_phase, chunks_to_segments, fill, prefix,\
 spacing_tol, keep_attrs
        As of `cross_spectrum`.

    Returns
    -------
    DataArray or Dataset
        Real, in radians from -pi to pi, float32 in single precision; otherwise as that of
        `cross_spectrum`. Lazy for Dask arrays.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError, MemoryBudgetError
        As `cross_spectrum`.

    Warns
    -----
    UserWarning
        As `cross_spectrum`.

    Notes
    -----
    Where there is no power the phase is that of rounding errors.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import cross_phase
    >>> t = xr.DataArray(0.5 * np.arange(64), dims="t")
    >>> u = np.sin(2 * np.pi * t / 4).rename("u").assign_coords(t=t)
    >>> v = np.cos(2 * np.pi * t / 4).rename("v").assign_coords(t=t)
    >>> phase = cross_phase(u, v, "t", real_dim="t")
    >>> phase.name, phase.units, round(float(phase.sel(freq_t=0.25)) / np.pi, 6)
    ('u_v_phase', 'radian', -0.5)
    """
    how = Treatment(
        prefix=prefix,
        spacing_tol=spacing_tol,
        keep_attrs=keep_attrs,
        shift=shift,
        true_phase=true_phase,
        detrend=detrend,
        window=window,
        chunks_to_segments=chunks_to_segments,
        fill=fill,
    )

    def one(pair: Pair) -> Any:
        x = _signal.cross_phase(
            *pair.arrays,
            axes=pair.numbers,
            window=pair.windows,
            detrend=detrend,
            shift=shift,
            half=pair.dims[-1] == real_dim,
        )
        long_name = "phase of {} relative to {}"
        attrs = joint_attrs(*pair.attrs, keep_attrs, long_name=long_name, units="radian")
        return pair.labelled(x, "phase", attrs)

    return over_pairs("cross_phase", obj, other, dim, real_dim, how, one)
