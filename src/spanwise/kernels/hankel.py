"""The fast Hankel transform of one block, along its last axis, which it holds whole.

FFTLog (J. D. Talman, J. Comp. Phys. 29, 1978; A. J. S. Hamilton, MNRAS 312, 2000): on points
spaced evenly in log r the Hankel transform is a convolution, so that each Fourier coefficient m of
the input is multiplied by::

    u[m] = (k r)^(-2 i y) U(q + 2 i y),   y = pi m / (n dln)
    U(x) = 2^x Gamma((mu + 1 + x) / 2) / Gamma((mu + 1 - x) / 2)

and the result comes in reverse. ``biased`` kinds multiply both sides by powers of r and k, in
double precision.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .fft import fft
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but
from .tables import table_of
from .trigonometric import as_floating, real_dtype


def hankel_dtype(kind: str, dtype: Any) -> np.dtype:
    """Element type of a transform: the precision of the input, double at least if biased.

    >>> hankel_dtype("fht", "float16"), hankel_dtype("biased_fht", "float32")
    (dtype('float32'), dtype('float64'))
    """
    dtype = real_dtype(kind, dtype)
    return np.result_type(dtype, np.float64) if kind.startswith("biased") else dtype


def first_coefficient(mu: float, bias: float) -> float:
    """``U(q)``, which multiplies the mean: infinite or zero at the poles of a gamma function."""
    from scipy.special import loggamma, poch

    above, below = (mu + 1 + bias) / 2, (mu + 1 - bias) / 2
    value = np.exp(bias * math.log(2) + loggamma(complex(above)) - loggamma(complex(below)))
    # Between two poles the quotient is finite; poch knows its limit.
    return float(value.real if np.isfinite(value) else 2**bias * poch(below, above - below))


def is_singular(kind: str, mu: float, bias: float) -> bool:
    """Whether the mean cannot be transformed; it is taken as zero then."""
    first = first_coefficient(mu, bias)
    return first == 0 if kind.endswith("ifht") else math.isinf(first)


@functools.lru_cache(maxsize=8)
def coefficients(
    n: int, dln: float, mu: float, offset: float, bias: float, inverse: bool
) -> np.ndarray:
    """Factors of the Fourier coefficients 0 ... n/2, of either direction."""
    from scipy.special import loggamma

    y = np.pi / (n * dln) * np.arange(n // 2 + 1)
    # loggamma(conj(z)) = conj(loggamma(z)), and the argument below is (mu + 1 - q) / 2 - i y.
    above = loggamma((mu + 1 + bias) / 2 + 1j * y)
    below = loggamma((mu + 1 - bias) / 2 - 1j * y)
    with np.errstate(invalid="ignore", over="ignore"):
        u = np.exp(above - below + math.log(2) * bias + 2j * y * (math.log(2) - offset))
    if n % 2 == 0:
        u[-1] = u[-1].real
    first = first_coefficient(mu, bias)
    u[0] = 1.0
    if inverse:
        u = 1 / np.conj(u)
        first = 0.0 if first == 0 else 1 / first
    u[0] = 0.0 if math.isinf(first) else first
    return u


def _transform(
    x: Array,
    rfft: Callable[..., Array],
    irfft: Callable[..., Array],
    kind: str,
    parameters: tuple[float, float, float, float],
) -> Array:
    xp = namespace(x)
    n = x.shape[-1]
    dln, mu, offset, bias = parameters
    inverse = kind.endswith("ifht")
    powers = None
    if kind.startswith("biased"):
        powers = table_of(x, _powers, n, dln, offset, bias, inverse)
        x = x * powers[inverse]
    single = x.dtype == xp.float32
    kind = "complex64" if single else "complex128"
    u = table_of(x, coefficients, n, dln, mu, offset, bias, inverse, dtype=kind)
    y = xp.flip(irfft(rfft(x) * u, n=n), axis=-1)
    return y if powers is None else y * powers[not inverse]


def _powers(
    n: int, dln: float, offset: float, bias: float, inverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    """What a biased transform and its inverse multiply the points of r and of k by."""
    sign = 1 if inverse else -1
    steps = sign * bias * dln * (np.arange(n) - (n - 1) / 2)
    return np.exp(steps), np.exp(steps + sign * bias * offset)


def _generic(
    x: Array,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    dln: float,
    mu: float,
    offset: float,
    bias: float,
    workers: int | None = 1,
    overwrite: bool = False,
) -> Array:
    xp = namespace(x)
    x = as_floating(x)
    if kind.startswith("biased"):
        x = xp.astype(x, xp.float64)
    if 0 in x.shape:  # where some libraries' transforms fail (PyTorch's with MKL)
        return x
    return _transform(x, _rfft, _irfft, kind, (dln, mu, offset, bias))


def _rfft(x: Array) -> Array:
    last = x.ndim - 1
    return fft(x, kind="rfft", axes=(last,), lengths=(x.shape[last],), norm=None)


def _irfft(x: Array, n: int) -> Array:
    return fft(x, kind="irfft", axes=(x.ndim - 1,), lengths=(n,), norm=None)


def _numpy(
    x: np.ndarray,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    dln: float,
    mu: float,
    offset: float,
    bias: float,
    workers: int | None = 1,
    overwrite: bool = False,
) -> np.ndarray:
    import scipy.fft

    x = x.astype(hankel_dtype(kind, x.dtype), copy=False)
    rfft, irfft = (functools.partial(f, workers=workers) for f in (scipy.fft.rfft, scipy.fft.irfft))
    return _transform(x, rfft, irfft, kind, (dln, mu, offset, bias))


def _workspace(in_bytes: int, out_bytes: int) -> int:
    # The biased input, its spectrum and the product.
    return 3 * max(in_bytes, out_bytes)


def _free_axes(x: Array, /, **params: Any) -> tuple[int, ...]:
    return all_but(-1, ndim=x.ndim)


hankel = Kernel("hankel", _generic, workspace=_workspace, free_axes=_free_axes)
"""Transform one block along its last axis. Parameters: ``kind`` ("fht" or "ifht", with "biased_"
before it if ``bias`` is not zero), ``dln``, ``mu``, ``offset`` and ``bias`` as in
:func:`scipy.fft.fht`; ``axes``, ``lengths`` and ``norm`` say nothing here."""

hankel.register("numpy", _numpy)
