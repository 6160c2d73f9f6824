"""What a labelled transform is asked to do beside the transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ArgumentError
from .missing import Fill, check_fill

LONG_NAME = "Fourier transform of "
"""Put before the long name of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How a transform treats data and labels."""

    norm: str | None = None
    """Normalisation, as SciPy's."""
    prefix: str
    """Put before a dimension for its frequencies, taken away by the inverse."""
    spacing_tol: float
    """Relative difference of steps up to which a coordinate counts as evenly spaced."""
    keep_attrs: bool | None
    """As in xarray."""
    shift: bool = True
    """Put the zero frequency in the centre."""
    true_phase: bool | None = True
    """Count the phase from coordinate 0; None (inverse): as the forward transform recorded."""
    true_amplitude: bool | None = True
    """Multiply by the spacing; None (inverse): as the forward transform recorded."""
    lag: float | Mapping[str, float | None] | None = None
    """Coordinate of the central sample of the inverse."""
    detrend: Literal["constant", "linear"] | None = None
    """What is taken away before the transform."""
    window: Any = None
    """What the samples are multiplied by: one window for all dimensions, or a mapping."""
    window_correction: bool = False
    """Divide by the mean of the window."""
    chunks_to_segments: bool = False
    """Transform each chunk by itself."""
    fill: Fill = None
    """What takes the place of NaN."""
    hermitian: bool = False
    """The samples are one half of a Hermitian signal, from its centre on; the spectrum is real."""

    def __post_init__(self) -> None:
        check_fill(self.fill)
        if self.detrend not in (None, "constant", "linear"):
            raise ArgumentError(
                f'detrend={self.detrend!r}: expected "constant" (the mean), "linear" (the '
                "least-squares trend over all transformed dimensions) or None"
            )
        if self.window_correction and self.window is None:
            raise ArgumentError(
                "window_correction=True and window=None: there is no window to correct for; name "
                'one, e.g. window="hann"'
            )

    def windows(self, dims: tuple[str, ...]) -> dict[str, Any]:
        """The window of each dimension that has one."""
        if self.window is None:
            return {}
        if isinstance(self.window, Mapping):
            return {d: self.window[d] for d in dims if self.window.get(d) is not None}
        return dict.fromkeys(dims, self.window)
