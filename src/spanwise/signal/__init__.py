"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._filter import filter_frequencies
from ._isotropic import (
    isotropic_bins,
    isotropic_cross_spectrum,
    isotropic_power_spectrum,
)
from ._loglog import fit_loglog
from ._spectrum import power_spectrum
from ._windows import get_window

__all__ = [
    "cross_phase",
    "cross_spectrum",
    "detrend",
    "filter_frequencies",
    "fit_loglog",
    "get_window",
    "isotropic_bins",
    "isotropic_cross_spectrum",
    "isotropic_power_spectrum",
    "power_spectrum",
]
