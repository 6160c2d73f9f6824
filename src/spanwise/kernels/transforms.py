"""Which kernel makes which transform, and in what order its axes may be taken.

A transform of several axes is the product of transforms of one, which commute but for one end:
where real data become half a spectrum (or the reverse), that axis comes first (or last).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .fft import fft, result_dtype
from .hankel import hankel, hankel_dtype
from .kernel import Kernel
from .trigonometric import real_dtype, trigonometric


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform of one or several axes."""

    kind: str
    """Name that the kernel is given."""
    kernel: Kernel
    """Runs it: ``kernel(x, kind=, axes=, lengths=, norm=, workers=, overwrite=, **options)``."""
    rest: str
    """Kind of transform of the axes other than the last one given."""
    half: Literal["out", "in"] | None
    """Whether the last axis goes from n points to ``n // 2 + 1`` (before all others are
    transformed), from ``n // 2 + 1`` to n (after all others), or keeps its length."""
    dtype: Callable[[str, Any], np.dtype]
    """``(kind, dtype) -> dtype``: element type of the result."""

    def result_dtype(self, dtype: Any) -> np.dtype:
        """Element type of the result."""
        return self.dtype(self.kind, dtype)


def _fourier(kind: str, rest: str, half: Literal["out", "in"] | None = None) -> Transform:
    return Transform(kind, fft, rest, half, result_dtype)


TRANSFORMS = {
    t.kind: t
    for t in (
        _fourier("fft", "fft"),
        _fourier("ifft", "ifft"),
        _fourier("rfft", "fft", "out"),
        _fourier("irfft", "ifft", "in"),
        _fourier("hfft", "fft", "in"),
        _fourier("ihfft", "ifft", "out"),
        *(
            Transform(kind, trigonometric, kind, None, real_dtype)
            for kind in ("dct", "idct", "dst", "idst")
        ),
        *(
            Transform(kind, hankel, kind, None, hankel_dtype)
            for kind in ("fht", "ifht", "biased_fht", "biased_ifht")
        ),
    )
}
"""Every transform that can be planned, by kind."""
