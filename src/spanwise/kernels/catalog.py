"""Imports every module that defines kernels, so that a worker finds each by its name."""

from . import (
    blocks,
    convolve,
    fft,
    fourstep,
    gram,
    hankel,
    hermitian,
    lloyd,
    plusplus,
    power,
    response,
    scatter,
    spectrum,
    survey,
    trigonometric,
    zoom,
)

__all__ = [
    "blocks",
    "convolve",
    "fft",
    "fourstep",
    "gram",
    "hankel",
    "hermitian",
    "lloyd",
    "plusplus",
    "power",
    "response",
    "scatter",
    "spectrum",
    "survey",
    "trigonometric",
    "zoom",
]
