"""What the functions of this package ask of their arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from .. import dispatch, options, rates
from ..errors import ArgumentError
from ..fft._call import engine_of
from ..graph.arguments import resolve_axes
from ..kernels.library import namespace
from ..kernels.spectrum import inexact_dtype
from ..kernels.tapered import Windows
from ..kernels.window import frozen, window_means


def some_axes(x: Any, axes: int | Iterable[int]) -> tuple[int, ...]:
    """Distinct axes of the array, one at least, counted from the front."""
    return axes_of(x.shape, axes)


def axes_of(shape: tuple[int, ...], axes: int | Iterable[int]) -> tuple[int, ...]:
    """Distinct axes of an array of a shape, one at least, counted from the front."""
    chosen, _ = resolve_axes(shape, None, axes)
    if not chosen:
        raise ArgumentError("axes=(): name at least one axis")
    return chosen


def spacings(sampling: float | Iterable[float], count: int) -> tuple[float, ...]:
    """One positive spacing per axis."""
    values = np.asarray(sampling, dtype=float)
    if values.ndim == 0:
        values = np.full(count, float(values))
    if values.shape != (count,):
        raise ArgumentError(f"sampling={sampling!r}: expected one number, or {count}: one per axis")
    if not np.all((values > 0) & np.isfinite(values)):
        raise ArgumentError(f"sampling={sampling!r}: distances between samples must be positive")
    return tuple(values.tolist())


def is_whole(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether a block holds the whole of each of the axes."""
    return dispatch.kind_of(x) == "concrete" or all(len(x.chunks[a]) == 1 for a in axes)


def fft_engine(x: Any) -> dict[str, Any]:
    """Keyword of kernels that transform blocks: what does it, where it is not SciPy."""
    is_chunked = dispatch.kind_of(x) == "chunked"
    measured = options.machine().rates if is_chunked else rates.load()
    return dict(engine_of("fft", x, measured))


def is_complex(x: Any) -> bool:
    """Whether the elements are complex numbers."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")


def windows_of(window: Any, lengths: tuple[int, ...]) -> Windows:
    """A window for each axis: one for all, or a list of one for each, None among them."""
    if window is None:
        return ()
    each = [window] * len(lengths)
    # A list of numbers holds the values of one window.
    if isinstance(window, list) and any(not isinstance(w, Real) for w in window):
        if len(window) != len(lengths):
            raise ArgumentError(
                f"window={window!r}: {len(window)} windows for {len(lengths)} axes; expected one "
                "for all, or a list of one for each (None for no window)"
            )
        each = window
    return tuple(None if w is None else frozen(w, n) for w, n in zip(each, lengths, strict=True))


def scale_of(
    lengths: tuple[int, ...],
    spacing: float,
    scaling: str,
    windows: Windows,
    window_correction: bool,
) -> float:
    """What ``|X|**2`` is multiplied by; ``spacing`` is the product of those of all axes."""
    n = math.prod(lengths)
    if not n:
        return 1.0
    scale = spacing / n if scaling == "density" else 1.0 / n**2
    if not window_correction:
        return scale
    if not any(w is not None for w in windows):
        raise ArgumentError(
            "window_correction=True and no window: there is nothing to correct for; name a window, "
            "e.g. window='hann', or leave window_correction out"
        )
    for w, points in zip(windows, lengths, strict=True):
        mean, mean_square = (1.0, 1.0) if w is None else window_means(w, points)
        loss = mean_square if scaling == "density" else mean**2
        if not loss:
            raise ArgumentError(
                f"window_correction=True: the window {w!r} has no mean to divide by; leave it out"
            )
        scale /= loss
    return scale


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Refuse a value that is none of some."""
    if not any(value is c or (isinstance(value, str) and value == c) for c in choices):
        raise ArgumentError(f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}")


def floating(x: Any, *, as_complex: bool) -> Any:
    """Real or complex element type of a spectrum; libraries with their own types decide alone."""
    if not isinstance(x.dtype, np.dtype):
        return None
    dtype = inexact_dtype(x.dtype, as_complex=as_complex)
    return dtype if as_complex else dtype.type(0).real.dtype
