"""Workloads of `spanwise.fft` along the only axis of one long series."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import dask.array as da
import numpy as np
import scipy.fft

import spanwise as sw

from .workload import THREADS, Agreement, Peer, Workload

ERROR = 1e-5
"""Tolerance of sums over float32 transforms: 1e-6 of each, and the rounding of the sums."""
BAND = (0.1, 0.1003), 1024
"""Cycles per sample at the ends of the band of the zoom, and how many frequencies it has."""
ZOOM_ERROR = 1e-4
"""Tolerance of the zoom: SciPy's phases lose a bit with each doubling of the length."""


@dataclass(frozen=True)
class Line:
    """White noise in single precision along one axis, in memory and as a Dask array of views."""

    memory: np.ndarray
    """The elements."""
    chunked: da.Array
    """The same in chunks."""
    budget: str | None
    """Memory for our side; a toy would be gathered into one task without."""


def make_line(
    *, points: int, chunks: int, is_real: bool, budget: str | None = None, seed: int
) -> Line:
    """White noise."""
    rng = np.random.default_rng(seed)
    memory = rng.standard_normal(points if is_real else 2 * points, dtype=np.float32)
    if not is_real:
        memory = memory.view(np.complex64)
    name = f"line-{seed}-{points}-{chunks}-{is_real}"
    return Line(memory, da.from_array(memory, chunks=points // chunks, name=name), budget)


def total(block: np.ndarray) -> np.ndarray:
    """Sum of absolute values, as an array of one element."""
    return np.abs(block).sum(dtype=np.float64, keepdims=True)


def sum_chunks(y: da.Array) -> np.ndarray:
    """The sum of absolute values of each chunk, in its own task."""
    return y.map_blocks(total, chunks=((1,) * y.npartitions,), dtype=np.float64).compute()


def on_threads(
    function: Callable[[np.ndarray], np.ndarray], parts: list[np.ndarray]
) -> list[np.ndarray]:
    """A function of parts of an array, on the threads of a side."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, parts))


def planned(function: Callable[..., da.Array], x: Line, **options: str) -> da.Array:
    """One of our transforms, planned for the budget."""
    with sw.set_options(memory=x.budget):
        return function(x.chunked, **options)


def natural(x: Line) -> np.ndarray:
    """All frequencies in order; sums over the chunks of the result."""
    return sum_chunks(planned(sw.fft.fft, x))


def natural_memory(x: Line) -> np.ndarray:
    """Transform at once; sums over as many runs of frequencies."""
    y = np.asarray(scipy.fft.fft(x.memory, workers=THREADS))
    return np.concatenate(on_threads(total, np.split(y, x.chunked.npartitions)))


def decimated(x: Line) -> np.ndarray:
    """Chunk k of P holds every P-th frequency from k on; sums over the chunks."""
    return sum_chunks(planned(sw.fft.fft, x, order="decimated"))


def decimated_memory(x: Line) -> np.ndarray:
    """Transform at once; sums over every P-th frequency, a run of memory at a time."""
    y = np.asarray(scipy.fft.fft(x.memory, workers=THREADS))
    blocks = x.chunked.npartitions
    runs = np.split(y.reshape(-1, blocks), blocks)
    return np.sum(on_threads(lambda run: np.abs(run).sum(axis=0, dtype=np.float64), runs), axis=0)


def half(x: Line) -> np.ndarray:
    """Half a spectrum in order; sums over the chunks of the result."""
    return sum_chunks(planned(sw.fft.rfft, x))


def half_memory(x: Line) -> np.ndarray:
    """Transform at once; sums over the same runs, whose lengths follow from the plan."""
    y = np.asarray(scipy.fft.rfft(x.memory, workers=THREADS))
    ends = np.cumsum((0, *planned(sw.fft.rfft, x).chunks[0])).tolist()
    return np.concatenate(on_threads(total, [y[a:b] for a, b in pairwise(ends)]))


def zoom(x: Line) -> np.ndarray:
    """A narrow band of frequencies."""
    return sw.fft.zoom_fft(x.chunked, *BAND, fs=1).compute()


def zoom_memory(x: Line) -> np.ndarray:
    """The same, after gathering the chunks into memory."""
    import scipy.signal

    return scipy.signal.zoom_fft(x.chunked.compute(), *BAND, fs=1)


def same_sums(x: Line, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare two arrays of sums."""
    del x
    return Agreement(float(np.abs(ours / theirs - 1).max()), ERROR)


def same_band(x: Line, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare two bands."""
    del x
    return Agreement(float(np.abs(ours - theirs).max() / np.abs(theirs).max()), ZOOM_ERROR)


LONG = {"points": 2**27, "chunks": 128, "is_real": False}
SHORT = {"points": 2**14, "chunks": 8, "is_real": False, "budget": "512KiB"}

WORKLOADS = (
    Workload(
        name="fft-decimated",
        summary="fft of one complex64 series, cut along it, with its frequencies in decimated "
        "order; each result chunk summed",
        sizes={"full": LONG, "toy": SHORT},
        make=make_line,
        ours=decimated,
        peers=(Peer("scipy.fft.fft, in memory", decimated_memory, floor=1.8),),
        check=same_sums,
    ),
    Workload(
        name="fft-line",
        summary="the same with its frequencies in natural order",
        sizes={"full": LONG, "toy": SHORT},
        make=make_line,
        ours=natural,
        peers=(Peer("scipy.fft.fft, in memory", natural_memory),),
        check=same_sums,
    ),
    Workload(
        name="rfft-line",
        summary="rfft of one float32 series, cut along it; each result chunk summed",
        sizes={
            "full": {**LONG, "is_real": True},
            "toy": {**SHORT, "is_real": True},
        },
        make=make_line,
        ours=half,
        peers=(Peer("scipy.fft.rfft, in memory", half_memory),),
        check=same_sums,
    ),
    Workload(
        name="zoom",
        summary="1024 frequencies of a narrow band of one float32 series, cut along it",
        sizes={
            "full": {"points": 2**24, "chunks": 64, "is_real": True},
            "toy": {**SHORT, "is_real": True},
        },
        make=make_line,
        ours=zoom,
        peers=(Peer("gathering + scipy.signal.zoom_fft", zoom_memory),),
        check=same_band,
    ),
)
