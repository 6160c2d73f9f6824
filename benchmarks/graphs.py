"""Graphs of many chunks: what a call costs before anything is computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import dask
import dask.array as da
import numpy as np

import spanwise as sw

from .workload import Agreement, Limit, Measured, Peer, Workload

ERROR = 1e-5
"""Tolerance of single values of a float32 transform, relative to the largest of them."""
CALL, TASKS = "call, s", "tasks"


@dataclass(frozen=True)
class Series:
    """Short series in many chunks."""

    memory: np.ndarray
    """The elements."""
    chunks: tuple[int, int]
    """Series to a chunk, and their length."""

    def chunked(self) -> da.Array:
        """A new Dask array: layers keep the graphs that were made of them."""
        return da.from_array(self.memory, chunks=self.chunks, name="series")


def make_series(*, chunks: int, series: int, points: int, seed: int) -> Series:
    """White noise in float32."""
    rng = np.random.default_rng(seed)
    memory = rng.standard_normal((chunks * series, points), dtype=np.float32)
    return Series(memory, (series, points))


def build(fft: Callable[..., da.Array], x: Series) -> Measured:
    """Transform the series of each chunk: the call, what optimises it, and the graph of tasks.

    The call is measured apart; the answer is that of the first and the last chunk.
    """
    data = x.chunked()
    start = time.perf_counter()
    y = fft(data, axis=1)
    called = time.perf_counter()
    (optimised,) = dask.optimize(y)
    graph = dict(optimised.__dask_graph__())
    stop = time.perf_counter()
    answer = np.concatenate(dask.compute(y[: x.chunks[0]], y[-x.chunks[0] :]))
    return Measured(answer, stop - called, {CALL: called - start, TASKS: len(graph)})


def ours(x: Series) -> Measured:
    """By spanwise."""
    return build(sw.fft.fft, x)


def dask_fft(x: Series) -> Measured:
    """By Dask."""
    return build(da.fft.fft, x)


def same_values(x: Series, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare the transforms of a few series."""
    del x
    return Agreement(float(np.abs(ours - theirs).max() / np.abs(theirs).max()), ERROR)


WORKLOADS = (
    Workload(
        name="graph",
        summary="the graph of fft along whole axes of very many chunks: seconds to optimise it and "
        "to have its tasks; the call itself is limited apart",
        sizes={
            "full": {"chunks": 100_000, "series": 2, "points": 8},
            "toy": {"chunks": 50, "series": 2, "points": 8},
        },
        make=make_series,
        ours=ours,
        peers=(Peer("dask.array.fft.fft", dask_fft, floor=1),),
        check=same_values,
        limits=(Limit(CALL, 0.1),),
    ),
)
