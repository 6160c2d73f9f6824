"""Filling gaps of a line that many blocks hold: what each tells the others, and what it is told.

Every block tells, for each of its lines, where its first and its last value lie and what they are;
with those of all blocks each fills its own gaps, however long they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .fft import untransformed
from .kernel import Kernel
from .library import Array, library_of, namespace
from .missing import filled_lines, interpolate_lines

ENDS = 4
"""What a line of a block tells: position and value of its first and of its last sample."""


def _wide(x: Array) -> Any:
    """A type that holds values and positions."""
    xp = namespace(x)
    return xp.complex128 if xp.isdtype(x.dtype, "complex floating") else xp.float64


def _gap_ends(x: Array, start: int, /, *, axes: tuple[int, ...]) -> Array:
    xp = namespace(x)
    lines = xp.moveaxis(x, axes[0], -1)
    n = lines.shape[-1]
    index = xp.broadcast_to(xp.arange(n, dtype=xp.int64, device=x.device), lines.shape)
    there = ~xp.isnan(lines)
    nothing = xp.zeros(lines.shape[:-1], dtype=_wide(x), device=x.device) + xp.nan
    told = [nothing] * ENDS
    if n:
        first = xp.min(xp.where(there, index, n * xp.ones_like(index)), axis=-1, keepdims=True)
        last = xp.max(xp.where(there, index, -xp.ones_like(index)), axis=-1, keepdims=True)
        is_some = last[..., 0] >= 0
        zero = xp.zeros_like(lines)
        for i, at in enumerate((first, last)):
            value = xp.sum(xp.where(index == at, lines, zero), axis=-1)
            for k, what in enumerate((at[..., 0] + start, value)):
                told[2 * i + k] = xp.where(is_some, xp.astype(what, _wide(x)), nothing)
    return xp.moveaxis(xp.stack(told, axis=-1), -1, axes[0])


gap_ends = Kernel("gap_ends", _gap_ends, free_axes=untransformed)
"""Position and value of the first and of the last sample that is there, for each line of a block.

The lines lie along ``axes``, a single one; behind the block stands the index of its first sample.
In double precision, with NaN where a line has no value."""


def _fill_between(
    x: Array, ends: Array, start: int, number: int, /, *, axes: tuple[int, ...]
) -> Array:
    xp = namespace(x)
    missing = xp.isnan(x)
    if not bool(xp.any(missing)):
        return x
    lines, told = xp.moveaxis(x, axes[0], -1), xp.moveaxis(ends, axes[0], -1)
    # The last value of the blocks before, the first one of those behind.
    told = xp.reshape(told, (*told.shape[:-1], -1, ENDS))
    before = _last(told[..., :number, 2], told[..., :number, 3])
    behind = xp.flip(told[..., number + 1 :, :], axis=-2)
    after = _last(behind[..., 0], behind[..., 1])
    index = xp.arange(lines.shape[-1], dtype=xp.int64, device=x.device) + start
    position = xp.concat(
        [before[0], xp.broadcast_to(index, lines.shape), after[0]],
        axis=-1,
    )
    values = xp.concat(
        [xp.astype(before[1], x.dtype), lines, xp.astype(after[1], x.dtype)], axis=-1
    )
    if library_of(x) == "numpy":
        values = _in_rows(values, position)
    else:
        values = filled_lines(values, position)
    return xp.moveaxis(values[..., 1:-1], -1, axes[0])


def _last(positions: Array, values: Array) -> tuple[Array, Array]:
    """The last position that is there along the last axis, and its value; 0 and NaN if none is."""
    xp = namespace(positions)
    n, on = positions.shape[-1], {"device": positions.device}
    if n == 0:
        shape = (*positions.shape[:-1], 1)
        nothing = xp.zeros(shape, dtype=values.dtype, **on)
        return xp.zeros(shape, dtype=xp.int64, **on), nothing + xp.nan
    index = xp.broadcast_to(xp.arange(n, dtype=xp.int64, **on), positions.shape)
    there = xp.where(xp.isnan(positions), -xp.ones_like(index), index)
    last = xp.max(there, axis=-1, keepdims=True)
    is_last = (there == last) & (last >= 0)
    place, value = (
        xp.sum(xp.where(is_last, part, xp.zeros_like(part)), axis=-1, keepdims=True)
        for part in (positions, values)
    )
    is_complex = xp.isdtype(place.dtype, "complex floating")
    place = xp.astype(xp.real(place) if is_complex else place, xp.int64)
    return place, xp.where(last >= 0, value, xp.zeros_like(value) + xp.nan)


def _in_rows(values: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The lines that have a gap and a value, filled."""
    missing = np.isnan(values)
    lines = missing.any(axis=-1) & ~missing.all(axis=-1)
    some = values[lines]
    interpolate_lines(some, missing[lines], position[lines])
    values[lines] = some
    return values


fill_between = Kernel(
    "fill_between",
    _fill_between,
    workspace=lambda in_bytes, out_bytes: 6 * in_bytes,
    device_workspace=lambda in_bytes, out_bytes: 18 * in_bytes,
)
"""A block with its gaps filled, given what `gap_ends` told of all blocks along the axis.

Behind the block stand these, one block's behind the other's; the index of the block's first sample,
and the number of the block."""
