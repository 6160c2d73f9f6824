"""Coordinates of cosine and sine transforms: frequencies of waves that fit a line of samples.

The n samples lie d apart. Point k of a transform stands for a wave of this frequency, in cycles per
unit of the coordinate, which runs even (cosine) or odd (sine) about the ends of the line::

    type   cosine                sine                  ends
    1      k / 2(n-1)d           (k+1) / 2(n+1)d       at the first sample; one before it
    2      k / 2nd               (k+1) / 2nd           half a sample before the first
    3      (k+1/2) / 2nd         (k+1/2) / 2nd         at the first sample; one before it
    4      (k+1/2) / 2nd         (k+1/2) / 2nd         half a sample before the first

The phase counts from that end, in the order of the data, not from coordinate 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .coords import Axis, recorded_axis
from .grid import Grid
from .units import base_unit, product

_TOLERANCE = 1e-3
"""Steps by which the first frequency may be off."""


def wave_numbers(kind: str, type: int, n: int) -> tuple[Fraction, int]:
    """The frequency of point 0, in steps, and how many steps make a cycle per two samples.

    >>> wave_numbers("dct", 2, 8), wave_numbers("dst", 1, 7), wave_numbers("dct", 4, 8)
    ((Fraction(0, 1), 8), (Fraction(1, 1), 8), (Fraction(1, 2), 8))
    """
    count = n + {"dct": -1, "dst": 1}[kind] if type == 1 else n
    if type in (3, 4):
        return Fraction(1, 2), count
    return Fraction(1 if kind == "dst" else 0), count


def wave_coordinate(axis: Axis, name: str, n: int, *, kind: str, type: int) -> Any:
    """The frequencies of a cosine or sine transform of n points, as an xarray variable."""
    import xarray as xr

    first, count = wave_numbers(kind, type, n)
    step = 1 / (2 * count * axis.spacing)
    attrs: dict[str, Any] = {"long_name": f"frequency along {axis.label}"}
    units = product((axis.units, -1))
    if units is not None:
        attrs["units"] = units
    attrs["spacing"] = float(step)
    attrs["length"] = n
    attrs["original"] = json.dumps(asdict(axis) | {"transform": kind, "type": type})
    return xr.Variable(name, (np.arange(n) + float(first)) * float(step), attrs)


def read_waves(da: Any, dim: str, name: str, *, kind: str, type: int | None) -> tuple[Axis, int]:
    """The samples that an inverse gives along a dimension of frequencies, and its type.

    Without a record of the forward transform they begin at 0, with the spacing that the
    frequencies tell.
    """
    n = da.sizes[dim]
    attrs: Mapping[str, Any] = da.coords[dim].attrs if dim in da.coords else {}
    samples, record = recorded_axis(attrs, ("transform", "type"))
    if samples is not None and record["transform"] != kind:
        raise ArgumentError(
            f"dim={dim!r}: its coordinate is that of a transform {record['transform']!r}, and "
            f"i{kind} undoes {kind!r}; call i{record['transform']}"
        )
    if type is None:
        type = int(record.get("type", 2))
    if samples is not None and attrs.get("length") == n:
        return replace(samples, dim=name), type
    return _from_step(da, dim, name, kind, type, attrs), type


def _from_step(
    da: Any, dim: str, name: str, kind: str, type: int, attrs: Mapping[str, Any]
) -> Axis:
    n = da.sizes[dim]
    if dim not in da.coords or n < 2:
        return Axis(name, Grid(0, 1, 1))
    values = da.coords[dim].values.astype("float64")
    step = float(values[-1] - values[0]) / (n - 1)
    first, count = wave_numbers(kind, type, n)
    if not step > 0 or abs(values[0] / step - float(first)) > _TOLERANCE:
        raise ArgumentError(
            f"dim={dim!r}: its coordinate holds no frequencies of a {kind} of type {type} "
            f"(expected ({first} + k) f for k = 0, 1, 2 ...)"
        )
    spacing = 1 / (2 * count * step)
    units = product((base_unit(attrs.get("units")), -1))
    plain = {} if units is None else {"units": units}
    return Axis(name, Grid(0.0, spacing), "float64", attrs=plain)
