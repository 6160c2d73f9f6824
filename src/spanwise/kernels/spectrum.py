"""Elementwise work on a block of a spectrum: phase, amplitude and squared magnitude.

A block may be a part of the spectrum. Kernels that depend on the frequency take, beside the block,
the index of its first element on each axis that matters, so that a graph carries no tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from .fft import result_dtype, untransformed
from .kernel import Kernel
from .library import Array, library_of, namespace
from .memory import all_but
from .missing import Source, check_finite
from .tables import table_of

Order = Literal["natural", "shifted", "half"]
"""How frequencies lie on an axis: as `fft` gives them, after `fftshift`, or as `rfft` does."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """The factor exp(2 pi i k c) along one axis, where k counts frequencies (negative ones too)."""

    axis: int
    """Axis of the spectrum."""
    length: int
    """Points of the transform; a half spectrum holds ``length // 2 + 1`` of them."""
    order: Order
    """How the frequencies lie on the axis."""
    cycles: float
    """c, the cycles from one frequency to the next."""

    def factors(self, start: int, count: int) -> np.ndarray:
        """The factor of ``count`` frequencies from index ``start`` on, in double precision.

        >>> Ramp(0, 4, "shifted", 0.25).factors(1, 3).round(12)
        array([0.-1.j, 1.+0.j, 0.+1.j])
        """
        k = np.arange(start, start + count)
        if self.order == "shifted":
            k -= self.length // 2
        elif self.order == "natural":
            k = (k + self.length // 2) % self.length - self.length // 2
        turns = k * self.cycles
        return np.exp(2j * np.pi * (turns - np.rint(turns)))


def cycles(offset: Fraction, spacing: Fraction, length: int) -> float:
    """Cycles per frequency that a shift of the origin by ``offset`` adds to a transform.

    A sample at x contributes exp(-2 pi i f x), with f = k / (length * spacing); a transform that
    counts x from the first sample, at x0, lacks exp(-2 pi i f x0) = exp(-2 pi i k c) with
    c = x0 / (length * spacing). Whole cycles are without effect and are taken away exactly:
    x0 may be seconds since 1970, where c in floating point would have lost its fraction.

    >>> cycles(Fraction(10**9 + 1), Fraction(1), 4)
    0.25
    """
    turn = offset / (spacing * length)
    return float(turn - round(turn))


def inexact_dtype(dtype: np.dtype, *, as_complex: bool) -> np.dtype:
    """The floating-point type of an element type's precision: what `modulate` gives out.

    >>> inexact_dtype(np.dtype("float32"), as_complex=True)
    dtype('complex64')
    """
    is_complex = as_complex or dtype.kind == "c"
    return result_dtype("fft" if is_complex else "irfft", dtype)


def _modulate(
    x: Array,
    /,
    *starts: int,
    ramps: tuple[Ramp, ...],
    scale: complex,
    shifts: tuple[tuple[int, int], ...] = (),
    axes: tuple[int, ...] = (),
    source: Source | None = None,
) -> Array:
    check_finite(x, axes, source)
    x = as_inexact(x, bool(ramps))
    if shifts:
        rolled, by = zip(*shifts, strict=True)
        x = namespace(x).roll(x, by, axis=rolled)
    if not ramps:
        return x * scale if scale != 1.0 else x
    out = None
    for factor in tables(x, starts, ramps, scale):
        if out is None:
            out = x * factor
        else:
            out *= factor
    return out


def tables(
    x: Array, starts: Sequence[int], ramps: Sequence[Ramp], scale: complex
) -> Iterator[Array]:
    """The factors of each ramp as arrays that broadcast to the block; the first one scaled."""
    for i, (start, ramp) in enumerate(zip(starts, ramps, strict=True)):
        count, by = x.shape[ramp.axis], 1.0 if i else scale
        kind = _host_dtype(x)
        yield table_of(x, _scaled_factors, ramp, start, count, by, axis=ramp.axis, dtype=kind)


def _scaled_factors(ramp: Ramp, start: int, count: int, scale: complex) -> np.ndarray:
    return ramp.factors(start, count) * scale


def as_inexact(x: Array, as_complex: bool) -> Array:
    """The block in `inexact_dtype`."""
    if isinstance(x.dtype, np.dtype):
        dtype = inexact_dtype(x.dtype, as_complex=as_complex)
    else:
        xp = namespace(x)
        if xp.isdtype(x.dtype, "complex floating"):
            return x
        single = xp.isdtype(x.dtype, "real floating") and x.dtype != xp.float64
        real, complex_ = (xp.float32, xp.complex64) if single else (xp.float64, xp.complex128)
        dtype = complex_ if as_complex else real
    return x if x.dtype == dtype else namespace(x).astype(x, dtype)


def _host_dtype(x: Array) -> np.dtype:
    """NumPy's element type for a table that goes with a complex block."""
    xp = namespace(x)
    return np.dtype("complex64" if x.dtype == xp.complex64 else "complex128")


def _free_of_ramps(
    x: Array,
    /,
    *starts: int,
    ramps: tuple[Ramp, ...],
    scale: complex,
    shifts: tuple[tuple[int, int], ...] = (),
    axes: tuple[int, ...] = (),
    source: Source | None = None,
) -> tuple[int, ...]:
    taken = (*(ramp.axis for ramp in ramps), *(axis for axis, _ in shifts), *axes)
    return all_but(*taken, ndim=x.ndim)


modulate = Kernel(
    "modulate",
    _modulate,
    device_workspace=lambda in_bytes, out_bytes: out_bytes,
    free_axes=_free_of_ramps,
)
"""Roll a block, then multiply it by ``scale`` and by the factors of ``ramps``, in its precision.

``shifts`` holds axes, which the block has whole, and by how much each is rolled; ramps say how the
result lies. ``starts`` holds the index of the block's first element on the axis of each ramp. With
a ``source`` the block is the result of a transform along ``axes`` and is first looked at for what
is not finite (:func:`spanwise.kernels.missing.check_finite`)."""

modulate.register("numpy", "spanwise.kernels.numpy.modulate:modulate")


def _squared_magnitude(
    x: Array,
    /,
    *starts: int,
    axes: tuple[int, ...],
    scale: float,
    half: int | None,
    zero_mean: bool,
) -> Array:
    if library_of(x) == "numpy":
        out = np.square(x.real)
        if x.dtype.kind == "c":
            out += np.square(x.imag)
    else:
        xp = namespace(x)
        is_complex = xp.isdtype(x.dtype, "complex floating")
        out = xp.square(xp.real(x)) + xp.square(xp.imag(x)) if is_complex else xp.square(x)
    out *= scale
    double(out, starts, axes, half)
    if zero_mean and all(start == 0 for start in starts):
        # A product, since what is no number should stay visible.
        out[tuple(slice(0, 1) if a in axes else slice(None) for a in range(x.ndim))] *= 0.0
    return out


def double(out: Array, starts: Sequence[int], axes: tuple[int, ...], half: int | None) -> None:
    """Count the negative frequencies, which a half spectrum leaves out, with the positive ones."""
    if half is None:
        return
    axis = axes[-1]
    # Frequencies without a negative twin: zero, and the Nyquist frequency of an even length.
    single = {0, half // 2} if half % 2 == 0 else {0}
    begin = starts[-1]
    end = begin + out.shape[axis]
    first = begin + (begin in single)
    last = end - (end - 1 in single)
    if last > first:
        inner = [slice(None)] * out.ndim
        inner[axis] = slice(first - begin, last - begin)
        out[tuple(inner)] *= 2.0


squared_magnitude = Kernel("squared_magnitude", _squared_magnitude, free_axes=untransformed)
"""``scale * |x|**2`` of a block of a spectrum.

``starts`` holds the index of the block's first element on each of ``axes``; ``half`` is the number
of points of the real axis (the last of ``axes``) if the block holds only its non-negative
frequencies; ``zero_mean`` sets the zero frequency to 0."""
