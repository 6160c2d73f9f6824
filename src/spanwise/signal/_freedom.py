"""Degrees of freedom of an average over segments."""

from __future__ import annotations

from ..kernels.segments import Segments
from ..kernels.window import window_values


def degrees_of_freedom(how: Segments, length: int) -> float:
    """Degrees of freedom of the average over the segments of so many samples.

    K segments that overlap are less than K independent ones: with the correlation r_j of the powers
    of noise in segments j apart (Welch, 1967, IEEE Trans. Audio Electroacoust. 15, 70-73)::

        v = 2 K / (1 + 2 sum_j (1 - j / K) r_j),    r_j = (sum_k w_k w_{k + j h} / sum_k w_k^2)^2

    where h samples lie between the beginnings of neighbours.

    >>> how = Segments(0, 256, 128, 256, "hann", "constant", True)
    >>> round(degrees_of_freedom(how, 256), 2), round(degrees_of_freedom(how, 256 * 10), 2)
    (2.0, 36.1)
    """
    w = window_values(how.window, how.nperseg)
    count = how.count(length)
    total = float(w @ w)
    shared = 0.0
    for j in range(1, min(count, -(-how.nperseg // how.step))):
        part = float(w[: how.nperseg - j * how.step] @ w[j * how.step :])
        shared += (1 - j / count) * (part / total) ** 2
    return 2.0 * count / (1 + 2 * shared)
