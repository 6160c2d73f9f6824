"""Spectral analysis by dimension name."""

from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._spectrum import power_spectrum

__all__ = ["cross_phase", "cross_spectrum", "detrend", "power_spectrum"]
