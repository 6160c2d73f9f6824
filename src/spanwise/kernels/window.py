"""Windows: what samples are multiplied by before a transform, as tables in double precision.

SciPy defines them. All but a few (chebwin, dpss, kaiser_bessel_derived, taylor) are evaluated at
any sample by a formula, so that a task that holds a part of a very long axis makes its part only;
of those few, and of SciPy's abbreviations of names, it makes the whole.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
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
    form = _form(window)
    if form is None or n < 2:
        return window_values(window, n)[start:stop]
    return form(np.arange(start, stop, dtype=np.float64), n)


def window_means(window: Window, n: int) -> tuple[float, float]:
    """The mean of a window, and the mean of its squares.

    >>> window_means("hann", 4)
    (0.5, 0.375)
    """
    if not n:
        return 1.0, 1.0
    means = np.zeros(2)
    each = n if _form(window) is None else _CACHED_POINTS
    for start in range(0, n, each):
        values = window_part(window, n, start, min(start + each, n))
        means += math.fsum(values) / n, math.fsum(values**2) / n
    return float(means[0]), float(means[1])


def frozen(window: Window, n: int) -> Window:
    """A window of n samples as kernels take it, which is one: a hashable value, or the values.

    >>> frozen(("general_cosine", [0.5, 0.5]), 8)
    ('general_cosine', (0.5, 0.5))
    """
    if not _is_named(window):
        return _given(window, n)
    # What makes a window of so many points makes a longer one.
    window_values(window, min(n, _CACHED_POINTS))
    return _hashable(window)


Form = Callable[[np.ndarray, int], np.ndarray]
"""From sample numbers and the period to the values of a window."""


def _form(window: Window) -> Form | None:
    """The formula of a window that SciPy knows, if there is one here."""
    if not _is_named(window):
        return None
    name, *parameters = window if isinstance(window, tuple) else (window,)
    if not isinstance(name, str):  # Kaiser's beta
        name, parameters = "kaiser", [name]
    if name in _COSINES and not parameters:
        return functools.partial(_cosines, coefficients=_COSINES[name])
    form = _FORMS.get(name)
    return None if form is None else lambda j, n: form(j, n, *parameters)


def _cosines(j: np.ndarray, n: int, coefficients: Sequence[float]) -> np.ndarray:
    first, *others = coefficients
    out = np.full(j.shape, float(first))
    for m, a in enumerate(others, start=1):
        out += (-1) ** m * a * np.cos(2 * np.pi * m * (j / n))
    return out


def _hamming(j: np.ndarray, n: int, alpha: float) -> np.ndarray:
    return _cosines(j, n, (alpha, 1 - alpha))


def _kaiser(j: np.ndarray, n: int, beta: float) -> np.ndarray:
    from scipy.special import i0

    return i0(beta * np.sqrt(1 - (2 * j / n - 1) ** 2)) / i0(beta)


def _gaussian(j: np.ndarray, n: int, std: float) -> np.ndarray:
    return np.exp(-0.5 * ((j - n / 2) / std) ** 2)


def _general_gaussian(j: np.ndarray, n: int, p: float, sig: float) -> np.ndarray:
    return np.exp(-0.5 * np.abs((j - n / 2) / sig) ** (2 * p))


def _tukey(j: np.ndarray, n: int, alpha: float = 0.5) -> np.ndarray:
    if alpha <= 0:
        return np.ones(j.shape)
    alpha = min(alpha, 1.0)
    inside = np.minimum(np.minimum(j, n - j) / n, alpha / 2)
    return 0.5 - 0.5 * np.cos(2 * np.pi * inside / alpha)


def _cosine(j: np.ndarray, n: int) -> np.ndarray:
    return np.sin(np.pi * (j + 0.5) / (n + 1))


def _bartlett(j: np.ndarray, n: int) -> np.ndarray:
    return 1 - np.abs(2 * j / n - 1)


def _parzen(j: np.ndarray, n: int) -> np.ndarray:
    t = np.abs(j - n / 2)
    r = 2 * t / (n + 1)
    return np.where(t <= n / 4, 1 - 6 * r**2 + 6 * r**3, 2 * (1 - r) ** 3)


def _bohman(j: np.ndarray, n: int) -> np.ndarray:
    r = np.abs(2 * j / n - 1)
    return (1 - r) * np.cos(np.pi * r) + np.sin(np.pi * r) / np.pi


def _triang(j: np.ndarray, n: int) -> np.ndarray:
    return 1 - np.abs(2 * j - n) / (n + 2 - n % 2)


def _barthann(j: np.ndarray, n: int) -> np.ndarray:
    r = np.abs(j / n - 0.5)
    return 0.62 - 0.48 * r + 0.38 * np.cos(2 * np.pi * r)


def _lanczos(j: np.ndarray, n: int) -> np.ndarray:
    return np.sinc(2 * j / n - 1)


def _exponential(
    j: np.ndarray, n: int, center: float | None = None, tau: float = 1.0
) -> np.ndarray:
    return np.exp(-np.abs(j - (n / 2 if center is None else center)) / tau)


_FORMS: dict[str, Callable[..., np.ndarray]] = {
    "barthann": _barthann,
    "bartlett": _bartlett,
    "bohman": _bohman,
    "cosine": _cosine,
    "exponential": _exponential,
    "gaussian": _gaussian,
    "general_cosine": _cosines,
    "general_gaussian": _general_gaussian,
    "general_hamming": _hamming,
    "kaiser": _kaiser,
    "lanczos": _lanczos,
    "parzen": _parzen,
    "triang": _triang,
    "tukey": _tukey,
}
"""Formulas of periodic windows: sample numbers, the period, and the window's parameters."""


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
