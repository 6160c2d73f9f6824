"""FFT of a NumPy block by ducc0, which writes into memory that it is given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import buffers
from ..fft import result_dtype
from .halves import by_half
from .parts import batch, held_and_result, is_paged, parts, spaced_rows, threads_of

_FORWARD = frozenset({"fft", "rfft", "hfft"})
_PART_BYTES = 2**21
"""Real data and half spectra are transformed in parts that stay in cache."""
_ROW_BYTES = 2**18
"""The last step to real data is made in parts of this size."""
# ducc0 counts: 0 no factor, 1 1/sqrt(n), 2 1/n. A norm names the direction that has the factor.
_FACTOR = {None: 0, "backward": 0, "ortho": 1, "forward": 2}


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
    """Transform one block; see :data:`spanwise.kernels.fft.fft`."""
    ducc = _ducc0()
    dtype = result_dtype(kind, x.dtype)
    held, shape = held_and_result(kind, x.shape, axes, lengths)
    takes = np.result_type(dtype, np.complex64)
    if kind not in ("irfft", "hfft") and x.dtype.kind != "c":
        takes = takes.type(0).real.dtype
    if x.dtype != takes or x.shape != held:
        x = buffers.copied(x, held, takes)
        overwrite = True
    if math.prod(shape) == 0:
        return np.empty(shape, dtype)
    overwrite = overwrite and x.flags.writeable
    factor = _FACTOR[norm]
    options: dict[str, Any] = {
        "axes": axes,
        "forward": kind in _FORWARD,
        "inorm": factor if kind in _FORWARD else 2 - factor,
        "nthreads": threads_of(workers),
    }
    size = dtype.itemsize * math.prod(shape)
    # Parts cut behind the transformed axes would be columns; several threads share a whole block.
    is_cut = max(axes) == x.ndim - 1 and size >= buffers.SMALLEST and options["nthreads"] == 1
    if is_cut and kind in ("fft", "ifft") and x.dtype.kind != "c":
        return _of_real(ducc, x, shape, dtype, options)
    in_place = kind in ("fft", "ifft") and overwrite and x.dtype == dtype
    out = x if in_place else buffers.empty(shape, dtype)
    if kind in ("fft", "ifft"):
        return ducc.c2c(x, out=out, **options)
    if kind in ("rfft", "ihfft"):
        return _to_half(ducc, x, out, options) if is_cut else ducc.r2c(x, out=out, **options)
    if is_cut:
        return _to_real(ducc, x, out, options)
    return ducc.c2r(x, lastsize=lengths[-1], out=out, allow_overwriting_input=overwrite, **options)


def _to_real(ducc: Any, x: np.ndarray, out: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """Half a spectrum to real data, in parts: the other axes in place, then the last by rows."""
    axes = options["axes"]
    *others, last = axes
    size = {"lastsize": out.shape[last], "allow_overwriting_input": True}
    spectrum: np.ndarray | None = None
    for part in parts(out.shape, axes, out.itemsize, _PART_BYTES):
        taken = x[batch(part, axes)]
        # Columns of what comes straight from memory are slow to read.
        room = spaced_rows(taken.shape, x.dtype) if spectrum is None else spectrum
        spectrum = buffers.copied(taken, taken.shape, x.dtype, into=room)
        if others:
            ducc.c2c(spectrum, out=spectrum, **{**options, "axes": tuple(others)})
        _rows_to_real(ducc, spectrum, out[part], {**options, **size, "axes": (last,)})
    return out


def _rows_to_real(ducc: Any, x: np.ndarray, out: np.ndarray, options: dict[str, Any]) -> None:
    """The last step, by way of rows that are no pages apart."""
    (last,) = options["axes"]
    rows: np.ndarray | None = None
    for part in parts(out.shape, (last,), out.itemsize, _ROW_BYTES):
        target = out[part]
        if rows is None or rows.shape != target.shape:
            rows = spaced_rows(target.shape, out.dtype)
        ducc.c2r(x[batch(part, (last,))], out=rows, **options)
        target[...] = rows


def _of_real(
    ducc: Any, x: np.ndarray, shape: tuple[int, ...], dtype: np.dtype, options: dict[str, Any]
) -> np.ndarray:
    """A complex transform of real data, of which ducc0 computes half."""
    axes = options["axes"]
    if dtype == np.complex64 and is_paged(shape, axes, dtype):

        def half(part: np.ndarray, _: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
            return _half(ducc, part, {**options, "axes": order})

        return by_half(x, shape, dtype, axes, half)
    out = buffers.empty(shape, dtype)
    for part in parts(shape, axes, dtype.itemsize, _PART_BYTES):
        ducc.c2c(x[part], out=out[part], **options)
    return out


def _to_half(ducc: Any, x: np.ndarray, out: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """Real data to half a spectrum, in parts."""
    axes = options["axes"]
    for part in parts(out.shape, axes, out.itemsize, _PART_BYTES):
        _half(ducc, x[batch(part, axes)], options, out=out[part])
    return out


def _half(
    ducc: Any, x: np.ndarray, options: dict[str, Any], out: np.ndarray | None = None
) -> np.ndarray:
    """Half a spectrum; axis after axis is faster than all in one call."""
    *others, last = options["axes"]
    spectrum = ducc.r2c(x, out=out, **{**options, "axes": (last,)})
    if others:
        ducc.c2c(spectrum, out=spectrum, **{**options, "axes": tuple(others)})
    return spectrum


def _ducc0() -> Any:
    try:
        import ducc0.fft
    except ImportError:
        from ...errors import MissingDependencyError

        raise MissingDependencyError(
            "the kernel 'ducc0' of fft_kernel needs the package ducc0: "
            'python -m pip install "spanwise[fast]"'
        ) from None
    return ducc0.fft
