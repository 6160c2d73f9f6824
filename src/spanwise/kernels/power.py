"""The power spectrum of a block that holds the transformed axes whole.

The spectrum of real data is Hermitian, so that its power is symmetric: P[-k] = P[k], indices
counted modulo n. Half of it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .detrend import Trend, real_dtype
from .fft import untransformed
from .kernel import Kernel
from .library import Array, namespace
from .spectrum import as_inexact, squared_magnitude
from .tapered import Windows, by_parts, centred_axes, nothing, tables_of, transformed
from .twosided import two_sided


def _known(x: Array, axes: tuple[int, ...], scale: float, half: bool, **how: Any) -> Array:
    """The power at the frequencies that a transform gives: for real data, half of them."""
    return squared_magnitude(
        transformed(x, axes, **how),
        *(0 for _ in axes),
        axes=axes,
        scale=scale,
        half=x.shape[axes[-1]] if half else None,
        zero_mean=False,
    )


def _generic(
    x: Array,
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
    if 0 in x.shape:
        return nothing(_real(as_inexact(x, False)), axes, half=half)
    known = _known(x, axes, scale, half, detrend=detrend, windows=windows, engine=engine)
    centred = centred_axes(axes, half=half, shift=shift)
    lengths = [known.shape[a] if half else x.shape[a] for a in axes]
    return two_sided(known, axes=axes, lengths=lengths, centred=centred)


def _real(x: Array) -> Array:
    xp = namespace(x)
    return xp.real(x) if xp.isdtype(x.dtype, "complex floating") else x


def _numpy(
    x: np.ndarray,
    /,
    *,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    detrend: Trend | None = None,
    windows: Windows = (),
    shift: bool = False,
    engine: str = "scipy",
) -> np.ndarray:
    if not x.size:
        return nothing(_real(as_inexact(x, False)), axes, half=half)
    how = {"detrend": detrend, "windows": tables_of(windows, x, axes), "engine": engine}
    return by_parts(
        x,
        axes,
        lambda part: _known(x[part], axes, scale, half, **how),
        dtype=real_dtype(as_inexact(x[:0], False)),
        half=half,
        centred=centred_axes(axes, half=half, shift=shift),
    )


power = Kernel(
    "power",
    _generic,
    workspace=lambda in_bytes, out_bytes: 3 * max(in_bytes, out_bytes),
    free_axes=untransformed,
)
"""``scale * |X|**2``, with X the transform over ``axes`` of a block less its trend (``detrend``)
and times its ``windows``.

Real blocks give, if ``half``, the non-negative frequencies of the last of ``axes``; all but the
zero and (for even n) the last frequency count double. ``shift`` puts the zero frequency in the
centre of the other axes. ``engine`` as of :data:`spanwise.kernels.fft.fft`."""

power.register("numpy", _numpy)
