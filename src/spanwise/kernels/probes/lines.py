"""Probes of what works along one long axis: segments, waves, bands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from ..averages import median
from ..harmonics import band_sum, harmonic_sums
from ..overlap import Overlap, overlap_add
from ..segment_spectra import segment_spectra
from ..segments import Segments, segment_sums
from ..zoom import Band, zoom
from .probe import COMPLEX, FLOATS, LINE, PLANE, Probe, bound, complex_of

_SEGMENT = 256
_SEGMENTS = 33
_BAND = 256


def probes(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    """Lines; ``engine_of`` as of :func:`spanwise.kernels.probes.probes`."""
    how = Segments(1, _SEGMENT, _SEGMENT // 2, _SEGMENT, "hann", "constant", True)
    turns = tuple(Fraction(k, 10) for k in (1, 2, 3, 4))
    band = Band(Fraction(1, 10), Fraction(1, LINE), _BAND)
    for dtype in FLOATS:
        params: dict[str, Any] = {"how": how, "engine": engine_of(complex_of(dtype))}
        run = bound(segment_sums, quantity="power", **params)
        yield Probe("segment_sums", dtype, run, (LINE,))
        run = bound(segment_spectra, mode="psd", scale=1.0, one_sided=True, **params)
        yield Probe("segment_spectra", dtype, run, (LINE,))
        yield Probe("harmonic_sums", dtype, bound(harmonic_sums, 0, axis=1, turns=turns), (LINE,))
        yield Probe("zoom_fft", dtype, bound(zoom, 0, axis=1, band=band), (LINE,))
        yield Probe("segment_median", dtype, bound(median, scale=1.0, dtype=dtype))
    back = Overlap(1, 2, PLANE, PLANE // 2, PLANE, "hann", 1.0, True, _SEGMENTS)
    for dtype in COMPLEX:
        run = bound(overlap_add, 0, 0, back.length, how=back, engine=engine_of(dtype))
        yield Probe("overlap_add", dtype, run, (PLANE // 2 + 1, _SEGMENTS))
        run = bound(band_sum, axis=1, first=0, points=2 * LINE, half=True)
        yield Probe("band_sum", dtype, run, (LINE,))
