"""Spectral analysis by dimension name."""

from ._spectrum import power_spectrum

__all__ = ["power_spectrum"]
