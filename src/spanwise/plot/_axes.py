"""What the pictures share: axes, labels with units, colours."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArrayTypeError, MissingDependencyError
from ..labels.units import product

# Okabe and Ito's palette, which colour-blind readers tell apart too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
GUIDE = "#555555"
_TIMES = ("s", "sec", "second", "min", "minute", "h", "hr", "hour", "d", "day", "month", "year")
_SECONDS = (("years", 365.2425 * 86400), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0))
_DEGREES = {"degrees": "°", "degrees_north": "°N", "degrees_east": "°E"}
_WIDEST = 44
"""Characters of a label before it goes on in another line."""
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def matplotlib(module: str) -> Any:
    """A module of matplotlib, imported when something is drawn."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingDependencyError(
            'spanwise.plot needs the package matplotlib: python -m pip install "spanwise[plot]"'
        ) from None


def new_axes(ax: Any, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """The axes to draw on: those given, or those of a new figure."""
    if ax is not None:
        return ax
    pyplot = matplotlib("matplotlib.pyplot")
    _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def one_array(obj: Any, function: str, ndim: Sequence[int], *, real: bool = True) -> Any:
    """A DataArray of so many dimensions, computed and on the host; ``real``: refused if complex."""
    import xarray as xr

    from ..kernels.transfer import to_host

    matplotlib("matplotlib")
    if not isinstance(obj, (xr.DataArray, xr.Dataset)):
        raise ArrayTypeError(
            f"obj is a {type(obj).__name__}; spanwise.plot.{function} takes an xarray DataArray, "
            "whose coordinate holds the frequencies"
        )
    if isinstance(obj, xr.Dataset):
        raise ArgumentError(
            f"obj is a Dataset of {', '.join(map(repr, obj.data_vars))}; draw one variable: "
            f"obj[name].spanwise.plot.{function}()"
        )
    if obj.ndim not in ndim:
        raise ArgumentError(
            f"obj has the dimensions {tuple(obj.dims)}; expected {' or '.join(map(str, ndim))} of "
            "them: choose with obj.isel(...), or average with obj.mean(...)"
        )
    if real and obj.dtype.kind == "c":
        raise ArrayTypeError(
            f"obj is complex; draw its magnitude: abs(obj).spanwise.plot.{function}()"
        )
    obj = obj.compute()
    return obj.copy(data=to_host(obj.data))


def frequency_dim(da: Any, dim: str | None) -> str:
    """The dimension of frequencies: the one that is named, or the one that is called so."""
    if dim is None:
        found = [d for d in da.dims if "spacing" in getattr(da.coords.get(d), "attrs", {})]
        found = found or [d for d in da.dims if str(d).startswith(("freq", "f", "k"))]
        found = found or (list(da.dims) if da.ndim == 1 else [])
        if len(found) != 1:
            raise ArgumentError(
                f"dim=None: which of {tuple(da.dims)} holds frequencies? Say so with dim=..."
            )
        dim = str(found[0])
    if dim is None or dim not in da.dims or dim not in da.coords:
        raise ArgumentError(
            f"dim={dim!r}: expected a dimension with a coordinate of frequencies; the data has "
            f"{tuple(da.dims)}"
        )
    return dim


def pretty(units: str | None) -> str:
    """Units as they are printed.

    >>> pretty("K^2 km"), pretty("1/s^2"), pretty("m s-1")
    ('K² km', 's⁻²', 'm s⁻¹')
    """
    if units is None:
        return ""
    if units in _DEGREES:
        return _DEGREES[units]
    text = str(units)
    if re.fullmatch(r"1/[^\s/*·]+", text):
        name, _, power = text[2:].partition("^")
        text = f"{name}^-{power or 1}"
    text = re.sub(r"(?:\^|\*\*)(-?\d+)", lambda m: m[1].translate(_SUPERSCRIPTS), text)
    return re.sub(r"(?<=[A-Za-z])(-\d+)\b", lambda m: m[1].translate(_SUPERSCRIPTS), text)


def label_of(da: Any, default: str = "") -> str:
    """Long name and units of an array, for an axis.

    >>> import xarray as xr
    >>> label_of(xr.DataArray(1, attrs={"long_name": "height", "units": "m^2 km"}))
    'height (m² km)'
    """
    name = da.attrs.get("long_name") or da.attrs.get("standard_name") or da.name or default
    units = pretty(da.attrs.get("units"))
    text = str(name).replace("_", " ")
    text = f"{text} ({units})" if units not in ("", "1") else text
    return textwrap.fill(text, _WIDEST)


def add_inverse(ax: Any, coordinate: Any) -> None:
    """An axis on top with periods or wavelengths, the inverse of frequencies below."""
    units = product((coordinate.attrs.get("units"), -1))
    if units is None or units == "1":
        return
    scale, shown = 1.0, pretty(units)
    if units == "s":
        positive = coordinate.values[coordinate.values > 0]
        longest = 1 / positive.min()
        for name, seconds in _SECONDS:
            if longest > 4 * seconds:
                scale, shown = seconds, name
                break
    what = "period" if units.removesuffix("s") in _TIMES or units == "s" else "wavelength"

    def inverse(values: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 / (np.asarray(values, dtype=float) * scale)

    top = ax.secondary_xaxis("top", functions=(inverse, inverse))
    top.set_xlabel(f"{what} ({shown})")
    plain_ticks(top.xaxis)


def plain_ticks(axis: Any) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, as plain numbers where that is readable."""
    ticker = matplotlib("matplotlib.ticker")
    low, high = sorted(axis.get_view_interval())
    few = low > 0 and high / low < 300
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_minor_locator(ticker.LogLocator(subs=range(1, 10), numticks=99))
    axis.set_minor_formatter(ticker.NullFormatter())
    if low > 0 and low >= 1e-3 and high <= 1e5:
        axis.set_major_formatter(ticker.FuncFormatter(lambda v, _: f"{v:g}"))


def numbers(values: np.ndarray) -> np.ndarray:
    """Values that matplotlib can draw: times of cftime as numbers of their years."""
    if values.dtype != object:
        return values
    return np.array([v.year + (v.dayofyr - 1 + v.hour / 24) / 365.25 for v in values])


def short_dates(axis: Any, values: np.ndarray) -> None:
    """Dates as short as they can be told apart, on an axis of times."""
    if values.dtype.kind == "M":
        dates = matplotlib("matplotlib.dates")
        locator = dates.AutoDateLocator()
        axis.set_major_locator(locator)
        axis.set_major_formatter(dates.ConciseDateFormatter(locator))


def legend_outside(ax: Any, count: int) -> None:
    """A legend where it hides nothing: inside for a few lines, beside the axes for many."""
    if count > 5:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    else:
        ax.legend(frameon=False)
