"""What a probe is: one kernel, and a block that it is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..library import Array

PLANE = 128
"""Points of either axis of a plane: those of common types fit in the smallest block."""
LINE = 4096
"""Samples of a line, as many as many segments have."""
FEATURES = 16
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
NUMBERS = (*FLOATS, *COMPLEX)

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
    shape: tuple[int, ...] = (PLANE, PLANE)
    """Axes behind the first one, which is as long as the bytes of a block allow."""
    gap: int = 0
    """Every so many-th value is missing; none where it is 0."""
    arrays: int = 1
    """How often it takes the block in: twice where it takes two blocks."""

    def block(self, nbytes: int) -> np.ndarray:
        """Its input on the host, of about so many bytes."""
        dtype = np.dtype(self.dtype)
        count = max(1, nbytes // (int(np.prod(self.shape)) * dtype.itemsize))
        # No two rows alike would take as long to draw as to measure.
        values = np.random.default_rng(0).standard_normal(2**14 + 1)
        if self.gap:
            values[:: self.gap] = np.nan
        return np.resize(values.astype(dtype), (count, *self.shape))


def bound(kernel: Callable[..., Any], *args: Any, **params: Any) -> Run:
    """A kernel with arguments behind the block."""
    return lambda x: kernel(x, *args, **params)


def complex_of(dtype: str) -> str:
    """The complex type of the precision of another."""
    return str(np.result_type(dtype, np.complex64))
