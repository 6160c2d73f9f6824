"""Padding along coordinates, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ... import dispatch, options
from ...errors import ArgumentError, UnsupportedError
from ...kernels.library import library_of
from ...kernels.padding import MODES
from ...kernels.padding import pad as _kernel
from ..attrs import keeps_attrs
from ..coords import Axis, read_axis
from ..grid import Grid
from ..select import check_labelled, choose_dims, over_variables

_OTHER_MODES = ("maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")
_WIDTH = "pad_width"

Pair = tuple[Any, Any]


def pad(
    obj: Any,
    pad_width: Mapping[str, int | tuple[int, int]] | None = None,
    mode: str = "constant",
    stat_length: Any = None,
    constant_values: Any = 0,
    end_values: Any = 0,
    reflect_type: str | None = None,
    keep_attrs: bool | None = None,
    *,
    spacing_tol: float = 1e-3,
    **pad_width_kwargs: Any,
) -> Any:
    """Add samples at both ends of dimensions, and go on with their coordinates.

    As :meth:`xarray.DataArray.pad`, but that the coordinates, evenly spaced, are extended, and that
    the width is remembered, so that `unpad` takes away what was added, also behind a transform and
    its inverse.

    Parameters
    ----------
    obj : DataArray or Dataset
        Data on an array of any library or a Dask array cut along any dimension.
    pad_width : mapping of dimension to int or pair of int
        Samples added on both sides, or before and behind. Also as keywords: ``pad(da, x=(2, 3))``.
    mode : str, default: "constant"
        "constant", "edge" and "linear_ramp" need only the last samples; those of `numpy.pad`
        besides, "maximum", "mean", "minimum", "reflect", "symmetric" and "wrap", work on NumPy
        arrays and Dask arrays of them, "median" on NumPy arrays.
    stat_length, reflect_type : optional
        As in xarray, for the modes that they belong to.
    constant_values, end_values : number, pair, or mapping of dimension to these, default: 0
        Values of the mode "constant", and those at which the lines of "linear_ramp" end.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.

    Returns
    -------
    DataArray or Dataset
        Of the same type and library. Each padded coordinate has the attribute ``pad_width``, a list
        of two numbers; further coordinates along it are NaN there. Of a Dataset variables without a
        padded dimension stay as they are. Lazy for a Dask array: the chunks at the ends grow, in
        one task each that Dask fuses with the next.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, widths that are no numbers from 0 on, an
        unknown mode, values that the type of the data cannot hold, and coordinates that are not
        evenly spaced.
    ArrayTypeError
        For anything but xarray objects.
    UnsupportedError
        For a mode that needs more than the last samples, on arrays of other libraries than NumPy.

    Examples
    --------
    >>> import xarray as xr
    >>> from spanwise.labels.fft import pad, unpad
    >>> da = xr.DataArray([1, 2, 3], dims="x", coords={"x": [0.1, 0.2, 0.3]})
    >>> padded = pad(da, x=(1, 2))
    >>> padded.values, padded.x.values
    (array([0, 1, 2, 3, 0, 0]), array([0. , 0.1, 0.2, 0.3, 0.4, 0.5]))
    >>> unpad(padded).identical(da)
    True
    """
    import xarray as xr

    check_labelled(obj, "fft.pad")
    widths = _widths(obj, pad_width, pad_width_kwargs)
    if mode not in (*MODES, *_OTHER_MODES):
        listed = ", ".join(map(repr, sorted((*MODES, *_OTHER_MODES))))
        raise ArgumentError(f"mode={mode!r}: expected one of {listed}")
    values = constant_values if mode == "constant" else end_values

    def one(da: Any, own: tuple[str, ...]) -> Any:
        mine = {d: widths[d] for d in own}
        if mode in MODES:
            x = _padded(da, mine, mode, {d: _pair(values, d) for d in own})
        else:
            x = _by_xarray(da, mine, mode, stat_length, reflect_type)
        return _labelled(da, x, mine, keep_attrs, spacing_tol)

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, tuple(widths), one, keep_attrs=keeps_attrs(keep_attrs))
    return one(obj, tuple(widths))


def unpad(
    obj: Any,
    pad_width: Mapping[str, int | tuple[int, int]] | None = None,
    **pad_width_kwargs: Any,
) -> Any:
    """Take away what `pad` has added.

    Parameters
    ----------
    obj : DataArray or Dataset
        Padded data.
    pad_width : mapping of dimension to int or pair of int, optional
        Samples to take away on both sides, or before and behind. Default: what the attributes
        ``pad_width`` of the coordinates say, as `pad` and xrft's write them.

    Returns
    -------
    DataArray or Dataset
        Without these samples and attributes. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, widths that leave nothing, and where no width
        is given and no coordinate has the attribute.
    ArrayTypeError
        For anything but xarray objects.

    Examples
    --------
    >>> import xarray as xr
    >>> from spanwise.labels.fft import unpad
    >>> da = xr.DataArray([0, 1, 2, 3, 0], dims="x")
    >>> unpad(da, x=1).values
    array([1, 2, 3])
    """
    check_labelled(obj, "fft.unpad")
    if pad_width is None and not pad_width_kwargs:
        pad_width = {d: obj.coords[d].attrs[_WIDTH] for d in _padded_dims(obj)}
        if not pad_width:
            raise ArgumentError(
                "pad_width=None: no coordinate has the attribute 'pad_width' that pad leaves; give "
                "the width, e.g. unpad(da, x=(2, 3))"
            )
    slices = {}
    for d, (before, after) in _widths(obj, pad_width, pad_width_kwargs).items():
        size = int(obj.sizes[d])
        if before + after >= size:
            raise ArgumentError(f"pad_width={before, after} along {d!r}, which has {size} samples")
        slices[d] = slice(before, size - after)
    out = obj.isel(slices)
    bare = {}
    for d in slices:
        if d in out.coords and _WIDTH in out.coords[d].attrs:
            bare[d] = out.coords[d].variable.copy(deep=False)
            bare[d].attrs = {k: v for k, v in bare[d].attrs.items() if k != _WIDTH}
    return out.assign_coords(bare)


def _padded_dims(obj: Any) -> list[str]:
    return [d for d in obj.dims if d in obj.coords and _WIDTH in obj.coords[d].attrs]


def _widths(obj: Any, given: Any, keywords: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Samples before and behind, by dimension."""
    given = {**(given or {}), **keywords}
    if not given:
        raise ArgumentError("pad_width: name a dimension and how many samples, e.g. x=(2, 3)")
    choose_dims(obj, tuple(given))
    widths = {}
    for d, width in given.items():
        pair = np.ravel(np.asarray(width)).tolist()
        pair = pair * 2 if len(pair) == 1 else pair
        if len(pair) != 2 or not all(isinstance(n, int) and n >= 0 for n in pair):
            raise ArgumentError(
                f"pad_width={width!r} along {d!r}: expected a number of samples from 0 on, or two "
                "of them: before and behind"
            )
        widths[d] = (int(pair[0]), int(pair[1]))
    return widths


def _pair(values: Any, dim: str) -> Pair:
    """The value at either end."""
    if isinstance(values, Mapping):
        values = values.get(dim, 0)
    found = np.ravel(np.asarray(values)).tolist()
    if len(found) not in (1, 2):
        raise ArgumentError(f"{values!r}: expected a number, or two: before and behind")
    return found[0], found[-1]


def _padded(da: Any, widths: dict[str, tuple[int, int]], mode: str, values: dict[str, Pair]) -> Any:
    """The array, padded chunk by chunk."""
    x = da.data
    params: dict[str, Any] = {
        "axes": tuple(da.get_axis_num(d) for d in widths),
        "mode": mode,
        "values": tuple(values[d] for d in widths),
    }
    _check_values(x, params["values"])

    def chunked(array: Any) -> Any:
        import functools

        from ...graph.dask import map_kernel, spec_of
        from ...graph.padding import plan_pad

        by_axis = dict(zip(params["axes"], widths.values(), strict=True))
        plan, numbers = plan_pad(spec_of(array), widths=by_axis, machine=options.machine())
        return map_kernel(
            array,
            functools.partial(_kernel, **params),
            step=plan.steps[0],
            plan=plan,
            dtype=array.dtype,
            chunks=plan.result.chunks,
            numbers=numbers,
        )

    flat = [n for pair in widths.values() for n in pair]
    return dispatch.apply(x, concrete=lambda b: _kernel(b, *flat, **params), chunked=chunked)


def _check_values(x: Any, values: tuple[Pair, ...]) -> None:
    """Refuse values that the elements cannot hold."""
    if not isinstance(x.dtype, np.dtype):
        return
    for value in (v for pair in values for v in pair):
        if x.dtype.kind in "iub" and (isinstance(value, complex) or value != int(value)):
            raise ArgumentError(
                f"{value!r} is no value of the data's type {x.dtype}; da.astype(float) first"
            )
        if x.dtype.kind == "f" and isinstance(value, complex):
            raise ArgumentError(f"{value!r} is complex, and the data is real")


def _by_xarray(
    da: Any, widths: dict[str, tuple[int, int]], mode: str, stat_length: Any, reflect_type: Any
) -> Any:
    is_chunked = dispatch.kind_of(da.data) == "chunked"
    meta = da.data._meta if is_chunked else da.data
    if mode == "median" and is_chunked:
        raise UnsupportedError("mode='median': a Dask array has none; take 'mean', or da.load()")
    if library_of(meta) != "numpy":
        raise UnsupportedError(
            f"mode={mode!r}: arrays of {library_of(meta)} are padded with the modes "
            f"{', '.join(map(repr, MODES))}"
        )
    how = {"stat_length": stat_length, "reflect_type": reflect_type}
    return da.variable.pad(widths, mode, **{k: v for k, v in how.items() if v is not None}).data


def _labelled(
    da: Any,
    x: Any,
    widths: dict[str, tuple[int, int]],
    keep_attrs: bool | None,
    spacing_tol: float,
) -> Any:
    """The padded array with coordinates that go on."""
    import xarray as xr

    others = da.drop_vars([d for d in widths if d in da.coords]).coords.to_dataset()
    inner = {d: w for d, w in widths.items() if d in others.dims}
    coords = dict((others.pad(inner) if inner else others).coords)
    for d, (before, after) in widths.items():
        if d in da.coords:
            axis = read_axis(da, d, spacing_tol=spacing_tol)
            coords[d] = _extended(da.coords[d].variable, axis, before, after)
    out = xr.DataArray(
        x, dims=da.dims, coords=coords, attrs=da.attrs if keeps_attrs(keep_attrs) else {}
    )
    out.name = da.name
    return out


def _extended(variable: Any, axis: Axis, before: int, after: int) -> Any:
    """The coordinate of a dimension, gone on with on both sides."""
    n = variable.size
    parts = [
        _moved(axis, -before).coordinate(before).values,
        variable.values,
        _moved(axis, n).coordinate(after).values,
    ]
    values = np.concatenate([part for part in parts if part.size])
    return variable._replace(
        data=values.astype(variable.dtype), attrs={**variable.attrs, _WIDTH: [before, after]}
    )


def _moved(axis: Axis, steps: int) -> Axis:
    """The same samples, counted from another one of them."""
    grid = axis.grid
    first = grid.first + steps * grid.step
    return replace(axis, grid=Grid(first, grid.step, grid.denominator), exact="")
