"""Imports every module that defines kernels, so that a worker finds each by its name."""

from . import (
    blocks,
    fft,
    fourstep,
    gram,
    hankel,
    hermitian,
    lloyd,
    missing,
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
    "fft",
    "fourstep",
    "gram",
    "hankel",
    "hermitian",
    "lloyd",
    "missing",
    "plusplus",
    "power",
    "response",
    "scatter",
    "spectrum",
    "survey",
    "trigonometric",
    "zoom",
]
