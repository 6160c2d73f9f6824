"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._filter import filter_frequencies
from ._spectrum import power_spectrum
from ._windows import get_window

__all__ = ["filter_frequencies", "get_window", "power_spectrum"]
