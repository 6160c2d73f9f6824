"""Spectral analysis by dimension name."""

from ._cross import cross_phase, cross_spectrum
from ._harmonics import band_power, harmonics
from ._segments import coherence, csd, periodogram, welch
from ._spectrum import power_spectrum
from ._stft import istft, spectrogram, stft

__all__ = [
    "band_power",
    "coherence",
    "cross_phase",
    "cross_spectrum",
    "csd",
    "harmonics",
    "istft",
    "periodogram",
    "power_spectrum",
    "spectrogram",
    "stft",
    "welch",
]
