"""Back from the spectra of overlapping segments to the samples.

A segment comes back multiplied by the window w. With it once more the segments are added where they
overlap, and divided by what the windows add up to [1]_::

    x[t] = sum_s w[t - s step] y[s, t - s step] / sum_s w[t - s step]^2

.. [1] D. Griffin, J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE
   Trans. Acoust. Speech Signal Process. 32, 236-243 (1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .detrend import real_dtype
from .fft import fft
from .kernel import Kernel
from .library import Array, library_of, namespace
from .memory import all_but
from .spectrum import as_inexact
from .tables import table_of
from .window import Window, window_values

LEAST = 1e-10
"""Sums of squared windows below this are not divided by."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How segments lie beside one another."""

    frequencies: int
    """Axis of the frequencies."""
    segments: int
    """Axis of the segments."""
    nperseg: int
    """Samples of a segment."""
    step: int
    """Samples from one segment to the next."""
    nfft: int
    """Points of the transform."""
    window: Window
    """What segments were multiplied by."""
    scale: float
    """What the samples are multiplied by."""
    half: bool
    """Whether there are non-negative frequencies only, those of real data."""
    count: int
    """Segments in all."""

    @property
    def length(self) -> int:
        """Samples that segments cover."""
        return self.nperseg + (self.count - 1) * self.step

    def covering(self, begin: int, end: int) -> tuple[int, int]:
        """The segments that have any of some samples.

        >>> Overlap(0, 1, 4, 2, 4, "hann", 1.0, True, 9).covering(4, 6)
        (1, 3)
        """
        first = max(0, -(-(begin - self.nperseg + 1) // self.step))
        return first, min(self.count, (end - 1) // self.step + 1)

    def factors(self) -> np.ndarray:
        """What the samples of each segment are multiplied by."""
        return window_values(self.window, self.nperseg) * self.scale

    def divisors(self, begin: int, end: int) -> np.ndarray:
        """What some samples are divided by: their weight, but where there is none."""
        weight = self.weight(begin, end)
        return np.where(weight > LEAST, weight, 1.0)

    def weight(self, begin: int, end: int) -> np.ndarray:
        """The sum of squared windows at some samples."""
        first, stop = self.covering(begin, end)
        squares = np.broadcast_to(
            window_values(self.window, self.nperseg) ** 2, (1, stop - first, self.nperseg)
        )
        start = begin - first * self.step
        return _added(squares, self.step)[0, start : start + end - begin]


def _added(parts: Array, step: int) -> Array:
    """(lines, segments, samples): segments added where they overlap."""
    xp = namespace(parts)
    lines, count, samples = parts.shape
    pieces = -(-samples // step)
    on = {} if library_of(parts) == "numpy" else {"device": parts.device}
    out = xp.zeros((lines, count + pieces - 1, step), dtype=parts.dtype, **on)
    for i in range(pieces):
        part = parts[:, :, i * step : (i + 1) * step]
        out[:, i : i + count, : part.shape[2]] += part
    return xp.reshape(out, (lines, -1))


def _overlap_add(
    x: Array, first: int, begin: int, end: int, /, *, how: Overlap, engine: str = "scipy"
) -> Array:
    xp = namespace(x)
    x = as_inexact(x, True)
    others = [a for a in range(x.ndim) if a not in (how.frequencies, how.segments)]
    outer = [x.shape[a] for a in others]
    count, points = x.shape[how.segments], x.shape[how.frequencies]
    x = xp.permute_dims(x, (*others, how.segments, how.frequencies))
    x = xp.reshape(x, (-1, count, points))
    kind = "irfft" if how.half else "ifft"
    y = fft(x, kind=kind, axes=(2,), lengths=(how.nfft,), norm=None, engine=engine)
    y = y[:, :, : how.nperseg]
    y = y * table_of(y, Overlap.factors, how, dtype=real_dtype(y))
    start = begin - first * how.step
    samples = _added(y, how.step)[:, start : start + end - begin]
    samples = samples / table_of(y, Overlap.divisors, how, begin, end, dtype=real_dtype(y))
    samples = xp.reshape(samples, (*outer, end - begin))
    order: list[Any] = list(range(len(outer)))
    place = how.segments - (how.frequencies < how.segments)
    order.insert(place, len(outer))
    return xp.permute_dims(samples, tuple(order))


def _free_axes(x: Array, /, *numbers: int, how: Overlap, **params: Any) -> tuple[int, ...]:
    # Axes of the result are counted without the frequencies.
    free = all_but(how.frequencies, how.segments, ndim=x.ndim)
    return tuple(a for a in free if a < how.frequencies)


overlap_add = Kernel(
    "overlap_add",
    _overlap_add,
    workspace=lambda in_bytes, out_bytes: 3 * in_bytes + 2 * out_bytes,
    free_axes=_free_axes,
)
"""Samples from the spectra of segments. Behind the block stand the number of its first segment and
the range of samples that it gives; ``how`` is an :class:`Overlap`."""
