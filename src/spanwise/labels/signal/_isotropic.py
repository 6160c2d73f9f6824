"""Isotropic spectra by dimension name."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from ... import signal as _signal
from ...errors import ArgumentError
from ...kernels.radial import RadialAxis
from ...signal._arguments import check_choice
from ...signal._isotropic import rings_of_spectrum, sum_rings
from ..attrs import derived_attrs, joint_attrs
from ..coords import FrequencyAxis, read_axis, read_frequencies
from ..missing import Fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, choose_dims, drop_extra, new_variable, warn
from ..treatment import Treatment
from ..units import product
from ._common import chosen, over, segments, window_list
from ._cross import Pair, over_pairs

__all__ = ["isotropic_cross_spectrum", "isotropic_power_spectrum", "isotropize"]

_POWER = {"density": "power spectral density", "spectrum": "power spectrum"}
_DEGREES = re.compile(r"degrees?(?:_?(?:north|east|south|west|true|[nesw]))?", re.IGNORECASE)


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
    obj, dims = chosen(_with_all(obj, _choose(obj, dim)), _choose(obj, dim), None, how)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        da = segments(da, own, how)
        axes = [read_axis(da, d, spacing_tol=spacing_tol) for d in own]
        units = _common_units([(a.dim, a.units) for a in axes])
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
        return _with_rings(out, bins, f"{prefix}r", product((units, -1)))

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
    dims = _choose(obj, dim)
    obj, other = _with_all(obj, dims), _with_all(other, dims)

    def one(pair: Pair) -> Any:
        units = _common_units([(a.dim, a.units) for a in pair.axes])
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
        return _with_rings(out, bins, f"{prefix}r", product((units, -1)))

    return over_pairs("isotropic_cross_spectrum", obj, other, dims, None, how, one)


def isotropize(
    obj: Any,
    dim: Dims = None,
    *,
    nfactor: float = 4,
    truncate: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    prefix: str = "freq_",
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Add up a spectrum that there is over rings of equal distance from zero frequency.

    Parameters
    ----------
    obj : DataArray or Dataset
        A spectrum, real or complex, that `power_spectrum`, `cross_spectrum` or xrft made: shifted,
        as the transform gives it, or, of real data, with the non-negative frequencies of one
        dimension, which count double.
    dim : sequence of str or ..., optional
        Its two or three dimensions of frequencies, or ``...`` for all. It may be left out where the
        spectrum has two dimensions.
    nfactor, truncate, spacing_tol, prefix, keep_attrs
        As of :func:`isotropic_power_spectrum`.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of, and remains: a density is multiplied by the area that a frequency
        stands for and divided by the width of a ring, a spectrum is added up alone.

    Returns
    -------
    DataArray or Dataset
        As of :func:`isotropic_power_spectrum`; complex if the spectrum is. ``units`` of a density
        are multiplied by those of the frequencies, for all dimensions but one.

    Raises
    ------
    ArgumentError
        For other than two or three dimensions, dimensions that the data does not have, of different
        units, or whose coordinates are not the frequencies of a transform, and an ``nfactor`` that
        is not positive.
    ArrayTypeError
        For anything but xarray objects.

    Warns
    -----
    UserWarning
        Names further coordinates along dimensions of frequencies, and variables, that are dropped.

    Notes
    -----
    One pass over the spectrum: each chunk adds up its share of the rings, and the shares are added
    in a tree. `isotropic_power_spectrum` of the data does the same in the task of the transform, so
    that the spectrum is never held.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import isotropic_power_spectrum, isotropize, power_spectrum
    >>> x = xr.DataArray(np.random.default_rng(0).normal(size=(3, 32, 48)), dims=("t", "y", "x"))
    >>> p = isotropize(power_spectrum(x, ("y", "x")), ("freq_y", "freq_x"))
    >>> xr.testing.assert_allclose(p, isotropic_power_spectrum(x, ("y", "x")))
    """
    check_labelled(obj, "signal.isotropize")
    check_choice("scaling", scaling, ("density", "spectrum"))
    dims = _choose(obj, dim)
    obj = drop_extra(_with_all(obj, dims), dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        axes = [_frequencies(da, d, spacing_tol) for d in own]
        units = _common_units([(a.dim, a.units) for a in axes])
        places = [
            RadialAxis(
                da.get_axis_num(a.dim), a.length, float(1 / (a.length * a.axis.spacing)), a.order
            )
            for a in axes
        ]
        bins, rings = rings_of_spectrum(places, nfactor, truncate)
        cell = math.prod(a.step for a in places)
        factor = cell / bins.width if scaling == "density" else 1.0
        sums = sum_rings(da.data, rings, factor)
        factors = [(units, len(own) - 1)] if scaling == "density" else []
        attrs = derived_attrs(da.attrs, keep_attrs, *factors, prefix="isotropic ")
        out = new_variable(da, (*(d for d in da.dims if d not in own), f"{prefix}r"), sums, attrs)
        out.name = da.name
        return _with_rings(out, bins, f"{prefix}r", units)

    return over(obj, dims, one, keep_attrs)


def _with_rings(da: Any, bins: Any, name: str, units: str | None) -> Any:
    """The coordinates of rings; ``units`` are those of their frequencies."""
    import xarray as xr

    if name in da.coords:
        raise ArgumentError(
            f"the new dimension would be called {name!r}, which is taken; choose another prefix="
        )
    about = {"long_name": "isotropic frequency", "spacing": bins.width}
    about |= {} if units is None else {"units": units}
    modes = {"long_name": "frequencies in the ring"}
    return da.assign_coords(
        {
            name: xr.Variable(name, bins.frequency, about),
            "modes": xr.Variable(name, bins.modes, modes),
        }
    )


def _choose(obj: Any, dim: Dims) -> tuple[str, ...]:
    dims = choose_dims(obj, ... if dim is None and len(obj.dims) == 2 else dim)
    if not 2 <= len(dims) <= 3:
        listed = ", ".join(map(repr, obj.dims))
        raise ArgumentError(
            f"dim={dim!r}: an isotropic spectrum takes two or three dimensions of {listed}"
        )
    return dims


def _with_all(ds: Any, dims: tuple[str, ...]) -> Any:
    """Without the variables that have some of the dimensions only; a DataArray as it is."""
    import xarray as xr

    if not isinstance(ds, xr.Dataset):
        return ds
    partial = [
        name
        for name, v in ds.data_vars.items()
        if set(dims) & set(v.dims) and not set(dims) <= set(v.dims)
    ]
    if partial:
        warn(
            f"variables {', '.join(map(repr, partial))} do not have all of the dimensions "
            f"{', '.join(map(repr, dims))} and are dropped"
        )
    return ds.drop_vars(partial)


def _common_units(named: list[tuple[str, str | None]]) -> str | None:
    """The unit that dimensions share, None if it is not known of one."""
    found = {_plain(u) for _, u in named if u is not None}
    if len(found) > 1:
        listed = ", ".join(f"{d!r} in {u}" for d, u in named if u is not None)
        raise ArgumentError(
            f"dimensions {listed}: distances from zero need one unit; convert a coordinate, e.g. "
            f"da.assign_coords({named[0][0]}=1000 * da.{named[0][0]}) with its attribute units"
        )
    return None if any(u is None for _, u in named) else found.pop()


def _plain(units: str) -> str:
    """A unit as it is compared: degrees north and east are degrees."""
    over, one = ("1/", units[2:]) if units.startswith("1/") else ("", units)
    return f"{over}degrees" if _DEGREES.fullmatch(one) else str(product((units, 1)))


def _frequencies(da: Any, dim: str, spacing_tol: float) -> FrequencyAxis:
    points = da.sizes[dim]
    half = dim in da.coords and points > 1 and bool((da.coords[dim].values >= 0).all())
    return read_frequencies(
        da, dim, f"{dim}_r", half=half, length=None, lag=None, spacing_tol=spacing_tol
    )
