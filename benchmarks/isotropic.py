"""Workloads of isotropic spectra: the spectrum is added up over rings where it is made."""

from __future__ import annotations

import warnings
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from spanwise.labels.signal import isotropic_power_spectrum

from .fourier import PLANES
from .spectra import HOW, TASKS, make_planes, tasks_per_chunk
from .workload import Agreement, Limit, Peer, Workload

RINGS = {"nfactor": 7, "truncate": False}
_ERROR = 1e-5


def ours(data: xr.DataArray) -> da.Array:
    """The isotropic spectrum by spanwise, lazy."""
    return isotropic_power_spectrum(data, ("y", "x"), **RINGS, **HOW).data


def by_xrft(data: xr.DataArray) -> da.Array:
    """The isotropic spectrum by xrft, lazy."""
    import xrft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of xarray and of truncate=False
        return xrft.isotropic_power_spectrum(data, dim=["y", "x"], **RINGS, **HOW).data


def computed(spectrum: Any) -> Any:
    """Each result, which is small, in memory."""
    return lambda data: spectrum(data).compute()


def same_rings(data: xr.DataArray, one: np.ndarray, other: np.ndarray) -> Agreement:
    """Compare rings, scaled as xrft's before 1.0.2: means times the mean frequency.

    The median of the differences: rounding decides to which of two rings xrft gives a frequency on
    the edge between them.
    """
    made = isotropic_power_spectrum(data[:1], ("y", "x"), **RINGS)
    cell = np.prod([1 / (data.sizes[d] * float(data[d][1] - data[d][0])) for d in ("y", "x")])
    scaled = one * (made.freq_r.spacing / cell / made.modes * made.freq_r).values
    counts = {TASKS: (tasks_per_chunk(ours(data)), tasks_per_chunk(by_xrft(data)))}
    return Agreement(float(np.median(np.abs(scaled / other - 1))), _ERROR, counts)


WORKLOADS = (
    Workload(
        name="isotropic-spectrum",
        summary="labelled isotropic spectrum of float32 planes, 4 to a chunk, with window and "
        "linear detrend",
        sizes=PLANES,
        make=make_planes,
        ours=computed(ours),
        peers=(
            Peer(
                "xrft.isotropic_power_spectrum",
                computed(by_xrft),
                floor=6,
                module="numpy_groupies",
                requirement="xrft==1.0.1 numpy_groupies",
            ),
        ),
        check=same_rings,
        limits=(Limit(TASKS, 2),),
    ),
)
