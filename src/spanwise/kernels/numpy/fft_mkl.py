"""FFT of a NumPy block by Intel MKL: axis after axis, in parts, where the result has to be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import buffers
from ..fft import result_dtype
from . import dfti, fft_scipy
from .halves import by_half
from .parts import batch, held_and_result, parts, spaced_rows, threads_of

_FORWARD = frozenset({"fft", "rfft", "hfft"})
_PART_BYTES = 2**21
"""Blocks are transformed along several axes in parts that stay in cache."""
_LINE_BYTES = 2**23
"""Lines are transformed in parts of this size, since a call with more of them is faster."""
_POWER = {None: 0.0, "backward": 0.0, "ortho": 0.5, "forward": 1.0}
"""Of 1 over the number of points: the factor forwards. The other direction has the rest."""


def transform(
    x: np.ndarray,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    workers: int | None = 1,
    overwrite: bool = False,
) -> np.ndarray:
    """Transform one block; see :data:`spanwise.kernels.fft.fft`.

    Long doubles, which MKL does not know, are SciPy's.
    """
    dtype = result_dtype(kind, x.dtype)
    if dtype.char not in "fdFD":
        options: dict[str, Any] = {"norm": norm, "workers": workers, "overwrite": overwrite}
        return fft_scipy.transform(x, kind=kind, axes=axes, lengths=lengths, **options)
    held, shape = held_and_result(kind, x.shape, axes, lengths)
    if math.prod(shape) == 0:
        return np.empty(shape, dtype)
    takes = np.result_type(dtype, np.complex64)
    if kind not in ("irfft", "hfft") and x.dtype.kind != "c":
        takes = takes.type(0).real.dtype
    if x.dtype != takes or x.shape != held or not _is_regular(x):
        x, overwrite = buffers.copied(x, held, takes), True
    power = _POWER[norm] if kind in _FORWARD else 1 - _POWER[norm]
    passes = _Passes(axes, kind in _FORWARD, 1 / math.prod(lengths) ** power, threads_of(workers))
    overwrite = overwrite and x.flags.writeable
    if kind in ("irfft", "hfft"):
        return passes.to_real(x, buffers.empty(shape, dtype), overwrite=overwrite)
    if kind in ("rfft", "ihfft"):
        return passes.to_half(x, buffers.empty(shape, dtype))
    # Parts that are cut behind the transformed axes would be columns.
    is_cut = max(axes) == x.ndim - 1 and dtype.itemsize * x.size >= buffers.SMALLEST
    if is_cut and x.dtype != dtype:
        return by_half(x, shape, dtype, axes, passes.half, rows=True)
    return passes.complex(x, x if overwrite and x.dtype == dtype else buffers.empty(shape, dtype))


@dataclass(frozen=True, slots=True)
class _Passes:
    """Axis after axis: the last of them is the real one."""

    axes: tuple[int, ...]
    is_forward: bool
    scale: float
    threads: int

    def complex(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """All axes, in the memory of the result."""
        for part in self._parts(out):
            if out is not x:
                out[part] = x[part]
            self._last(out[part], None)
            self._others(out[part])
        return out

    def to_half(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Real data to half a spectrum: the last axis, then the others in place."""
        for part in self._parts(out):
            self._last(x[batch(part, self.axes)], out[part])
            if not self.is_forward:
                np.conjugate(out[part], out=out[part])
            self._others(out[part])
        return out

    def to_real(self, x: np.ndarray, out: np.ndarray, *, overwrite: bool) -> np.ndarray:
        """Half a spectrum to real data: the other axes in place, then the last."""
        spectrum: np.ndarray | None = None
        for part in self._parts(out):
            taken = x[batch(part, self.axes)]
            if overwrite:
                spectrum = taken
            else:
                room = spaced_rows(taken.shape, x.dtype) if spectrum is None else spectrum
                spectrum = buffers.copied(taken, taken.shape, x.dtype, into=room)
            self._others(spectrum)
            if self.is_forward:
                np.conjugate(spectrum, out=spectrum)
            self._last(spectrum, out[part])
        return out

    def half(self, x: np.ndarray, _: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
        """Half a spectrum of a part of real data, which has the last of these axes halved."""
        shape = list(x.shape)
        shape[axes[-1]] = shape[axes[-1]] // 2 + 1
        out = buffers.empty(tuple(shape), np.result_type(x.dtype, np.complex64))
        return replace(self, axes=axes).to_half(x, out)

    def _parts(self, out: np.ndarray) -> Iterator[tuple[slice, ...]]:
        whole = (*self.axes, *range(max(self.axes) + 1, out.ndim))
        limit = _PART_BYTES if len(self.axes) > 1 else _LINE_BYTES
        return parts(out.shape, whole, out.itemsize, limit)

    def _last(self, x: np.ndarray, out: np.ndarray | None) -> None:
        # MKL takes half a spectrum backwards only, and gives it forwards only.
        is_forward = self.is_forward if out is None else x.dtype.kind != "c"
        dfti.transform(
            x,
            self.axes[-1],
            out=out,
            is_forward=is_forward,
            scale=self.scale,
            threads=self.threads,
        )

    def _others(self, x: np.ndarray) -> None:
        for axis in self.axes[:-1]:
            dfti.transform(x, axis, is_forward=self.is_forward, threads=self.threads)


def _is_regular(x: np.ndarray) -> bool:
    """Whether MKL can be told where the elements are."""
    steps = [step for step, n in zip(x.strides, x.shape, strict=True) if n > 1]
    return x.flags.aligned and all(step > 0 and step % x.itemsize == 0 for step in steps)
