"""Where data lies on the globe: its latitude by CF's attributes, and weights by area."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError

_UNITS = frozenset(
    {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreesn", "degreen"}
)
_NAMES = frozenset({"lat", "latitude", "lats", "nav_lat", "xlat", "rlat"})
_BEYOND = 1e-3
"""Degrees by which rounding may carry a latitude over a pole."""

_TESTS: tuple[Callable[[Any], bool], ...] = (
    lambda c: c.attrs.get("standard_name") == "grid_latitude",
    lambda c: c.attrs.get("standard_name") == "latitude",
    lambda c: str(c.attrs.get("units", "")).lower() in _UNITS,
    lambda c: str(c.name).lower() in _NAMES,
)
"""One after the other. Cells about a rotated pole are as large as the cosine of the latitude of its
own grid says."""


def latitude_of(obj: Any) -> Any:
    """The coordinate that holds the latitude.

    What CF's conventions say is looked at in this order: a ``standard_name`` of
    ``"grid_latitude"`` (about a rotated pole) or ``"latitude"``, units of ``degrees_north``, a name
    such as ``lat``. Within one of these a coordinate of one dimension comes before one of two.

    Raises
    ------
    ArgumentError
        If there is none, or more than one.
    """
    numbers = [c for c in obj.coords.values() if c.dtype.kind in "fiu" and c.ndim]
    for is_latitude in _TESTS:
        found = [c for c in numbers if is_latitude(c)]
        found = [c for c in found if c.ndim == min(f.ndim for f in found)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ArgumentError(
                f'weights="area": the data has several latitudes, '
                f"{', '.join(repr(c.name) for c in found)}; drop the coordinates that are not "
                "meant, or pass weights=np.cos(np.deg2rad(latitude))"
            )
    listed = ", ".join(repr(str(name)) for name in obj.coords) or "none"
    raise ArgumentError(
        'weights="area": no coordinate is a latitude (standard_name "latitude", units '
        f'"degrees_north", or a name such as "lat"); the data has {listed}. Name it so, e.g. '
        'obj[name].attrs["standard_name"] = "latitude", or pass a DataArray of areas as weights'
    )


def area_weights(obj: Any) -> Any:
    """The cosine of the latitude, as float64 on the dimensions of that coordinate; lazy if it is.

    Examples
    --------
    >>> import xarray as xr
    >>> data = xr.DataArray([0, 0], coords={"lat": [0.0, 60.0]}, dims="lat")
    >>> area_weights(data).values.round(6)
    array([1. , 0.5])
    """
    latitude = latitude_of(obj)
    is_radian = str(latitude.attrs.get("units", "")).lower().startswith("rad")
    angle = latitude.astype(np.float64)
    _check_range(angle, np.pi / 2 if is_radian else 90.0, latitude)
    # At a pole the cosine is 6e-17, and a rounded latitude may lie beyond it.
    weights = np.cos(angle if is_radian else np.deg2rad(angle)).clip(min=0.0)
    return weights.rename("area").assign_attrs(long_name="cosine of latitude", units="1")


def _check_range(angle: Any, pole: float, latitude: Any) -> None:
    """Raise for values that are no latitudes, where they are in memory."""
    if angle.chunks is not None or not isinstance(angle.data, np.ndarray):
        return
    most = float(np.nanmax(np.abs(angle.data), initial=0.0))
    if most > pole * (1 + _BEYOND):
        raise ArgumentError(
            f'weights="area": the latitude {latitude.name!r} has values up to {most:g} in units '
            f"of {latitude.attrs.get('units', 'degrees')!r}; expected at most {pole:g}. For "
            "coordinates of a projection pass a DataArray of areas as weights"
        )
