"""How data are treated before and behind the transform of a spectrum, and where it is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import dispatch
from .. import fft as _fft
from ..errors import ArrayTypeError
from ..kernels.detrend import Trend
from ..kernels.kernel import Kernel
from ..kernels.tapered import Windows, apply_window, centred_axes
from ..kernels.twosided import points_of
from ._arguments import (
    axes_of,
    check_choice,
    floating,
    is_complex,
    scale_of,
    spacings,
    windows_of,
)
from ._detrend import detrend_cut
from ._whole import run_on_whole

_SCALINGS = ("density", "spectrum")
_DETRENDS = (None, "constant", "linear")


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a spectrum is of: the same for one array and for two."""

    axes: tuple[int, ...]
    """Axes to transform."""
    scale: float
    """What the product of transforms is multiplied by."""
    half: bool
    """Whether the last axis gets its non-negative frequencies only."""
    detrend: Trend | None
    """Trend that is taken away."""
    windows: Windows
    """A window for each axis, or none."""
    shift: bool
    """Whether the zero frequency goes to the centre."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Keywords of the kernels on whole axes."""
        return {
            "axes": self.axes,
            "scale": self.scale,
            "half": self.half,
            "detrend": self.detrend,
            "windows": self.windows,
            "shift": self.shift,
        }

    def points(self, shape: Sequence[int]) -> dict[int, int]:
        """Points of the result on each of the axes, for data of a shape."""
        lengths = [shape[a] for a in self.axes]
        return dict(zip(self.axes, points_of(lengths, half=self.half), strict=True))

    def shifted(self, spectrum: Any) -> Any:
        """A spectrum in natural order, with the zero frequency where it belongs."""
        centred = centred_axes(self.axes, half=self.half, shift=self.shift)
        return _fft.fftshift(spectrum, axes=centred) if centred else spectrum


def treatment(
    arrays: Sequence[Any],
    shape: tuple[int, ...],
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float],
    window: Any,
    window_correction: bool,
    scaling: str,
    detrend: Trend | None,
    shift: bool,
    half: bool,
) -> Treatment:
    """The arguments of a spectrum of arrays that broadcast to a shape, checked."""
    check_choice("scaling", scaling, _SCALINGS)
    check_choice("detrend", detrend, _DETRENDS)
    chosen = axes_of(shape, axes)
    lengths = tuple(shape[axis] for axis in chosen)
    spacing = math.prod(spacings(sampling, len(chosen)))
    for x in arrays if half else ():
        if is_complex(x):
            raise ArrayTypeError(
                f"x has dtype {x.dtype}, and half=True takes real data: the negative frequencies "
                "of complex data are not those of its positive ones; leave it out"
            )
    windows = windows_of(window, lengths)
    scale = scale_of(lengths, spacing, scaling, windows, bool(window_correction))
    return Treatment(chosen, scale, bool(half), detrend, windows, bool(shift))


def on_whole(x: Any, how: Treatment, kernel: Kernel | None, dtype: Any, operation: str) -> Any:
    """Make cut axes whole by one exchange and run a kernel in its tasks; None if that cannot be.

    Without a kernel the array is only brought into chunks that hold the axes.
    """
    lengths = how.points(x.shape)
    points = tuple(lengths[a] for a in how.axes)
    return run_on_whole(x, how.axes, points, kernel, how.parameters, dtype, operation)


def prepared(x: Any, how: Treatment) -> tuple[Any, bool]:
    """Data with cut axes less their trend and times the window, in their chunks.

    And whether the zero frequency of the spectrum has to be set to 0: the mean of data without a
    window is in no other, so that they need not be read twice.
    """
    has_window = any(w is not None for w in how.windows)
    zero_mean = how.detrend == "constant" and not has_window
    if how.detrend is not None and not zero_mean:
        x, _ = detrend_cut(x, how.axes, how.detrend, operation="detrend")
    if has_window:
        x = dispatch.blockwise(
            x,
            apply_window,
            operation="window",
            dtype=floating(x, as_complex=is_complex(x)),
            reason="each sample by itself",
            starts=how.axes,
            axes=how.axes,
            points=tuple(x.shape[a] for a in how.axes),
            windows=how.windows,
        )
    return x, zero_mean
