"""Missing values (NaN) of a block: how a transform finds them, and what can stand in for them.

Every frequency of a line is a sum over all of its samples, so that one NaN or infinity among them
leaves no frequency finite, and one element of each line of the result tells them all. Finding them
costs a look at one element per line, no pass over the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NonFiniteError
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but
from .slabs import slabs


@dataclass(frozen=True, slots=True)
class Source:
    """Which data a transform is of, for the message of an error."""

    variable: str
    """Name of the variable; empty where it has none."""
    dims: tuple[str, ...]
    """The dimensions that are transformed."""
    fills: bool = True
    """Whether the caller's function has an argument ``fill``."""

    def error(self, lines: int, of: int) -> NonFiniteError:
        """What is raised where lines hold values that are not finite.

        >>> print(Source("sst", ("time",)).error(2, 5))
        the variable 'sst' holds NaN or infinity along 'time', in 2 of 5 lines of this block. \
Fill what is missing: fill="interp" (between neighbours) or fill=0.0, \
da.interpolate_na('time'), or leave it out: da.dropna('time'); \
for infinity, make it missing: da.where(abs(da) < float("inf"))
        """
        named = f"the variable {self.variable!r}" if self.variable else "the data"
        along = ", ".join(map(repr, self.dims))
        own = 'fill="interp" (between neighbours) or fill=0.0' if self.fills else "da.fillna(0.0)"
        first = self.dims[0]
        return NonFiniteError(
            f"{named} holds NaN or infinity along {along}, in {lines} of {of} lines of this "
            f"block. Fill what is missing: {own}, da.interpolate_na({first!r}), or leave it out: "
            f'da.dropna({first!r}); for infinity, make it missing: da.where(abs(da) < float("inf"))'
        )


def check_finite(x: Array, axes: tuple[int, ...], source: Source | None) -> None:
    """Raise if a line of transformed data is not finite; for use inside kernels.

    Parameters
    ----------
    x : array
        A block of the result of a transform, or a part of one.
    axes : tuple of int
        The axes that were transformed.
    source : Source or None
        What to name in the error; None: nothing is checked.
    """
    if source is None:
        return
    xp = namespace(x)
    first = x[tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(x.ndim))]
    is_finite = xp.isfinite(first)
    if not bool(xp.all(is_finite)):
        of = int(np.prod(first.shape))
        raise source.error(of - int(xp.count_nonzero(is_finite)), of)


def _refuse(x: Array, /, *, axes: tuple[int, ...], source: Source) -> Array:
    check_finite(x, axes, source)
    return x


def _free_axes(x: Array, /, *, axes: tuple[int, ...], **params: Any) -> tuple[int, ...]:
    return all_but(*axes, ndim=x.ndim)


refuse_missing = Kernel("refuse_missing", _refuse, free_axes=_free_axes)
"""A block of the result of a transform as it is; raises NonFiniteError if the transformed data had
a value that is not finite. ``source`` is a `Source`."""


def _fill(x: Array, /, *, axes: tuple[int, ...], fill: str | complex) -> Array:
    xp = namespace(x)
    missing = xp.isnan(x)
    if not bool(xp.any(missing)):
        return x
    if fill != "interp":
        return xp.where(missing, xp.asarray(fill, dtype=x.dtype, device=x.device), x)
    for axis in axes:
        lines = xp.moveaxis(x, axis, -1)
        x = xp.moveaxis(filled_lines(lines), -1, axis)
    return x


def filled_lines(x: Array, position: Array | None = None) -> Array:
    """Lines along the last axis with their gaps filled, where a line has a value at all.

    ``position`` is an integer for each sample, rising along a line; by default they count 0, 1 ...
    """
    xp = namespace(x)
    values = xp.reshape(x, (-1,))
    gone = xp.isnan(values)
    index = xp.int32 if values.shape[0] < 2**31 else xp.int64
    gaps, there = (xp.astype(xp.nonzero(part)[0], index) for part in (gone, ~gone))
    if 0 in (gaps.shape[0], there.shape[0]):
        return x
    inside = _between(values, gaps, there, x.shape[-1], position)
    ones = xp.astype(gone, index)
    number = xp.cumulative_sum(ones, dtype=index) - ones
    number -= xp.astype(number == gaps.shape[0], index)
    filled = xp.where(gone, xp.take(inside, number, axis=0), values)
    return xp.reshape(filled, x.shape)


def _between(values: Array, gaps: Array, there: Array, n: int, position: Array | None) -> Array:
    """What goes into the gaps of lines of n samples, which lie one behind the other.

    ``gaps`` and ``there`` are the indices of the samples that are missing and of all others.
    """
    xp = namespace(values)
    most = there.shape[0]
    # Of two lists that hold all indices between them, in order, each tells ranks in the other.
    rank = gaps - xp.arange(gaps.shape[0], dtype=gaps.dtype, device=gaps.device)
    left = xp.take(there, rank - xp.astype(rank > 0, rank.dtype), axis=0)
    right = xp.take(there, rank - xp.astype(rank == most, rank.dtype), axis=0)
    begin = gaps - gaps % n
    no_left, no_right = (rank == 0) | (left < begin), (rank == most) | (right >= begin + n)
    del rank, begin
    weight = _share(gaps, left, right, no_left | no_right, position, values)
    low, high = xp.take(values, left, axis=0), xp.take(values, right, axis=0)
    del left, right
    inside = xp.where(no_left, high, xp.where(no_right, low, low + weight * (high - low)))
    return xp.where(no_left & no_right, xp.take(values, gaps, axis=0), inside)


def _share(
    gaps: Array, left: Array, right: Array, alone: Array, position: Array | None, values: Array
) -> Array:
    """How far each gap is from its left neighbour, as a share of the way to the right one."""
    xp = namespace(values)
    is_complex = xp.isdtype(values.dtype, "complex floating")
    real = xp.real(values).dtype if is_complex else values.dtype
    if position is not None:
        known = xp.reshape(position, (-1,))
        gaps, left, right = (xp.take(known, at, axis=0) for at in (gaps, left, right))
    span = xp.where(alone, xp.ones_like(gaps), right - left)
    weight = xp.astype(gaps - left, real) / xp.astype(span, real)
    return xp.astype(weight, values.dtype, copy=False)


def _fill_numpy(x: np.ndarray, /, *, axes: tuple[int, ...], fill: str | complex) -> np.ndarray:
    out: np.ndarray | None = None
    for part in slabs(x, axes):
        missing = np.isnan(x[part])
        if not missing.any():
            continue
        out = x.copy() if out is None else out
        if fill == "interp":
            _interpolate(out[part], missing, axes)
        else:
            out[part][missing] = fill
    return x if out is None else out


def _interpolate(x: np.ndarray, missing: np.ndarray, axes: tuple[int, ...]) -> None:
    """Fill the gaps of a block in place, along one axis after the other."""
    for axis in axes:
        # Lines with a gap and with a value; those without a value are left to the next axis.
        lines = missing.any(axis=axis) & ~missing.all(axis=axis)
        if not lines.any():
            continue
        moved, gaps = np.moveaxis(x, axis, -1), np.moveaxis(missing, axis, -1)
        values = moved[lines]
        interpolate_lines(values, gaps[lines])
        moved[lines] = values
        gaps[lines] = False


def interpolate_lines(
    values: np.ndarray, gone: np.ndarray, position: np.ndarray | None = None
) -> None:
    """Fill, in place, lines that have a value each: rows of a matrix.

    ``position`` holds those of all samples, where they do not count 0, 1, 2 ...
    """
    n = values.shape[-1]
    index = np.arange(n, dtype="int32" if n < 2**31 else "int64")
    before = np.maximum.accumulate(np.where(gone, index.dtype.type(-1), index), axis=-1)
    behind = np.where(gone, index.dtype.type(n), index)[:, ::-1]
    after = np.minimum.accumulate(behind, axis=-1)[:, ::-1]
    row, at = np.nonzero(gone)
    low, high = before[row, at], after[row, at]
    left, right = np.where(low < 0, high, low), np.where(high == n, low, high)
    if position is None:
        weight = (at - left) / np.maximum(right - left, 1)
    else:
        start = position[row, left]
        weight = (position[row, at] - start) / np.maximum(position[row, right] - start, 1)
    values[row, at] = values[row, left] + weight * (values[row, right] - values[row, left])


def _fill_free_axes(x: Array, /, *, axes: tuple[int, ...], fill: str | complex) -> tuple[int, ...]:
    return all_but(*(axes if fill == "interp" else ()), ndim=x.ndim)


fill_missing = Kernel(
    "fill_missing",
    _fill,
    workspace=lambda in_bytes, out_bytes: in_bytes,
    device_workspace=lambda in_bytes, out_bytes: 8 * in_bytes,
    free_axes=_fill_free_axes,
)
"""A block with its NaN replaced; the block itself where it has none.

``fill`` is a number, or ``"interp"``: linear between the neighbours along the first of ``axes``,
which the block holds whole, the nearest value beyond the ends; lines without any value are left to
the next of the axes, and at last as they are."""

fill_missing.register("numpy", _fill_numpy)
