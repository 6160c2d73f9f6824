"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._convolve import fftconvolve, oaconvolve
from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._filter import filter_frequencies
from ._hilbert import hilbert, hilbert2
from ._spectrum import power_spectrum
from ._windows import get_window

__all__ = [
    "cross_phase",
    "cross_spectrum",
    "detrend",
    "fftconvolve",
    "filter_frequencies",
    "get_window",
    "hilbert",
    "hilbert2",
    "oaconvolve",
    "power_spectrum",
]
