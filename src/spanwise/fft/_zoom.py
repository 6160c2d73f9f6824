"""The transform at a band of frequencies."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArgumentTypeError, NonFiniteError
from ..graph.arguments import integer, normal_axis
from ..kernels.zoom import Band
from ..kernels.zoom import zoom as _kernel


def zoom_fft(
    x: Any,
    fn: Any,
    m: int | None = None,
    *,
    fs: float = 2,
    endpoint: bool = False,
    axis: int = -1,
) -> Any:
    """Discrete Fourier transform at the frequencies of a band only.

    ``X[k] = sum_j x[j] exp(-2 pi i j (f1 + k df) / fs)`` for ``k = 0 ... m - 1``, with
    ``df = (f2 - f1) / m``, or ``(f2 - f1) / (m - 1)`` if ``endpoint``.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    fn : float or pair of float
        The band ``(f1, f2)``, or f2 where f1 is 0.
    m : int, optional
        Number of frequencies; that of samples by default.
    fs : float, default: 2
        Sampling frequency, in the unit of ``fn``. With the default, 1 is the Nyquist frequency.
    endpoint : bool, default: False
        Whether f2 is the last frequency; otherwise it is the first one left out.
    axis : int, default: -1
        Axis to transform. It may be cut into chunks of any lengths.

    Returns
    -------
    array
        Complex, with m points on the axis, in one chunk. Same library, device and kind of
        container; float32 stays in single precision, integers become double. Lazy for a Dask
        array.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have, no samples, fewer than one frequency, an ``fn``
        of more than two numbers, or frequencies that are not finite.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Notes
    -----
    One pass over the data. Where the axis is cut, each chunk adds its share of the m frequencies
    and the shares are added in a tree: no samples change chunk. Where so many shares outweigh the
    samples, the axis is made whole instead; see :func:`spanwise.explain`.

    Same result as :func:`scipy.signal.zoom_fft`, but that single precision is kept, and that
    phases are exact: the error is that of rounding at any length, where SciPy's grows with the
    length. The frequencies are taken as the exact values of the numbers given.

    Examples
    --------
    One of 10,000 frequencies, and its neighbours at a tenth of the spacing:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.cos(2 * np.pi * 0.11 * np.arange(10_000)), chunks=1_500)
    >>> y = sw.fft.zoom_fft(x, (0.1099, 0.1101), 21, fs=1, endpoint=True)
    >>> y.shape, int(abs(y).argmax()), round(float(abs(y).max()))
    ((21,), 10, 5000)
    """
    x = dispatch.accept(x, function="fft.zoom_fft", accessor="spanwise.fft.zoom_fft")
    axis = normal_axis(axis, x.ndim)
    first, last, rate = _frequencies(fn, fs)

    def band(samples: int) -> Band:
        points = samples if m is None else integer(m, "m")
        if samples < 1 or points < 1:
            raise ArgumentError(
                f"{samples} samples on axis {axis} and m={m}: expected at least one sample and "
                "one frequency"
            )
        intervals = max(points - 1, 1) if endpoint else points
        return Band(first / rate, (last - first) / (rate * intervals), points)

    if dispatch.kind_of(x) == "chunked":
        from ..graph.dask import spec_of

        return band_of(x, axis, band(spec_of(x).shape[axis]), "zoom_fft")
    return band_of(x, axis, band(x.shape[axis]), "zoom_fft")


def band_of(x: Any, axis: int, band: Band, operation: str) -> Any:
    """The transform of an accepted array at the frequencies of a band."""

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_zoom, spec_of
        from ..graph.zoom import plan_zoom

        how = plan_zoom(
            spec_of(array), axis=axis, band=band, machine=options.machine(), operation=operation
        )
        return lower_zoom(array, how, store_root=options.get_options()["temporary_store"])

    return dispatch.apply(
        x, concrete=lambda block: _kernel(block, 0, axis=axis, band=band), chunked=chunked
    )


def _frequencies(fn: Any, fs: Any) -> tuple[Fraction, Fraction, Fraction]:
    """First, last and sampling frequency, as exact numbers."""
    values = np.ravel(fn).tolist()
    if len(values) not in (1, 2):
        raise ArgumentError(f"fn={fn!r}: expected one frequency, or a pair")
    try:
        # Numbers of NumPy would give up their imaginary part with a warning.
        numbers = [float(v) for v in (*values, np.asarray(fs).item())]
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"fn={fn!r}, fs={fs!r}: expected real numbers") from None
    if not all(map(math.isfinite, numbers)):
        raise NonFiniteError(f"fn={fn!r}, fs={fs!r}: expected finite frequencies")
    *band, rate = map(Fraction, numbers)
    if rate == 0:
        raise ArgumentError(f"fs={fs!r}: expected a sampling frequency other than 0")
    return (band[0] if len(band) == 2 else Fraction(0)), band[-1], rate
