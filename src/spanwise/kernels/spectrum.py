"""Elementwise work on a block of a spectrum: phase, amplitude and squared magnitude.

A block may be a part of the spectrum. Kernels that depend on the frequency take, beside the block,
the index of its first element on each axis that matters, so that a graph carries no tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from .kernel import Kernel
from .library import Array, library_of, like, namespace

Order = Literal["natural", "shifted", "half"]
"""How frequencies lie on an axis: as ``fft`` gives them, after ``fftshift``, or as ``rfft`` does."""


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

        >>> Ramp(0, 4, "shifted", 0.25).factors(0, 4).round(12)
        array([-1.+0.j,  0.-1.j,  1.+0.j,  0.+1.j])
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


def _modulate(x: Array, /, *starts: int, ramps: tuple[Ramp, ...], scale: float) -> Array:
    ndim = x.ndim
    out = None
    for start, ramp in zip(starts, ramps, strict=True):
        shape = tuple(x.shape[ramp.axis] if axis == ramp.axis else 1 for axis in range(ndim))
        table = ramp.factors(start, x.shape[ramp.axis]) * (scale if out is None else 1.0)
        factor = _table(table.reshape(shape), x)
        if out is None:
            out = x * factor
        else:
            out *= factor
    return x * scale if out is None else out


modulate = Kernel("modulate", _modulate)
"""Multiply a block by ``scale`` and by the factors of ``ramps``; the precision of the block is kept.

``starts`` holds the index of the block's first element on the axis of each ramp."""


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
    _double(out, starts, axes, half)
    if zero_mean and all(start == 0 for start in starts):
        out[tuple(slice(0, 1) if a in axes else slice(None) for a in range(x.ndim))] = 0.0
    return out


def _double(out: Array, starts: Sequence[int], axes: tuple[int, ...], half: int | None) -> None:
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


squared_magnitude = Kernel("squared_magnitude", _squared_magnitude)
"""``scale * |x|**2`` of a block of a spectrum.

``starts`` holds the index of the block's first element on each of ``axes``; ``half`` is the number
of points of the real axis (the last of ``axes``) if the block holds only its non-negative
frequencies; ``zero_mean`` sets the zero frequency to 0."""


def _remove_mean(x: Array, /, *, axes: tuple[int, ...]) -> Array:
    xp = namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "complex floating")):
        x = xp.astype(x, xp.float64)
    elif library_of(x) == "numpy" and x.dtype == np.float16:
        x = xp.astype(x, xp.float32)
    return x - xp.mean(x, axis=axes, keepdims=True)


remove_mean = Kernel("remove_mean", _remove_mean)
"""Subtract the mean over ``axes``, which the block holds whole."""


def _table(values: np.ndarray, reference: Array) -> Array:
    """A complex table in the library and the precision of a complex block."""
    xp = namespace(reference)
    single = reference.dtype == xp.complex64
    return like(values, reference, dtype=np.complex64 if single else np.complex128)
