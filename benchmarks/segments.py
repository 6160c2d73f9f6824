"""Workloads of spectra of segments: a long record in chunks, against SciPy in memory."""

from __future__ import annotations

import numpy as np
import scipy.signal

import spanwise as sw

from .fourier import Field, make_field
from .timing import peak_bytes
from .workload import Agreement, Limit, Peer, Workload

NPERSEG = 4096
ERROR = 1e-5
"""Tolerance of an average of single precision, relative to its largest value."""
PEAK = "peak, chunks"
MOST_CHUNKS = 4.0


def welch_ours(x: Field) -> np.ndarray:
    """The average over the segments of all chunks."""
    return sw.signal.welch(x.chunked, nperseg=NPERSEG)[1].compute()


def welch_memory(x: Field) -> np.ndarray:
    """The same of the array in memory."""
    return scipy.signal.welch(x.memory, nperseg=NPERSEG)[1]


def same_spectrum(data: Field, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare two spectra, and find the memory of our side in a process of its own."""
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    (workload,) = WORKLOADS
    size = next(k for k, v in workload.sizes.items() if v["shape"] == data.memory.shape)
    chunk = data.chunked.chunksize[0] * data.memory.itemsize
    peak = peak_bytes(workload, "ours", size=size) / chunk
    return Agreement(error, ERROR, {PEAK: (peak, float("nan"))})


WORKLOADS = (
    Workload(
        name="welch",
        summary="Welch's average of a float32 record that is read as copies of its chunks, 4096 "
        "samples to a segment",
        sizes={
            "full": {"shape": (2**28,), "chunks": (2**22,), "stored": True},
            "toy": {"shape": (2**17,), "chunks": (2**15 + 77,), "stored": True},
        },
        make=make_field,
        ours=welch_ours,
        peers=(Peer("scipy.signal.welch, in memory", welch_memory, floor=5),),
        check=same_spectrum,
        limits=(Limit(PEAK, MOST_CHUNKS),),
    ),
)
