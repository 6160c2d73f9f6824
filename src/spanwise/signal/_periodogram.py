"""The spectrum of a whole axis as one segment, after SciPy's function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError
from ..graph.arguments import integer, normal_axis
from ..kernels.segments import Segments
from ..kernels.spectrum import squared_magnitude
from ._arguments import floating, is_complex, is_whole
from ._pairs import nothing
from ._segments import frequencies_of, is_one_sided, sampling_rate, trend_of
from ._spectrum import power_spectrum
from ._tapered import prepared, treatment
from ._welch import welch


def periodogram(
    x: Any,
    /,
    fs: float = 1.0,
    window: Any = "boxcar",
    nfft: int | None = None,
    detrend: Literal["constant", "linear"] | bool | Callable[..., Any] | None = "constant",
    return_onesided: bool = True,
    scaling: Literal["density", "spectrum"] = "density",
    axis: int = -1,
) -> tuple[Any, Any]:
    """Power spectral density of a whole axis, without an average.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    fs : float, default: 1.0
        Samples per unit of time.
    window : str, tuple, float or array, optional
        What the samples are multiplied by, see `get_window`; "boxcar", the default, for nothing.
    nfft : int, optional
        Points of the transform: zeros are appended, or samples left out at the end.
    detrend : {"constant", "linear"}, False or callable, default: "constant"
        What is taken away of the samples; a function only where chunks hold the whole axis.
    return_onesided, scaling, axis
        As of `welch`.

    Returns
    -------
    f : array
        Frequencies in cycles per unit of time, in double precision; never lazy.
    Pxx : array
        Spectrum with the frequencies on ``axis``, as that of `welch`. Lazy for a Dask array; along
        a cut axis the plan chooses the chunks.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have, an unknown window, ``detrend`` or ``scaling``,
        and a function as ``detrend`` of a cut axis.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axis whole fits the memory budget.

    Notes
    -----
    Along a whole axis each chunk is one task. Along a cut axis it is `power_spectrum`: one exchange
    at best, two for an axis too long for one chunk, and a second read of the data for a trend
    beside a window. `welch` needs neither.

    Same result as :func:`scipy.signal.periodogram`, with the differences that `welch` names.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.sin(2 * np.pi * 0.25 * np.arange(1000)), chunks=300)
    >>> f, p = sw.signal.periodogram(x, scaling="spectrum")
    >>> float(f[p.argmax().compute()]), round(float(p.max().compute()), 6)
    (0.25, 0.5)
    """
    x = dispatch.accept(x, function="signal.periodogram", accessor="spanwise.signal.periodogram")
    axis = normal_axis(axis, x.ndim)
    rate = sampling_rate(fs)
    if not math.prod(x.shape):
        return nothing(x, x, axis)
    window = "boxcar" if window is None else window
    points = x.shape[axis] if nfft is None else integer(nfft, "nfft")
    if points < 1:
        raise ArgumentError(f"nfft={nfft}: expected a positive number of points")
    if points < x.shape[axis]:
        x = x[(*(slice(None),) * axis, slice(points), ...)]
    if is_whole(x, (axis,)):
        return welch(
            x,
            fs=rate,
            window=window,
            nperseg=x.shape[axis],
            noverlap=0,
            nfft=points,
            detrend=detrend,
            return_onesided=return_onesided,
            scaling=scaling,
            axis=axis,
        )
    return _of_cut(x, rate, window, points, detrend, return_onesided, scaling, axis)


def _of_cut(
    x: Any,
    rate: float,
    window: Any,
    points: int,
    detrend: Any,
    return_onesided: Any,
    scaling: str,
    axis: int,
) -> tuple[Any, Any]:
    """Of an axis that no chunk holds."""
    trend = trend_of(detrend)
    if callable(trend):
        raise ArgumentError(
            f"detrend={detrend!r}: a function needs the whole of axis {axis}, which is cut; pass "
            f"x.rechunk({{{axis}: -1}}), or 'constant' or 'linear'"
        )
    n = x.shape[axis]
    shape = Segments(axis, n, n, points, window, trend, not is_complex(x))
    one_sided = is_one_sided(return_onesided, shape)
    params: dict[str, Any] = {
        "axes": axis,
        "sampling": 1.0 / rate,
        "scaling": scaling,
        "detrend": trend,
        "half": one_sided,
    }
    frequencies = frequencies_of(x, shape, rate, one_sided)
    if points > n:
        return frequencies, _padded(x, axis, points, window, params)
    if not (isinstance(window, str) and window.startswith("boxcar")):
        params |= {"window": window, "window_correction": True}
    return frequencies, power_spectrum(x, **params)


def _padded(x: Any, axis: int, points: int, window: Any, params: dict[str, Any]) -> Any:
    """Of a cut axis that is continued by zeros behind trend and window."""
    how = treatment((x,), x.shape, window=window, window_correction=True, shift=False, **params)
    y, _ = prepared(x, how)
    spectrum = (_fft.rfft if how.half else _fft.fft)(y, n=points, axis=axis)
    return dispatch.blockwise(
        spectrum,
        squared_magnitude,
        operation="periodogram",
        dtype=floating(spectrum, as_complex=False),
        reason="each frequency by itself",
        starts=how.axes,
        axes=how.axes,
        scale=how.scale,
        half=points if how.half else None,
        zero_mean=False,
    )
