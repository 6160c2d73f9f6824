"""The forward transform of one DataArray: samples to frequencies."""

from __future__ import annotations

import math
from typing import Any

from .. import fft as _fft
from ..errors import ArgumentError
from ..kernels.spectrum import Order, Ramp, cycles
from ..kernels.window import frozen, window_means
from ..signal._detrend import detrend_axes
from .attrs import derived_attrs
from .coords import Axis, frequency_coordinate, read_axis
from .missing import fill_missing, source_of
from .numeric import cropped, flipped, modulated, split_shift, windowed
from .segments import segmented
from .select import new_name, on_dims
from .treatment import LONG_NAME, Treatment


def forward(
    da: Any, dims: tuple[str, ...], lengths: dict[str, int], half_dim: str | None, how: Treatment
) -> Any:
    """Transform along ``dims``, to half a spectrum along ``half_dim`` if that is one of them.

    ``lengths`` holds the points of dimensions that are cropped or padded.
    """
    if how.chunks_to_segments:
        da = segmented(da, dims)
    axes = [read_axis(da, d, spacing_tol=how.spacing_tol) for d in dims]
    half = half_dim in dims
    points = [_points(da, d, lengths, how.hermitian and d == dims[-1]) for d in dims]
    numbers = tuple(da.get_axis_num(d) for d in dims)
    source = source_of(da, dims)
    x, gain = _prepared(fill_missing(da, dims, how.fill).data, dims, numbers, points, axes, how)
    function = _fft.hfftn if how.hermitian else _fft.rfftn if half else _fft.fftn
    x = function(x, s=points, axes=numbers, norm=how.norm)
    in_blocks, between = split_shift(x, _full(numbers, half) if how.shift else ())
    x = _fft.fftshift(x, axes=between) if between else x
    ramps, coordinates = [], {}
    for axis, number, n in zip(axes, numbers, points, strict=True):
        is_half = axis.dim == half_dim
        ramps.append(_ramp(axis, number, n, da.sizes[axis.dim], is_half, how))
        coordinates[axis.dim] = _coordinate(da, axis, n, is_half, how)
    scale = math.prod(float(a.spacing) for a in axes) if how.true_amplitude else 1.0
    x = modulated(
        x,
        ramps if how.true_phase else [],
        scale / gain,
        shifts=tuple((a, x.shape[a] // 2) for a in in_blocks),
        axes=numbers,
        source=source,
    )
    factors = [(a.units, 1) for a in axes] if how.true_amplitude else []
    attrs = derived_attrs(da.attrs, how.keep_attrs, *factors, prefix=LONG_NAME)
    return on_dims(da, x, coordinates, attrs)


def _prepared(
    x: Any,
    dims: tuple[str, ...],
    numbers: tuple[int, ...],
    points: list[int],
    axes: list[Axis],
    how: Treatment,
) -> tuple[Any, float]:
    """What is transformed: without its trend, windowed, in the order of rising coordinates.

    Also the mean of the windows, if the result is to be divided by it.
    """
    downwards = [
        a for a, axis in zip(numbers, axes, strict=True) if how.true_phase and axis.is_decreasing
    ]
    named = how.windows(dims)
    if downwards or named or how.detrend:
        x = cropped(x, dict(zip(numbers, points, strict=True)))
    if how.detrend is not None:
        x = detrend_axes(x, numbers, how.detrend)
    windows, gain = {}, 1.0
    for d, number in zip(dims, numbers, strict=True):
        if d in named:
            windows[number] = frozen(named[d], x.shape[number])
            gain *= window_means(windows[number], x.shape[number])[0]
    if how.window_correction and not gain:
        raise ArgumentError(f"window_correction=True: the mean of window={how.window!r} is 0")
    return flipped(windowed(x, windows), downwards), gain if how.window_correction else 1.0


def _points(da: Any, dim: str, lengths: dict[str, int], hermitian: bool) -> int:
    """Points of the transform: SciPy's 2 (m - 1) for half a Hermitian signal of m samples."""
    if dim in lengths:
        return lengths[dim]
    size = int(da.sizes[dim])
    return 2 * (size - 1) if hermitian else size


def _full(numbers: tuple[int, ...], half: bool) -> tuple[int, ...]:
    return numbers[:-1] if half else numbers


def _ramp(axis: Axis, number: int, n: int, size: int, is_half: bool, how: Treatment) -> Ramp:
    """X(f) = sum_j x[j] exp(-2 pi i f t[j]) with t[j] = origin + j spacing."""
    order: Order = "half" if is_half else "shifted" if how.shift else "natural"
    origin = axis.lowest(min(n, size))
    return Ramp(number, n, order, -cycles(origin, axis.spacing, n))


def _coordinate(da: Any, axis: Axis, n: int, is_half: bool, how: Treatment) -> tuple[str, Any]:
    """Name and values of the frequencies along a dimension."""
    new = new_name(axis.dim, how.prefix, da)
    record = {
        "true_phase": bool(how.true_phase),
        "true_amplitude": bool(how.true_amplitude),
    }
    return new, frequency_coordinate(
        axis,
        new,
        n,
        half=is_half,
        shift=how.shift,
        data_origin=axis.lowest(n) if how.true_phase else None,
        inverse=record,
    )
