"""What labelled spectra have in common: dimensions, segments, windows, frequencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ArgumentError
from ..attrs import keeps_attrs
from ..coords import Axis, frequency_coordinate, read_axis
from ..segments import segmented
from ..select import Dims, choose_dims, drop_extra, new_name, over_variables
from ..treatment import Treatment


def chosen(
    obj: Any, dim: Dims, real_dim: str | None, how: Treatment
) -> tuple[Any, tuple[str, ...]]:
    """The dimensions, the halved one last, and the data without what lies along them besides."""
    dims = choose_dims(obj, real_dim if dim is None and real_dim is not None else dim)
    if real_dim is not None:
        (real_dim,) = choose_dims(obj, real_dim)
        dims = (*(d for d in dims if d != real_dim), real_dim)
    if isinstance(how.window, Mapping):
        others = [d for d in how.window if d not in dims]
        if others:
            raise ArgumentError(
                f"window={how.window!r}: {others[0]!r} is not transformed; dim={dims}"
            )
    return drop_extra(obj, dims), dims


def segments(da: Any, dims: tuple[str, ...], how: Treatment) -> Any:
    """The data, each chunk along the dimensions by itself if that was asked for."""
    return segmented(da, dims) if how.chunks_to_segments else da


def window_list(how: Treatment, dims: tuple[str, ...]) -> list[Any] | None:
    """A window for each dimension, or None."""
    windows = how.windows(dims)
    return [windows.get(d) for d in dims] if windows else None


def frequencies(
    da: Any, dims: tuple[str, ...], real_dim: str | None, how: Treatment
) -> tuple[list[Axis], dict[str, tuple[str, Any]]]:
    """The samples along the dimensions, and for each its new name and its frequencies."""
    axes = [read_axis(da, d, spacing_tol=how.spacing_tol) for d in dims]
    coordinates = {}
    for axis in axes:
        name = new_name(axis.dim, how.prefix, da)
        coordinate = frequency_coordinate(
            axis, name, da.sizes[axis.dim], half=axis.dim == real_dim, shift=how.shift
        )
        coordinates[axis.dim] = (name, coordinate)
    return axes, coordinates


def over(
    obj: Any,
    dims: tuple[str, ...],
    one: Callable[[Any, tuple[str, ...]], Any],
    keep_attrs: bool | None,
) -> Any:
    """A function of one DataArray on that, or on every variable of a Dataset."""
    import xarray as xr

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, dims)
