"""How far an estimate may be from the spectrum: degrees of freedom, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError


def check_probability(name: str, value: Any) -> float:
    """A number between 0 and 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 2.0
    if not 0 < number < 1:
        raise ArgumentError(f"{name}={value!r}: expected a probability between 0 and 1, e.g. 0.95")
    return number


def degrees_of_freedom(da: Any, dim: str, dof: Any) -> np.ndarray | None:
    """Degrees of freedom of each frequency; None if they are not known.

    In order: what is given; ``modes`` of an isotropic spectrum, of which each one and its mirror
    image give two; the attributes ``degrees_of_freedom`` or, two for each, ``segments``.
    """
    n = da.sizes[dim]
    if dof is None and "modes" in da.coords and da.coords["modes"].dims == (dim,):
        dof = da.coords["modes"].values
    if dof is None:
        dof = da.attrs.get("degrees_of_freedom")
    if dof is None and "segments" in da.attrs:
        dof = 2 * np.asarray(da.attrs["segments"], dtype=float)
    if dof is None:
        return None
    try:
        values = np.broadcast_to(np.asarray(dof, dtype=float), (n,))
    except (TypeError, ValueError):
        values = np.zeros(1)
    if not bool(np.all(values > 0)):
        raise ArgumentError(
            f"dof={dof!r}: expected a positive number of degrees of freedom, or one for each of "
            f"the {n} frequencies"
        )
    return values


def confidence_factors(dof: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """By what an estimate is multiplied for the ends of the interval that holds the spectrum.

    An estimate with v degrees of freedom over the spectrum is chi2_v / v (Percival and Walden,
    1993, "Spectral analysis for physical applications", section 6.10).

    >>> low, high = confidence_factors(np.array([10.0]), 0.95)
    >>> low.round(3), high.round(3)
    (array([0.488]), array([3.08]))
    """
    from scipy.special import chdtri

    tail = (1 - confidence) / 2
    return dof / chdtri(dof, tail), dof / chdtri(dof, 1 - tail)


def coherence_level(dof: np.ndarray, significance: float) -> np.ndarray:
    """Squared coherence that independent series exceed with the probability 1 - significance.

    With K = v / 2 independent segments, 1 - (1 - significance)^(1 / (K - 1)) (Carter, Knapp and
    Nuttall, 1973, IEEE Trans. Audio Electroacoust. 21, 337-344).

    >>> coherence_level(np.array([20.0]), 0.95).round(3)
    array([0.283])
    """
    segments = np.maximum(dof / 2, 1.0)
    with np.errstate(divide="ignore"):
        return 1 - (1 - significance) ** (1 / (segments - 1))
