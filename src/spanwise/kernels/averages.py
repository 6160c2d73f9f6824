"""From sums over segments, or from the spectra of all of them, to averages."""

from __future__ import annotations

from typing import Any

import numpy as np

from .hermitian import mirror
from .kernel import Kernel
from .library import Array, library_of, namespace
from .memory import all_but
from .missing import Source, check_finite
from .segments import PLANES, Quantity


def _finish(
    x: Array,
    /,
    *,
    axis: int,
    quantity: Quantity,
    scale: float,
    nfft: int,
    half: bool,
    one_sided: bool,
    dtype: str,
    sources: tuple[Source | None, ...] = (),
) -> Array:
    xp = namespace(x)
    n = x.shape[axis] // PLANES[quantity]
    before = (slice(None),) * axis
    planes = [x[(*before, slice(i * n, (i + 1) * n), ...)] for i in range(PLANES[quantity])]
    if quantity == "power":
        out = planes[0] * scale
    elif quantity == "coherence":
        first, second, real, imaginary = planes
        for plane, source in zip(planes, sources, strict=False):
            check_finite(plane, (axis,), source)
        with np.errstate(invalid="ignore"):  # NaN where a spectrum is 0
            out = (real**2 + imaginary**2) / first / second
    else:
        out = _complex(xp, planes[0] * scale, planes[1] * scale)
    if half and not one_sided:
        out = xp.concat(
            [out, _mirrored(out[(*before, slice(1, nfft - n + 1), ...)], axis)], axis=axis
        )
    elif half and quantity != "coherence":
        # Frequencies without a negative twin: zero, and the last of an even number of points.
        out[(*before, slice(1, (nfft + 1) // 2), ...)] *= 2.0
    wanted = np.dtype(dtype) if library_of(x) == "numpy" else getattr(xp, dtype)
    return xp.astype(out, wanted, copy=False)


def _mirrored(x: Array, axis: int) -> Array:
    """Negative frequencies from positive ones; powers are symmetric."""
    xp = namespace(x)
    is_complex = xp.isdtype(x.dtype, "complex floating")
    return mirror(x, axis=axis, others=()) if is_complex else xp.flip(x, axis=axis)


def _complex(xp: Any, real: Array, imaginary: Array) -> Array:
    return real + 1j * imaginary


def _free_axes(x: Array, /, *, axis: int, **params: Any) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


finish = Kernel(
    "segment_average",
    _finish,
    workspace=lambda in_bytes, out_bytes: 2 * in_bytes + 2 * out_bytes,
    free_axes=_free_axes,
)
"""A spectrum from the sums of :data:`spanwise.kernels.segments.segment_sums` on ``axis``.

``scale`` holds the number of segments too; ``half`` says that the sums are those of the
non-negative frequencies of real data of ``nfft`` points, which stand for the others as well
(``one_sided``), or are continued by them. A coherence may be NaN of finite data; ``sources`` names
two arrays which are refused where they were not finite."""


def median_bias(n: int) -> float:
    """The median of n powers of noise, relative to their mean.

    The powers are exponentially distributed; the median of an odd number n of them has the
    expectation 1 - 1/2 + 1/3 - ... + 1/n [1]_.

    .. [1] B. Allen et al., "FINDCHIRP", Phys. Rev. D 85, 122006 (2012), appendix B.

    >>> round(median_bias(5), 12) == round(1 - 1 / 2 + 1 / 3 - 1 / 4 + 1 / 5, 12)
    True
    """
    even = 2.0 * np.arange(1, (n - 1) // 2 + 1)
    return float(1 + np.sum(1 / (even + 1) - 1 / even))


def _median(x: Array, /, *, scale: float, dtype: str) -> Array:
    xp = namespace(x)
    if xp.isdtype(x.dtype, "complex floating"):
        out = _complex(xp, _middle(xp.real(x)), _middle(xp.imag(x)))
    else:
        out = _middle(x)
    wanted = np.dtype(dtype) if library_of(x) == "numpy" else getattr(xp, dtype)
    return xp.astype(out * scale, wanted, copy=False)


def _middle(x: Array) -> Array:
    if library_of(x) == "numpy":
        return np.median(x, axis=-1)
    xp = namespace(x)
    n = x.shape[-1]
    ordered = xp.sort(x, axis=-1)
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    # NaN is somewhere in an order; a sum shows it everywhere.
    return xp.where(xp.isnan(xp.sum(x, axis=-1)), xp.nan, middle)


def _all_but_last(x: Array, /, **params: Any) -> tuple[int, ...]:
    return all_but(-1, ndim=x.ndim)


median = Kernel(
    "segment_median",
    _median,
    workspace=lambda in_bytes, out_bytes: in_bytes,
    free_axes=_all_but_last,
)
"""``scale`` times the median over the last axis; of complex numbers those of both parts."""
