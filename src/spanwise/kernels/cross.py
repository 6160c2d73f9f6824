"""The cross spectrum of two blocks that hold the transformed axes whole.

With X and Y the transforms, C = X conj(Y). For real data it is Hermitian: C[-k] = conj(C[k]), so
that half of it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .detrend import Trend
from .kernel import Kernel
from .library import Array, library_of, namespace
from .slabs import Index
from .spectrum import as_inexact, double
from .tapered import Windows, by_parts, centred_axes, nothing, tables_of, transformed
from .twosided import two_sided


def _cross_product(
    x: Array,
    y: Array,
    /,
    *starts: int,
    axes: tuple[int, ...],
    scale: float,
    half: int | None,
    zero_mean: bool,
) -> Array:
    out = x * namespace(y).conj(y)
    out *= scale
    double(out, starts, axes, half)
    if zero_mean and all(start == 0 for start in starts):
        # A product, since what is no number should stay visible.
        out[tuple(slice(0, 1) if a in axes else slice(None) for a in range(out.ndim))] *= 0.0
    return out


cross_product = Kernel("cross_product", _cross_product, workspace=lambda i, o: o)
"""``scale * x * conj(y)`` of blocks of two spectra; other arguments as those of
:data:`spanwise.kernels.spectrum.squared_magnitude`."""


def part_of(y: Array, part: Index) -> Array:
    """The part of a block that goes with that of another one, along which it may be repeated."""
    return y[tuple(slice(None) if n == 1 else s for n, s in zip(y.shape, part, strict=True))]


def _known(
    x: Array,
    y: Array,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    **how: Any,
) -> Array:
    """The cross spectrum at the frequencies that a transform gives: for real data, half of them."""
    return _cross_product(
        transformed(x, axes, **how),
        transformed(y, axes, **how),
        *(0 for _ in axes),
        axes=axes,
        scale=scale,
        half=x.shape[axes[-1]] if half else None,
        zero_mean=False,
    )


def _cross(
    x: Array,
    y: Array,
    /,
    *,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    detrend: Trend | None = None,
    windows: Windows = (),
    shift: bool = False,
    engine: str = "scipy",
) -> Array:
    xp = namespace(x, y)
    if 0 in x.shape:
        return nothing(as_inexact(x, True) * as_inexact(y, True), axes, half=half)
    real = not any(xp.isdtype(z.dtype, "complex floating") for z in (x, y))
    how = {"detrend": detrend, "windows": windows, "engine": engine, "real": real}
    centred = centred_axes(axes, half=half, shift=shift)
    if library_of(x) == "numpy":
        how["windows"] = tables_of(windows, x, axes)
        dtypes = (as_inexact(z[:0], True).dtype for z in (x, y))
        return by_parts(
            x,
            axes,
            lambda part: _known(x[part], part_of(y, part), axes, scale, half, **how),
            dtype=np.result_type(*dtypes),
            half=half,
            centred=centred,
        )
    known = _known(x, y, axes, scale, half, **how)
    lengths = [known.shape[a] if half else x.shape[a] for a in axes]
    return two_sided(known, axes=axes, lengths=lengths, centred=centred)


cross = Kernel("cross", _cross, workspace=lambda in_bytes, out_bytes: 3 * max(in_bytes, out_bytes))
"""``scale * X * conj(Y)`` of two blocks, the second of which may have one row where the first has
many. Arguments as those of :data:`spanwise.kernels.power.power`."""


def _angle(z: Array, /) -> Array:
    xp = namespace(z)
    return xp.atan2(xp.imag(z), xp.real(z))


angle = Kernel(
    "angle",
    _angle,
    workspace=lambda in_bytes, out_bytes: 2 * out_bytes,
    free_axes=lambda z, /: tuple(range(z.ndim)),
)
"""The phase of complex numbers, -pi ... pi."""
