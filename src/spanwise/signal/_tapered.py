"""How data are treated before and behind the transform of a spectrum, and where it is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dispatch, options
from .. import fft as _fft
from ..errors import ArrayTypeError
from ..fft._call import lower
from ..kernels.detrend import Trend
from ..kernels.fft import flops
from ..kernels.kernel import Kernel
from ..kernels.tapered import Windows, apply_window, centred_axes
from ..kernels.twosided import points_of
from ._arguments import (
    axes_of,
    check_choice,
    fft_engine,
    floating,
    is_complex,
    scale_of,
    spacings,
    windows_of,
)
from ._detrend import detrend_cut

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
    from ..graph.dask import spec_of
    from ..graph.power import plan_on_whole
    from ..graph.stages import Work

    options.make_placement_effective()
    spec = spec_of(x)
    work = None
    if kernel is not None:
        lengths = tuple(x.shape[a] for a in how.axes)
        count = flops(lengths, math.prod(x.shape), real=not is_complex(x))
        work = Work(kernel, (*how.parameters.items(), *fft_engine(x).items()), flops=count)
    plan = plan_on_whole(
        spec,
        work,
        axes=how.axes,
        points=tuple(how.points(x.shape)[a] for a in how.axes),
        dtype=str(np.dtype(dtype)),
        itemsize=np.dtype(dtype).itemsize,
        machine=options.machine(),
        operation=operation,
    )
    return None if plan is None else lower(x, plan)


def prepared(x: Any, how: Treatment) -> tuple[Any, bool]:
    """Data with cut axes less their trend and times the window, in their chunks.

    And whether the zero frequency of the spectrum has to be set to 0: the mean of data without a
    window is in no other, so that they need not be read twice.
    """
    has_window = any(w is not None for w in how.windows)
    zero_mean = how.detrend == "constant" and not has_window
    if how.detrend is not None and not zero_mean:
        x = detrend_cut(x, how.axes, how.detrend, operation="detrend")
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
