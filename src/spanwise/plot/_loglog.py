"""Spectra on logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

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
from ._confidence import check_probability, confidence_factors, degrees_of_freedom

_MOST_LINES = 20


def loglog_spectrum(
    obj: Any,
    ax: Any = None,
    *,
    dim: str | None = None,
    confidence: float | None = 0.95,
    dof: Any = None,
    fit: bool | tuple[float, float] = False,
    slopes: float | Iterable[float] = (),
    inverse: bool = True,
    **line: Any,
) -> Any:
    """Draw a spectrum on logarithmic axes, with its confidence band.

    Parameters
    ----------
    obj : DataArray
        A real spectrum along frequencies; a second dimension gives a line for each of its values,
        20 at most. Zero and negative frequencies are left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    dim : str, optional
        Dimension of frequencies, if its name does not tell.
    confidence : float, optional
        Probability of the band, which is drawn for a single line whose degrees of freedom are
        known: the true spectrum lies in it, at one frequency. None: no band.
    dof : float or array, optional
        Degrees of freedom of the estimate, one number or one for each frequency: two for each
        independent spectrum that was averaged. By default those that the spectrum tells: of an
        isotropic spectrum the number of frequencies in each ring (its coordinate ``modes``), else
        the attribute ``degrees_of_freedom``, or two for each of ``segments``.
    fit : bool or pair of float, default: False
        Draw the power law that `spanwise.labels.signal.fit_loglog` finds, between the limits given,
        with its exponent in the legend.
    slopes : float or sequence of float, default: ()
        Draw guides of these exponents, e.g. ``slopes=(-5 / 3, -3)``.
    inverse : bool, default: True
        Mark periods or wavelengths on top, if the unit of the frequencies is known.
    **line
        Passed to :meth:`matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes
        Labelled with names and units of the attributes.

    Raises
    ------
    ArgumentError
        For a Dataset, more than two dimensions or 20 lines, no positive frequency, a probability
        out of range, or degrees of freedom that are not positive.
    ArrayTypeError
        For anything but xarray objects, and for complex numbers.
    MissingDependencyError
        Without matplotlib.

    Notes
    -----
    Computes the spectrum. The band multiplies it by v / chi2 for v degrees of freedom, as if the
    values at all frequencies were averages of v / 2 independent spectra of Gaussian noise. It is
    wrong for a spectrum that was averaged again after its degrees of freedom were recorded: give
    ``dof`` then.

    Examples
    --------
    >>> import numpy as np, xarray as xr, spanwise.plot, spanwise.xarray
    >>> x = xr.DataArray(np.random.default_rng(0).normal(size=(64, 64)), dims=("y", "x"))
    >>> p = x.spanwise.signal.isotropic_power_spectrum()
    >>> ax = spanwise.plot.loglog_spectrum(p, slopes=-3)
    >>> ax.get_xlabel(), ax.get_xscale()
    ('isotropic frequency', 'log')
    """
    da = one_array(obj, "loglog_spectrum", (1, 2))
    dim = frequency_dim(da, dim)
    known = degrees_of_freedom(da, dim, dof)
    f = da.coords[dim].values
    used = np.isfinite(f) & (f > 0)
    if not used.any():
        raise ArgumentError(f"dim={dim!r}: none of its frequencies is positive")
    if confidence is not None:
        confidence = check_probability("confidence", confidence)
    da = da.transpose(..., dim).isel({dim: used})
    f = f[used]
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log")
    _draw_lines(ax, f, da, dim, line)
    if da.ndim == 1 and confidence is not None and known is not None:
        low, high = confidence_factors(known[used], confidence)
        colour = ax.lines[-1].get_color()
        label = f"{100 * confidence:g} % confidence"
        band = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": label}
        ax.fill_between(f, da.values * low, da.values * high, **band)
    mean = da if da.ndim == 1 else np.exp(np.log(da.where(da > 0)).mean(da.dims[0]))
    if fit is not False:
        _draw_fit(ax, mean, dim, None if fit is True else fit)
    wanted = [slopes] if isinstance(slopes, (int, float)) else list(slopes)
    for number, slope in enumerate(wanted):
        _draw_guide(ax, f, mean.values, float(slope), number)
    ax.set(xlabel=label_of(obj.coords[dim], dim), ylabel=label_of(da, "power"))
    ax.margins(x=0.02)
    plain_ticks(ax.xaxis)
    ax.grid(alpha=0.25, which="major")
    if inverse:
        add_inverse(ax, da.coords[dim])
    labels = ax.get_legend_handles_labels()[1]
    if labels:
        legend_outside(ax, len(labels))
    return ax


def _draw_lines(ax: Any, f: np.ndarray, da: Any, dim: str, line: dict[str, Any]) -> None:
    style = {"color": PALETTE[0]} | line if da.ndim == 1 else line
    # A value of zero has no place on a logarithmic axis; the line is broken there.
    values = np.where(da.values > 0, da.values, np.nan)
    if da.ndim == 1:
        ax.plot(f, values, **style)
        return
    other = da.dims[0]
    if da.sizes[other] > _MOST_LINES:
        raise ArgumentError(
            f"obj has {da.sizes[other]} spectra along {other!r}; draw {_MOST_LINES} at most: "
            f"choose with obj.isel({other}=...), or average with obj.mean({other!r})"
        )
    names = da.coords[other].values if other in da.coords else np.arange(da.sizes[other])
    for i, (name, row) in enumerate(zip(names, values, strict=True)):
        colour = {} if da.sizes[other] > len(PALETTE) else {"color": PALETTE[i]}
        text = f"{other} = {name}" if not isinstance(name, str) else name
        ax.plot(f, row, **({"label": text} | colour | style))


def _draw_fit(ax: Any, da: Any, dim: str, limits: Any) -> None:
    from ..labels.signal import fit_loglog

    found = fit_loglog(da, dim, limits=limits)
    label = f"fit: slope {float(found.slope):.2f}"
    ax.plot(found.coords[dim], found.fit, color=PALETTE[5], linestyle="--", label=label)


def _draw_guide(ax: Any, f: np.ndarray, values: np.ndarray, slope: float, number: int) -> None:
    """A line of the slope over the middle of the spectrum, a little above it."""
    inner = np.isfinite(values) & (values > 0)
    if inner.sum() < 2:
        return
    u = np.log(f[inner])
    third = (u >= u[0] + (u[-1] - u[0]) * 0.3) & (u <= u[0] + (u[-1] - u[0]) * 0.8)
    third = third if third.sum() > 1 else np.ones_like(third)
    u, v = u[third], np.log(values[inner][third])
    above = np.max(v - slope * u) + np.log(2.0) * (1 + number)
    style = {"color": GUIDE, "linewidth": 1, "linestyle": (0, (1, 1.5 + number))}
    ends = u[[0, -1]]
    ax.plot(np.exp(ends), np.exp(slope * ends + above), **style)
    text = Fraction(slope).limit_denominator(12)
    exact = text if abs(float(text) - slope) < 1e-6 else f"{slope:g}"
    place = float(np.exp(ends[1])), float(np.exp(slope * ends[1] + above))
    offset = {"xytext": (3, 0), "textcoords": "offset points", "color": GUIDE}
    ax.annotate(f"$f^{{{exact}}}$", place, **offset)
