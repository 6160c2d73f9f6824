"""Degrees of freedom of an average over segments."""

from __future__ import annotations

from ..kernels.window import Window, window_values


def degrees_of_freedom(window: Window, nperseg: int, step: int, length: int) -> float:
    """Degrees of freedom of the average over the segments of so many samples.

    Segments have ``nperseg`` samples and begin ``step`` samples apart.

    K segments that overlap are less than K independent ones: with the correlation r_j of the powers
    of noise in segments j apart (Welch, 1967, IEEE Trans. Audio Electroacoust. 15, 70-73)::

        v = 2 K / (1 + 2 sum_j (1 - j / K) r_j),    r_j = (sum_k w_k w_{k + j h} / sum_k w_k^2)^2

    where h is the step.

    >>> [round(degrees_of_freedom("hann", 256, 128, n), 2) for n in (256, 2560)]
    [2.0, 36.1]
    """
    w = window_values(window, nperseg)
    count = max(1, (length - nperseg) // step + 1)
    total = float(w @ w)
    shared = 0.0
    for j in range(1, min(count, -(-nperseg // step))):
        part = float(w[: nperseg - j * step] @ w[j * step :])
        shared += (1 - j / count) * (part / total) ** 2
    return 2.0 * count / (1 + 2 * shared)
