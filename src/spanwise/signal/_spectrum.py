"""Spectra."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..kernels.spectrum import inexact_dtype, remove_mean, squared_magnitude
from ._arguments import is_complex, is_whole, some_axes, spacings

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
    One pass over the data. Along whole axes each chunk is one task once Dask has fused them; along
    cut axes an exchange comes first, see :func:`spanwise.fft.fftn`.

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
    points = x.shape[chosen[-1]] if half else None
    if half and is_complex(x):
        raise ArrayTypeError(
            f"x has dtype {x.dtype}, and half=True takes real data: the negative frequencies of "
            "complex data are not those of its positive ones; leave it out"
        )
    zero_mean = False
    if detrend == "constant":
        if is_whole(x, chosen):
            x = _without_mean(x, chosen)
        else:
            zero_mean = True
    spectrum = (_fft.rfftn if half else _fft.fftn)(x, axes=chosen)
    scale = (spacing / n if scaling == "density" else 1.0 / n**2) if n else 1.0
    power = dispatch.blockwise(
        spectrum,
        squared_magnitude,
        operation="power-spectrum",
        dtype=_real_dtype(spectrum),
        reason="each frequency by itself",
        starts=chosen,
        axes=chosen,
        scale=scale,
        half=points,
        zero_mean=zero_mean,
    )
    centred = chosen[:-1] if half else chosen
    return _fft.fftshift(power, axes=centred) if shift and centred else power


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ArgumentError(f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}")


def _without_mean(x: Any, axes: tuple[int, ...]) -> Any:
    return dispatch.blockwise(
        x,
        remove_mean,
        operation="remove-mean",
        dtype=_floating_dtype(x),
        reason="the axes are whole in their chunks",
        axes=axes,
    )


def _floating_dtype(x: Any) -> Any:
    """Element type in which the mean is subtracted; libraries with their own types decide alone."""
    return inexact_dtype(x.dtype, as_complex=False) if isinstance(x.dtype, np.dtype) else None


def _real_dtype(spectrum: Any) -> Any:
    """Element type of the squared magnitude; libraries with their own types decide alone."""
    if not isinstance(spectrum.dtype, np.dtype):
        return None
    return spectrum.dtype.type(0).real.dtype
