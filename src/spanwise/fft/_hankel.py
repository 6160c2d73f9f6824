"""The fast Hankel transform."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dispatch
from ..errors import ArgumentError, ArgumentTypeError, ArrayTypeError
from ..graph.arguments import normal_axis
from ..kernels.hankel import is_singular
from ._call import is_complex, transform_line


def fht(a: Any, /, dln: float, mu: float, offset: float = 0.0, bias: float = 0.0) -> Any:
    """Fast Hankel transform of points spaced evenly in the logarithm (FFTLog).

    ``A(k) = int_0^inf a(r) J_mu(k r) k dr`` for ``r[j] = rc exp((j - jc) dln)`` and ``k`` spaced
    alike, of a sequence that is taken to be periodic.

    Parameters
    ----------
    a : array, shape (..., n)
        Real data; the last axis is transformed, and may be cut into chunks of any lengths.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    dln : float
        Spacing of the input in the logarithm.
    mu : float
        Order of the Bessel function, of either sign.
    offset : float, default: 0.0
        Logarithm of ``kc rc``; see `fhtoffset`.
    bias : float, default: 0.0
        Exponent q of a power law: ``a(r) (k r)^-q`` is transformed.

    Returns
    -------
    array, shape (..., n)
        Same library, device and kind of container. Without a bias, float32 stays in single
        precision; with one, all becomes double, as integers do. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an array without points or a spacing of zero; its kind ArgumentTypeError for
        parameters that are no real numbers.
    ArrayTypeError
        For complex data and for labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axis whole fits the memory budget.

    Warns
    -----
    UserWarning
        If the transform is singular for this ``mu`` and ``bias``; the mean is dropped then.

    Notes
    -----
    Along a whole axis: 1 task per chunk, nothing moved. Along a cut axis: each chunk is read once
    and moved once; see :func:`spanwise.explain`. Same result as :func:`scipy.fft.fht`.

    Examples
    --------
    The function ``r exp(-r^2/2)`` is its own transform of order 0:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> r = np.logspace(-7, 1, 128)
    >>> dln = np.log(r[1] / r[0])
    >>> offset = sw.fft.fhtoffset(dln, mu=0, initial=-6 * np.log(10))
    >>> k = np.exp(offset) / r[::-1]
    >>> a = da.from_array(r * np.exp(-(r**2) / 2), chunks=50)
    >>> bool(abs(sw.fft.fht(a, dln, mu=0, offset=offset) - k * np.exp(-(k**2) / 2)).max() < 1e-5)
    True
    """
    return _hankel("fht", a, "a", dln, mu, offset, bias)


def ifht(A: Any, /, dln: float, mu: float, offset: float = 0.0, bias: float = 0.0) -> Any:
    """Inverse fast Hankel transform; undoes `fht` of the same parameters.

    ``a(r) = int_0^inf A(k) J_mu(k r) r dk``, on points spaced evenly in the logarithm.

    Parameters
    ----------
    A : array, shape (..., n)
        Real data; the last axis is transformed, and may be cut into chunks of any lengths.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    dln : float
        Spacing of the input in the logarithm.
    mu : float
        Order of the Bessel function, of either sign.
    offset : float, default: 0.0
        Logarithm of ``kc rc``; see `fhtoffset`.
    bias : float, default: 0.0
        Exponent of a power law.

    Returns
    -------
    array, shape (..., n)
        Same library, device and kind of container. Without a bias, float32 stays in single
        precision; with one, all becomes double, as integers do. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an array without points or a spacing of zero; its kind ArgumentTypeError for
        parameters that are no real numbers.
    ArrayTypeError
        For complex data and for labelled, masked, sparse or object arrays.
    MemoryBudgetError
        If no way of making the axis whole fits the memory budget.

    Warns
    -----
    UserWarning
        If the inverse is singular for this ``mu`` and ``bias``; the mean is dropped then.

    Notes
    -----
    Costs what `fht` costs. Same result as :func:`scipy.fft.ifht`.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> a = np.array([1.0, 3.0, 2.0])
    >>> sw.fft.ifht(sw.fft.fht(a, 0.1, mu=0.5), 0.1, mu=0.5)
    array([1., 3., 2.])
    """
    return _hankel("ifht", A, "A", dln, mu, offset, bias)


def fhtoffset(dln: float, mu: float, initial: float = 0.0, bias: float = 0.0) -> float:
    """Offset close to an initial one for which `fht` rings least.

    Parameters
    ----------
    dln : float
        Spacing of the input in the logarithm.
    mu : float
        Order of the Bessel function.
    initial : float, default: 0.0
        The result differs from it by at most half of ``dln``.
    bias : float, default: 0.0
        Exponent of a power law.

    Returns
    -------
    float
        The ``offset`` to give to `fht` and `ifht`; that of :func:`scipy.fft.fhtoffset`.

    Examples
    --------
    >>> import spanwise as sw
    >>> round(float(sw.fft.fhtoffset(0.1, mu=2.0, initial=0.5)), 4)
    0.5455
    """
    import scipy.fft

    return scipy.fft.fhtoffset(dln, mu, initial, bias)


def _hankel(kind: str, x: Any, name: str, dln: Any, mu: Any, offset: Any, bias: Any) -> Any:
    x = dispatch.accept(x, function=f"fft.{kind}", accessor=f"spanwise.fft.{kind}", name=name)
    if is_complex(x):
        raise ArrayTypeError(
            f"{name} must be a real sequence, but has dtype {x.dtype}; transform {name}.real and "
            f"{name}.imag apart"
        )
    normal_axis(-1, x.ndim)
    named = {"dln": dln, "mu": mu, "offset": offset, "bias": bias}
    options = {key: _real(value, key) for key, value in named.items()}
    if options["dln"] == 0:
        raise ArgumentError(f"dln={dln!r}: expected a spacing other than 0")
    if is_singular(kind, options["mu"], options["bias"]):
        what = "singular transform" if kind == "fht" else "singular inverse transform"
        warnings.warn(f"{what}; consider changing the bias", stacklevel=3)
    planned = kind if options["bias"] == 0 else f"biased_{kind}"
    return transform_line(kind, planned, x, None, -1, None, None, options=tuple(options.items()))


def _real(value: Any, name: str) -> float:
    """A real number, without computing what is lazy."""
    if not hasattr(value, "__dask_graph__"):
        number = np.asarray(value)
        if number.size == 1 and number.dtype.kind in "biuf":
            return float(number.item())
    raise ArgumentTypeError(f"{name}={value!r}: expected a real number")
