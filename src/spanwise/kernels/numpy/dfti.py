"""Transforms of many lines by Intel MKL, through its C interface DFTI.

The wrapper mkl_fft is no way to it. What it does in place is, for MKL, done between two arrays that
happen to be one, of which long lines come out wrong (10^6 points, by 60 times the largest value);
columns between two arrays take twice the time; and it leaves the number of threads to the process.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

# Names and numbers of mkl_dfti.h.
_FORWARD_SCALE, _BACKWARD_SCALE, _TRANSFORMS, _STORAGE, _PLACEMENT = 4, 5, 7, 10, 11
_INPUT_STRIDES, _OUTPUT_STRIDES, _INPUT_DISTANCE, _OUTPUT_DISTANCE = 12, 13, 14, 15
_THREAD_LIMIT, _DESTROY_INPUT = 27, 28
_COMPLEX, _REAL, _COMPLEX_COMPLEX, _IN_PLACE, _NOT_IN_PLACE, _ALLOW = 32, 33, 39, 43, 44, 51
_MEMORY_ERROR = 1

_PLANS = 8
"""Plans that a thread keeps: a smoothing of planes has four."""
_KEPT_POINTS = 2**18
"""Plans of longer lines, whose tables are large, are made anew: that takes less than a line."""
_LARGE = 2**7
"""Points of neighbouring lines that are worth a call of their own, if there are more elsewhere."""


@functools.cache
def find() -> Path | None:
    """Where MKL is, or None: on x86-64 Linux, from the package ``mkl`` or in this environment."""
    if sys.platform != "linux":
        return None
    try:
        files = metadata.files("mkl") or []
    except metadata.PackageNotFoundError:  # conda's package is none of Python's
        files = []
    found = [Path(str(file.locate())) for file in files if file.name.startswith("libmkl_rt.so")]
    found += (Path(sys.prefix) / "lib").glob("libmkl_rt.so*")
    return next((path for path in found if path.exists()), None)


@functools.cache
def _library() -> ctypes.CDLL:
    path = find()
    if path is None:
        from ...errors import MissingDependencyError

        raise MissingDependencyError(
            "the kernel 'mkl' of fft_kernel needs the package mkl (of x86-64 Linux): "
            'python -m pip install "spanwise[mkl]"'
        )
    library = ctypes.CDLL(str(path))
    library.DftiErrorMessage.restype = ctypes.c_char_p
    library.DftiSetValue.argtypes = (ctypes.c_void_p, ctypes.c_int)
    for compute in (library.DftiComputeForward, library.DftiComputeBackward):
        compute.argtypes = (ctypes.c_void_p,) * 3
    return library


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one length, ``many`` at equal distances, in one array or from one to another.

    Steps and distances are counted in elements, of the input and of the output.
    """

    points: int
    many: int
    steps: tuple[int, int]
    apart: tuple[int, int]
    is_single: bool
    is_real: bool
    """Between real data and half a spectrum, from one array to another; else in place."""
    scale: float
    threads: int


class _Plan:
    """What MKL has prepared for some lines. Plans belong to one thread."""

    def __init__(self, lines: Lines) -> None:
        self._handle = ctypes.c_void_p()
        self._library = library = _library()
        names = ("DftiCreateDescriptor_d_1d", "DftiCreateDescriptor_s_1d")
        create = getattr(library, names[lines.is_single])
        domain = _REAL if lines.is_real else _COMPLEX
        self._check(create(ctypes.byref(self._handle), domain, ctypes.c_long(lines.points)))
        if lines.is_real:
            self._set(_STORAGE, _COMPLEX_COMPLEX)
            self._set(_DESTROY_INPUT, _ALLOW)
        self._set(_PLACEMENT, _NOT_IN_PLACE if lines.is_real else _IN_PLACE)
        for name, step in zip((_INPUT_STRIDES, _OUTPUT_STRIDES), lines.steps, strict=True):
            self._set(name, (ctypes.c_long * 2)(0, step))
        self._set(_TRANSFORMS, ctypes.c_long(lines.many))
        for name, apart in zip((_INPUT_DISTANCE, _OUTPUT_DISTANCE), lines.apart, strict=True):
            self._set(name, ctypes.c_long(apart))
        self._set(_FORWARD_SCALE, ctypes.c_double(lines.scale))
        self._set(_BACKWARD_SCALE, ctypes.c_double(lines.scale))
        # Of this plan only: what others of the process have set for MKL stays as it is.
        self._set(_THREAD_LIMIT, ctypes.c_long(lines.threads))
        self._check(library.DftiCommitDescriptor(self._handle))

    def run(self, places: Iterable[tuple[int, int]], *, is_forward: bool) -> None:
        """Transform the lines that begin at some addresses, of the input and of the output."""
        name = "DftiComputeForward" if is_forward else "DftiComputeBackward"
        compute, handle = getattr(self._library, name), self._handle
        for source, target in places:
            self._check(compute(handle, source, target))

    def __del__(self) -> None:
        if self._handle:
            self._library.DftiFreeDescriptor(ctypes.byref(self._handle))

    def _set(self, name: int, value: object) -> None:
        self._check(self._library.DftiSetValue(self._handle, name, value))

    def _check(self, status: int) -> None:
        if status == _MEMORY_ERROR:
            raise MemoryError("MKL has no memory for the plan of a transform")
        if status:
            message = self._library.DftiErrorMessage(ctypes.c_long(status))
            raise RuntimeError(f"MKL: {message.decode()}")


class _Plans(threading.local):
    def __init__(self) -> None:
        self.kept = functools.lru_cache(maxsize=_PLANS)(_Plan)


_PLANS_OF_THREAD = _Plans()


def transform(
    x: np.ndarray,
    axis: int,
    *,
    out: np.ndarray | None = None,
    is_forward: bool,
    scale: float = 1.0,
    threads: int = 1,
) -> None:
    """Transform all lines along an axis, in place or between real data and half a spectrum.

    Both arrays are of single or double precision, aligned, with strides that are positive multiples
    of an element. A spectrum x is spoiled; ``out`` is given if one of the two is real, and shares
    no memory with the other: forwards real data become half a spectrum, backwards it becomes them.
    """
    y = x if out is None else out
    points = max(x.shape[axis], y.shape[axis])
    runs = _runs(x, y, axis)
    large = (i for i, run in enumerate(runs) if run[0] * points >= _LARGE)
    many, *apart = runs.pop(next(large, max(range(len(runs)), key=runs.__getitem__)))
    lines = Lines(
        points,
        many,
        steps=(x.strides[axis] // x.itemsize, y.strides[axis] // y.itemsize),
        apart=(apart[0] // x.itemsize, apart[1] // y.itemsize),
        is_single=x.dtype in (np.float32, np.complex64),
        is_real=out is not None,
        scale=scale,
        threads=threads,
    )
    make = _Plan if points > _KEPT_POINTS else _PLANS_OF_THREAD.kept
    places = (_places(x, [run[:2] for run in runs]), _places(y, [run[::2] for run in runs]))
    make(lines).run(zip(*places, strict=True), is_forward=is_forward)


def _runs(x: np.ndarray, y: np.ndarray, axis: int) -> list[tuple[int, int, int]]:
    """Where lines begin: numbers of them, and the bytes from one to the next in both arrays.

    Neighbours come first, and axes that follow each other in memory are one run.
    """
    runs = [(1, x.itemsize, y.itemsize)]
    others = ((x.shape[i], x.strides[i], y.strides[i]) for i in range(x.ndim) if i != axis)
    for count, step, other in sorted(others, key=lambda run: run[1:]):
        n, inner = runs[-1][0], runs[-1][1:]
        if n == 1:
            runs[-1] = (count, step, other)
        elif (step, other) == (n * inner[0], n * inner[1]):
            runs[-1] = (n * count, *inner)
        elif count > 1:
            runs.append((count, step, other))
    return runs


def _places(x: np.ndarray, runs: list[tuple[int, ...]]) -> Iterable[int]:
    """Addresses in an array of what begins some runs, the inmost last."""
    steps = (range(0, count * step, step) for count, step in reversed(runs))
    start: int = x.__array_interface__["data"][0]
    return (start + sum(offsets) for offsets in itertools.product(*steps))
