"""Rings of an isotropic spectrum, and sums over them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dispatch
from ..errors import ArgumentError
from ..kernels.library import namespace
from ..kernels.radial import RadialAxis, Rings, ring_means, ring_sums
from ._arguments import floating, is_complex, spacings


class IsotropicBins(NamedTuple):
    """Rings of an isotropic spectrum."""

    frequency: np.ndarray
    """Mean distance from zero of the frequencies in each ring."""
    modes: np.ndarray
    """Number of frequencies in each ring, of both signs."""
    width: float
    """Width of a ring."""


def isotropic_bins(
    lengths: Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    *,
    nfactor: float = 4,
    truncate: bool = True,
) -> IsotropicBins:
    """Rings that the isotropic spectrum of an array of this shape has.

    Parameters
    ----------
    lengths : sequence of int
        Number of samples of the two or three axes.
    sampling, nfactor, truncate
        As of :func:`isotropic_power_spectrum`.

    Returns
    -------
    IsotropicBins
        A named tuple of ``frequency``, ``modes`` (NumPy arrays with an element for each ring) and
        ``width``. Computed at once, from the lengths alone.

    Raises
    ------
    ArgumentError
        For other than two or three lengths, less than three samples, a ``sampling`` that is not
        positive or of another number than the lengths, and an ``nfactor`` that is not positive.

    Examples
    --------
    >>> import spanwise as sw
    >>> bins = sw.signal.isotropic_bins((16, 16), 0.5)
    >>> bins.frequency.round(2), bins.modes
    (array([0.23, 0.55]), array([25, 76]))
    """
    lengths = tuple(lengths)
    bins, _ = choose_bins(lengths, spacings(sampling, len(lengths)), nfactor, truncate)
    return bins


def rings_of_spectrum(
    axes: Sequence[RadialAxis], nfactor: float, truncate: bool
) -> tuple[IsotropicBins, Rings]:
    """The rings of a spectrum that there is."""
    ordered = tuple(sorted(axes, key=lambda a: a.axis))
    lengths = tuple(a.length for a in ordered)
    distances = tuple(1 / (a.length * a.step) for a in ordered)
    bins, kept = choose_bins(lengths, distances, nfactor, truncate)
    return bins, Rings(ordered, bins.width, kept)


def sum_rings(spectrum: Any, rings: Rings, factor: float, *, real: bool = False) -> Any:
    """A spectrum added up over each ring, and multiplied; rings along a last axis.

    ``real``: only its real part.
    """
    dtype = floating(spectrum, as_complex=is_complex(spectrum) and not real)
    sums = dispatch.add_shares(
        spectrum,
        ring_sums,
        operation="isotropic-sum",
        dtype=dtype,
        reason="each chunk of the spectrum adds up what it holds of the rings",
        lengths=ring_lengths(rings),
        rings=rings,
        factor=factor,
        real=real,
    )
    return rings_last(sums, rings)


def ring_lengths(rings: Rings) -> dict[int, int]:
    """Lengths of the axes of a spectrum that was added up over rings."""
    *others, last = rings.numbers
    return dict.fromkeys(others, 1) | {last: len(rings.kept)}


def rings_last(sums: Any, rings: Rings) -> Any:
    """Without the axes of one point, and with the rings behind all others."""
    *others, axis = rings.numbers
    sums = sums[tuple(0 if a in others else slice(None) for a in range(sums.ndim))]
    axis -= len(others)
    if axis == sums.ndim - 1:
        return sums
    order = (*(a for a in range(sums.ndim) if a != axis), axis)
    if dispatch.kind_of(sums) == "chunked":
        return sums.transpose(order)
    return namespace(sums).permute_dims(sums, order)


def choose_bins(
    lengths: tuple[int, ...], distances: tuple[float, ...], nfactor: float, truncate: bool
) -> tuple[IsotropicBins, tuple[int, ...]]:
    """The rings that are given out, and their numbers."""
    if not 2 <= len(lengths) <= 3:
        raise ArgumentError(
            f"{len(lengths)} axes: an isotropic spectrum takes two or three, e.g. axes=(-2, -1)"
        )
    if min(lengths) < 3:
        raise ArgumentError(
            f"axes of {', '.join(map(str, lengths))} samples: each needs three at least, so that "
            "it has a frequency of both signs"
        )
    try:
        positive = 0 < float(nfactor) < math.inf
    except (TypeError, ValueError):
        positive = False
    if not positive:
        raise ArgumentError(f"nfactor={nfactor!r}: expected a positive number of samples per ring")
    frequency, modes, width, kept = _chosen_rings(
        lengths, distances, float(nfactor), bool(truncate)
    )
    return IsotropicBins(frequency.copy(), modes.copy(), width), kept


@functools.lru_cache(maxsize=32)
def _chosen_rings(
    lengths: tuple[int, ...], distances: tuple[float, ...], nfactor: float, truncate: bool
) -> tuple[np.ndarray, np.ndarray, float, tuple[int, ...]]:
    steps = [1 / (n * d) for n, d in zip(lengths, distances, strict=True)]
    highest = math.sqrt(sum((n // 2 * f) ** 2 for n, f in zip(lengths, steps, strict=True)))
    width = highest / max(1, int(min(lengths) / nfactor))
    modes, frequency = ring_means(list(zip(lengths, steps, strict=True)), width)
    held = modes > 0
    if truncate:
        both = min((n - 1) // 2 * f for n, f in zip(lengths, steps, strict=True))
        # The first ring holds zero, and may reach beyond where there are few.
        held[1:] &= frequency[1:] <= both
    kept = np.flatnonzero(held)
    return frequency[kept], modes[kept], width, tuple(kept.tolist())
