"""Two labelled arrays that a function takes together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels.window import window_values
from ..attrs import keeps_attrs
from ..coords import Axis
from ..missing import fill_missing, refuse_missing
from ..numeric import flipped
from ..select import Dims, check_labelled, drop_extra, warn
from ..treatment import Treatment
from ._common import chosen, frequencies, segments, window_list


class Pair:
    """Two arrays with their labels put together.

    Parameters
    ----------
    first, second : DataArray
        The two.
    dims : tuple of str
        Dimensions to transform.
    real_dim : str or None
        The one of which half the frequencies are wanted.
    how : Treatment
        What is done beside the transform.
    """

    def __init__(
        self, first: Any, second: Any, dims: tuple[str, ...], real_dim: str | None, how: Treatment
    ) -> None:
        import xarray as xr

        _check_coordinates(first, second, dims, how.spacing_tol)
        first, second = xr.align(first, second, join="inner", exclude=dims)
        if how.chunks_to_segments:
            if first.chunks is not None:
                second = second.chunk({d: first.chunksizes[d] for d in dims})
            first, second = segments(first, dims, how), segments(second, dims, how)
        self.dims = dims
        self.pair = first, second
        self.order = (*first.dims, *(d for d in second.dims if d not in first.dims))
        self.numbers = tuple(self.order.index(d) for d in dims)
        self.axes, self.coordinates = self._frequencies(real_dim, how)
        downwards = [
            d for d, a in zip(dims, self.axes, strict=True) if how.true_phase and a.is_decreasing
        ]
        numbers = [self.order.index(d) for d in downwards]
        self.arrays = tuple(flipped(self._data(da, how), numbers) for da in self.pair)
        self.windows = window_list(how, dims)
        for i, d in enumerate(dims):
            # Windows go with the data, in whose order they are.
            if d in downwards and self.windows and self.windows[i] is not None:
                self.windows[i] = window_values(self.windows[i], first.sizes[d])[::-1]
        self.attrs = first.attrs, second.attrs

    def _frequencies(
        self, real_dim: str | None, how: Treatment
    ) -> tuple[list[Axis], dict[str, tuple[str, Any]]]:
        """From the coordinate of either; one of the two may have none."""
        first, second = self.pair
        missing = {d: second[d] for d in self.dims if d not in first.coords and d in second.coords}
        return frequencies(first.assign_coords(missing), self.dims, real_dim, how)

    def _data(self, da: Any, how: Treatment) -> Any:
        """The array of one of the two, on all dimensions of both."""
        da = fill_missing(da, self.dims, how.fill)
        da = da.transpose(*(d for d in self.order if d in da.dims))
        return da.data[tuple(slice(None) if d in da.dims else None for d in self.order)]

    def labelled(self, x: Any, what: str, attrs: dict[Any, Any], *, refuses: bool = True) -> Any:
        """The result with what its two sources say of it, refused where they had NaN."""
        new = self.coordinates
        dims = [new[d][0] if d in new else d for d in self.order]
        out = self.on_dims(x, self.numbers, dims, what, attrs, refuses=refuses)
        return out.assign_coords(dict(new.values()))

    def on_dims(
        self,
        x: Any,
        axes: tuple[int, ...],
        dims: list[str],
        what: str,
        attrs: dict[Any, Any],
        *,
        refuses: bool = True,
    ) -> Any:
        """The result on new dimensions, with the coordinates of both along others."""
        import xarray as xr

        for da in self.pair if refuses else ():
            x = refuse_missing(x, da, axes, self.dims)
        first, second = (
            da.drop_vars([n for n, c in da.coords.items() if set(c.dims) & set(self.dims)]).coords
            for da in self.pair
        )
        out = xr.DataArray(x, dims=dims, attrs=attrs)
        names = [da.name for da in self.pair]
        out.name = None if None in names else f"{names[0]}_{names[1]}_{what}"
        return out.assign_coords(first.merge(second).coords)


def _check_coordinates(first: Any, second: Any, dims: tuple[str, ...], spacing_tol: float) -> None:
    """Raise unless both have the same samples along the dimensions."""
    for d in dims:
        if d not in second.dims:
            raise ArgumentError(
                f"dim={d!r} is not a dimension of other, which has "
                f"{', '.join(map(repr, second.dims))}; both must have it"
            )
        same = first.sizes[d] == second.sizes[d]
        if same and d in first.coords and d in second.coords:
            same = _are_equal(first[d].values, second[d].values, spacing_tol)
        if not same:
            raise ArgumentError(
                f"dim={d!r}: its coordinates differ between the two, and a cross spectrum needs "
                "the same samples; take those that both have, obj, other = xr.align(obj, other, "
                f'join="inner"), or other.interp({d}=obj.{d})'
            )


def _are_equal(a: np.ndarray, b: np.ndarray, spacing_tol: float) -> bool:
    if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf":
        return bool(np.array_equal(a, b))
    span = abs(float(a[-1]) - float(a[0])) / max(a.size - 1, 1)
    return bool(np.all(np.abs(a - b) <= spacing_tol * span))


def over_pairs(
    name: str, obj: Any, other: Any, dim: Dims, real_dim: str | None, how: Treatment, one: Any
) -> Any:
    """Two DataArrays, or the variables of Datasets that go together."""
    import xarray as xr

    check_labelled(obj, f"signal.{name}")
    check_labelled(other, f"signal.{name}")
    obj, dims = chosen(obj, dim, real_dim, how)
    other = drop_extra(other, dims)
    if not isinstance(obj, xr.Dataset) and not isinstance(other, xr.Dataset):
        return one(Pair(obj, other, dims, real_dim, how))
    keys = [
        k
        for k in (obj if isinstance(obj, xr.Dataset) else other).data_vars
        if not isinstance(other, xr.Dataset) or k in other.data_vars
    ]
    out, dropped = {}, []
    for key in keys:
        first, second = (z[key] if isinstance(z, xr.Dataset) else z for z in (obj, other))
        own = tuple(d for d in dims if d in first.dims and d in second.dims)
        if not own or any(z.dtype.kind not in "biufc" for z in (first, second)):
            dropped.append(key)
            continue
        out[key] = one(Pair(first, second, own, real_dim, how))
    if dropped:
        warn(
            f"variables {', '.join(map(repr, dropped))} are not numeric or have none of the "
            "dimensions, and are dropped"
        )
    attrs = obj.attrs if keeps_attrs(how.keep_attrs) and isinstance(obj, xr.Dataset) else {}
    return xr.Dataset(out, attrs=attrs)
