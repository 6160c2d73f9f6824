"""Discrete cosine and sine transforms of one block, along axes that the block holds whole.

One kernel, ``trigonometric``, serves the four types of each, n points in and out::

    dct 1  x[0] + (-1)^k x[n-1] + 2 sum_{0<j<n-1} x[j] cos(pi j k / (n-1))
    dct 2  2 sum_j x[j] cos(pi k (2j+1) / 2n)
    dct 3  x[0] + 2 sum_{j>0} x[j] cos(pi (2k+1) j / 2n)
    dct 4  2 sum_j x[j] cos(pi (2k+1)(2j+1) / 4n)
    dst 1  2 sum_j x[j] sin(pi (k+1)(j+1) / (n+1))
    dst 2  2 sum_j x[j] sin(pi (k+1)(2j+1) / 2n)
    dst 3  (-1)^k x[n-1] + 2 sum_{j<n-1} x[j] sin(pi (2k+1)(j+1) / 2n)
    dst 4  2 sum_j x[j] sin(pi (2k+1)(2j+1) / 4n)

Type 3 is the inverse of type 2 but for a factor, and types 1 and 4 of themselves. Where a library
has none of them, they are made from its real Fourier transforms: type 2 and 3 from one of n points
(J. Makhoul, IEEE Trans. ASSP 28, 1980), type 4 from a complex one of n/2 points or, for odd n, a
real one of n, type 1 from a real one of the even or odd continuation. CuPy has types 2 and 3, from
complex transforms of n points each, whose results it gives out as views of their real parts, of
twice the memory: it is served in this way too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import numpy as np

from .fft import fft, untransformed
from .kernel import Kernel
from .library import Array, library_of, namespace
from .tables import table_of

_INVERSE_TYPE = {1: 1, 2: 3, 3: 2, 4: 4}


def real_dtype(kind: str, dtype: Any) -> np.dtype:
    """Element type of a transform: that of the input, but half becomes single, integers double.

    >>> real_dtype("dct", "float16"), real_dtype("dst", "complex64"), real_dtype("idct", "int8")
    (dtype('float32'), dtype('complex64'), dtype('float64'))
    """
    dtype = np.dtype(dtype).newbyteorder("=")
    if dtype.kind not in "fc":
        return np.dtype("float64")
    return np.dtype("float32") if dtype == np.float16 else dtype


def as_floating(x: Array) -> Array:
    """The array in the precision that it is transformed in."""
    xp = namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "complex floating")):
        return xp.astype(x, xp.float64)
    known = (xp.float32, xp.float64, xp.complex64, xp.complex128)
    return x if x.dtype in known else xp.astype(x, xp.float32)


def _workspace(in_bytes: int, out_bytes: int) -> int:
    # Padding, cropping and casts copy the input once; the transform itself works in its output.
    return max(in_bytes, out_bytes)


def generic(
    x: Array,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    type: int = 2,
    orthogonalize: bool | None = None,
    workers: int | None = 1,
    overwrite: bool = False,
) -> Array:
    """Transform a block of any library."""
    xp = namespace(x)
    x = as_floating(x)
    if any(n == 0 for a, n in enumerate(x.shape) if a not in axes):
        # Some libraries' transforms fail where there are no lines (PyTorch's with MKL).
        points = dict(zip(axes, lengths, strict=True))
        shape = tuple(points.get(a, n) for a, n in enumerate(x.shape))
        return xp.zeros(shape, dtype=x.dtype, device=x.device)
    if xp.isdtype(x.dtype, "complex floating"):
        # The parts apart, so that a NaN stays in its own. SciPy passes orthogonalize on for real
        # data only (r2r in its realtransforms.py), and so is it here.
        parts = (
            generic(part, kind=kind, axes=axes, lengths=lengths, norm=norm, type=type)
            for part in (xp.real(x), xp.imag(x))
        )
        return complex_of(*parts)
    is_ortho = norm == "ortho" if orthogonalize is None else orthogonalize
    is_inverse, is_sine = kind[0] == "i", kind.endswith("dst")
    number = _INVERSE_TYPE[type] if is_inverse else type
    for axis, n in zip(axes, lengths, strict=True):
        x = xp.moveaxis(_fit(x, axis, n), axis, -1)
        x = _line(x, number, is_sine, _factor(n, number, is_sine, norm, is_inverse), is_ortho)
        x = xp.moveaxis(x, -1, axis)
    return x


def complex_of(real: Array, imag: Array) -> Array:
    """A complex array of its parts; neither touches the other."""
    xp = namespace(real)
    if library_of(real) == "torch":
        return xp.complex(real, imag)
    dtype = xp.complex64 if real.dtype == xp.float32 else xp.complex128
    if not hasattr(real, "real"):
        # With the standard's functions alone: a NaN beside it does spoil the real part.
        return xp.astype(real, dtype) + xp.astype(imag, dtype) * 1j
    out = xp.empty(real.shape, dtype=dtype, device=real.device)
    out.real[...] = real
    out.imag[...] = imag
    return out


def _fit(x: Array, axis: int, n: int) -> Array:
    """Crop an axis to n points, or pad it with zeros."""
    m = x.shape[axis]
    if m == n:
        return x
    before = (slice(None),) * axis
    if m > n:
        return x[(*before, slice(0, n), ...)]
    xp = namespace(x)
    shape = (*x.shape[:axis], n - m, *x.shape[axis + 1 :])
    return xp.concat([x, xp.zeros(shape, dtype=x.dtype, device=x.device)], axis=axis)


def _factor(n: int, number: int, is_sine: bool, norm: str | None, is_inverse: bool) -> float:
    """What the normalisation multiplies a transform of one axis by."""
    logical = 2 * (n + ((1 if is_sine else -1) if number == 1 else 0))
    if norm == "ortho":
        return logical**-0.5
    return 1 / logical if (norm == "forward") != is_inverse else 1.0


def _line(x: Array, number: int, is_sine: bool, factor: float, is_ortho: bool) -> Array:
    """Transform the last axis of a real array."""
    if number == 1:
        return (_dst1 if is_sine else _dct1)(x, factor, is_ortho)
    return (_type2, _type3, _type4)[number - 2](x, is_sine, factor, is_ortho)


def _dct1(x: Array, factor: float, is_ortho: bool) -> Array:
    xp = namespace(x)
    n = x.shape[-1]
    if is_ortho:
        x = x * _table(_ends, x, n, 2**0.5)
    even = xp.concat([x, xp.flip(x[..., 1:-1], axis=-1)], axis=-1)
    y = xp.real(_rfft(even))
    return y * (_table(_ends, x, n, 2**-0.5, factor) if is_ortho else factor)


def _dst1(x: Array, factor: float, is_ortho: bool) -> Array:
    xp = namespace(x)
    n = x.shape[-1]
    zero = xp.zeros((*x.shape[:-1], 1), dtype=x.dtype, device=x.device)
    odd = xp.concat([zero, x, zero, -xp.flip(x, axis=-1)], axis=-1)
    return xp.imag(_rfft(odd))[..., 1 : n + 1] * -factor


def _type2(x: Array, is_sine: bool, factor: float, is_ortho: bool) -> Array:
    xp = namespace(x)
    n = x.shape[-1]
    # Sines are cosines of x[j] (-1)^j, in reverse.
    odd = xp.flip(x[..., 1::2], axis=-1)
    spectrum = _rfft(xp.concat([x[..., ::2], -odd if is_sine else odd], axis=-1))
    scale = 2**-0.5 if is_ortho else 1.0
    spectrum = spectrum * _table(_quarter_turns, x, n, -1, 2 * factor, scale)
    # The other half is the mirror image, turned by a quarter.
    upper = -xp.flip(xp.imag(spectrum)[..., 1 : (n + 1) // 2], axis=-1)
    y = xp.concat([xp.real(spectrum), upper], axis=-1)
    return xp.flip(y, axis=-1) if is_sine else y


def _type3(x: Array, is_sine: bool, factor: float, is_ortho: bool) -> Array:
    """The steps of type 2 backwards."""
    xp = namespace(x)
    n = x.shape[-1]
    reverse = xp.flip(x, axis=-1)
    if is_sine:
        x, reverse = reverse, x
    count = n // 2 + 1
    zero = xp.zeros((*x.shape[:-1], 1), dtype=x.dtype, device=x.device)
    spectrum = complex_of(
        x[..., :count], -xp.concat([zero, reverse[..., : count - 1]], axis=-1)
    ) * _table(_quarter_turns, x, n, 1, factor, 2**0.5 if is_ortho else 1.0)
    y = _irfft(spectrum, n)
    half = (n + 1) // 2
    odd = xp.flip(y[..., half:], axis=-1)
    return _interleave(y[..., :half], -odd if is_sine else odd)


def _type4(x: Array, is_sine: bool, factor: float, is_ortho: bool) -> Array:
    xp = namespace(x)
    n = x.shape[-1]
    # Sines are cosines of x in reverse, with alternating signs.
    if is_sine:
        x = xp.flip(x, axis=-1)
    if n % 2:
        gathered = xp.take(x, _table(_gather4, x, n), axis=-1)
        spectrum = _rfft(gathered * _table(_signs4, x, n))
        index = _table(_scatter4, x, n)
        cosines = _table(_cosines4, x, n, factor, is_sine)
        sines = _table(_sines4, x, n, factor, is_sine)
        return (
            xp.take(xp.real(spectrum), index, axis=-1) * cosines
            + xp.take(xp.imag(spectrum), index, axis=-1) * sines
        )
    pairs = complex_of(x[..., ::2], xp.flip(x, axis=-1)[..., ::2])
    spectrum = _fft(pairs * _table(_turns4, x, n, 1, 1.0))
    spectrum = spectrum * _table(_turns4, x, n, 0, 2 * factor)
    odd = xp.flip(xp.imag(spectrum), axis=-1)
    return _interleave(xp.real(spectrum), odd if is_sine else -odd)


def _rfft(x: Array) -> Array:
    return _transformed(x, "rfft", x.shape[-1])


def _fft(x: Array) -> Array:
    return _transformed(x, "fft", x.shape[-1])


def _irfft(x: Array, n: int) -> Array:
    """The inverse without its factor 1/n."""
    return _transformed(x, "irfft", n, norm="forward")


def _transformed(x: Array, kind: str, n: int, norm: str | None = None) -> Array:
    return fft(x, kind=kind, axes=(x.ndim - 1,), lengths=(n,), norm=norm)


def _interleave(even: Array, odd: Array) -> Array:
    """Entries of two arrays in turn; the first one may be longer by one."""
    xp = namespace(even)
    count = odd.shape[-1]
    pairs = xp.stack([even[..., :count], odd], axis=-1)
    y = xp.reshape(pairs, (*odd.shape[:-1], 2 * count))
    return y if even.shape[-1] == count else xp.concat([y, even[..., count:]], axis=-1)


# Tables, in double precision and on the host; small, and the same for every block of an array.


def _cached(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Keep short tables, which would cost much beside the transform of a few lines."""
    cached = lru_cache(maxsize=32)(function)
    return wraps(function)(lambda n, *args: (cached if n <= 2**16 else function)(n, *args))


def _table(function: Callable[..., np.ndarray], x: Array, *args: Any) -> Array:
    """A table in the precision, the library and on the device of a real block."""
    single = x.dtype == namespace(x).float32
    return table_of(x, _in_precision, function, single, *args)


def _in_precision(function: Callable[..., np.ndarray], single: bool, *args: Any) -> np.ndarray:
    values = function(*args)
    if values.dtype.kind == "i":
        return values
    real, cplx = ("float32", "complex64") if single else ("float64", "complex128")
    return values.astype(cplx if values.dtype.kind == "c" else real, copy=False)


@_cached
def _ends(n: int, end: float, factor: float = 1.0) -> np.ndarray:
    values = np.full(n, factor)
    values[[0, -1]] *= end
    return values


@_cached
def _quarter_turns(n: int, sign: int, factor: float, first: float) -> np.ndarray:
    """``factor exp(sign pi i k / 2n)``, k = 0 ... n/2, the first one times ``first``."""
    values = factor * np.exp(sign * 0.5j * np.pi * np.arange(n // 2 + 1) / n)
    values[0] *= first
    return values


@_cached
def _turns4(n: int, shift: int, factor: float) -> np.ndarray:
    """``factor exp(-pi i (4j + shift) / 4n)``, j = 0 ... n/2 - 1."""
    return factor * np.exp(-0.25j * np.pi * (4 * np.arange(n // 2) + shift) / n)


# Type 4 of odd n: let x be even about -1/2 and odd about n - 1/2, and write u = 2j + 1,
# v = 2k + 1. Of u, -u, 4n - u and 4n + u, which all stand for the same term cos(2 pi u v / 8n),
# exactly one is n + 8i modulo 8n. Summed over i, the terms are a Fourier transform of n points,
# and what remains of each is an eighth root of unity:
# y[k] = 2 Re exp(-pi i v / 4) sum_i x(n + 8i) exp(-2 pi i i v / n).


def _positions4(n: int) -> tuple[np.ndarray, np.ndarray]:
    u = (n + 8 * np.arange(n)) % (8 * n)
    folded = np.minimum(u, 8 * n - u)  # even about u = 0
    sign = np.where(folded > 2 * n, -1.0, 1.0)  # odd about u = 2n
    return (np.where(folded > 2 * n, 4 * n - folded, folded) - 1) // 2, sign


@_cached
def _gather4(n: int) -> np.ndarray:
    return _positions4(n)[0]


@_cached
def _signs4(n: int) -> np.ndarray:
    return _positions4(n)[1]


@_cached
def _scatter4(n: int) -> np.ndarray:
    v = (2 * np.arange(n) + 1) % n
    return np.minimum(v, n - v)


@_cached
def _cosines4(n: int, factor: float, alternating: bool) -> np.ndarray:
    k = np.arange(n)
    return 2 * factor * _eighths(k) * _alternate(k, alternating)


@_cached
def _sines4(n: int, factor: float, alternating: bool) -> np.ndarray:
    k = np.arange(n)
    v = (2 * k + 1) % n
    mirrored = np.where(v > n - v, -1.0, 1.0)  # conjugate of what is there
    return 2 * factor * _eighths(k - 1) * mirrored * _alternate(k, alternating)


def _eighths(k: np.ndarray) -> np.ndarray:
    """``cos(pi (2k + 1) / 4)``; one step back, the sine."""
    return np.where((k + 1) % 4 < 2, 1.0, -1.0) * 2**-0.5


def _alternate(k: np.ndarray, alternating: bool) -> np.ndarray:
    return np.where(k % 2, -1.0, 1.0) if alternating else np.ones(len(k))


def _numpy(
    x: np.ndarray,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    type: int = 2,
    orthogonalize: bool | None = None,
    workers: int | None = 1,
    overwrite: bool = False,
) -> np.ndarray:
    import scipy.fft

    if x.dtype.byteorder not in "=|":
        x = x.astype(x.dtype.newbyteorder("="))
    function = getattr(scipy.fft, f"{kind}n")
    return function(
        x,
        type=type,
        s=lengths,
        axes=axes,
        norm=norm,
        overwrite_x=overwrite,
        workers=workers,
        orthogonalize=orthogonalize,
    )


trigonometric = Kernel(
    "trigonometric", generic, workspace=_workspace, in_place=True, free_axes=untransformed
)
"""Transform one block. Parameters: ``kind`` ("dct", "idct", "dst" or "idst"), ``axes``,
``lengths`` (after cropping or padding, one per axis), ``norm``, ``type`` and ``orthogonalize`` as
in :func:`scipy.fft.dctn`; ``workers`` and ``overwrite`` as in
:data:`spanwise.kernels.fft.fft`."""

trigonometric.register("numpy", _numpy)
