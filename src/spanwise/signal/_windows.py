"""Windows as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..graph.arguments import integer
from ..kernels.window import window_values


def get_window(
    window: Any, Nx: int, fftbins: bool = True, *, xp: Any = None, device: Any = None
) -> Any:
    """A window of a given length and type, as `scipy.signal.get_window`.

    Parameters
    ----------
    window : str, float, tuple or array
        The name of one of SciPy's windows, a number (the beta of a Kaiser window), a tuple of a
        name and its parameters, e.g. ``("gaussian", 7.0)``, or the ``Nx`` values themselves.
    Nx : int
        Number of samples.
    fftbins : bool, default: True
        True: of period Nx, for spectra. False: symmetric, for filters.
    xp : module, optional
        Array library of the result: any array-API namespace. NumPy by default.
    device : optional
        Device of the result, as ``xp`` names it.

    Returns
    -------
    array
        ``Nx`` values in double precision.

    Raises
    ------
    ArgumentError
        For a name or parameters that make no window, another number of values, and an ``Nx`` that
        is not positive.

    Notes
    -----
    Computed at once. `power_spectrum` and its kind take what stands for ``window`` here, and make
    the values in their tasks, in the library of the chunks.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.signal.get_window("triang", 4)
    array([0.33333333, 0.66666667, 1.        , 0.66666667])
    >>> sw.signal.get_window(("kaiser", 4.0), 3, fftbins=False).round(4)
    array([0.0885, 1.    , 0.0885])
    """
    n = integer(Nx, "Nx")
    if n < 1:
        raise ArgumentError(f"Nx={Nx}: expected a positive number of samples")
    values = window_values(window, n, periodic=bool(fftbins))
    if xp is None and device is None:
        return values
    xp = np if xp is None else xp
    return xp.asarray(values, device=device)
