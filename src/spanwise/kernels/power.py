"""The power spectrum of a block that holds the transformed axes whole.

The spectrum of real data is Hermitian, so that its power is symmetric: P[-k] = P[k], indices
counted modulo n. Half of it is computed.
"""

from __future__ import annotations

import numpy as np

from .fft import fft, untransformed
from .hermitian import mirror_into
from .kernel import Kernel
from .library import Array, namespace
from .slabs import slabs
from .spectrum import as_inexact, remove_mean, squared_magnitude


def _direct(
    x: Array,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    detrend: bool,
    *,
    real: bool,
    engine: str,
) -> Array:
    """The power at the frequencies that a transform gives: for real data, half of them."""
    if detrend:
        x = remove_mean(x, axes=axes)
    lengths = tuple(x.shape[a] for a in axes)
    kind = "rfft" if real else "fft"
    spectrum = fft(x, kind=kind, axes=axes, lengths=lengths, norm=None, engine=engine)
    return squared_magnitude(
        spectrum,
        *(0 for _ in axes),
        axes=axes,
        scale=scale,
        half=lengths[-1] if half else None,
        zero_mean=False,
    )


def _generic(
    x: Array,
    /,
    *,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    detrend: bool,
    engine: str = "scipy",
) -> Array:
    xp = namespace(x)
    x = as_inexact(x, False)
    real = xp.isdtype(x.dtype, "real floating")
    if 0 in x.shape:
        # Some libraries refuse to transform nothing.
        kept = slice(0, x.shape[axes[-1]] // 2 + 1) if half else slice(None)
        x = x if real else xp.real(x)
        return x[tuple(kept if a == axes[-1] else slice(None) for a in range(x.ndim))]
    power = _direct(x, axes, scale, half, detrend, real=real, engine=engine)
    n, known = x.shape[axes[-1]], power.shape[axes[-1]]
    if half or known == n:
        return power
    mirrored = [slice(None)] * x.ndim
    mirrored[axes[-1]] = slice(1, n - known + 1)
    rest = xp.flip(power[tuple(mirrored)], axis=axes)
    if axes[1:]:
        # A flip sends k to n - 1 - k; one step on, it is n - k, and n is 0.
        rest = xp.roll(rest, (1,) * (len(axes) - 1), axis=axes[:-1])
    return xp.concat([power, rest], axis=axes[-1])


def _numpy(
    x: Array,
    /,
    *,
    axes: tuple[int, ...],
    scale: float,
    half: bool,
    detrend: bool,
    engine: str = "scipy",
) -> Array:
    x = as_inexact(x, False)
    last, n = axes[-1], x.shape[axes[-1]]
    real = x.dtype.kind != "c"
    known = n // 2 + 1 if real else n
    shape = list(x.shape)
    shape[last] = known if half else n
    out = np.empty(shape, x.real.dtype)

    def lines(start: int, stop: int) -> tuple[slice, ...]:
        return tuple(slice(start, stop) if a == last else slice(None) for a in range(x.ndim))

    for part in slabs(x, axes):
        target = out[part]
        target[lines(0, known)] = _direct(
            x[part], axes, scale, half, detrend, real=real, engine=engine
        )
        if known < shape[last]:
            source = target[lines(1, n - known + 1)]
            mirror_into(target[lines(known, n)], source, axis=last, others=axes[:-1])
    return out


power = Kernel(
    "power",
    _generic,
    workspace=lambda in_bytes, out_bytes: 3 * max(in_bytes, out_bytes),
    free_axes=untransformed,
)
"""``scale * |X|**2``, with X the transform of a block over ``axes``, after the mean was taken away
if ``detrend``.

Real blocks give, if ``half``, the non-negative frequencies of the last of ``axes``; all but the
zero and (for even n) the last frequency count double. ``engine`` as of
:data:`spanwise.kernels.fft.fft`."""

power.register("numpy", _numpy)
