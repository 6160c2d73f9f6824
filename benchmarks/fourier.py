"""Workloads of `spanwise.fft`.

A transform is as large as its input, so that its answer is a reduction: each chunk of the result
is summed in its own task, and the in-memory peers sum the same blocks on as many threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import dask
import dask.array as da
import numpy as np
import scipy.fft

import spanwise as sw

from .workload import THREADS, Agreement, Peer, Workload

ERROR = 1e-5
"""Tolerance of sums over float32 transforms: 1e-6 of each, and the rounding of the sums."""

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """White noise in float32, in memory and as a Dask array of the same memory."""

    memory: np.ndarray
    """The elements."""
    chunked: da.Array
    """Views of them, or copies, as a store would give them."""


def make_field(
    *, shape: tuple[int, ...], chunks: tuple[int, ...], stored: bool = False, seed: int
) -> Field:
    """White noise of a shape; the chunks are views, or fresh copies of what is ``stored``."""
    memory = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    name = f"field-{seed}-{shape}-{chunks}"
    chunked = da.from_array(memory, chunks=chunks, name=name)
    return Field(memory, chunked.map_blocks(np.copy) if stored else chunked)


def magnitude(block: np.ndarray, axes: Axes) -> np.ndarray:
    """Sum of absolute values over some axes."""
    return np.abs(block).sum(axis=axes, keepdims=True, dtype=np.float64)


def power(block: np.ndarray, axes: Axes) -> np.ndarray:
    """Sum of squared absolute values over some axes."""
    squares = np.square(np.real(block))
    squares += np.square(np.imag(block))
    return squares.sum(axis=axes, keepdims=True, dtype=np.float64)


Reduction = Callable[[np.ndarray, Axes], np.ndarray]


def reduce_chunks(y: da.Array, reduction: Reduction, axes: Axes) -> np.ndarray:
    """Reduce each chunk in its own task, then the small sums of all chunks."""
    chunks = tuple((1,) * len(c) if i in axes else c for i, c in enumerate(y.chunks))
    sums = y.map_blocks(reduction, axes, chunks=chunks, dtype=np.float64)
    return sums.compute().sum(axis=axes)


def reduce_memory(y: np.ndarray, reduction: Reduction, axes: Axes, blocks: int) -> np.ndarray:
    """The same of an array in memory: blocks along the first axis, on as many threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        sums = list(pool.map(lambda block: reduction(block, axes), np.array_split(y, blocks)))
    return np.concatenate(sums).sum(axis=axes)


def same_sums(data: Field, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare two reductions, element by element."""
    del data
    return Agreement(float(np.abs(ours / theirs - 1).max()), ERROR)


fft2_scipy = da.fft.fft_wrap(scipy.fft.fft2, dtype=np.complex64)
fft_scipy = da.fft.fft_wrap(scipy.fft.fft, dtype=np.complex64)
rfft_scipy = da.fft.fft_wrap(scipy.fft.rfft, dtype=np.complex64)

PLANES = {
    "full": {"shape": (64, 1024, 1024), "chunks": (4, 1024, 1024)},
    "toy": {"shape": (8, 64, 48), "chunks": (3, 64, 48)},
}
CUBE = {
    "full": {"shape": (512, 512, 512), "chunks": (32, 512, 512)},
    "toy": {"shape": (24, 24, 24), "chunks": (6, 24, 24)},
}


def fft2_by(transform: Callable[..., da.Array]) -> Callable[[Field], np.ndarray]:
    """Transform planes of chunks; sum the magnitude of each plane."""
    return lambda x: reduce_chunks(transform(x.chunked, axes=(1, 2)), magnitude, (1, 2))


def fft2_memory(x: Field) -> np.ndarray:
    """Transform all planes at once."""
    y = np.asarray(scipy.fft.fft2(x.memory, axes=(1, 2), workers=THREADS))
    return reduce_memory(y, magnitude, (1, 2), x.chunked.numblocks[0])


def low_pass(shape: tuple[int, ...]) -> np.ndarray:
    """A Gaussian response over the half spectrum of planes, of a tenth of the highest frequency."""
    f = np.fft.fftfreq(shape[-2])[:, None]
    g = np.fft.rfftfreq(shape[-1])
    return np.exp(-(f**2 + g**2) / (2 * 0.05**2)).astype(np.float32)


def smoothing_by(forward: Any, inverse: Any) -> Callable[[Field], np.ndarray]:
    """Smooth planes of chunks; sum the magnitude of each plane."""

    def run(x: Field) -> np.ndarray:
        spectrum = forward(x.chunked, axes=(1, 2)) * low_pass(x.memory.shape)
        smooth = inverse(spectrum, s=x.memory.shape[1:], axes=(1, 2))
        return reduce_chunks(smooth, magnitude, (1, 2))

    return run


def smoothing_memory(x: Field) -> np.ndarray:
    """Smooth all planes at once, in place where SciPy can."""
    y = scipy.fft.rfft2(x.memory, axes=(1, 2), workers=THREADS)
    y *= low_pass(x.memory.shape)
    shape = x.memory.shape[1:]
    z = np.asarray(scipy.fft.irfft2(y, s=shape, axes=(1, 2), workers=THREADS, overwrite_x=True))
    return reduce_memory(z, magnitude, (1, 2), x.chunked.numblocks[0])


def fftn_ours(x: Field) -> np.ndarray:
    """Transform a cube along all axes, one of them cut; sum the magnitude of planes."""
    return reduce_chunks(sw.fft.fftn(x.chunked), magnitude, (0, 1))


def fftn_by(fft2: Any, fft: Any) -> Callable[[Field], np.ndarray]:
    """Transform the whole axes, make the first whole at the cost of the second, transform it."""

    def run(x: Field) -> np.ndarray:
        rows = x.chunked.chunksize[0]
        y = fft2(x.chunked, axes=(1, 2))
        y = fft(y.rechunk((x.memory.shape[0], rows, x.memory.shape[2])), axis=0)
        return reduce_chunks(y, magnitude, (0, 1))

    return run


def fftn_memory(x: Field) -> np.ndarray:
    """Transform the cube at once."""
    y = np.asarray(scipy.fft.fftn(x.memory, workers=THREADS))
    return reduce_memory(y, magnitude, (0, 1), x.chunked.numblocks[0])


def dctn_block(block: np.ndarray, axes: Axes) -> np.ndarray:
    """Cosine transform of a chunk along axes that it holds whole."""
    return np.asarray(scipy.fft.dctn(block, axes=axes))


def dctn_ours(x: Field) -> np.ndarray:
    """Cosine transform of a cube along all axes, one of them cut; sum the magnitude of planes."""
    return reduce_chunks(sw.fft.dctn(x.chunked), magnitude, (0, 1))


def dctn_blocks(x: Field) -> np.ndarray:
    """The whole axes chunk by chunk, the first one after `rechunk`."""
    y = x.chunked.map_blocks(dctn_block, (1, 2), dtype=np.float32)
    y = y.rechunk((x.memory.shape[0], x.chunked.chunksize[0], x.memory.shape[2]))
    return reduce_chunks(y.map_blocks(dctn_block, (0,), dtype=np.float32), magnitude, (0, 1))


def dctn_memory(x: Field) -> np.ndarray:
    """Transform the cube at once."""
    y = np.asarray(scipy.fft.dctn(x.memory, workers=THREADS))
    return reduce_memory(y, magnitude, (0, 1), x.chunked.numblocks[0])


def shift_by(fftshift: Callable[..., da.Array]) -> Callable[[Field], np.ndarray]:
    """Shift along both cut axes; sum along each of them."""

    def run(x: Field) -> np.ndarray:
        y = fftshift(x.chunked)
        sums = dask.compute(*(y.sum(axis=axis, dtype=np.float64) for axis in (0, 1)))
        return np.concatenate(sums)

    return run


def shift_memory(x: Field) -> np.ndarray:
    """Shift at once, on one thread."""
    y = scipy.fft.fftshift(x.memory)
    return np.concatenate([y.sum(axis=axis, dtype=np.float64) for axis in (0, 1)])


def close_sums(data: Field, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    """Compare sums of either sign."""
    del data
    return Agreement(float(np.abs(ours - theirs).max() / np.abs(theirs).max()), ERROR)


def spectrum_ours(x: Field) -> np.ndarray:
    """Power at each frequency of the cut axis, summed over the others."""
    return reduce_chunks(sw.fft.rfft(x.chunked, axis=0), power, (1, 2))


def spectrum_by(rfft: Any, chunks: Any) -> Callable[[Field], np.ndarray]:
    """Make time whole by `rechunk`; the other axes as ``chunks`` has them."""

    def run(x: Field) -> np.ndarray:
        whole = x.chunked.rechunk((-1, *chunks(x)))
        return reduce_chunks(rfft(whole, axis=0), power, (1, 2))

    return run


def spectrum_memory(x: Field) -> np.ndarray:
    """Power from one transform of all series."""
    y = np.asarray(scipy.fft.rfft(x.memory, axis=0, workers=THREADS))
    return reduce_memory(y, power, (1, 2), x.chunked.numblocks[0])


def auto(x: Field) -> tuple[str, str]:
    """Chunks as Dask chooses them."""
    del x
    return "auto", "auto"


def equal(x: Field) -> tuple[int, int]:
    """As many chunks as before, cut along latitude."""
    _, latitude, longitude = x.memory.shape
    return -(-latitude // x.chunked.numblocks[0]), longitude


def by_kernel(kernel: str, workload: Workload) -> Workload:
    """The same, our side by an optional FFT kernel."""
    summary = f"{workload.summary}; by the kernel {kernel}"
    return replace(workload, name=f"{workload.name}-{kernel}", summary=summary, kernel=kernel)


_OWN = (
    Workload(
        name="fft2",
        summary="fft2 of float32 planes, 4 to a chunk; each result chunk summed in place",
        sizes=PLANES,
        make=make_field,
        ours=fft2_by(sw.fft.fft2),
        peers=(
            Peer("dask.array.fft.fft2", fft2_by(da.fft.fft2), floor=5),
            Peer("dask fft_wrap(scipy.fft.fft2)", fft2_by(fft2_scipy)),
            Peer("scipy.fft.fft2, in memory", fft2_memory, floor=1.1),
        ),
        check=same_sums,
    ),
    Workload(
        name="smoothing",
        summary="rfft2, Gaussian mask, irfft2 of float32 planes; each result chunk summed in place",
        sizes=PLANES,
        make=make_field,
        ours=smoothing_by(sw.fft.rfft2, sw.fft.irfft2),
        peers=(
            Peer("dask.array.fft.rfft2, irfft2", smoothing_by(da.fft.rfft2, da.fft.irfft2)),
            Peer("scipy.fft.rfft2, irfft2, in memory", smoothing_memory, floor=1.5),
        ),
        check=same_sums,
    ),
    Workload(
        name="fftn",
        summary="fftn of a float32 cube over all axes, the first one cut; result chunks summed",
        sizes=CUBE,
        make=make_field,
        ours=fftn_ours,
        peers=(
            Peer("rechunk + dask.array.fft", fftn_by(da.fft.fft2, da.fft.fft), floor=4),
            Peer("rechunk + dask fft_wrap(scipy.fft)", fftn_by(fft2_scipy, fft_scipy)),
            Peer("scipy.fft.fftn, in memory", fftn_memory, floor=0.85),
        ),
        check=same_sums,
    ),
    Workload(
        name="dctn",
        summary="dctn of the same cube, type 2",
        sizes=CUBE,
        make=make_field,
        ours=dctn_ours,
        peers=(
            Peer("map_blocks(scipy.fft.dctn) + rechunk", dctn_blocks),
            Peer("scipy.fft.dctn, in memory", dctn_memory),
        ),
        check=same_sums,
    ),
    Workload(
        name="fftshift",
        summary="fftshift of float32 along two cut axes, not by whole chunks; summed along each",
        sizes={
            "full": {"shape": (15_000, 15_000), "chunks": (1_000, 1_000)},
            "toy": {"shape": (150, 150), "chunks": (10, 10)},
        },
        make=make_field,
        ours=shift_by(sw.fft.fftshift),
        peers=(
            Peer("dask.array.fft.fftshift", shift_by(da.fft.fftshift)),
            Peer("scipy.fft.fftshift, in memory", shift_memory),
        ),
        check=close_sums,
    ),
    Workload(
        name="spectrum",
        summary="power spectrum along time, the cut axis, of float32 maps that are read as copies; "
        "summed over the maps",
        sizes={
            "full": {"shape": (2920, 180, 360), "chunks": (73, 180, 360), "stored": True},
            "toy": {"shape": (60, 12, 18), "chunks": (9, 12, 18), "stored": True},
        },
        make=make_field,
        ours=spectrum_ours,
        peers=(
            Peer("rechunk('auto') + dask.array.fft.rfft", spectrum_by(da.fft.rfft, auto)),
            Peer("rechunk + dask.array.fft.rfft", spectrum_by(da.fft.rfft, equal)),
            Peer("rechunk + dask fft_wrap(scipy.fft.rfft)", spectrum_by(rfft_scipy, equal)),
            Peer("scipy.fft.rfft, in memory", spectrum_memory),
        ),
        check=same_sums,
    ),
)

WORKLOADS = (
    *_OWN,
    *(by_kernel("mkl", w) for w in _OWN if w.name in ("fft2", "smoothing", "fftn")),
)
