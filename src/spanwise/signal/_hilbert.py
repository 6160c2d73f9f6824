"""Analytic signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError
from ..fft._call import lower, plan_line
from ..graph.arguments import integer, normal_axis, resolve_axes
from ..kernels.hilbert import Analytic
from ..kernels.hilbert import hilbert as hilbert_kernel
from ..kernels.response import FrequencyAxis
from ..kernels.spectrum import inexact_dtype
from ._arguments import fft_engine, is_complex, is_whole
from ._filter import apply_to, filter_in_rows
from ._whole import run_on_whole


def hilbert(x: Any, N: int | None = None, axis: int = -1) -> Any:
    """Analytic signal: the data, plus i times their Hilbert transform.

    Its magnitude is the envelope of the data, its angle their phase.

    Parameters
    ----------
    x : array
        Real data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    N : int, optional
        Points of the transform: the axis is cropped or padded with zeros at its end.
    axis : int, default: -1
        Axis to transform. It may be cut into chunks of any lengths.

    Returns
    -------
    array
        Complex, in the precision of x (integers become double); same library, device and kind of
        container. Lazy for a Dask array; along a cut axis the plan chooses the chunks.

    Raises
    ------
    ArgumentError
        For complex data, an axis that the array does not have or that is empty, and for N below 1.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axis whole fits the memory budget.

    Notes
    -----
    One pass over the data. Along a whole axis each chunk is one task: the real part is x, and the
    imaginary part takes two transforms of real data. Along a cut axis one exchange makes it whole
    and cuts another instead, and the tasks that gather do the rest; where there is no other axis to
    cut, the data go through two exchanges on each way, as complex numbers, as those of
    :func:`spanwise.signal.filter_frequencies` do.

    Same result as :func:`scipy.signal.hilbert`.

    Examples
    --------
    The envelope of a wave packet:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(1000)
    >>> packet = np.exp(-(((t - 500) / 100) ** 2))
    >>> x = da.from_array(packet * np.cos(2 * np.pi * t / 20), chunks=300)
    >>> envelope = abs(sw.signal.hilbert(x))
    >>> bool(abs(envelope - packet).max() < 1e-6)
    True
    """
    x = dispatch.accept(x, function="signal.hilbert")
    _check_real(x)
    axis = normal_axis(axis, x.ndim)
    n = x.shape[axis] if N is None else integer(N, "N")
    _check_points(n, axis, N)
    if is_whole(x, (axis,)):
        return dispatch.blockwise(
            x,
            hilbert_kernel,
            operation="hilbert",
            dtype=_dtype(x),
            reason="the axis is whole in its chunks",
            lengths={axis: n},
            axis=axis,
            length=n,
            **fft_engine(x),
        )
    params = {"axis": axis, "length": n}
    made = run_on_whole(x, (axis,), (n,), hilbert_kernel, params, _dtype(x), "hilbert")
    if made is not None:
        return made
    response = Analytic((n,), (1.0,))
    forward = plan_line(x, "rfft", n, axis)
    if forward.plan.result.is_whole(axis):
        half = FrequencyAxis(axis, n, 1.0, half=True)
        return _fft.ifft(apply_to(lower(x, forward), (half,), response), n=n, axis=axis)
    x = x.astype(_dtype(x))
    places = (FrequencyAxis(axis, n, 1.0),)
    return filter_in_rows(x, places, axis, plan_line(x, "fft", n, axis), response)


def hilbert2(
    x: Any, N: int | tuple[int, int] | None = None, axes: tuple[int, int] = (-2, -1)
) -> Any:
    """Analytic signal of images: frequencies that are positive on both axes, four times.

    Parameters
    ----------
    x : array
        Real data of at least two axes.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    N : int or pair of int, optional
        Points of the transform, of both axes or of each: they are cropped or padded with zeros at
        their ends.
    axes : pair of int, default: (-2, -1)
        Axes to transform. They may be cut into chunks of any lengths.

    Returns
    -------
    array
        Complex, in the precision of x (integers become double); same library, device and kind of
        container. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For complex data, axes that the array does not have, that are not two, equal or empty, and
        for N below 1.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    One pass over the data. Along whole axes Dask fuses the transform of real data, the
    multiplication and the inverse to one task per chunk. Same result as
    :func:`scipy.signal.hilbert2` from SciPy 1.17 on; earlier ones kept the highest frequency of
    even lengths.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> y, x = np.ogrid[:32, :32]
    >>> wave = np.cos(2 * np.pi * (y / 8 + x / 16))
    >>> np.round(abs(sw.signal.hilbert2(wave))[0, :3], 9)
    array([2., 2., 2.])
    """
    x = dispatch.accept(x, function="signal.hilbert2", accessor="")
    _check_real(x)
    chosen, _ = resolve_axes(x.shape, None, axes)
    if len(chosen) != 2:
        raise ArgumentError(f"axes={axes!r}: axes must be a tuple of length 2")
    points = _two(N, tuple(x.shape[a] for a in chosen))
    for axis, n in zip(chosen, points, strict=True):
        _check_points(n, axis, N)
    places = (
        FrequencyAxis(chosen[0], points[0], 1.0),
        FrequencyAxis(chosen[1], points[1], 1.0, half=True),
    )
    # SciPy leaves the highest frequency of an even length out here, and not in one dimension.
    response = Analytic(points, (0.0, 0.0))
    spectrum = apply_to(_fft.rfftn(x, s=points, axes=chosen), places, response)
    return _fft.ifftn(spectrum, s=points, axes=chosen)


def _two(N: Any, shape: Sequence[int]) -> tuple[int, int]:
    if N is None:
        return shape[0], shape[1]
    values = tuple(N) if isinstance(N, Sequence) else (N, N)
    if len(values) != 2:
        raise ArgumentError(f"N={N!r}: expected one number of points, or two")
    return integer(values[0], "N"), integer(values[1], "N")


def _check_real(x: Any) -> None:
    if is_complex(x):
        raise ArgumentError(
            f"x must be real, and has dtype {x.dtype}: an analytic signal is complex already; "
            "pass x.real"
        )


def _check_points(n: int, axis: int, N: Any) -> None:
    if n < 1:
        raise ArgumentError(f"N={N!r}: {n} points on axis {axis}; N must be positive")


def _dtype(x: Any) -> Any:
    """Element type of the result; libraries with their own types decide alone."""
    return inexact_dtype(x.dtype, as_complex=True) if isinstance(x.dtype, np.dtype) else None
