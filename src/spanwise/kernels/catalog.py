"""Imports every module that defines kernels, so that a worker finds each by its name."""

from . import blocks, fft, hermitian, lloyd, response, spectrum, survey, zoom

__all__ = ["blocks", "fft", "hermitian", "lloyd", "response", "spectrum", "survey", "zoom"]
