"""Fourier transforms by dimension: what happens to data and labels, in one pass.

Everything numeric is lazy on lazy data: the transform, the shift, and one multiplication that
applies phases and amplitude together. Coordinates and attributes are made at once; they are small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError
from ..kernels.blocks import flip
from ..kernels.spectrum import Ramp, cycles, inexact_dtype, modulate
from .attrs import derived_attrs, keeps_attrs
from .coords import Axis, FrequencyAxis, frequency_coordinate, read_axis, read_frequencies
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

_LONG_NAME = "Fourier transform of "


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a transform treats labels."""

    norm: str | None
    """Normalisation, as SciPy's."""
    prefix: str
    """Put before a dimension for its frequencies, taken away by the inverse."""
    spacing_tol: float
    """Relative difference of steps up to which a coordinate counts as evenly spaced."""
    keep_attrs: bool | None
    """As in xarray."""
    shift: bool = True
    """Put the zero frequency in the centre."""
    true_phase: bool | None = True
    """Count the phase from coordinate 0; None (inverse): as the forward transform recorded."""
    true_amplitude: bool | None = True
    """Multiply by the spacing; None (inverse): as the forward transform recorded."""
    lag: float | Mapping[str, float] | None = None
    """Coordinate of the central sample of the inverse."""


def transform(
    obj: Any,
    dim: Dims,
    n: Any,
    how: Treatment,
    *,
    name: str,
    inverse: bool = False,
    half: bool = False,
    count: int | None = None,
) -> Any:
    """Transform a DataArray, or each variable of a Dataset."""
    import xarray as xr

    check_labelled(obj, f"fft.{name}")
    dims = choose_dims(obj, dim, count=count)
    lengths = choose_lengths(n, dims)
    half_dim = dims[-1] if half else None
    obj = drop_extra(obj, dims)
    one = _inverse if inverse else _forward

    def run(da: Any, own: tuple[str, ...]) -> Any:
        return one(da, own, lengths, half_dim, how)

    if isinstance(obj, xr.Dataset):
        return over_variables(obj, dims, run, keep_attrs=keeps_attrs(how.keep_attrs))
    return run(obj, dims)


def _forward(
    da: Any, dims: tuple[str, ...], lengths: dict[str, int], half_dim: str | None, how: Treatment
) -> Any:
    axes = [read_axis(da, d, spacing_tol=how.spacing_tol) for d in dims]
    points = [lengths[d] if d in lengths else int(da.sizes[d]) for d in dims]
    origins = [a.lowest(min(n, da.sizes[a.dim])) for a, n in zip(axes, points, strict=True)]
    numbers = tuple(da.get_axis_num(d) for d in dims)
    half = half_dim in dims
    x = _increasing(da, axes, points) if how.true_phase else da.data
    x = (_fft.rfftn if half else _fft.fftn)(x, s=points, axes=numbers, norm=how.norm)
    full = numbers[:-1] if half else numbers
    if how.shift and full:
        x = _fft.fftshift(x, axes=full)
    ramps, coordinates = [], {}
    for axis, number, n, origin in zip(axes, numbers, points, origins, strict=True):
        is_half = axis.dim == half_dim
        order = "half" if is_half else "shifted" if how.shift else "natural"
        # X(f) = sum_j x[j] exp(-2 pi i f x_j) with x_j = origin + j spacing.
        ramps.append(Ramp(number, n, order, -cycles(origin, axis.spacing, n)))
        new = new_name(axis.dim, how.prefix, da)
        coordinate = frequency_coordinate(
            axis,
            new,
            n,
            half=is_half,
            shift=how.shift,
            data_origin=axis.lowest(n) if how.true_phase else None,
            inverse={
                "true_phase": bool(how.true_phase),
                "true_amplitude": bool(how.true_amplitude),
            },
        )
        coordinates[axis.dim] = (new, coordinate)
    scale = math.prod(float(a.spacing) for a in axes) if how.true_amplitude else 1.0
    x = _modulated(x, ramps if how.true_phase else [], scale)
    factors = [(a.units, 1) for a in axes] if how.true_amplitude else []
    attrs = derived_attrs(da.attrs, how.keep_attrs, *factors, prefix=_LONG_NAME)
    return on_dims(da, x, coordinates, attrs)


def _inverse(
    da: Any, dims: tuple[str, ...], lengths: dict[str, int], half_dim: str | None, how: Treatment
) -> Any:
    if set(lengths) - {half_dim}:
        raise ArgumentError(
            f"n={lengths!r}: an inverse takes the length of the halved dimension only; to "
            "interpolate, pad the spectrum with zeros on both sides"
        )
    axes = [_frequencies(da, d, half_dim, lengths, how) for d in dims]
    numbers = tuple(da.get_axis_num(d) for d in dims)
    phases = [_resolve(how.true_phase, a.true_phase) for a in axes]
    ramps = [
        Ramp(number, a.length, a.order, cycles(a.origin, a.axis.spacing, a.length))
        for number, a, phase in zip(numbers, axes, phases, strict=True)
        if phase
    ]
    scaled = [a for a in axes if _resolve(how.true_amplitude, a.true_amplitude)]
    scale = 1.0 / math.prod(float(a.axis.spacing) for a in scaled)
    x = _modulated(da.data, ramps, scale)
    shifted = tuple(n for n, a in zip(numbers, axes, strict=True) if a.order == "shifted")
    if shifted:
        x = _fft.ifftshift(x, axes=shifted)
    half = half_dim in dims
    lengths_out = [a.length for a in axes]
    x = (_fft.irfftn if half else _fft.ifftn)(x, s=lengths_out, axes=numbers, norm=how.norm)
    downwards = [
        n
        for n, a, phase in zip(numbers, axes, phases, strict=True)
        if phase and a.axis.is_decreasing
    ]
    x = _flipped(x, downwards)
    attrs = derived_attrs(da.attrs, how.keep_attrs, *((a.units, 1) for a in scaled))
    if "long_name" in attrs:
        attrs["long_name"] = attrs["long_name"].removeprefix(_LONG_NAME)
    coordinates = {a.dim: (a.axis.dim, a.axis.coordinate(a.length)) for a in axes}
    return on_dims(da, x, coordinates, attrs)


def _frequencies(
    da: Any, dim: str, half_dim: str | None, lengths: dict[str, int], how: Treatment
) -> FrequencyAxis:
    lag = how.lag.get(dim) if isinstance(how.lag, Mapping) else how.lag
    return read_frequencies(
        da,
        dim,
        new_name(dim, how.prefix, da),
        half=dim == half_dim,
        length=lengths.get(dim),
        lag=lag,
        spacing_tol=how.spacing_tol,
    )


def _resolve(asked: bool | None, recorded: bool | None) -> bool:
    """What was asked for, else what the forward transform recorded, else true."""
    if asked is not None:
        return asked
    return recorded is None or recorded


def _increasing(da: Any, axes: list[Axis], points: list[int]) -> Any:
    """The data cropped to the points of the transform, its decreasing coordinates turned round."""
    x = da.data
    downwards = []
    for axis, n in zip(axes, points, strict=True):
        if axis.is_decreasing:
            number = da.get_axis_num(axis.dim)
            downwards.append(number)
            if n < x.shape[number]:
                x = x[tuple(slice(n) if i == number else slice(None) for i in range(x.ndim))]
    return _flipped(x, downwards)


def _flipped(x: Any, axes: list[int]) -> Any:
    if not axes:
        return x
    if dispatch.kind_of(x) == "chunked" and any(x.numblocks[axis] > 1 for axis in axes):
        return x[tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim))]
    return dispatch.blockwise(
        x,
        flip,
        operation="flip",
        dtype=x.dtype if isinstance(x.dtype, np.dtype) else None,
        reason="the coordinate decreases",
        axes=tuple(axes),
    )


def _modulated(x: Any, ramps: list[Ramp], scale: float) -> Any:
    """Apply phases and amplitude in one task per chunk; nothing where both are 1."""
    effective = tuple(r for r in ramps if r.cycles)
    if not effective and scale == 1.0:
        return x
    is_known = isinstance(x.dtype, np.dtype)
    return dispatch.blockwise(
        x,
        modulate,
        operation="phase",
        dtype=inexact_dtype(x.dtype, as_complex=bool(effective)) if is_known else None,
        reason="phases by coordinate, amplitude by spacing",
        starts=tuple(r.axis for r in effective),
        ramps=effective,
        scale=scale,
    )
