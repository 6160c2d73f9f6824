"""Extending a block at its ends, along one axis after the other as `numpy.pad` does."""

from __future__ import annotations

from typing import Any, Literal

from .blocks import empty_like_library
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but

Mode = Literal["constant", "edge", "linear_ramp"]
"""A value, that of the last sample, or a line from there to a value."""

MODES: tuple[Mode, ...] = ("constant", "edge", "linear_ramp")
"""Those that need no more than the last sample of an end."""


def _pad(
    x: Array,
    /,
    *widths: int,
    axes: tuple[int, ...],
    mode: Mode,
    values: tuple[tuple[complex, complex], ...],
) -> Array:
    if not any(widths):
        return x
    pairs = {axis: widths[2 * i : 2 * i + 2] for i, axis in enumerate(axes)}
    ends = [pairs.get(axis, (0, 0)) for axis in range(x.ndim)]
    shape = tuple(n + sum(pair) for n, pair in zip(x.shape, ends, strict=True))
    out = empty_like_library(shape, x.dtype, x)
    inner = [slice(b, b + n) for (b, _), n in zip(ends, x.shape, strict=True)]
    out[tuple(inner)] = x
    for axis in sorted(axes):
        # Corners belong to the later axis: of those before, what is padded is padded again.
        around = [slice(None)] * axis + inner[axis:]
        at = inner[axis]
        value = dict(zip(axes, values, strict=True))[axis]
        _end(out, around, axis, slice(0, at.start), at.start, mode, value[0])
        _end(out, around, axis, slice(at.stop, shape[axis]), at.stop - 1, mode, value[1])
    return out


def _end(
    out: Array,
    around: list[slice],
    axis: int,
    target: slice,
    edge: int,
    mode: Mode,
    value: complex,
) -> None:
    """Fill what lies beyond one end of an axis; ``edge`` is the last sample that is there."""
    count = target.stop - target.start
    if not count:
        return
    where = tuple(target if a == axis else s for a, s in enumerate(around))
    xp = namespace(out)
    if mode == "constant":
        out[where] = xp.asarray(value, dtype=out.dtype, device=out.device)
        return
    last = out[tuple(slice(edge, edge + 1) if a == axis else s for a, s in enumerate(around))]
    if mode == "linear_ramp":
        steps = xp.arange(1, count + 1, device=out.device)
        steps = xp.flip(steps) if target.stop <= edge else steps
        shape = tuple(count if a == axis else 1 for a in range(out.ndim))
        real = xp.float32 if out.dtype in (xp.float32, xp.complex64) else xp.float64
        share = xp.reshape(xp.astype(steps, real) / count, shape)
        is_exact = xp.isdtype(out.dtype, ("integral", "bool"))
        last = xp.astype(last, real) if is_exact else last
        last = xp.astype(last + share * (value - last), out.dtype)
    out[where] = last


def _free_axes(x: Array, /, *widths: int, axes: tuple[int, ...], **params: Any) -> tuple[int, ...]:
    return all_but(*axes, ndim=x.ndim)


pad = Kernel("pad", _pad, free_axes=_free_axes)
"""A block with samples added at its ends.

Behind the block stand, for each of ``axes``, how many are added before and behind it; ``values``
holds a pair for each axis, which the mode "edge" takes no notice of."""
