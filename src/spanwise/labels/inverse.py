"""The inverse transform of one DataArray: frequencies to samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import fft as _fft
from ..errors import ArgumentError
from ..kernels.spectrum import Ramp, cycles
from .attrs import derived_attrs
from .coords import FrequencyAxis, read_frequencies
from .missing import refuse_missing
from .numeric import flipped, modulated, shifted_back, split_shift
from .select import new_name, on_dims
from .treatment import LONG_NAME, Treatment


def inverse(
    da: Any, dims: tuple[str, ...], lengths: dict[str, int], half_dim: str | None, how: Treatment
) -> Any:
    """Transform back along ``dims``, of which ``half_dim`` holds half a spectrum of real data.

    ``lengths`` holds the points of that dimension, where it is given.
    """
    if set(lengths) - {half_dim}:
        raise ArgumentError(
            f"n={lengths!r}: an inverse takes the length of the halved dimension only; to "
            "interpolate, pad the spectrum with zeros on both sides"
        )
    axes = [_frequencies(da, d, half_dim, lengths, how) for d in dims]
    numbers = tuple(da.get_axis_num(d) for d in dims)
    phases = [_resolve(how.true_phase, a.true_phase) for a in axes]
    scaled = [a for a in axes if _resolve(how.true_amplitude, a.true_amplitude)]
    x = _unmodulated(da.data, axes, numbers, phases, scaled)
    half = half_dim in dims
    function = _fft.ihfftn if how.hermitian else _fft.irfftn if half else _fft.ifftn
    x = function(x, s=[a.length for a in axes], axes=numbers, norm=how.norm)
    downwards = [
        n
        for n, a, phase in zip(numbers, axes, phases, strict=True)
        if phase and a.axis.is_decreasing
    ]
    x = refuse_missing(flipped(x, downwards), da, numbers, dims, fills=False)
    attrs = derived_attrs(da.attrs, how.keep_attrs, *((a.units, 1) for a in scaled))
    if "long_name" in attrs:
        attrs["long_name"] = attrs["long_name"].removeprefix(LONG_NAME)
    if how.hermitian and axes[-1].true_phase is None:
        axes[-1] = _from_zero(axes[-1])
    coordinates = {
        a.dim: (a.axis.dim, a.axis.coordinate(x.shape[n]))
        for a, n in zip(axes, numbers, strict=True)
    }
    return on_dims(da, x, coordinates, attrs)


def _unmodulated(
    x: Any,
    axes: list[FrequencyAxis],
    numbers: tuple[int, ...],
    phases: list[bool],
    scaled: list[FrequencyAxis],
) -> Any:
    """The spectrum in natural order, its phase counted from the first sample, without spacings."""
    shifted = [n for n, a in zip(numbers, axes, strict=True) if a.order == "shifted"]
    in_blocks, between = split_shift(x, shifted)
    # Phases are applied behind the shift of blocks, and before that between chunks.
    ramps = [
        Ramp(
            number,
            a.length,
            "natural" if number in in_blocks else a.order,
            cycles(a.origin, a.axis.spacing, a.length),
        )
        for number, a, phase in zip(numbers, axes, phases, strict=True)
        if phase
    ]
    scale = 1.0 / math.prod(float(a.axis.spacing) for a in scaled)
    shifts = tuple((n, -(x.shape[n] // 2)) for n in in_blocks)
    return shifted_back(modulated(x, ramps, scale, shifts=shifts), between)


def _from_zero(axis: FrequencyAxis) -> FrequencyAxis:
    """Samples of half a Hermitian signal, without a record of others: the centre is at 0."""
    grid = replace(axis.axis.grid, first=0)
    return replace(axis, axis=replace(axis.axis, grid=grid))


def _frequencies(
    da: Any, dim: str, half_dim: str | None, lengths: dict[str, int], how: Treatment
) -> FrequencyAxis:
    lag = how.lag.get(dim) if isinstance(how.lag, Mapping) else how.lag
    return read_frequencies(
        da,
        dim,
        new_name(dim, how.prefix, da),
        half=dim == half_dim,
        length=lengths.get(dim),
        lag=lag,
        spacing_tol=how.spacing_tol,
    )


def _resolve(asked: bool | None, recorded: bool | None) -> bool:
    """What was asked for, else what the forward transform recorded, else true."""
    if asked is not None:
        return asked
    return recorded is None or recorded
