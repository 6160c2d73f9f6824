"""Discrete Fourier transforms, in SciPy's names, on arrays of any library and on Dask arrays.

A Dask array may be cut along any axis, transformed or not. Nothing is computed by a call: on a
Dask array it builds a graph of one task per chunk where the axes are whole, and an exchange of
slices between chunks where they are cut.
"""

from ._backend import backend as backend
from ._frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from ._transforms import (
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
from ._zoom import zoom_fft

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
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
    "rfftfreq",
    "rfftn",
    "zoom_fft",
]
