"""FFT of a CuPy block by cuFFT."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import UnsupportedError
from ..fft import result_dtype

_MOST_POINTS = 2**31 - 1
"""Points of one call of cuFFT, whose high-level plans count in 32 bits (cupy#4406)."""
_BATCH_POINTS = 2**28
"""Points of each call where one call cannot take all: plenty for a device, and little memory."""
_ALIGNMENT = 16
_REST = {"rfft": "fft", "hfft": "fft", "irfft": "ifft", "ihfft": "ifft"}


def transform(
    x: Any,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    workers: int | None = 1,
    overwrite: bool = False,
    engine: str = "",
) -> Any:
    """Transform one block on its device; see :data:`spanwise.kernels.fft.fft`."""
    import cupy

    call = functools.partial(_call, cupy, norm=norm, overwrite=overwrite)
    return in_batches(call, x, kind=kind, axes=axes, lengths=lengths, limit=_MOST_POINTS, xp=cupy)


def _call(
    cupy: Any,
    x: Any,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    overwrite: bool,
) -> Any:
    import cupyx.scipy.fft

    if x.dtype == cupy.float16:
        x, overwrite = x.astype(cupy.float32), True
    elif x.data.ptr % _ALIGNMENT:
        # cuFFT refuses memory that is not aligned to 16 bytes, as a view's may be (cupy#9229).
        x, overwrite = x.copy(), True
    function = getattr(cupyx.scipy.fft, f"{kind}n")
    return function(x, s=lengths, axes=axes, norm=norm, overwrite_x=overwrite)


def in_batches(
    call: Callable[..., Any],
    x: Any,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    limit: int,
    xp: Any,
) -> Any:
    """Transform a block by calls on at most ``limit`` points.

    Parameters
    ----------
    call : callable
        ``call(x, kind=, axes=, lengths=)`` transforms what is small enough.
    x : array
        The block.
    kind, axes, lengths
        As :data:`spanwise.kernels.fft.fft` takes them.
    limit : int
        Points that neither the input, padded or cropped, nor the output of a call may exceed.
    xp : namespace
        Makes the array that results of several calls are gathered in.

    Raises
    ------
    UnsupportedError
        If a single line has more points.
    """
    points, last = list(x.shape), axes[-1]
    for axis, length in zip(axes, lengths, strict=True):
        points[axis] = length
    shape = list(points)
    if kind in ("rfft", "ihfft"):
        shape[last] = lengths[-1] // 2 + 1
    if math.prod(shape) == 0:
        return xp.empty(tuple(shape), dtype=result_dtype(kind, x.dtype))
    if math.prod(points) <= limit:
        return call(x, kind=kind, axes=axes, lengths=lengths)
    batch = max((a for a in range(x.ndim) if a not in axes), key=points.__getitem__, default=None)
    line = math.prod(points) if batch is None else math.prod(points) // points[batch]
    if line > limit and len(axes) > 1:
        # No single axis can be cut finely enough: one transformed axis after the other.
        for each, axis, length in _one_by_one(kind, axes, lengths):
            x = in_batches(call, x, kind=each, axes=(axis,), lengths=(length,), limit=limit, xp=xp)
        return x
    if batch is None or points[batch] == 1:
        raise UnsupportedError(
            f"a transform of {lengths[-1]:,} points in one block on a device exceeds the "
            f"{limit:,} that cuFFT takes; cut the array along axis {last} (x.rechunk(...))"
        )
    out = xp.empty(tuple(shape), dtype=result_dtype(kind, x.dtype))
    step = max(1, min(limit, _BATCH_POINTS) // line)
    for start in range(0, points[batch], step):
        part = (*(slice(None),) * batch, slice(start, start + step))
        out[part] = in_batches(
            call, x[part], kind=kind, axes=axes, lengths=lengths, limit=limit, xp=xp
        )
    return out


def _one_by_one(
    kind: str, axes: tuple[int, ...], lengths: tuple[int, ...]
) -> Iterator[tuple[str, int, int]]:
    """Kind, axis and length of transforms of one axis that together are one of several."""
    *rest, last = zip(axes, lengths, strict=True)
    others = [(_REST.get(kind, kind), axis, length) for axis, length in rest]
    halved = (kind, *last)
    yield from (*others, halved) if kind in ("irfft", "hfft") else (halved, *others)
