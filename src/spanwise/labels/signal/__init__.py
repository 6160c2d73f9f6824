"""Spectral analysis and filters by dimension name."""

from ._coherence import coherence, csd
from ._convolve import fftconvolve
from ._cross import cross_phase, cross_spectrum
from ._detrend import detrend
from ._filter import filter_frequencies
from ._harmonics import band_power, harmonics
from ._hilbert import hilbert
from ._isotropic import isotropic_cross_spectrum, isotropic_power_spectrum
from ._isotropize import isotropize
from ._istft import istft
from ._loglog import fit_loglog
from ._segments import periodogram, welch
from ._spectrum import power_spectrum
from ._stft import spectrogram, stft

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
    "harmonics",
    "hilbert",
    "isotropic_cross_spectrum",
    "isotropic_power_spectrum",
    "isotropize",
    "istft",
    "periodogram",
    "power_spectrum",
    "spectrogram",
    "stft",
    "welch",
]
