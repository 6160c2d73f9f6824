"""Spectral analysis by dimension name."""

from ._cross import cross_phase, cross_spectrum
from ._spectrum import power_spectrum

__all__ = ["cross_phase", "cross_spectrum", "power_spectrum"]
