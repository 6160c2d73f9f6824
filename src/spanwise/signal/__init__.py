"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._detrend import detrend
from ._filter import filter_frequencies
from ._spectrum import power_spectrum
from ._stft import istft, spectrogram, stft
from ._welch import coherence, csd, welch
from ._windows import get_window

__all__ = [
    "coherence",
    "csd",
    "detrend",
    "filter_frequencies",
    "get_window",
    "istft",
    "power_spectrum",
    "spectrogram",
    "stft",
    "welch",
]
