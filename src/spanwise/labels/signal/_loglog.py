"""Power laws through labelled spectra."""

from __future__ import annotations

from typing import Any

from ... import signal as _signal
from ...errors import ArgumentError
from ..attrs import keeps_attrs
from ..select import Dims, check_labelled, choose_dims, new_variable, warn

__all__ = ["fit_loglog"]


def fit_loglog(
    obj: Any,
    dim: Dims = None,
    *,
    limits: tuple[float, float] | None = None,
    keep_attrs: bool | None = None,
) -> Any:
    """Fit a power law ``2**intercept * f**slope`` along a dimension of frequencies f.

    Parameters
    ----------
    obj : DataArray or Dataset
        A spectrum, real, on an array of any library or a Dask array cut along any dimension. Of a
        Dataset every numeric variable that has the dimension is fitted; others are left out.
    dim : str, optional
        Dimension of frequencies, which has a coordinate. It may be left out where the data has one
        dimension only.
    limits : pair of float, optional
        Least and greatest frequency that are used, both included; infinity where there is none.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    Dataset
        ``slope``, ``intercept`` (log2 of the power law at f = 1) and ``fit``, the power law at each
        frequency, NaN outside of the limits; of a Dataset these three of each variable, behind its
        name and ``_``. Of the precision of the spectrum. Lazy for a Dask array; one pass over the
        spectrum. The attribute ``limits`` of ``slope`` records the limits.

    Raises
    ------
    ArgumentError
        For a dimension that the data does not have or that has no coordinate of numbers, and for
        limits that are no pair or between which there is no positive frequency.
    ArrayTypeError
        For anything but xarray objects, and for complex spectra.

    Notes
    -----
    Least squares through log2 of the values over log2 of the frequencies; values that are zero,
    negative or NaN are left out. See :func:`spanwise.signal.fit_loglog`. ``xrft.fit_loglog(x, y)``
    gives the three as a tuple ``y_fit, slope, intercept``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import fit_loglog
    >>> f = np.arange(1, 65) / 128
    >>> p = xr.DataArray(4 * f ** -(5 / 3), {"freq_x": f}, attrs={"units": "K^2 km"})
    >>> fit = fit_loglog(p, limits=(0.02, 0.4))
    >>> round(float(fit.slope), 3), round(float(fit.intercept), 3), fit.fit.units
    (-1.667, 2.0, 'K^2 km')
    """
    import xarray as xr

    check_labelled(obj, "signal.fit_loglog")
    (dim,) = choose_dims(obj, dim, count=1)
    if dim not in obj.coords or obj.coords[dim].dtype.kind not in "iuf":
        raise ArgumentError(
            f"dim={dim!r}: has no coordinate of numbers, which a power law is a function of"
        )
    x = obj.coords[dim].values
    keep = keeps_attrs(keep_attrs)
    if isinstance(obj, xr.DataArray):
        return xr.Dataset(_fit(obj, dim, x, limits, keep))
    parts, skipped = {}, []
    for name, variable in obj.data_vars.items():
        if dim in variable.dims and variable.dtype.kind in "biuf":
            parts |= _fit(variable, dim, x, limits, keep, f"{name}_")
        else:
            skipped.append(name)
    if skipped:
        warn(f"variables {', '.join(map(repr, skipped))} have no spectrum along {dim!r}")
    return xr.Dataset(parts, attrs=obj.attrs if keep else {})


def _fit(da: Any, dim: str, x: Any, limits: Any, keep: bool, prefix: str = "") -> dict[str, Any]:
    """The variables of the result."""
    found = _signal.fit_loglog(x, da.data, axis=da.get_axis_num(dim), limits=limits)
    others = tuple(d for d in da.dims if d != dim)
    label = da.attrs.get("long_name", da.name)
    of = f" of {label}" if label else ""
    about = {} if limits is None else {"limits": [float(v) for v in limits]}
    attrs = [
        {"long_name": f"power law{of}"} | ({"units": da.units} if "units" in da.attrs else {}),
        {"long_name": f"spectral slope{of}"} | about,
        {"long_name": f"log2 of the power law at 1{of}"},
    ]
    return {
        f"{prefix}{name}": new_variable(da, dims, values, about if keep else {})
        for name, dims, values, about in zip(
            ("fit", "slope", "intercept"), (da.dims, others, others), found, attrs, strict=True
        )
    }
