"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._filter import filter_frequencies
from ._spectrum import power_spectrum

__all__ = ["filter_frequencies", "power_spectrum"]
