"""Workloads of filters: convolutions of one long series, bands of labelled data, envelopes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import scipy.signal
import xarray as xr

import spanwise as sw
from spanwise.labels.signal import filter_frequencies

from .fourier import Field, magnitude, make_field, reduce_chunks, same_sums
from .lines import Line, make_line, on_threads, sum_chunks, total
from .lines import same_sums as same_line_sums
from .workload import Agreement, Peer, Workload

BAND = (0.02, 0.2)
"""Cycles per unit of the coordinate, whose samples are half a unit apart."""


@dataclass(frozen=True)
class Record:
    """A series, and the taps of a low-pass filter."""

    line: Line
    """White noise, in memory and in chunks."""
    taps: np.ndarray
    """An odd number of them, so that the result lies on the samples."""


def make_record(*, points: int, chunks: int, taps: int, seed: int) -> Record:
    """White noise in float32."""
    line = make_line(points=points, chunks=chunks, is_real=True, seed=seed)
    return Record(line, np.asarray(scipy.signal.firwin(taps, 0.1), dtype=np.float32))


def convolved(x: Record) -> np.ndarray:
    """Each chunk reads a halo; sums over the chunks of the result."""
    return sum_chunks(sw.signal.oaconvolve(x.line.chunked, x.taps, mode="same"))


def convolved_memory(x: Record) -> np.ndarray:
    """The whole at once, as SciPy does it, which uses one thread."""
    y = np.asarray(scipy.signal.oaconvolve(x.line.memory, x.taps, mode="same"))
    return np.concatenate(on_threads(total, np.split(y, len(x.line.chunked.chunks[0]))))


def convolved_overlap(x: Record) -> np.ndarray:
    """What an expert writes with Dask: SciPy on chunks with their neighbours' ends."""
    y = x.line.chunked.map_overlap(
        lambda block: scipy.signal.oaconvolve(block, x.taps, mode="same"),
        depth=x.taps.size // 2,
        boundary=0,
        dtype=np.float32,
    )
    return sum_chunks(y)


def same_convolution(x: Record, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare two arrays of sums."""
    return same_line_sums(x.line, ours, theirs)


def make_labelled(**size: Any) -> xr.DataArray:
    """White noise in float32 with coordinates."""
    x = make_field(**size).chunked
    coords = {"y": 0.5 * np.arange(x.shape[1]), "x": 0.5 * np.arange(x.shape[2])}
    return xr.DataArray(x, dims=("time", "y", "x"), coords=coords, attrs={"units": "K"})


def band(data: xr.DataArray) -> da.Array:
    """The waves of a band in the plane, lazy."""
    return filter_frequencies(data, ("y", "x"), pass_band=BAND).data


def band_by_xrft(data: xr.DataArray) -> da.Array:
    """Forward, a mask over the frequencies, and back."""
    import xrft  # pyright: ignore[reportMissingImports]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of xarray, on what xrft calls
        spectrum = xrft.fft(data, dim=["y", "x"])
        f = np.hypot(spectrum.freq_y, spectrum.freq_x)
        kept = spectrum * ((f >= BAND[0]) & (f <= BAND[1])).astype(np.float32)
        return xrft.ifft(kept, dim=["freq_y", "freq_x"]).real.data


def summed(function: Callable[[Any], da.Array]) -> Callable[[Any], np.ndarray]:
    """Each result chunk summed in place, plane by plane."""
    return lambda data: reduce_chunks(function(data), magnitude, (1, 2))


def same_planes(data: xr.DataArray, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare sums over each plane."""
    del data
    return Agreement(float(np.abs(ours / theirs - 1).max()), 1e-5)


def envelope(x: Field) -> np.ndarray:
    """Magnitudes of analytic signals, summed line by line."""
    return reduce_chunks(sw.signal.hilbert(x.chunked), magnitude, (1,))


def envelope_scipy(x: Field) -> np.ndarray:
    """SciPy's function on each chunk."""
    y = x.chunked.map_blocks(scipy.signal.hilbert, dtype=np.complex64)
    return reduce_chunks(y, magnitude, (1,))


WORKLOADS = (
    Workload(
        name="oaconvolve",
        summary="one float32 series, cut along it, with a filter of some thousand taps; each "
        "result chunk summed in place",
        sizes={
            "full": {"points": 2**26, "chunks": 64, "taps": 4097},
            "toy": {"points": 2**16, "chunks": 8, "taps": 129},
        },
        make=make_record,
        ours=convolved,
        peers=(
            Peer("scipy.signal.oaconvolve, in memory", convolved_memory),
            Peer("dask.array.map_overlap of scipy.signal.oaconvolve", convolved_overlap),
        ),
        check=same_convolution,
    ),
    Workload(
        name="band-pass",
        summary="labelled band-pass filter of float32 planes, 4 to a chunk; each result chunk "
        "summed in place",
        sizes={
            "full": {"shape": (64, 1024, 1024), "chunks": (4, 1024, 1024)},
            "toy": {"shape": (4, 32, 48), "chunks": (2, 32, 48)},
        },
        make=make_labelled,
        ours=summed(band),
        peers=(
            Peer(
                "xrft.fft, a mask, xrft.ifft",
                summed(band_by_xrft),
                module="xrft",
                requirement="xrft==1.0.1",
            ),
        ),
        check=same_planes,
    ),
    Workload(
        name="envelope",
        summary="magnitude of the analytic signal of float32 lines, some to a chunk; each line "
        "summed in place",
        sizes={
            "full": {"shape": (1024, 2**16), "chunks": (64, 2**16)},
            "toy": {"shape": (16, 1024), "chunks": (4, 1024)},
        },
        make=make_field,
        ours=envelope,
        peers=(Peer("scipy.signal.hilbert in dask.array.map_blocks", envelope_scipy),),
        check=same_sums,
    ),
)
