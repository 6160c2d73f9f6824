"""Which dimensions and which variables a labelled function works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any, TypeAlias

from ..errors import ArgumentError, ArrayTypeError, warn

Dims: TypeAlias = str | Iterable[str] | EllipsisType | None
"""One dimension, several, or ``...`` for all of them."""


def check_labelled(obj: Any, function: str) -> None:
    """Raise unless ``obj`` is a DataArray or a Dataset."""
    import xarray as xr

    if not isinstance(obj, (xr.DataArray, xr.Dataset)):
        raise ArrayTypeError(
            f"obj is a {type(obj).__name__}; spanwise.labels.{function} takes an xarray DataArray "
            f"or Dataset. For an array without labels call spanwise.{function}(x, axes=...)"
        )


def choose_dims(obj: Any, dim: Dims, *, count: int | None = None) -> tuple[str, ...]:
    """The dimensions that ``dim`` names, in its order.

    Parameters
    ----------
    obj : DataArray or Dataset
        What has the dimensions.
    dim : str, sequence of str, ... or None
        None: the only dimension there is.
    count : int, optional
        How many there must be.
    """
    present = tuple(obj.dims)
    listed = ", ".join(map(repr, present))
    if dim is None:
        if len(present) != 1:
            raise ArgumentError(
                f"dim=None: the data has the dimensions {listed}; name those to transform, e.g. "
                f"dim={present[-1]!r}, or dim=... for all"
                if present
                else "dim=None: the data has no dimension"
            )
        chosen = present
    elif dim is ...:
        chosen = present
    elif isinstance(dim, str) or not isinstance(dim, Iterable):
        chosen = (dim,)
    else:
        chosen = tuple(dim)
    for name in chosen:
        if name not in present:
            similar = [p for p in map(str, present) if p.endswith(str(name))]
            hint = f"; did you mean dim={similar[0]!r}?" if similar else ""
            raise ArgumentError(
                f"dim={name!r} is not a dimension of the data, which has {listed}{hint}"
            )
    if not chosen or len(set(chosen)) != len(chosen):
        raise ArgumentError(f"dim={dim!r}: name each dimension once, and at least one")
    if count is not None and len(chosen) != count:
        raise ArgumentError(f"dim={dim!r}: expected {count} dimensions, e.g. dim=('y', 'x')")
    return chosen


def choose_lengths(n: Any, dims: Sequence[str]) -> dict[str, int]:
    """Points of the transform by dimension: ``n`` is a number for one, or a mapping."""
    if n is None:
        return {}
    if not isinstance(n, Mapping):
        if len(dims) != 1:
            raise ArgumentError(
                f"n={n!r}: with several dimensions name each, e.g. n={{{dims[0]!r}: {n!r}}}"
            )
        n = {dims[0]: n}
    for name, length in n.items():
        if name not in dims:
            raise ArgumentError(f"n={n!r}: {name!r} is not transformed; dim={tuple(dims)!r}")
        if isinstance(length, bool) or not hasattr(length, "__index__") or length < 1:
            raise ArgumentError(f"n={n!r}: expected a positive number of points")
    return {name: int(length) for name, length in n.items()}


def new_name(dim: str, prefix: str, obj: Any) -> str:
    """``freq_x`` for ``x`` and ``x`` for ``freq_x``."""
    name = dim.removeprefix(prefix) if prefix and dim.startswith(prefix) else f"{prefix}{dim}"
    if name == dim or not name or name in obj.dims:
        raise ArgumentError(
            f"prefix={prefix!r}: the dimension {dim!r} would become {name!r}, which is taken; "
            "choose another prefix"
        )
    return name


def drop_extra(obj: Any, dims: Iterable[str]) -> Any:
    """Without the coordinates, other than their own, that lie along dimensions to be transformed.

    Their values belong to samples that the result does not have; a warning names them.
    """
    dims = set(dims)
    for name in dims:
        if getattr(obj.indexes.get(name), "nlevels", 1) > 1:
            raise ArgumentError(
                f"dim={name!r}: is stacked from several dimensions, whose product has no spacing; "
                f"unstack it and name those: .unstack({name!r})"
            )
    extra = [name for name, c in obj.coords.items() if dims.intersection(c.dims) - {name}]
    if not extra:
        return obj
    warn(
        f"coordinates {', '.join(map(repr, extra))} lie along transformed dimensions and are "
        f"dropped; to silence this drop them first: .drop_vars({extra!r})"
    )
    return obj.drop_vars(extra)


def on_dims(da: Any, x: Any, replaced: Mapping[str, tuple[str, Any]], attrs: Any) -> Any:
    """New data for ``da``, on dimensions that are replaced.

    Parameters
    ----------
    da : DataArray
        Gives name, order of dimensions, and the coordinates along other dimensions.
    x : array
        The new data.
    replaced : mapping
        For each replaced dimension its new name and coordinate (an xarray Variable, or None).
    attrs : dict
        Attributes of the result.
    """
    import xarray as xr

    stale = [name for name, c in da.coords.items() if set(replaced).intersection(c.dims)]
    dims = [replaced[d][0] if d in replaced else d for d in da.dims]
    coords = da.drop_vars(stale).coords
    out = xr.DataArray(x, dims=dims, coords=coords, attrs=attrs)
    out.name = da.name  # as an argument, None would mean the name of the Dask array
    return out.assign_coords({name: c for name, c in replaced.values() if c is not None})


def new_variable(da: Any, dims: tuple[str, ...], x: Any, attrs: Any) -> Any:
    """An array on dimensions of ``da`` and perhaps new ones, with the coordinates that fit."""
    import xarray as xr

    stale = [name for name, c in da.coords.items() if not set(c.dims) <= set(dims)]
    return xr.DataArray(x, dims=dims, coords=da.drop_vars(stale).coords, attrs=attrs)


def over_variables(
    ds: Any,
    dims: Sequence[str],
    function: Callable[[Any, tuple[str, ...]], Any],
    *,
    keep_attrs: bool,
) -> Any:
    """Transform the variables of a Dataset as xarray's reductions do.

    Each numeric variable is transformed along those of ``dims`` that it has; a variable that has
    none of them stays as it is; text and times along ``dims`` are dropped with a warning.
    """
    import xarray as xr

    out, dropped = {}, []
    for name, variable in ds.data_vars.items():
        own = tuple(d for d in dims if d in variable.dims)
        if not own:
            out[name] = variable
        elif variable.dtype.kind in "biufc":
            out[name] = function(variable, own)
        else:
            dropped.append(name)
    if dropped:
        warn(f"variables {', '.join(map(repr, dropped))} are not numeric and are dropped")
    result = xr.Dataset(out, attrs=ds.attrs if keep_attrs else {})
    missing = [c for c in ds.coords if c not in result.coords and not set(ds[c].dims) & set(dims)]
    return result.assign_coords({c: ds.coords[c] for c in missing})
