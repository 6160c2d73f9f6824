"""Isotropic spectra by dimension name."""

from __future__ import annotations

from typing import Any, Literal

from ... import signal as _signal
from ..attrs import derived_attrs, joint_attrs
from ..coords import read_axis
from ..missing import Fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, new_variable
from ..treatment import Treatment
from ..units import product
from ._common import chosen, over, segments, window_list
from ._pair import Pair, over_pairs
from ._rings import choose_several, common_units, with_all, with_rings

__all__ = ["isotropic_cross_spectrum", "isotropic_power_spectrum"]

_POWER = {"density": "power spectral density", "spectrum": "power spectrum"}


def isotropic_power_spectrum(
    obj: Any,
    dim: Dims = None,
    *,
    nfactor: float = 4,
    truncate: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    window: Any = None,
    window_correction: bool = False,
    detrend: Literal["constant", "linear"] | None = None,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Power spectrum over two or three dimensions by distance from zero frequency.

    Frequencies are sorted by their distance from zero, ``freq_r``, into rings of equal width w
    (shells, in three dimensions). With P the power of each frequency (`power_spectrum`, scaling
    "spectrum")::

        spectrum   sum of P over the ring         power of the ring
        density    sum of P over the ring / w     power per unit of freq_r

    so that, with ``truncate=False``, the sum of the spectrum, or w times the sum of the density, is
    the mean of the squares of the data, less their trend and times the window (Parseval).

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable that has all of the dimensions is transformed; a
        variable that has none of them is kept as it is, others are dropped with a warning.
    dim : sequence of str or ..., optional
        Two or three dimensions to transform, or ``...`` for all. It may be left out where the data
        has two dimensions. Their units must be the same, their spacings need not be.
    nfactor : float, default: 4
        Samples on the shortest of the dimensions per ring.
    truncate : bool, default: True
        Leave out rings whose mean distance from zero exceeds the highest frequency that all
        dimensions have with both signs.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of: power per unit of frequency, or power.
    window, window_correction, detrend, chunks_to_segments, fill
        As of `power_spectrum`.
    prefix : str, default: "freq_"
        The new dimension is called this and "r".
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        Real, float32 in single precision; the transformed dimensions are replaced by ``freq_r``,
        the last one. Its coordinate holds the mean distance of the frequencies of each ring, with
        the width of the rings as the attribute ``spacing``; the coordinate ``modes`` along it holds
        their number. ``units`` of the data are squared and, for a density, multiplied by those of a
        dimension; they are left out where one is unknown. Lazy for a Dask array; coordinates are
        known at once.

    Raises
    ------
    ArgumentError
        For other than two or three dimensions, dimensions that the data does not have, of different
        units or with less than three samples, coordinates that are uneven beyond ``spacing_tol`` or
        neither numbers nor times, an ``nfactor`` that is not positive, and as `power_spectrum`.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Warns
    -----
    UserWarning
        Names further coordinates along transformed dimensions, and variables, that are dropped.

    Notes
    -----
    Rings are those of ``xrft.isotropic_power_spectrum``. With A the product of the ``spacing`` of
    the two-dimensional frequencies, xrft 1.0.2 gives ``p * p.freq_r.spacing / A``, and older
    versions ``p * p.freq_r.spacing / A * p.freq_r / p.modes``; by default neither truncates. One
    pass over the data; see :func:`spanwise.signal.isotropic_power_spectrum`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import isotropic_power_spectrum
    >>> km = {"units": "km"}
    >>> sst = xr.DataArray(
    ...     np.random.default_rng(0).normal(size=(32, 64)),
    ...     {"y": ("y", np.arange(32.0), km), "x": ("x", 0.5 * np.arange(64), km)},
    ...     attrs={"units": "K"},
    ... )
    >>> p = isotropic_power_spectrum(sst, ("y", "x"), truncate=False)
    >>> p.dims, p.units, p.freq_r.units
    (('freq_r',), 'K^2 km', '1/km')
    >>> bool(np.isclose(p.sum() * p.freq_r.spacing, (sst**2).mean()))
    True
    """
    check_labelled(obj, "signal.isotropic_power_spectrum")
    rings = {"nfactor": nfactor, "truncate": truncate}
    how = Treatment(
        prefix=prefix,
        spacing_tol=spacing_tol,
        keep_attrs=keep_attrs,
        detrend=detrend,
        window=window,
        window_correction=window_correction,
        chunks_to_segments=chunks_to_segments,
        fill=fill,
    )
    dims = choose_several(obj, dim)
    obj, dims = chosen(with_all(obj, dims), dims, None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        da = segments(da, own, how)
        axes = [read_axis(da, d, spacing_tol=spacing_tol) for d in own]
        units = common_units([(a.dim, a.units) for a in axes])
        sampling = [float(a.spacing) for a in axes]
        power = _signal.isotropic_power_spectrum(
            fill_missing(da, own, how.fill).data,
            axes=[da.get_axis_num(d) for d in own],
            sampling=sampling,
            window=window_list(how, own),
            window_correction=window_correction,
            scaling=scaling,
            detrend=detrend,
            **rings,
        )
        power = refuse_missing(power, da, (power.ndim - 1,), own)
        bins = _signal.isotropic_bins([da.sizes[d] for d in own], sampling, **rings)
        factors = [(units, 1)] if scaling == "density" else []
        label = f"isotropic {_POWER[scaling]} of "
        attrs = derived_attrs(da.attrs, keep_attrs, *factors, power=2, prefix=label)
        out = new_variable(da, (*(d for d in da.dims if d not in own), f"{prefix}r"), power, attrs)
        out.name = da.name
        return with_rings(out, bins, f"{prefix}r", product((units, -1)))

    return over(obj, dims, one, keep_attrs)


def isotropic_cross_spectrum(
    obj: Any,
    other: Any,
    dim: Dims = None,
    *,
    nfactor: float = 4,
    truncate: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    window: Any = None,
    window_correction: bool = False,
    detrend: Literal["constant", "linear"] | None = None,
    chunks_to_segments: bool = False,
    fill: Fill = None,
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Cross spectrum over two or three dimensions by distance from zero frequency.

    The sum of `cross_spectrum` over the rings of :func:`isotropic_power_spectrum`, scaled as there.

    Parameters
    ----------
    obj : DataArray or Dataset
        The first of the two, as of `cross_spectrum`.
    other : DataArray or Dataset
        As of `cross_spectrum`.
    dim, nfactor, truncate, scaling
        As of :func:`isotropic_power_spectrum`.
    window, window_correction, detrend, chunks_to_segments, fill, prefix, spacing_tol, keep_attrs
        As of `cross_spectrum`.

    Returns
    -------
    DataArray or Dataset
        As of :func:`isotropic_power_spectrum`, named after both. Real for real data, whose
        imaginary parts at frequencies of opposite signs cancel (the cospectrum); else complex.
        ``units`` of the two are multiplied.

    Raises
    ------
    ArgumentError
        As :func:`isotropic_power_spectrum`, and for coordinates along transformed dimensions that
        differ.
    ArrayTypeError
        For anything but xarray objects, and arrays of two libraries.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Warns
    -----
    UserWarning
        Names further coordinates along transformed dimensions, and variables, that are dropped.

    Notes
    -----
    ``xrft.isotropic_cross_spectrum`` gives complex numbers with an imaginary part of rounding
    errors, scaled as its power spectrum. See :func:`spanwise.signal.isotropic_cross_spectrum`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import isotropic_cross_spectrum
    >>> u, v = (
    ...     xr.DataArray(x, dims=("y", "x"), name=name, attrs={"units": "m/s"})
    ...     for x, name in zip(np.random.default_rng(0).normal(size=(2, 32, 32)), "uv")
    ... )
    >>> c = isotropic_cross_spectrum(u, v, truncate=False, scaling="spectrum")
    >>> c.name, c.units, bool(np.isclose(c.sum(), (u * v).mean()))
    ('u_v_isotropic_cross_spectrum', 'm^2 s^-2', True)
    """
    rings = {"nfactor": nfactor, "truncate": truncate}
    how = Treatment(
        prefix=prefix,
        spacing_tol=spacing_tol,
        keep_attrs=keep_attrs,
        detrend=detrend,
        window=window,
        window_correction=window_correction,
        chunks_to_segments=chunks_to_segments,
        fill=fill,
    )
    for z in (obj, other):
        check_labelled(z, "signal.isotropic_cross_spectrum")
    dims = choose_several(obj, dim)
    obj, other = with_all(obj, dims), with_all(other, dims)

    def one(pair: Pair) -> Any:
        units = common_units([(a.dim, a.units) for a in pair.axes])
        sampling = [float(a.spacing) for a in pair.axes]
        x = _signal.isotropic_cross_spectrum(
            *pair.arrays,
            axes=pair.numbers,
            sampling=sampling,
            window=pair.windows,
            window_correction=window_correction,
            scaling=scaling,
            detrend=detrend,
            **rings,
        )
        lengths = [pair.pair[0].sizes[d] for d in pair.dims]
        bins = _signal.isotropic_bins(lengths, sampling, **rings)
        attrs = joint_attrs(
            *pair.attrs,
            keep_attrs,
            *([(units, 1)] if scaling == "density" else []),
            long_name=f"isotropic cross {_POWER[scaling].removeprefix('power ')} of {{}} and {{}}",
        )
        kept = [d for d in pair.order if d not in pair.dims]
        name = "isotropic_cross_spectrum"
        out = pair.on_dims(x, (x.ndim - 1,), [*kept, f"{prefix}r"], name, attrs)
        return with_rings(out, bins, f"{prefix}r", product((units, -1)))

    return over_pairs("isotropic_cross_spectrum", obj, other, dims, None, how, one)
