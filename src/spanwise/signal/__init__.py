"""Spectral analysis and filters on arrays of any library and on Dask arrays.

Nothing is computed by a call on a Dask array. An array may be cut along any axis.
"""

from ._convolve import fftconvolve, oaconvolve
from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._filter import filter_frequencies
from ._harmonics import band_power, harmonics
from ._hilbert import hilbert, hilbert2
from ._isotropic import isotropic_cross_spectrum, isotropic_power_spectrum
from ._istft import istft
from ._loglog import fit_loglog
from ._periodogram import periodogram
from ._rings import isotropic_bins
from ._spectrum import power_spectrum
from ._stft import spectrogram, stft
from ._welch import coherence, csd, welch
from ._windows import get_window

__all__ = [
    "band_power",
    "coherence",
    "cross_phase",
    "cross_spectrum",
    "csd",
    "detrend",
    "fftconvolve",
    "filter_frequencies",
    "fit_loglog",
    "get_window",
    "harmonics",
    "hilbert",
    "hilbert2",
    "isotropic_bins",
    "isotropic_cross_spectrum",
    "isotropic_power_spectrum",
    "istft",
    "oaconvolve",
    "periodogram",
    "power_spectrum",
    "spectrogram",
    "stft",
    "welch",
]
