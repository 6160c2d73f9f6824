"""Cosine and sine transforms of a CuPy block: CuPy's own where it has them (types 2 and 3).

Blocks of more points than one call of cuFFT takes are transformed by our own steps, in batches.
"""

from __future__ import annotations

from typing import Any

from ..trigonometric import generic, line
from .fft import MOST_POINTS


def transform(x: Any, /, **params: Any) -> Any:
    """Transform one block on its device; see :data:`spanwise.kernels.trigonometric`."""
    return generic(x, core=_line, **params)


def _line(x: Any, number: int, is_sine: bool, factor: float, is_ortho: bool) -> Any:
    if number in (1, 4) or x.size > MOST_POINTS:
        return line(x, number, is_sine, factor, is_ortho)
    import cupyx.scipy.fft

    function = cupyx.scipy.fft.dst if is_sine else cupyx.scipy.fft.dct
    # CuPy takes no orthogonalize, and its norm="ortho" scales the first sine where SciPy scales
    # the last: both are done here.
    end = -1 if is_sine else 0
    if is_ortho and number == 3:
        x = x.copy()
        x[..., end] *= 2**0.5
    y = function(x, type=number, axis=-1)
    if factor != 1:
        y = y * factor
    if is_ortho and number == 2:
        y[..., end] *= 2**-0.5
    return y
