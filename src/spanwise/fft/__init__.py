"""Discrete Fourier transforms, in SciPy's names, on arrays of any library and on Dask arrays.

A Dask array may be cut along any axis, transformed or not. Nothing is computed by a call: on a
Dask array it builds a graph of one task per chunk where the axes are whole, and an exchange of
slices between chunks where they are cut.
"""

from ..kernels.engines import register_kernel
from ._backend import backend as backend
from ._frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from ._hankel import fht, fhtoffset, ifht
from ._helpers import next_fast_len, prev_fast_len
from ._transforms import (
    fft,
    fft2,
    fftn,
    hfft,
    hfft2,
    hfftn,
    ifft,
    ifft2,
    ifftn,
    ihfft,
    ihfft2,
    ihfftn,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftn,
)
from ._trigonometric import (
    dct,
    dctn,
    dst,
    dstn,
    idct,
    idctn,
    idst,
    idstn,
)
from ._zoom import zoom_fft

__all__ = [
    "dct",
    "dctn",
    "dst",
    "dstn",
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "fht",
    "fhtoffset",
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
    "next_fast_len",
    "prev_fast_len",
    "register_kernel",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
    "zoom_fft",
]
