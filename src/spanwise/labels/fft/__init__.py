"""Discrete transforms by dimension name, with frequency coordinates.

The defaults are xrft's: the spectrum is shifted, its phase counts from coordinate 0 and its
amplitude holds the spacing, so that it approximates the Fourier integral::

    X(f) = d sum_j x[j] exp(-2 pi i f t[j])

for samples x[j] at coordinates t[j], a distance d apart, at the frequencies f = k / (n d).
"""

from ._fourier import (
    fft,
    fft2,
    fftn,
    ifft,
    ifft2,
    ifftn,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftn,
)
from ._shift import fftshift, ifftshift

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]
