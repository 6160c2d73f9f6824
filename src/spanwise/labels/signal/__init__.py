"""Spectral analysis and filters by dimension name."""

from ._convolve import fftconvolve
from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._filter import filter_frequencies
from ._hilbert import hilbert
from ._isotropic import isotropic_cross_spectrum, isotropic_power_spectrum
from ._isotropize import isotropize
from ._loglog import fit_loglog
from ._spectrum import power_spectrum

__all__ = [
    "cross_phase",
    "cross_spectrum",
    "detrend",
    "fftconvolve",
    "filter_frequencies",
    "fit_loglog",
    "hilbert",
    "isotropic_cross_spectrum",
    "isotropic_power_spectrum",
    "isotropize",
    "power_spectrum",
]
