"""A transform that memory cannot hold, from Zarr to Zarr, within a budget.

Each side runs in a process of its own, which reports its time, from the opening of the input until
the output has reached the disk, and the most memory that it had resident, interpreter and libraries
included. Before a side starts, what the page cache holds of the input is dropped.

The input is white noise. While it is written, the transform along the last two axes is summed for a
few frequencies, so that a few lines of the result along the first axis are known without it.
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

import spanwise as sw

from .stores import GIB, create, flush, main, run_apart
from .workload import THREADS, Agreement, Limit, Measured, Peer, Workload

ERROR = 1e-5
"""Tolerance of single values of a float32 transform, relative to the largest of them."""
PEAK = "peak RSS, GiB"
SLACK = 400e6
"""Bytes beside the budget: interpreter, libraries, and what is not the plan's."""
BUDGET = "1.5GiB"
INPUT, OUTPUT = "input.zarr", "output.zarr"


@dataclass(frozen=True)
class Stored:
    """White noise in float32 in an uncompressed Zarr, and what is known of its transform."""

    path: Path
    """The folder of everything, which goes with this value."""
    budget: str
    """Memory for our side."""
    pairs: np.ndarray
    """Frequencies on the last two axes, one pair to a row."""
    lines: np.ndarray
    """The transform at these along the first axis."""
    total: float
    """Sum of the last plane of the input."""

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.path)


@dataclass(frozen=True)
class Outcome:
    """What is compared of what a side has written."""

    lines: np.ndarray
    """Lines of the transform along the first axis."""
    total: float
    """Sum of the last plane of the input, or of its copy."""


def make_stored(
    *, shape: tuple[int, ...], chunks: tuple[int, ...], budget: str, seed: int
) -> Stored:
    """Write white noise in chunks along the first axis."""
    rng = np.random.default_rng(seed)
    pairs = np.stack([rng.integers(0, n, 4) for n in shape[1:]], axis=1)
    waves = [
        np.exp(-2j * np.pi / n * np.outer(np.arange(n), k)).astype(np.complex64)
        for n, k in zip(shape[1:], pairs.T, strict=True)
    ]
    folder = Path(tempfile.mkdtemp(prefix="spanwise-benchmark-"))
    target = create(folder / INPUT, shape, chunks, np.dtype("float32"))

    def write(start: int) -> tuple[np.ndarray, float]:
        planes = min(chunks[0], shape[0] - start)
        block = np.random.default_rng((seed, start)).standard_normal(
            (planes, *shape[1:]), dtype=np.float32
        )
        target[start : start + planes] = block
        return plane_sums(block, *waves), float(block[-1].sum(dtype=np.float64))

    with ThreadPoolExecutor(THREADS) as pool:
        sums, totals = zip(*pool.map(write, range(0, shape[0], chunks[0])), strict=True)
    flush(folder / INPUT)
    return Stored(folder, budget, pairs, np.fft.fft(np.concatenate(sums), axis=0), totals[-1])


def plane_sums(block: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The transform of planes at a few frequencies, one to a column of the two waves."""
    real, imaginary = (np.ascontiguousarray(part) for part in (second.real, second.imag))
    rows = block.reshape(-1, block.shape[-1])
    columns = (rows @ real + 1j * (rows @ imaginary)).reshape(*block.shape[:2], -1)
    return np.sum(columns * first, axis=1, dtype=np.complex128)


def transform(folder: Path, budget: str) -> float:
    """Our side: seconds from opening the input until the output is on the disk."""
    start = time.perf_counter()
    with sw.set_options(memory=budget, temporary_store=str(folder)):
        y = sw.fft.fftn(da.from_zarr(str(folder / INPUT)))
        chunks = tuple(sizes[0] for sizes in y.chunks)
        da.store(y, create(folder / OUTPUT, y.shape, chunks, y.dtype), lock=False)
    flush(folder / OUTPUT)
    return time.perf_counter() - start


def copy_twice(folder: Path, budget: str) -> float:
    """The peer: seconds of copying input and output, and of copying them again."""
    del budget
    taken = 0.0
    for _ in range(2):
        for name in (INPUT, OUTPUT):
            copy = folder / f"copy-{name}"
            shutil.rmtree(copy, ignore_errors=True)
            start = time.perf_counter()
            x = da.from_zarr(str(folder / name))
            da.store(x, create(copy, x.shape, x.chunksize, x.dtype), lock=False)
            flush(copy)
            taken += time.perf_counter() - start
    return taken


SIDES = {"ours": transform, "copy": copy_twice}


def isolated(side: str, x: Stored) -> Measured:
    """Run a side in a fresh process."""
    for name in (INPUT, OUTPUT):
        flush(x.path / name)
    measured = run_apart(__name__, side, x.path, x.budget)
    values = {PEAK: measured["peak"] / GIB, "RSS before, GiB": measured["before"] / GIB}
    prefix = "" if side == "ours" else "copy-"
    answer = outcome(x, x.path / (prefix + INPUT), x.path / (prefix + OUTPUT))
    return Measured(answer, measured["seconds"], values)


def outcome(x: Stored, source: Path, result: Path) -> Outcome:
    """Read a few lines of a result, and a plane of the input."""
    import zarr

    spectrum, field = zarr.open_array(str(result), mode="r"), zarr.open_array(str(source), mode="r")
    lines = np.stack([spectrum[:, a, b] for a, b in x.pairs], axis=1)
    return Outcome(lines, float(np.sum(field[-1], dtype=np.float64)))


def ours(x: Stored) -> Measured:
    """Transform the array into another Zarr."""
    shutil.rmtree(x.path / OUTPUT, ignore_errors=True)
    return isolated("ours", x)


def copies(x: Stored) -> Measured:
    """Copy input and output twice; the copies go afterwards."""
    measured = isolated("copy", x)
    for name in (INPUT, OUTPUT):
        shutil.rmtree(x.path / f"copy-{name}")
    return measured


def known_lines(x: Stored, ours: Outcome, theirs: Outcome) -> Agreement:
    """Compare our lines with what is known, and the copies with what was copied."""
    error = np.abs(ours.lines - x.lines).max() / np.abs(x.lines).max()
    is_copied = np.array_equal(ours.lines, theirs.lines) and ours.total == theirs.total == x.total
    return Agreement(float(error) if is_copied else float("inf"), ERROR)


WORKLOADS = (
    Workload(
        name="fftn-stored",
        summary="fftn of a float32 Zarr over all axes into another Zarr, both uncompressed, within "
        "a budget; the copies are made of input and output",
        sizes={
            "full": {"shape": (2048, 1024, 1024), "chunks": (16, 1024, 1024), "budget": BUDGET},
            "toy": {"shape": (64, 64, 64), "chunks": (8, 64, 64), "budget": "1MiB"},
        },
        make=make_stored,
        ours=ours,
        peers=(Peer("copying both twice, Dask and Zarr", copies, 0.5, "zarr", "zarr"),),
        check=known_lines,
        limits=(Limit(PEAK, 1.5 + SLACK / GIB),),
        costly=True,
    ),
)


if __name__ == "__main__":
    main(SIDES, ("spanwise.fft", "zarr"))
