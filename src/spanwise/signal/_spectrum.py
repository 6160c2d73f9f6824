"""Spectra."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .. import dispatch
from .. import fft as _fft
from ..kernels.power import power as power_kernel
from ..kernels.spectrum import squared_magnitude
from ._arguments import fft_engine, floating, is_whole
from ._tapered import Treatment, on_whole, prepared, treatment


def power_spectrum(
    x: Any,
    /,
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    window: Any = None,
    window_correction: bool = False,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = False,
    half: bool = False,
) -> Any:
    """Power spectrum over one or several axes.

    With X the transform over ``axes`` of the data, less their trend and times the window w, n the
    product of the numbers of samples and d the product of the sample spacings::

        density    P = d / n |X|^2      power per unit of frequency
        spectrum   P = |X|^2 / n^2      power of each frequency

    Parseval's theorem holds exactly: the sum of the spectrum, or the integral of the density (its
    sum times the product of ``1 / (n_a d_a)`` over the axes a), is the mean of ``|w x|**2``, x
    without its trend. ``window_correction`` divides the density by the mean of ``w**2``, so that
    the power of noise comes out right, and the spectrum by the square of the mean of w, so that
    that of a sine wave does.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    axes : int or sequence of int
        Axes to transform. They may be cut into chunks of any lengths.
    sampling : float or sequence of float, default: 1.0
        Distance between samples, for all of the axes or for each. It enters the density only.
    window : str, tuple, float, array or list, optional
        What the samples along each axis are multiplied by: anything that `get_window` takes, of
        period n, for all axes; or a list of one for each, with None for no window.
    window_correction : bool, default: False
        Make up for the power that the window takes away.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of: power per frequency interval, or power.
    detrend : {"constant", "linear"}, optional
        Take the mean over ``axes`` away, or the linear function of all of them that fits best.
    shift : bool, default: False
        Put the zero frequency in the centre, as `spanwise.fft.fftshift` does (not on the halved
        axis).
    half : bool, default: False
        Only for real data: return the non-negative frequencies of the last of ``axes``. All but
        the zero and (for even n) the last frequency count double, so that the sums above hold.

    Returns
    -------
    array
        Real, of the precision of the input (integers become double); same library, device and
        kind of container. The shape is that of x, with ``n // 2 + 1`` points on the last of
        ``axes`` if ``half``. Units: those of x squared, for a density times those of ``sampling``.
        Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For axes that the array does not have, repeat or are empty, for a ``sampling`` that is not
        positive or of another number than the axes, an unknown ``scaling`` or ``detrend``, what is
        no window, and for ``window_correction`` without one.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and for complex data if ``half``.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    Along whole axes each chunk is one task, which does all of it, a few lines or planes at a time:
    real data are transformed to half a spectrum, and the other half, whose power is the same, is
    filled in. Where axes are cut, one exchange makes all of them whole and cuts others instead; the
    tasks that gather do the rest. One pass over the data either way.

    Where there are no others to cut (one long series), samples are multiplied by the window in
    their chunks and transformed as by :func:`spanwise.fft.fftn`. A trend is then taken away as by
    `detrend`: the data are read twice. The mean alone, without a window, is taken away by setting
    the zero frequency to 0, in one pass, which is the same but for rounding relative to the mean.
    There each task makes its part of a window; the whole of it where the window is one of chebwin,
    dpss, kaiser_bessel_derived and taylor, which takes long.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.sin(2 * np.pi * np.arange(64) / 8), chunks=10)
    >>> p = sw.signal.power_spectrum(x, axes=0, scaling="spectrum", half=True)
    >>> round(float(p[8].compute()), 6), round(float(p.sum().compute()), 6)
    (0.5, 0.5)

    A window loses power, and the correction gives that of the wave back:

    >>> how = dict(axes=0, scaling="spectrum", half=True, window="hann")
    >>> float(sw.signal.power_spectrum(x, **how)[8].compute().round(6))
    0.125
    >>> float(sw.signal.power_spectrum(x, window_correction=True, **how)[8].compute().round(6))
    0.5
    """
    x = dispatch.accept(
        x, function="signal.power_spectrum", accessor="spanwise.signal.power_spectrum"
    )
    how = treatment(
        (x,),
        x.shape,
        axes=axes,
        sampling=sampling,
        window=window,
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
        shift=shift,
        half=half,
    )
    if is_whole(x, how.axes):
        return dispatch.blockwise(
            x,
            power_kernel,
            operation="power-spectrum",
            dtype=floating(x, as_complex=False),
            reason="the axes are whole in their chunks",
            lengths=how.points(x.shape),
            **how.parameters,
            **fft_engine(x),
        )
    made = on_whole(x, how, power_kernel, floating(x, as_complex=False), "power-spectrum")
    return _power_of_cut(x, how) if made is None else made


def _power_of_cut(x: Any, how: Treatment) -> Any:
    """The transform, and the power of each chunk of it."""
    x, zero_mean = prepared(x, how)
    spectrum = (_fft.rfftn if how.half else _fft.fftn)(x, axes=how.axes)
    power = dispatch.blockwise(
        spectrum,
        squared_magnitude,
        operation="power-spectrum",
        dtype=floating(spectrum, as_complex=False),
        reason="each frequency by itself",
        starts=how.axes,
        axes=how.axes,
        scale=how.scale,
        half=x.shape[how.axes[-1]] if how.half else None,
        zero_mean=zero_mean,
    )
    return how.shifted(power)
