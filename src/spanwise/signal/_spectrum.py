"""Spectra."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..kernels.power import power as power_kernel
from ..kernels.spectrum import inexact_dtype, squared_magnitude
from ._arguments import fft_engine, is_complex, is_whole, some_axes, spacings

_SCALINGS = ("density", "spectrum")
_DETRENDS = (None, "constant")


def power_spectrum(
    x: Any,
    /,
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant"] | None = None,
    shift: bool = False,
    half: bool = False,
) -> Any:
    """Power spectrum over one or several axes.

    With X the transform of x over ``axes``, n the product of the numbers of samples and d the
    product of the sample spacings::

        density    P = d / n |X|^2      power per unit of frequency
        spectrum   P = |X|^2 / n^2      power of each frequency

    Parseval's theorem holds exactly: the sum of the spectrum, or the integral of the density (its
    sum times the product of ``1 / (n_a d_a)`` over the axes a), is the mean of ``|x|**2``.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    axes : int or sequence of int
        Axes to transform. They may be cut into chunks of any lengths.
    sampling : float or sequence of float, default: 1.0
        Distance between samples, for all of the axes or for each. It enters the density only.
    scaling : {"density", "spectrum"}, default: "density"
        What the spectrum is of: power per frequency interval, or power.
    detrend : {"constant"}, optional
        Take the mean over ``axes`` away. Where chunks hold the axes whole it is subtracted from
        the data; where an axis is cut, the zero frequency is set to 0, which is the same but for
        rounding relative to the mean, and spares a second pass.
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
        positive or of another number than the axes, or an unknown ``scaling`` or ``detrend``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and for complex data if ``half``.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    One pass over the data. Along whole axes each chunk is one task, which transforms real data to
    half a spectrum and fills in the other half, whose power is the same; along cut axes an
    exchange comes first, see :func:`spanwise.fft.fftn`.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.sin(2 * np.pi * np.arange(64) / 8), chunks=10)
    >>> p = sw.signal.power_spectrum(x, axes=0, scaling="spectrum", half=True)
    >>> round(float(p[8].compute()), 6), round(float(p.sum().compute()), 6)
    (0.5, 0.5)
    """
    _check_choice("scaling", scaling, _SCALINGS)
    _check_choice("detrend", detrend, _DETRENDS)
    x = dispatch.accept(
        x, function="signal.power_spectrum", accessor="spanwise.signal.power_spectrum"
    )
    chosen = some_axes(x, axes)
    n = math.prod(x.shape[axis] for axis in chosen)
    spacing = math.prod(spacings(sampling, len(chosen)))
    if half and is_complex(x):
        raise ArrayTypeError(
            f"x has dtype {x.dtype}, and half=True takes real data: the negative frequencies of "
            "complex data are not those of its positive ones; leave it out"
        )
    scale = (spacing / n if scaling == "density" else 1.0 / n**2) if n else 1.0
    of = _power_of_whole if is_whole(x, chosen) else _power_of_cut
    power = of(x, chosen, scale, half, detrend == "constant")
    centred = chosen[:-1] if half else chosen
    return _fft.fftshift(power, axes=centred) if shift and centred else power


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ArgumentError(f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}")


def _power_of_whole(x: Any, axes: tuple[int, ...], scale: float, half: bool, detrend: bool) -> Any:
    """All of it in one kernel on each block."""
    return dispatch.blockwise(
        x,
        power_kernel,
        operation="power-spectrum",
        dtype=_real_dtype(x),
        reason="the axes are whole in their chunks",
        lengths={axes[-1]: x.shape[axes[-1]] // 2 + 1} if half else None,
        axes=axes,
        scale=scale,
        half=half,
        detrend=detrend,
        **fft_engine(x),
    )


def _power_of_cut(x: Any, axes: tuple[int, ...], scale: float, half: bool, detrend: bool) -> Any:
    """The transform, and the power of each chunk of it."""
    spectrum = (_fft.rfftn if half else _fft.fftn)(x, axes=axes)
    return dispatch.blockwise(
        spectrum,
        squared_magnitude,
        operation="power-spectrum",
        dtype=_real_dtype(spectrum),
        reason="each frequency by itself",
        starts=axes,
        axes=axes,
        scale=scale,
        half=x.shape[axes[-1]] if half else None,
        zero_mean=detrend,
    )


def _real_dtype(x: Any) -> Any:
    """Element type of a power; libraries with their own types decide alone."""
    if not isinstance(x.dtype, np.dtype):
        return None
    return inexact_dtype(x.dtype, as_complex=False).type(0).real.dtype
