"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._filter import filter_frequencies
from ._isotropic import isotropic_bins, isotropic_power_spectrum
from ._loglog import fit_loglog
from ._spectrum import power_spectrum

__all__ = [
    "filter_frequencies",
    "fit_loglog",
    "isotropic_bins",
    "isotropic_power_spectrum",
    "power_spectrum",
]
