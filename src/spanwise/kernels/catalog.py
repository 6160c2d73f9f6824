"""Imports every module that defines kernels, so that a worker finds each by its name."""

from . import blocks, fft, lloyd, spectrum, survey

__all__ = ["blocks", "fft", "lloyd", "spectrum", "survey"]
