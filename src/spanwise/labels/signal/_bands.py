"""Bands of frequencies as a caller writes them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels.bands import BandFilter, Interval
from ..coords import Axis

_ROUNDING = 1e-9
"""Of the difference of two ends, relative to it."""
_ON_EDGE = 1e-6
"""A frequency so near to an edge, in steps from one frequency to the next, lies on it."""


def band_filter(
    name: str, band: Any, roll_off: Any, axes: Sequence[Axis], lengths: Sequence[int]
) -> BandFilter:
    """The response of ``pass_band=`` or ``stop_band=`` (``name`` says which) on some axes."""
    stops = name == "stop_band"
    steps = [1.0 / (float(a.spacing) * n) for a, n in zip(axes, lengths, strict=True)]
    if isinstance(band, Mapping):
        widths = roll_off if isinstance(roll_off, Mapping) else dict.fromkeys(band, roll_off)
        intervals = []
        for axis, n, step in zip(axes, lengths, steps, strict=True):
            shown = f"{name}={{{axis.dim!r}: {band[axis.dim]!r}}}"
            width = _width(widths.get(axis.dim, 0.0), shown)
            interval = _interval(shown, band[axis.dim], width, axis, step)
            _check_reach(shown, interval, [n], [step], stops)
            intervals.append(interval)
        return BandFilter(tuple(intervals), stops)
    shown = f"{name}={band!r}"
    _check_units(shown, axes)
    if isinstance(roll_off, Mapping):
        raise ArgumentError(
            f"roll_off={roll_off!r}: {name} is one band for all dimensions; give one width, or "
            f"{name} as a mapping too"
        )
    interval = _interval(shown, band, _width(roll_off, shown), axes[0], min(steps))
    _check_reach(shown, interval, lengths, steps, stops)
    return BandFilter((interval,), stops)


def _interval(shown: str, band: Any, width: float, axis: Axis, step: float) -> Interval:
    try:
        low, high = band
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{shown}: expected a pair of frequencies (low, high), with None for an open end"
        ) from None
    low, high = _edge(low, shown, axis), _edge(high, shown, axis)
    if low is None and high is None:
        raise ArgumentError(f"{shown}: both ends are open; give one frequency at least")
    if low is not None and high is not None and low > high:
        raise ArgumentError(
            f"{shown}: its lower end {low:g} is above its upper end {high:g}; write the lower "
            "frequency first, which is the longer period"
        )
    tight = min(2 * low if low else math.inf, high - low if low and high else math.inf)
    if width > tight * (1 + _ROUNDING):
        raise ArgumentError(
            f"{shown} and roll_off={width:g}: its edges reach half of roll_off to both sides, and "
            f"meet each other or frequency 0; give roll_off={tight:g} at most"
        )
    return Interval(low, high, width, _ON_EDGE * step)


def _edge(value: Any, shown: str, axis: Axis) -> float | None:
    """A frequency in cycles per unit of the coordinate; a span of time is a period."""
    if value is None:
        return None
    if isinstance(value, (np.timedelta64, datetime.timedelta)):
        if not axis.is_time:
            raise ArgumentError(
                f"{shown}: a period in time, but {axis.dim!r} is no time; give frequencies in "
                f"cycles per {axis.units or 'unit'}"
            )
        seconds = float(np.timedelta64(value) / np.timedelta64(1, "s"))
        if not seconds > 0:
            raise ArgumentError(f"{shown}: a period must be positive")
        return 1.0 / seconds
    return _number(value, shown, "a frequency")


def _width(value: Any, shown: str) -> float:
    return _number(value, f"{shown} and roll_off={value!r}", "a width")


def _number(value: Any, shown: str, what: str) -> float:
    try:
        number = math.nan if _is_lazy(value) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ArgumentError(f"{shown}: expected {what}: a finite number in memory, not below 0")
    return number


def _is_lazy(value: Any) -> bool:
    """Whether a number would have to be computed. (xarray's may be lazy, and say so thus.)"""
    return hasattr(value, "__dask_graph__") and value.__dask_graph__() is not None


def _check_units(shown: str, axes: Sequence[Axis]) -> None:
    """One band for several dimensions needs frequencies that can be added."""
    units = {a.dim: a.units for a in axes}
    known = {u for u in units.values() if u is not None}
    if len(known) > 1 or len({a.is_time for a in axes}) > 1:
        example = ", ".join(f"{a.dim!r}: (low, high)" for a in axes)
        raise ArgumentError(
            f"{shown}: one band means the length of the vector of frequencies, and the dimensions "
            f"have different units, {units}; give a mapping instead: {{{example}}}"
        )


def _check_reach(
    shown: str, interval: Interval, lengths: Sequence[int], steps: Sequence[float], stops: bool
) -> None:
    """Refuse a band that would pass nothing: most often its unit is not the coordinate's."""
    if stops:
        return
    half, near = interval.roll_off / 2, interval.tolerance
    low = (interval.low or 0.0) - half - near
    highest = math.hypot(*(n // 2 * step for n, step in zip(lengths, steps, strict=True)))
    high = math.inf if interval.high is None else interval.high + half + near
    is_between = len(steps) == 1 and high < math.ceil(low / steps[0]) * steps[0]
    if low > highest or is_between:
        raise ArgumentError(
            f"{shown}: no frequency of the data lies in it; they are {min(steps):g} apart and end "
            f"at {highest:g}, in cycles per unit of the coordinate (of times: per second)"
        )
