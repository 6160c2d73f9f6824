"""Isotropic spectra: power by distance from zero frequency, whatever the direction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np

from .. import dispatch
from ..kernels.cross import cross as cross_kernel
from ..kernels.kernel import Kernel
from ..kernels.power import power as power_kernel
from ..kernels.radial import RadialAxis, Rings, rings_of
from ..kernels.spectrum import Order
from ._arguments import fft_engine, floating, is_complex, is_whole, spacings
from ._cross import accepted_pair, aligned, common_shape, cross_spectrum, whole_pair
from ._rings import choose_bins, ring_lengths, rings_last, sum_rings
from ._spectrum import power_spectrum
from ._tapered import Treatment, on_whole, treatment


def isotropic_power_spectrum(
    x: Any,
    /,
    *,
    axes: Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    nfactor: float = 4,
    truncate: bool = True,
    window: Any = None,
    window_correction: bool = False,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant", "linear"] | None = None,
) -> Any:
    """Power spectrum over two or three axes by distance from zero frequency.

    The frequencies ``f = (f_1, f_2, ...)`` are sorted by ``|f|`` into rings of equal width w
    (shells, in three dimensions): ring j holds those with ``j w < |f| <= (j + 1) w``, the first one
    zero, too. With P the power of each frequency (:func:`power_spectrum`, scaling "spectrum"), the
    sum over the frequencies of a ring gives::

        spectrum   R_j = sum P          power of the ring
        density    R_j = sum P / w      power per unit of |f|

    The density is also the mean of the density of `power_spectrum` over the ring, times the area
    that its frequencies stand for, over w: for narrow rings ``2 pi |f|`` times the mean (in three
    dimensions ``4 pi |f|**2``). Parseval's theorem holds exactly with ``truncate=False``: the sum
    of the spectrum, or w times the sum of the density, is the mean of ``|x|**2``, of x without its
    trend and times its window.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    axes : sequence of int
        Two or three axes to transform. They may be cut into chunks of any lengths.
    sampling : float or sequence of float, default: 1.0
        Distance between samples, for all of the axes or for each, in one unit: distances in other
        units have no common distance from zero.
    nfactor : float, default: 4
        Samples on the shortest of the axes per ring: there are ``min(lengths) // nfactor`` rings,
        one at least, between zero and the corner of highest frequency.
    truncate : bool, default: True
        Leave out rings whose mean distance from zero exceeds the highest frequency that all axes
        have with both signs: only corners of the spectrum reach beyond it.
    window, window_correction, detrend
        As of `power_spectrum`.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of: power per unit of frequency, or power.

    Returns
    -------
    array
        Real, of the precision of the input (integers become double; sums are made in double
        precision); same library, device and kind of container. The transformed axes are replaced
        by one, the last, with a point for each ring that holds a frequency, in one chunk;
        :func:`isotropic_bins` gives their frequencies. Units: those of x squared, for a density
        times those of ``sampling``. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For other than two or three axes, axes that the array does not have, repeat or have less
        than three samples, an ``nfactor`` that is not positive, and as `power_spectrum`.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    One pass over the data. Rings follow from the lengths and are known at once. Along whole axes
    each chunk is one task, which transforms real data to half a spectrum and adds up a few lines at
    a time while they are in the cache; along cut axes an exchange comes first, which cuts others.
    Where there are no others, each chunk of the spectrum adds up its share of the rings, and the
    shares are added in a tree.

    The rings are those of xrft, whose values are, with ``b = isotropic_bins(...)`` and A the
    product of ``1 / (n_a d_a)`` over the axes: ``density * b.width / A`` (1.0.2 and newer: the sum
    of the density), ``density * b.width / A * b.frequency / b.modes`` (older: the mean times the
    frequency).

    Examples
    --------
    A wave that runs across both axes:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> i, j = np.meshgrid(np.arange(64), np.arange(64), indexing="ij")
    >>> x = da.from_array(np.cos(2 * np.pi * (3 * i + 7 * j) / 64), chunks=(20, 64))
    >>> p = sw.signal.isotropic_power_spectrum(x, axes=(0, 1), scaling="spectrum")
    >>> peak = int(p.argmax().compute())
    >>> f = sw.signal.isotropic_bins(x.shape).frequency
    >>> round(float(p[peak].compute()), 6), round(float(f[peak]), 2)
    (0.5, 0.11)
    """
    x = dispatch.accept(
        x,
        function="signal.isotropic_power_spectrum",
        accessor="spanwise.signal.isotropic_power_spectrum",
    )
    how, radial = _radial(
        (x,),
        x.shape,
        nfactor,
        truncate,
        axes=axes,
        sampling=sampling,
        window=window,
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
    )
    dtype = floating(x, as_complex=False)
    y = x if is_whole(x, how.axes) else on_whole(x, how, None, x.dtype, "isotropic-power-spectrum")
    if y is not None:
        return _of_whole(y, (), how, radial, power_kernel, dtype, "isotropic-power-spectrum")
    power = power_spectrum(
        x,
        axes=how.axes,
        sampling=radial.spacings,
        window=_listed(how.windows),
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
        half=how.half,
    )
    return sum_rings(power, radial.rings, radial.factor)


def isotropic_cross_spectrum(
    x: Any,
    y: Any,
    /,
    *,
    axes: Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    nfactor: float = 4,
    truncate: bool = True,
    window: Any = None,
    window_correction: bool = False,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant", "linear"] | None = None,
) -> Any:
    """Cross spectrum of two arrays over two or three axes by distance from zero frequency.

    The sum of their `cross_spectrum` over the rings of :func:`isotropic_power_spectrum`, scaled as
    there: with ``truncate=False`` the sum of the spectrum, or the width of a ring times the sum of
    the density, is the mean of ``x conj(y)``.

    Parameters
    ----------
    x, y : array
        Real or complex data, as of `cross_spectrum`.
    axes, sampling, nfactor, truncate, window, window_correction, scaling, detrend
        As of :func:`isotropic_power_spectrum`. Axes count as those of the result of
        `cross_spectrum`.

    Returns
    -------
    array
        As of :func:`isotropic_power_spectrum`. Real for real data, whose imaginary parts at
        frequencies of opposite signs cancel: what is left is the cospectrum. Else complex.

    Raises
    ------
    ArgumentError
        As :func:`isotropic_power_spectrum`, and for shapes that do not go together.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and arrays of two libraries.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    One pass over either array, as with `cross_spectrum`; rings are added up in its tasks.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> x, noise = np.random.default_rng(0).normal(size=(2, 32, 32))
    >>> how = dict(axes=(0, 1), truncate=False)
    >>> c = sw.signal.isotropic_cross_spectrum(x, x + noise, **how)
    >>> width = sw.signal.isotropic_bins((32, 32), truncate=False).width
    >>> bool(np.isclose(c.sum() * width, np.mean(x * (x + noise))))
    True
    """
    x, y = accepted_pair(x, y, "isotropic_cross_spectrum")
    shape = common_shape(x, y)
    how, radial = _radial(
        (x, y),
        shape,
        nfactor,
        truncate,
        axes=axes,
        sampling=sampling,
        window=window,
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
    )
    x, y = aligned(x, y, shape, how.axes)
    dtypes = [floating(z, as_complex=not how.half) for z in (x, y)]
    dtype = None if None in dtypes else np.result_type(*dtypes)
    pair = whole_pair(x, y, how, "isotropic-cross-spectrum")
    if pair is not None:
        x, y = pair
        return _of_whole(x, (y,), how, radial, cross_kernel, dtype, "isotropic-cross-spectrum")
    cross = cross_spectrum(
        x,
        y,
        axes=how.axes,
        sampling=radial.spacings,
        window=_listed(how.windows),
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
        half=how.half,
    )
    return sum_rings(cross, radial.rings, radial.factor, real=how.half)


def _of_whole(
    x: Any,
    others: tuple[Any, ...],
    how: Treatment,
    radial: _Radial,
    kernel: Kernel,
    dtype: Any,
    operation: str,
) -> Any:
    """All of it in one kernel on each block."""
    sums = dispatch.blockwise(
        x,
        rings_of,
        operation=operation,
        dtype=dtype,
        reason="the axes are whole in their chunks",
        others=others,
        lengths=ring_lengths(radial.rings),
        of=kernel,
        rings=radial.rings,
        factor=radial.factor,
        real=how.half,
        **how.parameters,
        **fft_engine(x),
    )
    return rings_last(sums, radial.rings)


def _listed(windows: Sequence[Any]) -> list[Any] | None:
    """One window for each axis; a list of numbers would be the values of one."""
    return [("kaiser", w) if isinstance(w, Real) else w for w in windows] or None


@dataclass(frozen=True, slots=True)
class _Radial:
    """The rings that a call asks for."""

    spacings: tuple[float, ...]
    """Distances of samples, in the order of the axes."""
    rings: Rings
    factor: float
    """What a sum over a ring is multiplied by."""


def _radial(
    arrays: Sequence[Any],
    shape: tuple[int, ...],
    nfactor: float,
    truncate: bool,
    *,
    scaling: str,
    sampling: Any,
    **given: Any,
) -> tuple[Treatment, _Radial]:
    """How the arrays are transformed, and the rings of their spectrum."""
    half = not any(map(is_complex, arrays))
    how = treatment(
        arrays, shape, sampling=sampling, scaling=scaling, shift=False, half=half, **given
    )
    # A ring does not depend on the order of the axes; that of the memory is the fastest.
    order = sorted(range(len(how.axes)), key=lambda i: how.axes[i])
    distances = spacings(sampling, len(order))
    how = replace(
        how,
        axes=tuple(how.axes[i] for i in order),
        windows=tuple(how.windows[i] for i in order if how.windows),
    )
    distances = tuple(distances[i] for i in order)
    lengths = tuple(int(shape[a]) for a in how.axes)
    bins, kept = choose_bins(lengths, distances, nfactor, truncate)
    orders: list[Order] = ["natural"] * (len(order) - 1)
    orders.append("half" if half else "natural")
    steps = [1 / (n * d) for n, d in zip(lengths, distances, strict=True)]
    places = zip(how.axes, lengths, steps, orders, strict=True)
    rings = Rings(tuple(RadialAxis(*p) for p in places), bins.width, kept)
    factor = math.prod(steps) / bins.width if scaling == "density" else 1.0
    return how, _Radial(distances, rings, factor)
