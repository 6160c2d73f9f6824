"""Responses that pass or stop a band of frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .library import Array, namespace


@dataclass(frozen=True, slots=True)
class Interval:
    """Frequencies between two edges, either of which may be open.

    >>> import numpy as np
    >>> f = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    >>> Interval(0.1, None)(f)
    array([0., 1., 1., 1., 1.])
    >>> Interval(None, 0.2, roll_off=0.4)(f).round(3)
    array([1.   , 0.854, 0.5  , 0.146, 0.   ])
    """

    low: float | None
    """Lower edge; None: from frequency 0 on."""
    high: float | None
    """Upper edge; None: to the highest frequency."""
    roll_off: float = 0.0
    """Width of the edges, which run as half a period of a cosine and are one half in their
    middle."""
    tolerance: float = 0.0
    """Frequencies that are so near to a sharp edge lie on it, and belong to the interval."""

    def __call__(self, magnitude: Array) -> Array:
        """1 inside, 0 outside, in between on the edges."""
        out = magnitude * 0 + 1
        if self.low is not None:
            out = out * self._rise(magnitude, self.low)
        if self.high is not None:
            out = out * self._rise(-magnitude, -self.high)
        return out

    def _rise(self, values: Array, edge: float) -> Array:
        xp = namespace(values)
        if not self.roll_off:
            return xp.astype(values >= edge - self.tolerance, values.dtype)
        share = (values - edge) / self.roll_off + 0.5
        # clip of array-api-compat sends its bounds to a device and waits for an index there.
        share = xp.where(share > 0, share, xp.zeros_like(share))
        share = xp.where(share < 1, share, xp.ones_like(share))
        return 0.5 - 0.5 * xp.cos(math.pi * share)


@dataclass(frozen=True, slots=True)
class BandFilter:
    """What each frequency is multiplied by, from its magnitude along one axis or several.

    Real and even, so that phases stay. A filter that stops keeps what the same filter that
    passes takes away.
    """

    intervals: tuple[Interval, ...]
    """One for the length of the vector of all frequencies, or one for each of them."""
    stops: bool = False
    """Whether the frequencies inside are taken away instead of those outside."""

    def __call__(self, *frequencies: Array) -> Array:
        """The factor, over arrays of frequencies that broadcast against each other."""
        if len(self.intervals) < len(frequencies):
            squares = sum(f * f for f in frequencies[1:]) + frequencies[0] ** 2
            magnitudes = (namespace(squares).sqrt(squares),)
        else:
            magnitudes = tuple(namespace(f).abs(f) for f in frequencies)
        inside = math.prod(
            (i(f) for i, f in zip(self.intervals, magnitudes, strict=True)), start=1.0
        )
        return 1.0 - inside if self.stops else inside
