"""Cosine and sine transforms of labelled data: plain sums as SciPy's, and coordinates for them."""

from __future__ import annotations

from typing import Any

from .. import fft as _fft
from .attrs import derived_attrs, keeps_attrs
from .coords import read_axis
from .half_sample import read_waves, wave_coordinate
from .missing import check_fill, fill_missing, refuse_missing
from .select import (
    Dims,
    check_labelled,
    choose_dims,
    choose_lengths,
    drop_extra,
    new_name,
    on_dims,
    over_variables,
)

_LONG_NAMES = {"dct": "cosine transform of ", "dst": "sine transform of "}


def trigonometric(
    name: str,
    obj: Any,
    dim: Dims,
    *,
    type: int | None,
    n: Any = None,
    fill: Any = None,
    prefix: str,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None,
    **options: Any,
) -> Any:
    """Transform a DataArray, or each variable of a Dataset.

    Parameters
    ----------
    name : str
        Public name.
    obj, dim, type, n, fill, prefix, spacing_tol, keep_attrs
        As the user gave them.
    **options
        More arguments of the function on arrays.
    """
    import xarray as xr

    check_labelled(obj, f"fft.{name}")
    check_fill(fill)
    dims = choose_dims(obj, dim)
    lengths = choose_lengths(n, dims)
    kind = name.removeprefix("i").removesuffix("n")
    obj = drop_extra(obj, dims)

    def forward(da: Any, own: tuple[str, ...]) -> Any:
        assert type is not None
        axes = [read_axis(da, d, spacing_tol=spacing_tol) for d in own]
        numbers = tuple(da.get_axis_num(d) for d in own)
        points = [lengths.get(d, int(da.sizes[d])) for d in own]
        x = fill_missing(da, own, fill).data
        x = getattr(_fft, f"{kind}n")(x, type, s=points, axes=numbers, **options)
        x = refuse_missing(x, da, numbers, own)
        coordinates = {}
        for axis, count in zip(axes, points, strict=True):
            new = new_name(axis.dim, prefix, da)
            coordinate = wave_coordinate(axis, new, count, kind=kind, type=type)
            coordinates[axis.dim] = (new, coordinate)
        attrs = derived_attrs(da.attrs, keep_attrs, prefix=_LONG_NAMES[kind])
        return on_dims(da, x, coordinates, attrs)

    def inverse(da: Any, own: tuple[str, ...]) -> Any:
        x, coordinates = da.data, {}
        numbers = tuple(da.get_axis_num(d) for d in own)
        by_type: dict[int, list[int]] = {}
        for d, number in zip(own, numbers, strict=True):
            axis, of_type = read_waves(da, d, new_name(d, prefix, da), kind=kind, type=type)
            by_type.setdefault(of_type, []).append(number)
            coordinates[d] = (axis.dim, axis.coordinate(da.sizes[d]))
        for of_type, some in by_type.items():
            x = getattr(_fft, f"i{kind}n")(x, of_type, axes=some, **options)
        x = refuse_missing(x, da, numbers, own, fills=False)
        attrs = derived_attrs(da.attrs, keep_attrs)
        if "long_name" in attrs:
            attrs["long_name"] = attrs["long_name"].removeprefix(_LONG_NAMES[kind])
        return on_dims(da, x, coordinates, attrs)

    one = inverse if name.startswith("i") else forward
    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, dims)
