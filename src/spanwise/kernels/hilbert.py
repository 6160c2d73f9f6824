"""The analytic signal of a block: x + i times its Hilbert transform.

Of real data the transform of the analytic signal is that of x, with the positive frequencies twice
and the negative ones left out. So its real part is x, and its imaginary part has the transform
-i sign(k) X[k], which is Hermitian: two real transforms make it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import buffers
from .fft import fft
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but
from .slabs import slabs
from .spectrum import as_inexact, inexact_dtype
from .tables import table_of


@dataclass(frozen=True, slots=True)
class Analytic:
    """What the frequencies of real data are multiplied by for their analytic signal.

    >>> Analytic((4,), (1.0,))(np.array([0.0, 0.25, 0.5]))
    array([1., 2., 1.])
    """

    lengths: tuple[int, ...]
    """Points of the transform on each axis."""
    highest: tuple[float, ...]
    """Factor of the highest frequency on each, which an even length has once only."""

    def __call__(self, *frequencies: Array) -> Array:
        """The factor, over frequencies in cycles per sample."""
        out: Array = 1.0
        for f, n, highest in zip(frequencies, self.lengths, self.highest, strict=True):
            xp = namespace(f)
            k = xp.round(f * n)
            is_highest = xp.astype(2 * xp.abs(k) == n, f.dtype)
            inner = 2 * xp.astype(k > 0, f.dtype) + xp.astype(k == 0, f.dtype)
            out = out * (inner * (1 - is_highest) + highest * is_highest)
        return out


def _generic(x: Array, /, *, axis: int, length: int, engine: str = "scipy") -> Array:
    params = {"axes": (axis,), "lengths": (length,), "norm": None}
    spectrum = fft(as_inexact(x, False), kind="rfft", **params)
    kind = "complex64" if spectrum.dtype == namespace(spectrum).complex64 else "complex128"
    factor = table_of(spectrum, _factors, length, axis=axis, dtype=kind)
    return fft(spectrum * factor, kind="ifft", overwrite=True, **params)


def _factors(length: int) -> np.ndarray:
    return Analytic((length,), (1.0,))(np.arange(length // 2 + 1) / length)


def _numpy(x: np.ndarray, /, *, axis: int, length: int, engine: str = "scipy") -> np.ndarray:
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    out = buffers.empty(shape, inexact_dtype(x.dtype, as_complex=True))
    if 0 in shape:
        return out
    params = {"axes": (axis,), "lengths": (length,), "norm": None, "engine": engine}

    def lines(start: int | None, stop: int | None) -> tuple[slice, ...]:
        return tuple(slice(start, stop) if a == axis else slice(None) for a in range(x.ndim))

    for part in slabs(x, (axis,)):
        piece = as_inexact(x[part], False)[lines(0, length)]
        target: Any = out[part]
        known = piece.shape[axis]
        target.real[lines(0, known)] = piece
        target.real[lines(known, None)] = 0
        spectrum = fft(piece, kind="rfft", **params)
        spectrum *= -1j
        spectrum[lines(0, 1)] = 0
        if length % 2 == 0:
            spectrum[lines(length // 2, None)] = 0
        target.imag = fft(spectrum, kind="irfft", overwrite=True, **params)
    return out


def _free_axes(x: Array, /, *, axis: int, **params: object) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


hilbert = Kernel(
    "hilbert",
    _generic,
    workspace=lambda in_bytes, out_bytes: 2 * out_bytes,
    free_axes=_free_axes,
)
"""The analytic signal of real data along ``axis``, cropped or padded by zeros to ``length``.
``engine`` as of :data:`spanwise.kernels.fft.fft`."""

hilbert.register("numpy", _numpy)
