"""What happens to the array of a labelled transform, before and behind the transform itself.

On a chunked array each step is one task per chunk, which Dask fuses with its neighbours; along cut
axes shifts and flips take slices of other chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..kernels.blocks import flip
from ..kernels.missing import Source
from ..kernels.spectrum import Ramp, inexact_dtype, modulate
from ..kernels.tapered import apply_window
from ..signal._arguments import floating, is_complex, is_whole


def cropped(x: Any, lengths: dict[int, int]) -> Any:
    """The first points of axes that have more of them."""
    if all(n >= x.shape[axis] for axis, n in lengths.items()):
        return x
    return x[tuple(slice(lengths.get(axis)) for axis in range(x.ndim))]


def flipped(x: Any, axes: Sequence[int]) -> Any:
    """The order of the elements along axes reversed."""
    if not axes:
        return x
    if not is_whole(x, tuple(axes)):
        return x[tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim))]
    return dispatch.blockwise(
        x,
        flip,
        operation="flip",
        dtype=x.dtype if isinstance(x.dtype, np.dtype) else None,
        reason="the coordinate decreases",
        axes=tuple(axes),
    )


def windowed(x: Any, windows: Mapping[int, Any]) -> Any:
    """Times a window along each of some axes."""
    if not windows:
        return x
    axes = tuple(windows)
    return dispatch.blockwise(
        x,
        apply_window,
        operation="window",
        dtype=_floating(x),
        reason="each sample by itself",
        starts=axes,
        axes=axes,
        points=tuple(x.shape[a] for a in axes),
        windows=tuple(windows.values()),
    )


def _floating(x: Any) -> Any:
    """The floating-point type of the data's precision."""
    return floating(x, as_complex=is_complex(x))


def split_shift(x: Any, axes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes to be shifted inside of blocks, and those that take slices of other chunks."""
    whole = tuple(a for a in axes if is_whole(x, (a,)))
    return whole, tuple(a for a in axes if a not in whole)


def modulated(
    x: Any,
    ramps: Sequence[Ramp],
    scale: complex,
    *,
    shifts: tuple[tuple[int, int], ...] = (),
    axes: tuple[int, ...] = (),
    source: Source | None = None,
) -> Any:
    """Apply shifts, phases and amplitude in one task per chunk; nothing where there are none.

    With a ``source``, values that are not finite are looked for, in the result of a transform along
    ``axes``.
    """
    effective = tuple(r for r in ramps if r.cycles)
    if not effective and scale == 1.0 and not shifts and source is None:
        return x
    is_known = isinstance(x.dtype, np.dtype)
    return dispatch.blockwise(
        x,
        modulate,
        operation="phase",
        dtype=inexact_dtype(x.dtype, as_complex=bool(effective)) if is_known else None,
        reason="order, phases by coordinate, amplitude by spacing",
        starts=tuple(r.axis for r in effective),
        ramps=effective,
        scale=scale,
        shifts=shifts,
        axes=axes,
        source=source,
    )


def shifted_back(x: Any, axes: tuple[int, ...]) -> Any:
    """Undo the shift of cut axes."""
    return _fft.ifftshift(x, axes=axes) if axes else x
