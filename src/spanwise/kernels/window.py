"""Windows: what samples are multiplied by before a transform, as tables in double precision.

SciPy defines them. Those of the cosine family are evaluated at any sample by their formula, so that
a task that holds a part of a very long axis makes its part only.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArgumentTypeError, NonFiniteError
from .library import to_numpy

Window = Any
"""A name, a tuple of a name and its parameters, a number (Kaiser's beta), or the values."""

_CACHED_POINTS = 2**16
_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Coefficients a of w[j] = sum_m (-1)^m a[m] cos(2 pi m j / n)."""


def window_values(window: Window, n: int, *, periodic: bool = True) -> np.ndarray:
    """The ``n`` values of a window, in double precision.

    Parameters
    ----------
    window : str, tuple, float or array
        A name that `scipy.signal.get_window` knows, a tuple of such a name and its parameters, a
        number (the beta of a Kaiser window), or the ``n`` values themselves.
    n : int
        Number of samples.
    periodic : bool
        Period n, for spectra (SciPy's ``fftbins=True``), or symmetric, for filters.

    Raises
    ------
    ArgumentError
        For a name, parameters or values that make no window; the message says which do.

    Examples
    --------
    >>> window_values("hann", 4)
    array([0. , 0.5, 1. , 0.5])
    >>> window_values(("kaiser", 0.0), 3), window_values([1, 2, 1], 3)
    (array([1., 1., 1.]), array([1., 2., 1.]))
    """
    if not _is_named(window):
        return _given(window, n)
    key = _hashable(window)
    if n == 0:
        return window_values(window, 1)[:0]
    if n <= _CACHED_POINTS:
        return _cached(key, n, periodic).copy()
    return _computed(key, n, periodic)


def window_part(window: Window, n: int, start: int, stop: int) -> np.ndarray:
    """The values ``start`` to ``stop`` of the periodic window of n samples.

    >>> window_part("hann", 8, 2, 5)
    array([0.5       , 0.85355339, 1.        ])
    """
    coefficients = _coefficients(window)
    if coefficients is None or n < 2:
        return window_values(window, n)[start:stop]
    turns = np.arange(start, stop) / n
    out = np.full(stop - start, coefficients[0])
    for m, a in enumerate(coefficients[1:], start=1):
        out += (-1) ** m * a * np.cos(2 * np.pi * m * turns)
    return out


def window_means(window: Window, n: int) -> tuple[float, float]:
    """The mean of a window, and the mean of its squares.

    >>> window_means("hann", 8)
    (0.5, 0.375)
    """
    if not n:
        return 1.0, 1.0
    coefficients = _coefficients(window)
    if coefficients is not None and n > 2 * len(coefficients):
        first, *others = coefficients
        return first, first**2 + math.fsum(a * a for a in others) / 2
    values = window_values(window, n)
    return math.fsum(values) / n, math.fsum(values**2) / n


def frozen(window: Window, n: int) -> Window:
    """A window of n samples as kernels take it, which is one: a hashable value, or the values.

    >>> frozen(("general_cosine", [0.5, 0.5]), 8)
    ('general_cosine', (0.5, 0.5))
    """
    if not _is_named(window):
        return _given(window, n)
    if _coefficients(window) is None:
        # What makes a window of so many points makes a longer one.
        window_values(window, min(n, _CACHED_POINTS))
    return _hashable(window)


def _coefficients(window: Window) -> tuple[float, ...] | None:
    return _COSINES.get(window) if isinstance(window, str) else None


def _is_named(window: Window) -> bool:
    if isinstance(window, tuple):
        return len(window) > 0 and isinstance(window[0], str)
    return isinstance(window, str) or (np.ndim(window) == 0 and not _is_lazy(window))


def _is_lazy(window: Window) -> bool:
    return hasattr(window, "__dask_graph__")


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)) or np.ndim(value):
        return tuple(_hashable(v) for v in value)
    return value


@functools.lru_cache(maxsize=32)
def _cached(window: Any, n: int, periodic: bool) -> np.ndarray:
    return _computed(window, n, periodic)


def _computed(window: Any, n: int, periodic: bool) -> np.ndarray:
    from scipy.signal import get_window

    try:
        return np.asarray(get_window(window, n, periodic), dtype=np.float64)
    except (ValueError, TypeError) as error:
        from scipy.signal import windows

        names = ", ".join(sorted(set(windows.__all__) - {"get_window"}))
        raise ArgumentError(
            f"window={window!r}: {error}. Expected a name that needs no parameter, a tuple such as "
            "('kaiser', 14.0) or ('gaussian', 7.0), a number (Kaiser's beta), or an array of "
            f"{n} values; SciPy's windows are {names}"
        ) from None


def _given(window: Any, n: int) -> np.ndarray:
    if _is_lazy(window):
        raise ArgumentTypeError("window is a Dask collection; pass window.compute()")
    try:
        values = to_numpy(window) if hasattr(window, "dtype") else np.asarray(window)
    except (ValueError, TypeError):
        values = np.asarray(None)
    if values.dtype.kind not in "biuf" or values.shape != (n,):
        raise ArgumentError(
            f"window is of the shape {values.shape} and of {values.dtype} values; expected the "
            f"name of a window, a tuple of a name and its parameters, or {n} real numbers, one for "
            "each sample"
        )
    values = np.array(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise NonFiniteError("window holds NaN or infinity; expected finite numbers")
    return values
