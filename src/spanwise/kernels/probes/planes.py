"""Probes of spectra over two axes, and of what is done to a block before and behind a transform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..cross import angle, cross
from ..detrend import detrend, remove_trend, trend_sums
from ..gaps import gap_ends
from ..library import Array, like
from ..loglog import abscissa_of, loglog_sums
from ..missing import Source, fill_missing, refuse_missing
from ..power import power
from ..radial import RadialAxis, Rings, ring_sums, rings_of
from ..spectrum import Ramp, modulate
from .probe import COMPLEX, FLOATS, NUMBERS, PLANE, Probe, bound, complex_of

_AXES = (1, 2)
_TREND: dict[str, Any] = {"axes": (1,), "lengths": (PLANE,), "type": "linear"}
_GAP = 37
"""One value of so many is missing: no line of a plane is without a gap, none has many."""


def probes(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    """Spectra and treatment; ``engine_of`` as of :func:`spanwise.kernels.probes.probes`."""
    for dtype in FLOATS:
        yield from _spectra(dtype, engine_of(complex_of(dtype)))
        yield Probe("detrend", dtype, bound(detrend, axes=_AXES, type="linear"))
        yield Probe("trend_sums", dtype, bound(trend_sums, 0, **_TREND))
        yield Probe("remove_trend", dtype, _remove_trend)
        yield Probe("fill_missing", dtype, bound(fill_missing, axes=(2,), fill="interp"), gap=_GAP)
        yield Probe("gap_ends", dtype, bound(gap_ends, 0, axes=(1,)), gap=_GAP)
        abscissa = abscissa_of(np.arange(PLANE), np.ones(PLANE, bool))
        yield Probe("loglog_sums", dtype, bound(loglog_sums, 0, axis=2, abscissa=abscissa))
    for dtype in NUMBERS:
        run = bound(refuse_missing, axes=_AXES, source=Source("", ("y", "x")))
        yield Probe("refuse_missing", dtype, run)
    for dtype in COMPLEX:
        ramps = tuple(Ramp(axis, PLANE, "natural", 0.25) for axis in _AXES)
        shifts = tuple((axis, PLANE // 2) for axis in _AXES)
        run = bound(modulate, 0, 0, ramps=ramps, scale=2.0, shifts=shifts)
        yield Probe("modulate", dtype, run)
        yield Probe("angle", dtype, angle)


def _spectra(dtype: str, engine: str) -> Iterator[Probe]:
    how: dict[str, Any] = {"axes": _AXES, "scale": 1.0, "half": False, "engine": engine}
    yield Probe("power", dtype, bound(power, **how))
    yield Probe("cross", dtype, lambda x: cross(x, x, **how), arrays=2)
    axes = tuple(RadialAxis(axis, PLANE, 1.0, "natural") for axis in _AXES)
    rings = Rings(axes, 2.0, tuple(range(PLANE // 4)))
    yield Probe("ring_sums", dtype, bound(ring_sums, 0, 0, rings=rings))
    yield Probe("rings_of", dtype, bound(rings_of, of=power, rings=rings, **how))


def _remove_trend(x: Array) -> Any:
    """Sums are small beside the block that they belong to."""
    return remove_trend(x, like(np.ones((x.shape[0], 2, PLANE)), x), 0, **_TREND)
