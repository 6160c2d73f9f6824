"""Probes of transforms, and of what goes through the frequencies of a block and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..convolve import convolve
from ..fft import fft
from ..fourstep import columns, rows
from ..hankel import hankel
from ..hilbert import hilbert
from ..library import like
from ..response import FrequencyAxis, apply_response, filter_block
from ..trigonometric import trigonometric
from .probe import COMPLEX, FLOATS, LINE, PLANE, Probe, Run, bound, complex_of

_WHOLE: dict[str, Any] = {"axes": (1, 2), "lengths": (PLANE, PLANE), "norm": None}
_MATRIX = 64
"""Rows of the matrix that a line is seen as in four steps."""
_CUT = LINE * _MATRIX
"""Points of an axis of which a line is a slab."""
_TAPS = 33


def probes(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    """Transforms; ``engine_of`` as of :func:`spanwise.kernels.probes.probes`."""
    for kind, dtypes in (("rfft", FLOATS), ("fft", COMPLEX)):
        for dtype in dtypes:
            engine = engine_of(complex_of(dtype))
            yield Probe("fft", dtype, bound(fft, kind=kind, engine=engine, **_WHOLE))
    for dtype in FLOATS:
        engine = engine_of(complex_of(dtype))
        run = bound(trigonometric, kind="dct", type=2, orthogonalize=None, **_WHOLE)
        yield Probe("trigonometric", dtype, run)
        params = {"kind": "fht", "dln": 0.05, "mu": 0.5, "offset": 0.0, "bias": 0.0}
        yield Probe("hankel", dtype, bound(hankel, **(_WHOLE | {"axes": (2,)}), **params))
        run = bound(hilbert, axis=1, length=LINE, engine=engine)
        yield Probe("hilbert", dtype, run, (LINE,))
        taps = np.full((1, _TAPS), 1 / _TAPS, dtype)
        yield Probe("convolve", dtype, _beside(convolve, taps, axes=(1,), engine=engine), (LINE,))
        axes = FrequencyAxis(1, PLANE, 1.0), FrequencyAxis(2, PLANE, 1.0, half=True)
        mask = np.ones((PLANE, PLANE // 2 + 1), dtype)
        run = _beside(filter_block, mask, axes=axes, response=None, engine=engine)
        yield Probe("filter", dtype, run)
    yield from _of_spectra(engine_of)


def _of_spectra(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    axes = FrequencyAxis(1, PLANE, 1.0), FrequencyAxis(2, PLANE, 1.0)
    for dtype in COMPLEX:
        mask = np.ones((PLANE, PLANE), "float32" if dtype == "complex64" else "float64")
        run = _beside(apply_response, mask, axes=axes, response=None)
        yield Probe("apply_response", dtype, run)
        params = {"kind": "fft", "axis": 1, "n": _CUT, "norm": None, "engine": engine_of(dtype)}
        yield Probe("columns", dtype, bound(columns, 1, rows=_MATRIX, **params), (LINE,))
        yield Probe("rows", dtype, bound(rows, 1, **params), (LINE,))


def _beside(kernel: Callable[..., Any], array: np.ndarray, **params: Any) -> Run:
    """A kernel whose second argument is an array that lies where the block does."""
    return lambda x: kernel(x, like(array, x), **params)
