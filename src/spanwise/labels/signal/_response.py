"""Responses with labels, as those on arrays that a filter takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import dispatch
from ...errors import ArgumentError, ArrayTypeError
from ...fft import fftfreq, rfftfreq
from ...kernels.library import like, namespace
from ..coords import Axis
from ..units import product

_MATCH = 0.1
"""A frequency belongs to the transform's if it is nearer than this, in steps between those."""


@dataclass(frozen=True)
class LabelledResponse:
    """A function of labelled frequencies as one of arrays in the order of the axes."""

    function: Callable[..., Any]
    """Takes and may give DataArrays."""
    names: tuple[str, ...]
    """Names of the frequencies, in the order of the function's arguments."""
    units: tuple[str | None, ...]
    """Their units."""
    signs: tuple[int, ...]
    """-1 where the coordinate falls, so that frequencies count along the axis with that sign."""
    order: tuple[int, ...]
    """Which argument each of the axes is."""

    def __call__(self, *frequencies: Any) -> Any:
        """The response over the axes."""
        import xarray as xr

        arguments: list[Any] = [None] * len(self.names)
        for f, i in zip(frequencies, self.order, strict=True):
            values = self.signs[i] * namespace(f).reshape(f, (-1,))
            attrs = {} if self.units[i] is None else {"units": self.units[i]}
            name = self.names[i]
            arguments[i] = xr.DataArray(values, dims=[name], name=name, attrs=attrs)
        out = self.function(*arguments)
        if isinstance(out, xr.DataArray):
            out = self._in_order(out)
        ndim = getattr(out, "ndim", 0)
        if len(self.order) == 1 or ndim == 0:
            return out
        out = namespace(out).reshape(out, (1,) * (len(self.order) - ndim) + tuple(out.shape))
        return namespace(out).permute_dims(out, self.order)

    def _in_order(self, out: Any) -> Any:
        _check_dims(out, self.names)
        present = [name for name in self.names if name in out.dims]
        shape = tuple(out.sizes.get(name, 1) for name in self.names)
        data = out.transpose(*present).data
        return namespace(data).reshape(data, shape)


def labelled_function(
    function: Callable[..., Any], axes: Sequence[Axis], names: Sequence[str], order: Sequence[int]
) -> LabelledResponse:
    """A function that is given a DataArray of frequencies for each of the axes."""
    units = tuple(product((axis.units, -1)) for axis in axes)
    signs = tuple(-1 if axis.is_decreasing else 1 for axis in axes)
    return LabelledResponse(function, tuple(names), units, signs, tuple(order))


def labelled_table(
    response: Any, axes: Sequence[Axis], names: Sequence[str], lengths: Sequence[int], real: bool
) -> tuple[Any, tuple[int, ...]]:
    """A response at all frequencies in the order of the transform, and the order of its axes.

    The axis of which it holds the non-negative frequencies only, if there is one, comes last.
    """
    import xarray as xr

    if not isinstance(response, xr.DataArray):
        response = _with_frequencies(response, axes, names, lengths)
        if not isinstance(response, xr.DataArray):  # the array's own error says what is wrong
            return response, tuple(range(len(axes)))
    if dispatch.kind_of(response.data) == "chunked":
        raise ArrayTypeError(
            "response is a Dask array, and every chunk of the data needs a part of it at once; "
            "pass response.compute(), or a function of the frequencies"
        )
    _check_dims(response, names)
    halved = []
    for i, (axis, name, n) in enumerate(zip(axes, names, lengths, strict=True)):
        if name not in response.dims:
            response = response.expand_dims({name: n})
            continue
        indices, is_half = _indices(response, axis, name, n, real)
        response = response.drop_vars(name).isel({name: _like(indices, response.data)})
        if is_half:
            halved.append(i)
            if axis.is_decreasing:  # H(-f) = conj(H(f)), for the filter of real data
                response = response.copy(data=namespace(response.data).conj(response.data))
    if len(halved) > 1:
        raise ArgumentError(
            f"response holds the non-negative frequencies only of {[names[i] for i in halved]}; "
            "one dimension may be halved"
        )
    order = (*(i for i in range(len(axes)) if i not in halved), *halved)
    return response.transpose(*(names[i] for i in order)).data, order


def _like(indices: np.ndarray, data: Any) -> Any:
    return indices if isinstance(data, np.ndarray) else like(indices, data)


def _check_dims(response: Any, names: Sequence[str]) -> None:
    unknown = [d for d in response.dims if d not in names]
    if unknown:
        raise ArgumentError(
            f"response has the dimensions {response.dims}; expected some of {tuple(names)}, the "
            "frequencies of the dimensions that are filtered"
        )


def _with_frequencies(
    response: Any, axes: Sequence[Axis], names: Sequence[str], lengths: Sequence[int]
) -> Any:
    """An array in the order of the transform with its coordinates, if its shape is right."""
    import xarray as xr

    response = dispatch.accept(response, function="signal.filter_frequencies", name="response")
    spacings = [float(axis.spacing) for axis in axes]
    grids = [fftfreq(n, d) for n, d in zip(lengths, spacings, strict=True)]
    if response.shape != tuple(lengths):
        grids[-1] = rfftfreq(lengths[-1], spacings[-1])
    if response.shape != tuple(map(len, grids)):
        return response
    return xr.DataArray(response, dims=names, coords=dict(zip(names, grids, strict=True)))


def _indices(response: Any, axis: Axis, name: str, n: int, real: bool) -> tuple[np.ndarray, bool]:
    """Where the response holds each frequency of the transform, and whether half of them only."""
    if name not in response.coords:
        raise ArgumentError(
            f"response has no coordinate {name!r} to say which frequencies it holds; assign them, "
            f"e.g. response.assign_coords({name}=spanwise.fft.fftfreq({n}, d))"
        )
    cycles = response.coords[name].values * (float(axis.spacing) * n)
    k = np.rint(cycles).astype("int64")
    matched = (np.abs(cycles - k) <= _MATCH) & (2 * np.abs(k) <= n)
    found = np.full(n, -1)
    found[k[matched] % n] = np.flatnonzero(matched)
    known = n // 2 + 1
    is_half = bool(real and n > 2 and k.size == known and np.all(found[:known] >= 0))
    if is_half:
        return found[:known], True
    missing = np.flatnonzero(found < 0)
    if missing.size:
        lacking = (missing[0] + n // 2) % n - n // 2
        raise ArgumentError(
            f"response lacks {missing.size} of the {n} frequencies along {name!r}, for example "
            f"{lacking / (float(axis.spacing) * n):g}; expected those of the transform, as "
            f"spanwise.fft.fftfreq gives them, in any order"
            + (", or the non-negative ones" if real else "")
            + f". Interpolate first: response.interp({name}=...)"
        )
    return found[-np.arange(n) % n] if axis.is_decreasing else found, False
