"""Spectra along time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import ArgumentError
from ._axes import (
    frequency_dim,
    label_of,
    matplotlib,
    new_axes,
    numbers,
    one_array,
    short_dates,
)


def spectrogram(
    obj: Any,
    ax: Any = None,
    *,
    dim: str | None = None,
    yscale: Literal["linear", "log"] = "linear",
    decades: float = 4.0,
    colorbar: bool = True,
    **mesh: Any,
) -> Any:
    """Draw a spectrogram: time to the right, frequencies upwards, power as colour.

    Parameters
    ----------
    obj : DataArray
        A real spectrogram with two dimensions, frequencies and another. Of a complex one (of
        ``stft``) the squared magnitude is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    dim : str, optional
        Dimension of frequencies, if its name does not tell.
    yscale : {"linear", "log"}, default: "linear"
        Scale of the frequencies; on a logarithmic one zero and negative ones are left out.
    decades : float, default: 4
        How far the colours reach below the greatest power, in powers of ten.
    colorbar : bool, default: True
        Draw a colour bar with name and units.
    **mesh
        Passed to :meth:`matplotlib.axes.Axes.pcolormesh`; ``vmin`` and ``vmax`` replace
        ``decades``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ArgumentError
        For a Dataset, other than two dimensions, a scale that is unknown, decades that are not
        positive, or no power.
    ArrayTypeError
        For anything but xarray objects.
    MissingDependencyError
        Without matplotlib.

    Notes
    -----
    Computes the spectrogram. The picture is the one that was computed: nothing is interpolated.

    Examples
    --------
    >>> import numpy as np, xarray as xr, spanwise.plot
    >>> s = xr.DataArray(np.eye(4), {"freq_time": np.arange(4) / 8, "time": np.arange(4.0)})
    >>> ax = spanwise.plot.spectrogram(s)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time', 'freq time')
    """
    da = one_array(obj, "spectrogram", (2,), real=False)
    dim = frequency_dim(da, dim)
    if yscale not in ("linear", "log"):
        raise ArgumentError(f"yscale={yscale!r}: expected 'linear' or 'log'")
    if not decades > 0:
        raise ArgumentError(f"decades={decades!r}: expected a positive number of powers of ten")
    attrs, name = da.attrs, da.name
    if da.dtype.kind == "c":
        da = np.square(np.abs(da))
    da = da.transpose(dim, ...).sortby(dim)
    f = da.coords[dim].values
    da = da.isel({dim: f > 0}) if yscale == "log" else da
    other = da.dims[1]
    greatest = float(da.max())
    if not (np.isfinite(greatest) and greatest > 0):
        raise ArgumentError(f"obj has no power to draw: its greatest value is {greatest}")
    if "norm" not in mesh:
        colors = matplotlib("matplotlib.colors")
        least = mesh.pop("vmin", greatest / 10**decades)
        mesh["norm"] = colors.LogNorm(least, mesh.pop("vmax", greatest), clip=True)
    ax = new_axes(ax, (7.5, 4.2))
    x = da.coords[other].values if other in da.coords else np.arange(da.sizes[other])
    how = {"cmap": "magma", "shading": "nearest", "rasterized": True} | mesh
    # Power of zero has the colour of the least power, not that of a gap.
    values = np.where(np.isnan(da.values), np.nan, np.maximum(da.values, np.finfo("f4").tiny))
    shown = ax.pcolormesh(numbers(x), da.coords[dim].values, values, **how)
    short_dates(ax.xaxis, x)
    ax.set(yscale=yscale, ylabel=label_of(da.coords[dim], dim))
    ax.set_xlabel(label_of(da.coords[other], other) if other in da.coords else str(other))
    if yscale == "linear":
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
    if colorbar:
        label = label_of(da.assign_attrs(attrs).rename(name), "power")
        ax.figure.colorbar(shown, ax=ax, label=label, pad=0.02, extend="min")
    return ax
