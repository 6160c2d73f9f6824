"""Spectral analysis and filters by dimension name."""

from ._convolve import fftconvolve
from ._filter import filter_frequencies
from ._hilbert import hilbert
from ._spectrum import power_spectrum

__all__ = ["fftconvolve", "filter_frequencies", "hilbert", "power_spectrum"]
