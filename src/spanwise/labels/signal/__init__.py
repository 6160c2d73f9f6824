"""Spectral analysis and filters by dimension name."""

from ._cross import cross_phase, cross_spectrum
from ._filter import filter_frequencies
from ._isotropic import isotropic_cross_spectrum, isotropic_power_spectrum
from ._isotropize import isotropize
from ._loglog import fit_loglog
from ._spectrum import power_spectrum

__all__ = [
    "cross_phase",
    "cross_spectrum",
    "filter_frequencies",
    "fit_loglog",
    "isotropic_cross_spectrum",
    "isotropic_power_spectrum",
    "isotropize",
    "power_spectrum",
]
