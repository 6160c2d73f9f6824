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
from ._hankel import fht, ifht
from ._hermitian import hfft, hfft2, hfftn, ihfft, ihfft2, ihfftn
from ._pad import pad, unpad
from ._shift import fftshift, ifftshift
from ._trigonometric import dct, dctn, dst, dstn, idct, idctn, idst, idstn
from ._zoom import zoom_fft

__all__ = [
    "dct",
    "dctn",
    "dst",
    "dstn",
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "fht",
    "hfft",
    "hfft2",
    "hfftn",
    "idct",
    "idctn",
    "idst",
    "idstn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ifht",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "pad",
    "rfft",
    "rfft2",
    "rfftn",
    "unpad",
    "zoom_fft",
]
