"""Coherence along frequencies."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import ArgumentError
from ._axes import (
    GUIDE,
    PALETTE,
    add_inverse,
    frequency_dim,
    label_of,
    legend_outside,
    new_axes,
    one_array,
    plain_ticks,
)
from ._confidence import check_probability, coherence_level, degrees_of_freedom


def coherence(
    obj: Any,
    ax: Any = None,
    *,
    dim: str | None = None,
    significance: float | None = 0.95,
    dof: Any = None,
    xscale: Literal["linear", "log"] = "log",
    inverse: bool = True,
    **line: Any,
) -> Any:
    """Draw a squared coherence, and the level that independent series rarely exceed.

    Parameters
    ----------
    obj : DataArray
        Squared coherence, between 0 and 1, along frequencies; a second dimension gives a line for
        each of its values, 8 at most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    dim : str, optional
        Dimension of frequencies, if its name does not tell.
    significance : float, optional
        Probability that the coherence of independent series lies below the level, at one frequency.
        None: no level. It is drawn where the degrees of freedom are known.
    dof : float or array, optional
        Degrees of freedom: two for each independent segment, as of :func:`loglog_spectrum`.
    xscale : {"linear", "log"}, default: "log"
        Scale of the frequencies; on a logarithmic one zero and negative ones are left out.
    inverse : bool, default: True
        Mark periods or wavelengths on top of a logarithmic scale, if the unit is known.
    **line
        Passed to :meth:`matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; parts of a single line that exceed the level are shaded.

    Raises
    ------
    ArgumentError
        For a Dataset, more than two dimensions or 8 lines, a probability out of range, or degrees
        of freedom that are not positive.
    ArrayTypeError
        For anything but xarray objects, and for complex numbers.
    MissingDependencyError
        Without matplotlib.

    Notes
    -----
    Computes the coherence. With K independent segments the level is
    ``1 - (1 - significance)**(1 / (K - 1))``.

    Examples
    --------
    >>> import numpy as np, xarray as xr, spanwise.plot
    >>> f = {"freq_time": ("freq_time", np.arange(1, 9) / 16, {"units": "1/s"})}
    >>> c = xr.DataArray(np.linspace(0, 1, 8), f, attrs={"segments": 10}, name="coherence")
    >>> ax = spanwise.plot.coherence(c)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('freq time (s⁻¹)', 'coherence')
    """
    da = one_array(obj, "coherence", (1, 2))
    dim = frequency_dim(da, dim)
    known = degrees_of_freedom(da, dim, dof)
    f = da.coords[dim].values
    used = np.isfinite(f) & ((f > 0) if xscale == "log" else True)
    if xscale not in ("linear", "log"):
        raise ArgumentError(f"xscale={xscale!r}: expected 'linear' or 'log'")
    order = np.argsort(f[used], kind="stable")
    da = da.transpose(..., dim).isel({dim: used}).isel({dim: order})
    f = da.coords[dim].values
    ax = new_axes(ax)
    ax.set(xscale=xscale, ylim=(0, 1))
    _draw_lines(ax, f, da, line)
    if significance is not None and known is not None:
        significance = check_probability("significance", significance)
        level = coherence_level(known[used][order], significance)
        label = f"{100 * significance:g} % level of independent series"
        ax.plot(f, level, color=GUIDE, linestyle="--", linewidth=1, label=label)
        if da.ndim == 1:
            above = {"color": ax.lines[0].get_color(), "alpha": 0.25, "linewidth": 0}
            over = da.values > level
            ax.fill_between(f, level, da.values, where=over, interpolate=True, **above)
    ax.set(xlabel=label_of(obj.coords[dim], dim), ylabel=label_of(da, "coherence"))
    ax.margins(x=0.02)
    ax.grid(alpha=0.25)
    if xscale == "log":
        plain_ticks(ax.xaxis)
        if inverse:
            add_inverse(ax, da.coords[dim])
    else:
        ax.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4))
    if ax.get_legend_handles_labels()[1]:
        legend_outside(ax, len(ax.lines))
    return ax


def _draw_lines(ax: Any, f: np.ndarray, da: Any, line: dict[str, Any]) -> None:
    if da.ndim == 1:
        ax.plot(f, da.values, **({"color": PALETTE[0]} | line))
        return
    other = da.dims[0]
    if da.sizes[other] > len(PALETTE):
        raise ArgumentError(
            f"obj has {da.sizes[other]} lines along {other!r}; draw {len(PALETTE)} at most: choose "
            f"with obj.isel({other}=...)"
        )
    names = da.coords[other].values if other in da.coords else np.arange(da.sizes[other])
    for name, row, colour in zip(names, da.values, PALETTE, strict=False):
        text = name if isinstance(name, str) else f"{other} = {name}"
        ax.plot(f, row, **({"color": colour, "label": text} | line))
