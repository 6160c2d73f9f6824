"""What becomes of the attributes of data whose meaning a function changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .units import product

_BOUND_TO_VALUES = frozenset(
    {
        "_FillValue",
        "actual_range",
        "add_offset",
        "ancillary_variables",
        "cell_methods",
        "flag_masks",
        "flag_meanings",
        "flag_values",
        "missing_value",
        "scale_factor",
        "standard_name",
        "units",
        "valid_max",
        "valid_min",
        "valid_range",
    }
)
"""Attributes that describe the values themselves: untrue of any function of them."""


_OF_THE_QUANTITY = frozenset({"ancillary_variables", "cell_methods", "standard_name", "units"})
"""Those of them that say which quantity it is: true of other values of the same one."""


def keeps_attrs(keep_attrs: bool | None) -> bool:
    """The argument, or else xarray's option of the same name, which means True by default."""
    if keep_attrs is not None:
        return keep_attrs
    import xarray as xr

    option = xr.get_options()["keep_attrs"]
    return True if option == "default" else bool(option)


def kept_attrs(attrs: dict[Any, Any], keep_attrs: bool | None) -> dict[Any, Any]:
    """Attributes of other values of the same quantity, as a filter gives them.

    >>> kept_attrs({"units": "K", "valid_min": 180.0}, True)
    {'units': 'K'}
    """
    if not keeps_attrs(keep_attrs):
        return {}
    stale = _BOUND_TO_VALUES - _OF_THE_QUANTITY
    return {key: value for key, value in attrs.items() if key not in stale}


def derived_attrs(
    attrs: dict[Any, Any],
    keep_attrs: bool | None,
    *factors: tuple[str | None, int],
    power: int = 1,
    prefix: str = "",
) -> dict[Any, Any]:
    """Attributes of ``data**power`` times other quantities.

    Parameters
    ----------
    attrs : dict
        Attributes of the data.
    keep_attrs : bool or None
        As in xarray; without them the result has none, not even units.
    *factors : (str or None, int)
        Units of the other quantities and their exponents; None where they are not known, and then
        the result states no units either.
    power : int
        Exponent of the data.
    prefix : str
        Put before the long name ("power spectrum of ").

    Examples
    --------
    >>> derived_attrs({"units": "K", "standard_name": "t"}, True, ("m", 1), power=2)
    {'units': 'K^2 m'}
    """
    if not keeps_attrs(keep_attrs):
        return {}
    out = {key: value for key, value in attrs.items() if key not in _BOUND_TO_VALUES}
    if "long_name" in out:
        out["long_name"] = prefix + str(out["long_name"])
    units = product((attrs.get("units"), power), *factors)
    if units is not None:
        out["units"] = units
    return out


def joint_attrs(
    first: dict[Any, Any],
    second: dict[Any, Any],
    keep_attrs: bool | None,
    *factors: tuple[str | None, int],
    long_name: str,
    units: str | None = None,
) -> dict[Any, Any]:
    """Attributes of what two arrays give together, a product of theirs by default.

    Parameters
    ----------
    first, second : dict
        Attributes of the two; those that are equal in both are kept.
    keep_attrs : bool or None
        As in xarray.
    *factors : (str or None, int)
        Units of other quantities and their exponents.
    long_name : str
        With ``{}`` where the long names of the two belong; there is none if one has no name.
    units : str, optional
        The units, where they do not follow from those of the two.

    Examples
    --------
    >>> t, q = {"units": "K", "long_name": "heat"}, {"units": "1", "long_name": "mist"}
    >>> joint_attrs(t, q, True, ("m", 1), long_name="{} with {}")
    {'long_name': 'heat with mist', 'units': 'K m'}
    """
    if not keeps_attrs(keep_attrs):
        return {}
    out = {
        key: value
        for key, value in first.items()
        if key not in _BOUND_TO_VALUES | {"long_name"} and _equal(value, second.get(key))
    }
    names = [attrs.get("long_name") for attrs in (first, second)]
    if None not in names:
        out["long_name"] = long_name.format(*names)
    if units is None:
        units = product((first.get("units"), 1), (second.get("units"), 1), *factors)
    return out if units is None else {**out, "units": units}


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and np.array_equal(one, other)
