"""In the place of cupy.cuda.thrust, which is machine code for cards: sorts by NumPy."""

import ctypes

import numpy as np
from numpy.typing import DTypeLike

available = True
_runtime = ctypes.CDLL("libcudart.so.13")


def get_build_version() -> int:
    """Thrust's version."""
    return 300000


def _array(address: int, dtype: DTypeLike, shape: tuple[int, ...]) -> np.ndarray:
    """The device's memory as an array of the host, once all work is done."""
    _runtime.emu_drain_all()
    dtype = np.dtype(dtype)
    raw = (ctypes.c_char * (int(np.prod(shape)) * dtype.itemsize)).from_address(address)
    return np.frombuffer(memoryview(raw), dtype=dtype).reshape(shape)


def sort(dtype: DTypeLike, data: int, keys: int, shape: tuple[int, ...]) -> None:
    """Sorts the last axis in place."""
    _array(data, dtype, shape).sort(axis=-1, kind="stable")


def lexsort(dtype: DTypeLike, out: int, keys: int, k: int, n: int) -> None:
    """Writes the order of n columns of k keys, the last of which counts most."""
    _array(out, np.intp, (n,))[...] = np.lexsort(_array(keys, dtype, (k, n)))


def argsort(dtype: DTypeLike, out: int, data: int, keys: int, shape: tuple[int, ...]) -> None:
    """Writes the order of the last axis, and sorts the data."""
    values = _array(data, dtype, shape)
    _array(out, np.intp, shape)[...] = np.argsort(values, axis=-1, kind="stable")
    values.sort(axis=-1, kind="stable")
