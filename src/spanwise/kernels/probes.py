"""Kernels on blocks like those that they meet in use, to measure how fast a device is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..measures import ELEMENTWISE
from .exact import grid_of
from .fft import fft
from .library import Array, like
from .lloyd import Books, assign, lloyd, nearest
from .power import power
from .response import FrequencyAxis, apply_response, filter_block
from .survey import survey, whiten
from .trigonometric import trigonometric

_PLANE = 128
"""Points of either axis of a transform: planes of common types fit in the smallest block."""
_FEATURES = 16
_CENTERS = 8
_FLOATS = ("float32", "float64")
_COMPLEX = ("complex64", "complex128")

Run = Callable[[Array], Any]
"""A kernel with its other arguments."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One kernel on one element type."""

    kernel: str
    """Name of the kernel, as rates are kept for it."""
    dtype: str
    """Element type of its input."""
    run: Run
    """What is measured."""
    rows: bool = False
    """Whether it takes rows of features rather than planes."""

    def block(self, nbytes: int) -> np.ndarray:
        """Its input on the host, of about so many bytes."""
        dtype = np.dtype(self.dtype)
        shape = (_FEATURES,) if self.rows else (_PLANE, _PLANE)
        count = max(1, nbytes // (int(np.prod(shape)) * dtype.itemsize))
        # No two rows alike would take as long to draw as to measure.
        values = np.random.default_rng(0).standard_normal(2**14 + 1)
        return np.resize(values.astype(dtype), (count, *shape))


def probes(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    """The kernels that placement may move, on the element types that are common.

    ``engine_of`` tells what transforms NumPy blocks to an element type
    (:func:`spanwise.options.fft_engine`).
    """
    yield from _transforms(engine_of)
    yield from _of_spectra(engine_of)
    yield from _of_rows()
    for dtype in (*_FLOATS, *_COMPLEX):
        yield Probe(ELEMENTWISE, dtype, _twice)


def _twice(x: Array) -> Array:
    return x * 2


def _transforms(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    plane: dict[str, Any] = {"axes": (1, 2), "lengths": (_PLANE, _PLANE), "norm": None}
    for kind, dtypes in (("rfft", _FLOATS), ("fft", _COMPLEX)):
        for dtype in dtypes:
            engine = engine_of(str(np.result_type(dtype, np.complex64)))
            yield Probe("fft", dtype, _bound(fft, kind=kind, engine=engine, **plane))
    for dtype in _FLOATS:
        run = _bound(trigonometric, kind="dct", type=2, orthogonalize=None, **plane)
        yield Probe("trigonometric", dtype, run)


def _of_spectra(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    for dtype in _FLOATS:
        engine = engine_of(str(np.result_type(dtype, np.complex64)))
        run = _bound(power, axes=(1, 2), scale=1.0, half=False, engine=engine)
        yield Probe("power", dtype, run)
        axes = FrequencyAxis(1, _PLANE, 1.0), FrequencyAxis(2, _PLANE, 1.0, half=True)
        mask = np.ones((_PLANE, _PLANE // 2 + 1), dtype)
        yield Probe(
            "filter", dtype, _beside(filter_block, mask, axes=axes, response=None, engine=engine)
        )
    axes = FrequencyAxis(1, _PLANE, 1.0), FrequencyAxis(2, _PLANE, 1.0)
    for dtype in _COMPLEX:
        mask = np.ones((_PLANE, _PLANE), "float32" if dtype == "complex64" else "float64")
        run = _beside(apply_response, mask, axes=axes, response=None)
        yield Probe("apply_response", dtype, run)


def _of_rows() -> Iterator[Probe]:
    centers = np.random.default_rng(1).standard_normal((_CENTERS, _FEATURES))
    scales = np.full(_FEATURES, 2.0)
    for dtype in _FLOATS:
        shift = np.zeros(_FEATURES, dtype)
        grid = grid_of(np.full(_FEATURES, 8.0), 2**20, None, fine=dtype == "float64")
        books = Books(shift, (centers,), grid)
        yield Probe("vq", dtype, _bound(assign, books), rows=True)
        yield Probe("nearest", dtype, _bound(nearest, books), rows=True)
        yield Probe("lloyd", dtype, _bound(lloyd, None, 0, books, measure="squared"), rows=True)
        run = _bound(survey, None, 0, None, size=0, threshold=0, seed=0)
        yield Probe("survey", dtype, run, rows=True)
        yield Probe("whiten", dtype, _bound(whiten, 0, scales), rows=True)


def _bound(kernel: Callable[..., Any], *args: Any, **params: Any) -> Run:
    return lambda x: kernel(x, *args, **params)


def _beside(kernel: Callable[..., Any], mask: np.ndarray, **params: Any) -> Run:
    """A kernel whose second argument is an array that lies where the block does."""
    return lambda x: kernel(x, like(mask, x), **params)
