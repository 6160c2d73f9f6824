"""Spectra that there are, by distance from zero frequency."""

from __future__ import annotations

import math
from typing import Any, Literal

from ...kernels.radial import RadialAxis
from ...signal._arguments import check_choice
from ...signal._rings import rings_of_spectrum, sum_rings
from ..attrs import derived_attrs
from ..coords import FrequencyAxis, read_frequencies
from ..select import Dims, check_labelled, drop_extra, new_variable
from ._common import over
from ._rings import choose_several, common_units, with_all, with_rings

__all__ = ["isotropize"]


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
    dims = choose_several(obj, dim)
    obj = drop_extra(with_all(obj, dims), dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        axes = [_frequencies(da, d, spacing_tol) for d in own]
        units = common_units([(a.dim, a.units) for a in axes])
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
        return with_rings(out, bins, f"{prefix}r", units)

    return over(obj, dims, one, keep_attrs)


def _frequencies(da: Any, dim: str, spacing_tol: float) -> FrequencyAxis:
    points = da.sizes[dim]
    half = dim in da.coords and points > 1 and bool((da.coords[dim].values >= 0).all())
    return read_frequencies(
        da, dim, f"{dim}_r", half=half, length=None, lag=None, spacing_tol=spacing_tol
    )
