"""Power laws through spectra."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import dispatch
from ..errors import ArgumentError, ArrayTypeError
from ..graph.arguments import normal_axis
from ..kernels.loglog import SUMS, abscissa_of, loglog_curve, loglog_line, loglog_sums
from ..kernels.spectrum import inexact_dtype
from ._arguments import is_complex


class LogLogFit(NamedTuple):
    """A power law ``y = 2**intercept * x**slope``."""

    y_fit: Any
    """The power law at each x; NaN where a point was left out for its x."""
    slope: Any
    """Exponent."""
    intercept: Any
    """log2 of y at x = 1."""


def fit_loglog(
    x: Any, y: Any, /, *, axis: int = -1, limits: tuple[float, float] | None = None
) -> LogLogFit:
    """Fit a power law: a straight line through log2 y over log2 x, by least squares.

    Parameters
    ----------
    x : array_like
        Frequencies, one-dimensional, in memory.
    y : array
        Spectrum, with a value for each x along ``axis``; each line is fitted by itself.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    axis : int, default: -1
        Axis of y along which x lies. It may be cut into chunks of any lengths.
    limits : pair of float, optional
        Least and greatest x that are used, both included; infinity where there is none.

    Returns
    -------
    LogLogFit
        A named tuple of ``y_fit``, of the shape of y, and ``slope`` and ``intercept``, without the
        axis; of the precision of y (integers become double), computed in double; same library,
        device and kind of container. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an x that is not one-dimensional, does not have as many values as y along the axis or
        none that is used, for an axis that y does not have, and for limits that are no pair.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, for an x on Dask or on a device, and for
        complex numbers.

    Notes
    -----
    Points whose x or y is zero, negative, infinite or NaN have no logarithm and are left out. Where
    less than two are left the results are NaN.

    One pass over the data: of a cut axis each chunk adds up its own points, and the sums are added
    in a tree. ``xrft.fit_loglog(x, y)`` gives the same for one-dimensional positive data.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> f = np.arange(64) / 64
    >>> p = np.append(0.0, 4 * f[1:] ** -3)
    >>> fit = sw.signal.fit_loglog(f, p, limits=(0.05, 0.5))
    >>> round(float(fit.slope), 6), round(float(fit.intercept), 6)
    (-3.0, 2.0)
    """
    y = dispatch.accept(y, function="signal.fit_loglog", accessor="spanwise.signal.fit_loglog")
    x = dispatch.accept(
        x, function="signal.fit_loglog", accessor="spanwise.signal.fit_loglog", name="x"
    )
    if is_complex(y) or is_complex(x):
        raise ArrayTypeError("fit_loglog takes real numbers; pass abs(y) of a cross spectrum")
    if not isinstance(x, np.ndarray):
        raise ArrayTypeError(
            f"x is a {type(x).__name__}; the few frequencies are read at once: pass a NumPy array"
        )
    axis = normal_axis(axis, y.ndim)
    if x.shape != (y.shape[axis],):
        raise ArgumentError(
            f"x has the shape {x.shape}; expected {(y.shape[axis],)}: one for each value along "
            f"axis {axis} of y"
        )
    abscissa = abscissa_of(x.astype(np.float64), _within(x, limits))
    if all(map(math.isnan, abscissa.logs)):
        raise ArgumentError(
            f"limits={limits!r}: none of the {x.size} frequencies is positive and between them"
        )
    sums = dispatch.add_shares(
        y,
        loglog_sums,
        operation="loglog-sums",
        dtype=np.dtype("float64"),
        reason="each chunk adds up its points",
        lengths={axis: SUMS},
        axis=axis,
        abscissa=abscissa,
    )
    precision = _precision(y)
    how = {"axis": axis, "abscissa": abscissa}
    line, rounded = (
        dispatch.blockwise(
            sums,
            loglog_line,
            operation="loglog-line",
            dtype=np.dtype(of),
            reason="slope and intercept",
            lengths={axis: 2},
            precision=of,
            **how,
        )
        for of in ("float64", precision)
    )
    curve = dispatch.blockwise(
        line,
        loglog_curve,
        operation="loglog-curve",
        dtype=np.dtype(precision),
        reason="the line at each x",
        lengths={axis: x.size},
        precision=precision,
        **how,
    )
    slope, intercept = (rounded[(*(slice(None),) * axis, i, ...)] for i in range(2))
    return LogLogFit(curve, slope, intercept)


def _within(x: np.ndarray, limits: Any) -> np.ndarray:
    if limits is None:
        return np.ones(x.shape, bool)
    try:
        low, high = map(float, limits)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low < high:
        raise ArgumentError(
            f"limits={limits!r}: expected a pair of frequencies, the lower one first, e.g. "
            "(0.01, 0.1)"
        )
    return (x >= low) & (x <= high)


def _precision(y: Any) -> str:
    """Name of the type of the result."""
    if isinstance(y.dtype, np.dtype):
        return str(inexact_dtype(y.dtype, as_complex=False))
    return "float32" if str(y.dtype).endswith(".float32") else "float64"
