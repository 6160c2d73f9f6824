"""Spectral analysis by dimension name."""

from ._isotropic import isotropic_power_spectrum, isotropize
from ._loglog import fit_loglog
from ._spectrum import power_spectrum

__all__ = ["fit_loglog", "isotropic_power_spectrum", "isotropize", "power_spectrum"]
