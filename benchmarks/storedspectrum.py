"""Spectra along a cut axis that memory cannot hold, from Zarr to Zarr, within a budget.

Sides run as those of `outofcore` do: each in a process of its own, which reports its time, from the
opening of the input until the output has reached the disk, and the most memory that it had
resident. The spectra of a few places are known from SciPy, which is given their series.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dask.array as da
import numpy as np
import scipy.signal
import xarray as xr

import spanwise as sw
from spanwise.labels.signal import power_spectrum

from .outofcore import BUDGET, ERROR, INPUT, OUTPUT, PEAK, SLACK
from .stores import GIB, create, flush, main, run_apart
from .workload import THREADS, Agreement, Limit, Measured, Peer, Workload


@dataclass(frozen=True)
class Stored:
    """Fields on a slope in time, in float32 in an uncompressed Zarr, and a few of their spectra."""

    path: Path
    """The folder of everything, which goes with this value."""
    budget: str
    """Memory for our side."""
    places: np.ndarray
    """Indices on the last two axes, one pair to a row."""
    spectra: np.ndarray
    """The one-sided densities there, one to a column."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.path)


def make_stored(
    *, shape: tuple[int, ...], chunks: tuple[int, ...], budget: str, seed: int
) -> Stored:
    """Write white noise on a slope, in chunks along the first axis."""
    rng = np.random.default_rng(seed)
    places = np.stack([rng.integers(0, n, 4) for n in shape[1:]], axis=1)
    folder = Path(tempfile.mkdtemp(prefix="spanwise-benchmark-"))
    target = create(folder / INPUT, shape, chunks, np.dtype("float32"))

    def write(start: int) -> np.ndarray:
        size = min(chunks[0], shape[0] - start)
        block = np.random.default_rng((seed, start)).standard_normal(
            (size, *shape[1:]), dtype=np.float32
        )
        block += (0.01 * np.arange(start, start + size, dtype=np.float32))[:, None, None]
        target[start : start + size] = block
        return block[:, places[:, 0], places[:, 1]]

    with ThreadPoolExecutor(THREADS) as pool:
        series = np.concatenate(list(pool.map(write, range(0, shape[0], chunks[0]))))
    flush(folder / INPUT)
    _, spectra = scipy.signal.periodogram(
        series.astype(np.float64), window="hann", detrend="linear", axis=0
    )
    return Stored(folder, budget, places, spectra)


def spectra(folder: Path, budget: str) -> float:
    """Our side: seconds from opening the input until the output is on the disk."""
    start = time.perf_counter()
    with sw.set_options(memory=budget, temporary_store=str(folder)):
        x = xr.DataArray(da.from_zarr(str(folder / INPUT)), dims=("time", "y", "x"))
        how = {"window": "hann", "window_correction": True, "detrend": "linear"}
        y = power_spectrum(x, "time", real_dim="time", **how).data
        chunks = tuple(sizes[0] for sizes in y.chunks)
        da.store(y, create(folder / OUTPUT, y.shape, chunks, y.dtype), lock=False)
    flush(folder / OUTPUT)
    return time.perf_counter() - start


def copy(folder: Path, budget: str) -> float:
    """The peer: seconds of copying input and output."""
    del budget
    taken = 0.0
    for name in (INPUT, OUTPUT):
        start = time.perf_counter()
        x = da.from_zarr(str(folder / name))
        da.store(x, create(folder / f"copy-{name}", x.shape, x.chunksize, x.dtype), lock=False)
        flush(folder / f"copy-{name}")
        taken += time.perf_counter() - start
    return taken


SIDES = {"ours": spectra, "copy": copy}


def isolated(side: str, x: Stored, result: Path) -> Measured:
    """Run a side in a fresh process, and read a few spectra of what it wrote."""
    import zarr

    for name in (INPUT, OUTPUT):
        flush(x.path / name)
    measured = run_apart(__name__, side, x.path, x.budget)
    values = {PEAK: measured["peak"] / GIB, "RSS before, GiB": measured["before"] / GIB}
    written = zarr.open_array(str(result), mode="r")
    lines = np.stack([written[:, a, b] for a, b in x.places], axis=1)
    return Measured(lines, measured["seconds"], values)


def ours(x: Stored) -> Measured:
    """The spectra of all places into another Zarr."""
    shutil.rmtree(x.path / OUTPUT, ignore_errors=True)
    return isolated("ours", x, x.path / OUTPUT)


def copies(x: Stored) -> Measured:
    """Copy input and output; the copies go afterwards."""
    measured = isolated("copy", x, x.path / f"copy-{OUTPUT}")
    for name in (INPUT, OUTPUT):
        shutil.rmtree(x.path / f"copy-{name}")
    return measured


def known_spectra(x: Stored, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare our spectra with those that are known, and the copies with what was copied."""
    error = np.abs(ours - x.spectra).max() / np.abs(x.spectra).max()
    return Agreement(float(error) if np.array_equal(ours, theirs) else float("inf"), ERROR)


WORKLOADS = (
    Workload(
        name="power-spectrum-stored",
        summary="one-sided power spectrum along the cut first axis of a float32 Zarr, with "
        "window and linear detrend, into another Zarr, both uncompressed, within a budget; the "
        "copies are made of input and output",
        sizes={
            "full": {"shape": (2048, 1024, 1024), "chunks": (16, 1024, 1024), "budget": BUDGET},
            "toy": {"shape": (64, 64, 64), "chunks": (8, 64, 64), "budget": "1MiB"},
        },
        make=make_stored,
        ours=ours,
        peers=(Peer("copying both, Dask and Zarr", copies, None, "zarr", "zarr"),),
        check=known_spectra,
        limits=(Limit(PEAK, 1.5 + SLACK / GIB),),
        costly=True,
    ),
)


if __name__ == "__main__":
    main(SIDES, ("spanwise.labels.signal", "zarr"))
