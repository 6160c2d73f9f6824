"""Dimensions that become rings: which they are, their units, and the coordinates of rings."""

from __future__ import annotations

import re
from typing import Any

from ...errors import ArgumentError
from ..select import Dims, choose_dims, warn
from ..units import product

_DEGREES = re.compile(r"degrees?(?:_?(?:north|east|south|west|true|[nesw]))?", re.IGNORECASE)


def with_rings(da: Any, bins: Any, name: str, units: str | None) -> Any:
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


def choose_several(obj: Any, dim: Dims) -> tuple[str, ...]:
    """Two dimensions or three: those named, or the only two."""
    dims = choose_dims(obj, ... if dim is None and len(obj.dims) == 2 else dim)
    if not 2 <= len(dims) <= 3:
        listed = ", ".join(map(repr, obj.dims))
        raise ArgumentError(
            f"dim={dim!r}: an isotropic spectrum takes two or three dimensions of {listed}"
        )
    return dims


def with_all(ds: Any, dims: tuple[str, ...]) -> Any:
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


def common_units(named: list[tuple[str, str | None]]) -> str | None:
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
