"""A few frequencies of a long axis, without moving its samples."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArgumentTypeError
from ..fft._zoom import band_of
from ..graph.arguments import normal_axis
from ..kernels.harmonics import band_sum, harmonic_sums, scaled
from ..kernels.zoom import Band
from ._arguments import floating, is_complex, spacings
from ._segments import type_name


def harmonics(
    x: Any, frequencies: float | Iterable[float], /, *, axis: int = -1, sampling: float = 1.0
) -> Any:
    """Complex amplitudes of waves of given frequencies along an axis.

    With d the distance between samples and n their number::

        a(f) = c / n sum_j x[j] exp(-2 pi i f j d)

    c is 2 for real data, so that ``A cos(2 pi f t + p)`` over whole periods has the amplitude
    ``A exp(i p)``, and 1 for complex data, for f = 0 and for the Nyquist frequency.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    frequencies : float or sequence of float
        In cycles per unit of ``sampling``; they need not be multiples of one another.
    axis : int, default: -1
        Axis of the samples. It may be cut into chunks of any lengths.
    sampling : float, default: 1.0
        Distance between samples.

    Returns
    -------
    array
        Complex, with the frequencies on ``axis``, in one chunk. Phases are those at the first
        sample. Same library, device and kind of container; float32 stays in single precision,
        integers become double. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have or that is empty, no frequency, frequencies that
        are not finite, a ``sampling`` that is not positive.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Notes
    -----
    One pass over the data and one task per chunk, which adds its share of every wave; the shares
    are added in a tree. No sample changes chunk. A transform of the whole axis would move all of
    them.

    It is the discrete Fourier transform at these frequencies, not a fit: waves that are not
    orthogonal over the n samples (parts of periods) leak into one another, by about ``1 / (n d
    |f - g|)``.

    Phases are exact for the numbers given, at any length of the axis; runs of samples are summed
    in the precision of the data, and their sums in double precision.

    Examples
    --------
    The annual and the semi-annual cycle of 40 years of daily values:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(40 * 365)
    >>> cycle = 8 * np.cos(2 * np.pi * t / 365 - 1) + 2 * np.cos(4 * np.pi * t / 365 + 0.5)
    >>> x = da.from_array(15 + cycle, chunks=1_000)
    >>> a = sw.signal.harmonics(x, [0, 1 / 365, 2 / 365]).compute()
    >>> abs(a).round(6).tolist(), np.angle(a).round(6).tolist()
    ([15.0, 8.0, 2.0], [0.0, -1.0, 0.5])
    """
    x = dispatch.accept(x, function="signal.harmonics", accessor="spanwise.signal.harmonics")
    axis = normal_axis(axis, x.ndim)
    n = _samples(x, axis)
    (distance,) = spacings(sampling, 1)
    turns = tuple(f * Fraction(distance) for f in _exact(frequencies))
    factors = tuple(_weight(t, is_complex(x)) / n for t in turns)
    dtype = type_name(x, as_complex=True)
    sums = functools.partial(harmonic_sums, axis=axis, turns=turns)
    finish = functools.partial(scaled, axis=axis, factors=factors, dtype=dtype)

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_harmonics, spec_of
        from ..graph.harmonics import plan_harmonics

        plan = plan_harmonics(
            spec_of(array),
            axis=axis,
            points=len(turns),
            dtype=dtype,
            machine=options.machine(),
            operation="harmonics",
        )
        return lower_harmonics(array, plan, axis, sums, finish)

    return dispatch.apply(x, concrete=lambda block: finish(sums(block, 0)), chunked=chunked)


def _weight(turn: Fraction, is_complex: bool) -> float:
    """2 where a negative frequency of real data has the same power."""
    return 1.0 if is_complex or (2 * turn).denominator == 1 else 2.0


def _samples(x: Any, axis: int) -> int:
    n = x.shape[axis]
    if n < 1:
        raise ArgumentError(f"axis {axis} has no samples; expected one at least")
    return n


def _exact(frequencies: Any) -> list[Fraction]:
    """The frequencies as exact numbers."""
    if hasattr(frequencies, "__dask_graph__"):
        raise ArgumentTypeError("frequencies is a Dask collection; pass frequencies.compute()")
    values = np.asarray(frequencies)
    if values.dtype.kind not in "iuf" or values.ndim > 1 or not values.size:
        raise ArgumentError(
            f"frequencies={frequencies!r}: expected one real number, or a sequence of some"
        )
    if not np.isfinite(values).all():
        raise ArgumentError(f"frequencies={frequencies!r}: expected finite frequencies")
    return [Fraction(v) for v in values.ravel().tolist()]


def band_power(
    x: Any, band: tuple[float, float], /, *, axis: int = -1, sampling: float = 1.0
) -> Any:
    """Power of the frequencies of a band: the mean square of what a band-pass would leave.

    With X the transform over the axis, n its number of samples and d their distance::

        sum |X[k]|^2 / n^2    over all k with low <= |k| / (n d) <= high

    By Parseval's theorem the sum over bands that share no frequency and leave none out is the mean
    of ``|x|**2``.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    band : (float, float)
        Lowest and highest frequency, both included, in cycles per unit of ``sampling``: none below
        0 for real data, whose negative frequencies are counted with the positive ones.
    axis : int, default: -1
        Axis of the samples. It may be cut into chunks of any lengths.
    sampling : float, default: 1.0
        Distance between samples.

    Returns
    -------
    array
        Real, without the axis. Units: those of x squared. Same library, device and kind of
        container; float32 stays in single precision, integers become double. Lazy for a Dask
        array.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have or that is empty, a ``sampling`` that is not
        positive, and a band in which there is no frequency of the transform.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Notes
    -----
    The frequencies are those of :func:`spanwise.fft.zoom_fft`: where the axis is cut and the band
    is narrow each chunk adds its share and nothing changes chunk; a wide band makes the axis whole.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(3 * np.sin(2 * np.pi * 0.01 * np.arange(10_000)), chunks=1_500)
    >>> float(sw.signal.band_power(x, (0.009, 0.011)).compute().round(6))
    4.5
    """
    x = dispatch.accept(x, function="signal.band_power", accessor="spanwise.signal.band_power")
    axis = normal_axis(axis, x.ndim)
    n = _samples(x, axis)
    (distance,) = spacings(sampling, 1)
    real = not is_complex(x)
    first, last = _bins(band, n, distance, real=real)
    z = band_of(x, axis, Band(Fraction(first, n), Fraction(1, n), last - first + 1), "band_power")
    power = dispatch.blockwise(
        z,
        band_sum,
        operation="band_power-sum",
        dtype=floating(z, as_complex=False),
        reason="all frequencies of the band are in one chunk",
        lengths={axis: 1},
        axis=axis,
        first=first,
        points=n,
        half=real,
    )
    return power[(*(slice(None),) * axis, 0, ...)]


_NEAR = Fraction(1, 10**6)
"""Distance, in those of frequencies, at which the end of a band is on a frequency."""


def _bins(band: Any, n: int, distance: float, *, real: bool) -> tuple[int, int]:
    """The first and the last frequency of the transform that lie in a band, by their numbers."""
    edges = _exact(band)
    if len(edges) != 2 or edges[0] > edges[1]:
        raise ArgumentError(f"band={band!r}: expected a pair, the lower frequency first")
    low, high = (f * Fraction(distance) * n for f in edges)
    first, last = math.ceil(low - _NEAR), math.floor(high + _NEAR)
    if real and first < 0:
        raise ArgumentError(f"band={band!r}: expected frequencies from 0 on, as the data are real")
    # Beyond half the sampling frequency the spectrum comes again.
    first, last = max(first, -((n - 1) // 2)), min(last, n // 2)
    if first > last:
        raise ArgumentError(
            f"band={band!r} has none of the frequencies of {n} samples, which lie "
            f"{1 / (n * distance):g} apart up to {(n // 2) / (n * distance):g}; widen it"
        )
    return first, last
