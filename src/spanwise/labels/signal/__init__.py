"""Spectral analysis and filters by dimension name."""

from ._filter import filter_frequencies
from ._spectrum import power_spectrum

__all__ = ["filter_frequencies", "power_spectrum"]
