"""All workloads, by name."""

from __future__ import annotations

from . import (
    clustering,
    filters,
    fourier,
    graphs,
    isotropic,
    labelled,
    lines,
    outofcore,
    placement,
    precision,
    regimes,
    seeds,
    segments,
    spectra,
    steps,
    storedfit,
    storedspectrum,
)
from .workload import Family, Workload

MODULES = (
    fourier,
    spectra,
    isotropic,
    segments,
    lines,
    filters,
    graphs,
    placement,
    outofcore,
    storedspectrum,
    clustering,
    seeds,
    steps,
    precision,
    storedfit,
    regimes,
    labelled,
)
"""Where workloads are defined, in the order in which they are run."""

WORKLOADS: dict[str, Workload] = {w.name: w for module in MODULES for w in module.WORKLOADS}
FAMILIES: tuple[Family, ...] = (seeds.FAMILY, steps.FAMILY)
