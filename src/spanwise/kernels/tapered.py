"""One block before and through its transform: less its trend, times a window.

Kernels of spectra are made of these steps and run them part by part, so that what lies between two
steps stays in the cache and no copy of the whole block is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import buffers
from .detrend import Trend, along, detrended, real_dtype
from .fft import fft, untransformed
from .kernel import Kernel
from .library import Array, namespace
from .slabs import Index, slabs
from .spectrum import as_inexact
from .tables import table_of
from .twosided import points_of, write
from .window import Window, window_part, window_values

Windows = tuple[Window | None, ...]
"""A window for each of some axes, or None; no windows at all where it is empty."""


def _windowed(x: Array, factors: Sequence[Array], *, overwrite: bool) -> Array:
    for factor in factors:
        if overwrite:
            x *= factor
        else:
            x, overwrite = x * factor, True
    return x


def _factor(window: Window, axis: int, x: Array) -> Array:
    if isinstance(window, np.ndarray):  # values that were checked when the call was made
        return along(window, axis, x)
    kind = real_dtype(x)
    return table_of(x, window_values, window, x.shape[axis], axis=axis, dtype=kind)


def tables_of(windows: Windows, x: Array, axes: tuple[int, ...]) -> tuple[np.ndarray | None, ...]:
    """The values of windows; those that are values already were checked when the call was made."""
    return tuple(
        w if w is None or isinstance(w, np.ndarray) else window_values(w, x.shape[axis])
        for axis, w in zip(axes, windows, strict=False)
    )


def transformed(
    x: Array,
    axes: tuple[int, ...],
    *,
    detrend: Trend | None,
    windows: Windows,
    engine: str,
    real: bool = True,
) -> Array:
    """The transform of a block less its trend and times its window.

    Of real data it is the half with the non-negative frequencies of the last axis, if ``real``.
    """
    x = as_inexact(x, False)
    is_fresh = detrend is not None
    if detrend is not None:
        x = detrended(x, axes, detrend)
    factors = [
        _factor(window, axis, x)
        for axis, window in zip(axes, windows, strict=False)
        if window is not None
    ]
    x = _windowed(x, factors, overwrite=is_fresh)
    real = real and namespace(x).isdtype(x.dtype, "real floating")
    return fft(
        x,
        kind="rfft" if real else "fft",
        axes=axes,
        lengths=tuple(x.shape[a] for a in axes),
        norm=None,
        overwrite=is_fresh or bool(factors),
        engine=engine,
    )


def nothing(x: Array, axes: tuple[int, ...], *, half: bool) -> Array:
    """The spectrum of a block without elements: some libraries refuse to transform nothing."""
    points = dict(zip(axes, points_of([x.shape[a] for a in axes], half=half), strict=True))
    return x[tuple(slice(0, points.get(a, n)) for a, n in enumerate(x.shape))]


def by_parts(
    x: np.ndarray,
    axes: tuple[int, ...],
    known: Callable[[Index], np.ndarray],
    *,
    dtype: Any,
    half: bool,
    centred: Sequence[int],
) -> np.ndarray:
    """A spectrum of a NumPy block: ``known`` gives what a transform does of a part of it."""
    shape = list(x.shape)
    for axis, n in zip(axes, points_of([shape[a] for a in axes], half=half), strict=True):
        shape[axis] = n
    out = buffers.empty(tuple(shape), dtype)
    for part in slabs(x, axes):
        write(out[part], known(part), axes=axes, centred=centred)
    return out


def centred_axes(axes: tuple[int, ...], *, half: bool, shift: bool) -> tuple[int, ...]:
    """The axes on which the zero frequency lies in the centre: not on the halved one.

    >>> centred_axes((2, 0), half=True, shift=True)
    (2,)
    """
    return () if not shift else axes[:-1] if half else axes


def _apply_window(
    x: Array, /, *starts: int, axes: tuple[int, ...], points: tuple[int, ...], windows: Windows
) -> Array:
    x = as_inexact(x, False)
    kind = real_dtype(x)
    factors = [
        table_of(x, window_part, window, n, i, i + x.shape[axis], axis=axis, dtype=kind)
        for axis, i, n, window in zip(axes, starts, points, windows, strict=True)
        if window is not None
    ]
    return _windowed(x, factors, overwrite=False)


apply_window = Kernel("apply_window", _apply_window, free_axes=untransformed)
"""A block times windows over ``axes``, of so many ``points``, of which it may be a part.

Behind the block stands the index of its first sample on each of the axes."""
