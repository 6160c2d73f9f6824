"""The discrete Fourier transform of one block, along axes that the block holds whole.

One kernel, ``fft``, serves every complex and real transform::

    kind     transform                              result
    fft      X[k] = sum_j x[j] exp(-2 pi i j k/n)   n points
    ifft     x[j] = 1/n sum_k X[k] exp(+...)        n points
    rfft     fft of real input, k = 0 ... n/2       n//2 + 1 points on the last of the axes
    irfft    inverse of rfft                        n points on the last of the axes, real
    hfft     fft of half a Hermitian signal         n points on the last of the axes, real
    ihfft    inverse of hfft                        n//2 + 1 points on the last of the axes
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from .engines import engine_of
from .kernel import Kernel
from .library import Array, namespace
from .memory import all_but

_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def result_dtype(kind: str, dtype: Any) -> np.dtype:
    """Element type of a transform: the precision of the input is kept, half becomes single.

    >>> result_dtype("fft", "float32"), result_dtype("irfft", "complex128")
    (dtype('complex64'), dtype('float64'))
    """
    dtype = np.dtype(dtype).newbyteorder("=")
    real = dtype.type(0).real.dtype if dtype.kind == "c" else dtype
    if real.kind != "f":
        real = np.dtype("float64")
    elif real == np.float16:
        real = np.dtype("float32")
    return real if kind in ("irfft", "hfft") else np.result_type(real, np.complex64)


def _workspace(in_bytes: int, out_bytes: int) -> int:
    # Padding, cropping and casts copy the input once; the transform itself works in its output.
    return max(in_bytes, out_bytes)


def _device_workspace(in_bytes: int, out_bytes: int) -> int:
    # cuFFT's work area may be as large as the block, beside the copy.
    return 2 * max(in_bytes, out_bytes)


def _generic(
    x: Array,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    workers: int | None = 1,
    overwrite: bool = False,
    engine: str = "",
) -> Array:
    xp = namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "complex floating")):
        x = xp.astype(x, xp.float64)
    elif x.dtype not in _transformable(xp):
        x = xp.astype(x, xp.float32)  # half precision
    if kind not in ("rfft", "ihfft") and xp.isdtype(x.dtype, "real floating"):
        # The standard transforms complex input only; every library promotes inside.
        x = xp.astype(x, xp.complex64 if x.dtype == xp.float32 else xp.complex128)
    if 0 in x.shape:
        return _of_nothing(x, kind, axes, lengths)
    # The transforms of Hermitian signals are those of real ones with the other sign:
    # hfft(x) = n irfft(conj(x)), ihfft(x) = conj(rfft(x)) / n.
    if kind == "hfft":
        return xp.fft.irfftn(xp.conj(x), s=lengths, axes=axes, norm=_SWAPPED[norm])
    if kind == "ihfft":
        return xp.conj(xp.fft.rfftn(x, s=lengths, axes=axes, norm=_SWAPPED[norm]))
    function = getattr(xp.fft, f"{kind}n")
    return function(x, s=lengths, axes=axes, norm=norm or "backward")


def _of_nothing(x: Array, kind: str, axes: tuple[int, ...], lengths: tuple[int, ...]) -> Array:
    """The transform of an empty block: nothing, or that of the zeros which it is padded with.

    Some libraries fail where there are no lines (PyTorch with MKL), or leave the result
    uninitialised where lines are empty (``numpy.fft.irfft``).
    """
    xp = namespace(x)
    points = dict(zip(axes, lengths, strict=True))
    if kind in ("rfft", "ihfft"):
        points[axes[-1]] = lengths[-1] // 2 + 1
    shape = tuple(points.get(a, n) for a, n in enumerate(x.shape))
    is_single = x.dtype in (xp.float32, xp.complex64)
    if kind in ("irfft", "hfft"):
        dtype = xp.float32 if is_single else xp.float64
    else:
        dtype = xp.complex64 if is_single else xp.complex128
    return xp.zeros(shape, dtype=dtype, device=x.device)


def _transformable(xp: ModuleType) -> tuple[Any, ...]:
    return xp.float32, xp.float64, xp.complex64, xp.complex128


def _numpy(
    x: np.ndarray,
    /,
    *,
    workers: int | None = 1,
    overwrite: bool = False,
    engine: str = "scipy",
    **params: Any,
) -> np.ndarray:
    if x.dtype.byteorder not in "=|":
        x, overwrite = x.astype(x.dtype.newbyteorder("=")), True
    return engine_of(engine)(x, workers=workers, overwrite=overwrite, **params)


def untransformed(x: Array, /, *args: Any, axes: tuple[int, ...], **params: Any) -> tuple[int, ...]:
    """The axes that are not transformed, along which a block may be cut."""
    return all_but(*axes, ndim=x.ndim)


fft = Kernel(
    "fft",
    _generic,
    workspace=_workspace,
    device_workspace=_device_workspace,
    in_place=True,
    free_axes=untransformed,
)
"""Transform one block. Parameters: ``kind``, ``axes``, ``lengths`` (after cropping or padding,
one per axis) and ``norm`` as in :func:`scipy.fft.fftn`; real transforms take the last axis.
``workers`` is the number of threads on NumPy blocks: one in a task, since the scheduler runs as
many blocks at a time as there are cores. ``overwrite`` allows the kernel to spoil a block that
nobody else will read. ``engine`` names what transforms NumPy blocks, see
:mod:`spanwise.kernels.engines`; blocks of other libraries have their library's."""

fft.register("numpy", _numpy)
fft.register("cupy", "spanwise.kernels.cupy.fft:transform")


def flops(lengths: tuple[int, ...], points: int, real: bool) -> float:
    """Operations of a transform by the usual count 5 N log2 n (half of it for real input)."""
    return (2.5 if real else 5.0) * points * float(np.sum(np.log2(np.maximum(lengths, 1))))


def axis_to_halve(lengths: Mapping[int, int]) -> int:
    """Which of some axes of real data to compute half of, given their numbers of points.

    The slowest-varying one, since its mirror image is made of whole runs of memory; but a length
    with a large prime factor takes as long for real data as for complex ones, and of a few points
    one half is not worth the trouble: else the longest.

    >>> axis_to_halve({0: 512, 1: 512}), axis_to_halve({0: 181, 1: 360})
    (0, 1)
    """
    good = [axis for axis, n in sorted(lengths.items()) if n >= 64 and _is_smooth(n)]
    return good[0] if good else max(lengths, key=lambda axis: (lengths[axis], axis))


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7, 11):
        while n % prime == 0:
            n //= prime
    return n == 1
