"""Sums of a block times waves of a few frequencies, and the power in a band.

A wave goes on over the chunks of an axis: a block is told the number of its first sample. Phases
are counted in units of 2^-64 cycles by integers that wrap (:mod:`spanwise.kernels.zoom`), so that
no digit is lost however long the axis is. The waves are tables over a run of samples; the sum of
each run, a matrix product in the precision of the data, is turned by the phase of its first sample
and added in double precision.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .blas import single_threaded
from .kernel import Kernel
from .library import Array, library_of, namespace
from .memory import all_but
from .segments import squares
from .spectrum import as_inexact
from .tables import table_of
from .zoom import phases, rotation

_RUN = 1024
"""Samples of a run: its tables stay in the cache."""
_AT_ONCE = 64
"""Frequencies of one matrix product."""


@functools.lru_cache(maxsize=16)
def _tables(turns: tuple[Fraction, ...], samples: int) -> np.ndarray:
    """(samples, m): the waves of a run, in double precision."""
    j = np.arange(samples)
    return rotation(np.stack([phases(j, t) for t in turns], axis=1), "complex128")


def _parts(turns: tuple[Fraction, ...], samples: int) -> tuple[np.ndarray, np.ndarray]:
    table = _tables(turns, samples)
    return np.real(table), np.imag(table)


def _begins(turns: tuple[Fraction, ...], start: int, runs: int) -> np.ndarray:
    """(runs, m): each wave at the first sample of each run."""
    first = start + _RUN * np.arange(runs)
    return rotation(np.stack([phases(first, t) for t in turns], axis=1), "complex128")


def _harmonic_sums(x: Array, start: int, /, *, axis: int, turns: tuple[Fraction, ...]) -> Array:
    xp = namespace(x)
    x = as_inexact(x, False)
    lead, n, trail = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    lines = xp.reshape(x, (lead, n, trail))
    shape = (*x.shape[:axis], len(turns), *x.shape[axis + 1 :])
    groups = [turns[i : i + _AT_ONCE] for i in range(0, len(turns), _AT_ONCE)]
    with single_threaded():
        sums = [_of_group(lines, int(start), group) for group in groups]
    whole = sums[0] if len(sums) == 1 else xp.concat(sums, axis=1)
    return xp.reshape(whole, shape)


def _of_group(x: Array, start: int, turns: tuple[Fraction, ...]) -> Array:
    """(before, m, behind): the sums of some of the waves."""
    xp = namespace(x)
    lead, _, trail = x.shape
    on = {} if library_of(x) == "numpy" else {"device": x.device}
    total = xp.zeros((lead, len(turns), trail), dtype=xp.complex128, **on)
    for begin, samples, runs in _cuts(x.shape[1]):
        part = xp.reshape(x[:, begin : begin + runs * samples, :], (lead, runs, samples, trail))
        turned = table_of(x, _begins, turns, start + begin, runs)[:, :, None]
        total += xp.sum(_product(part, turns) * turned, axis=1)
    return total


def _cuts(n: int) -> Iterator[tuple[int, int, int]]:
    """Whole runs, and what is left: first sample, samples of a run, number of runs."""
    whole, rest = divmod(n, _RUN)
    if whole:
        yield 0, _RUN, whole
    if rest:
        yield whole * _RUN, rest, 1


def _product(x: Array, turns: tuple[Fraction, ...]) -> Array:
    """(before, runs, samples, behind) times the waves of a run, as (before, runs, m, behind)."""
    xp = namespace(x)
    samples = x.shape[2]
    is_real = xp.isdtype(x.dtype, "real floating")
    single = x.dtype in (xp.float32, xp.complex64)
    if is_real:
        kind = "float32" if single else "float64"
        real, imaginary = table_of(x, _parts, turns, samples, dtype=kind)
        return xp.astype(_times(x, real), xp.complex128) + 1j * xp.astype(
            _times(x, imaginary), xp.complex128
        )
    kind = "complex64" if single else "complex128"
    waves = table_of(x, _tables, turns, samples, dtype=kind)
    return xp.astype(_times(x, waves), xp.complex128)


def _times(x: Array, table: Array) -> Array:
    xp = namespace(x)
    lead, runs, samples, trail = x.shape
    if trail == 1:
        flat = xp.matmul(xp.reshape(x, (lead * runs, samples)), table)
        return xp.reshape(flat, (lead, runs, table.shape[1], 1))
    return xp.matmul(table.T, x)


def _free_axes(x: Array, /, *args: Any, axis: int, **params: Any) -> tuple[int, ...]:
    return all_but(axis, ndim=x.ndim)


harmonic_sums = Kernel(
    "harmonic_sums",
    _harmonic_sums,
    workspace=lambda in_bytes, out_bytes: in_bytes // 4 + 4 * out_bytes,
    free_axes=_free_axes,
)
"""``sum_j x[j] exp(-2 pi i (start + j) t)`` for each of ``turns`` t, cycles from one sample to the
next, in double precision. Behind the block stands the index of its first sample."""


def _scaled(x: Array, /, *, axis: int, factors: tuple[float, ...], dtype: str) -> Array:
    xp = namespace(x)
    x = x * table_of(x, np.asarray, factors, axis=axis)
    wanted = np.dtype(dtype) if library_of(x) == "numpy" else getattr(xp, dtype)
    return xp.astype(x, wanted, copy=False)


scaled = Kernel("harmonic_amplitudes", _scaled, free_axes=_free_axes)
"""A block times one factor for each index of ``axis``, which it holds whole."""


def _paired(first: int, count: int, points: int) -> np.ndarray:
    """How many frequencies of real data each one in half a spectrum stands for."""
    k = first + np.arange(count)
    return np.where((k == 0) | (2 * k == points), 1.0, 2.0)


def _band_sum(x: Array, /, *, axis: int, first: int, points: int, half: bool) -> Array:
    xp = namespace(x)
    power = squares(xp, x)
    power /= float(points) ** 2
    if half:
        kind = "float32" if power.dtype == xp.float32 else "float64"
        power *= table_of(power, _paired, first, x.shape[axis], points, axis=axis, dtype=kind)
    return xp.sum(power, axis=axis, keepdims=True)


band_sum = Kernel(
    "band_sum",
    _band_sum,
    workspace=lambda in_bytes, out_bytes: in_bytes,
    free_axes=_free_axes,
)
"""``sum |X[k]|^2 / points^2`` over ``axis``, whose first index is the frequency ``first``; for
``half`` each k but 0 and ``points / 2`` counts for -k as well."""
