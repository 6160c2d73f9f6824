"""Imports every module that defines kernels, so that a worker finds each by its name."""

from . import blocks as blocks
from . import fft as fft
from . import lloyd as lloyd
from . import spectrum as spectrum
from . import survey as survey
