"""Convolutions by fast Fourier transforms."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from .. import dispatch, options
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..fft._call import lower, plan_line
from ..graph.arguments import resolve_axes
from ..graph.grid import balanced
from ..kernels.convolve import convolve as convolve_kernel
from ..kernels.convolve import result_dtype
from ..kernels.library import library_of, namespace
from ..kernels.missing import Source, refuse_missing
from ._arguments import fft_engine, is_complex, is_whole

Mode = Literal["full", "same", "valid"]

_MODES = ("full", "valid", "same")
_IN_TASKS = 2**20
"""Bytes of an array in memory that every task may carry; a larger one is a value of its own."""


_Function = TypeVar("_Function", bound=Callable[..., Any])

_DOCS = {
    "fftconvolve": {
        "same": "Same result as :func:`scipy.signal.fftconvolve`",
        "see": "oaconvolve : The same by another name.",
        "example": """A moving average over a chunked record, and a blurred image:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.arange(1000.0), chunks=300)
    >>> y = sw.signal.fftconvolve(x, np.ones(5) / 5, mode="same")
    >>> y.chunks, round(float(y[500].compute()), 9)
    (((300, 300, 300, 100),), 500.0)
    >>> image = da.ones((80, 90), chunks=(25, 40))
    >>> sw.signal.fftconvolve(image, np.ones((5, 7))).chunks
    ((27, 25, 25, 7), (43, 40, 13))""",
    },
    "oaconvolve": {
        "same": "Same result as :func:`scipy.signal.oaconvolve`",
        "see": "fftconvolve : The same by another name.",
        "example": """A long record and a filter of 101 taps:

    >>> import numpy as np, dask.array as da, scipy.signal, spanwise as sw
    >>> x = da.random.default_rng(0).normal(size=100_000, chunks=30_000)
    >>> taps = scipy.signal.firwin(101, 0.1)
    >>> y = sw.signal.oaconvolve(x, taps, mode="valid")
    >>> y.shape, y.chunks
    ((99900,), ((29950, 30000, 30000, 9950),))""",
    },
}

_DOC = """{summary}

    ``y[i] = sum_j in2[j] in1[i - j]`` over every axis named, where in1 is 0 outside.

    Parameters
    ----------
    in1 : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    in2 : array
        What it is convolved with, of as many axes. Of the library of in1, or NumPy; either of
        the two, or both, may be Dask arrays.
    mode : {{"full", "same", "valid"}}, default: "full"
        How much of the result: all ``n1 + n2 - 1`` points; the ``n1`` in the centre of it; or the
        ``|n1 - n2| + 1`` that depend on no zeros outside, where one of the arrays must be at least
        as long as the other on all axes.
    axes : int or sequence of int, optional
        Axes to convolve; all by default. On the others the arrays multiply, and have the same
        length, or one of them 1.

    Returns
    -------
    array
        Complex if one of the arrays is; in the higher precision of the two (float32 with float32
        stays single, integers count as double). Same library, device and kind of container; lazy
        if one of them is a Dask array. Of shape (0,) if either is empty, as in SciPy.

    Raises
    ------
    ArgumentError
        For arrays of different numbers of axes, lengths that do not fit on other axes than
        ``axes``, an unknown ``mode``, axes that the arrays do not have or that repeat, and for
        ``mode="valid"`` where neither array holds the other.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, and for arrays of two libraries.
    MemoryBudgetError
        If a chunk and what it reads exceeds the memory budget.

    Notes
    -----
    A block is convolved in tiles that stay in the cache (overlap-save), so that memory for spectra
    is of the order of some megabytes, or of in2 where that is longer.

    Along cut axes each chunk of the result is one task, which reads the chunk below it and
    ``n2 - 1`` elements of the next ones on each axis; nothing else moves. The chunks are those of
    the longer array: in "full" the outer ones grow, by half of in2 each, in "valid" they shrink.
    One pass over the data. Where in2 is so long that chunks would read four times the data, both
    arrays are transformed as a whole instead (:func:`spanwise.fft.rfftn`), multiplied, and
    transformed back.

    {same}, whose errors it has too; rounding is relative to the
    values in the same tile instead of the largest of all. Likewise NaN spoils the tiles that hold
    it, which depend on the chunks, and not all of the result.

    See Also
    --------
    {see}

    Examples
    --------
    {example}
    """


def _documented(function: _Function) -> _Function:
    """Complete a summary line to the docstring that both share."""
    function.__doc__ = _DOC.format(summary=function.__doc__, **_DOCS[function.__name__])
    return function


@_documented
def fftconvolve(
    in1: Any, in2: Any, mode: Mode = "full", axes: int | Iterable[int] | None = None
) -> Any:
    """Convolve two arrays by fast Fourier transforms."""
    return convolve_arrays("fftconvolve", in1, in2, mode, axes)


@_documented
def oaconvolve(
    in1: Any, in2: Any, mode: Mode = "full", axes: int | Iterable[int] | None = None
) -> Any:
    """Convolve a long array with a short one, tile by tile."""
    return convolve_arrays("oaconvolve", in1, in2, mode, axes)


@dataclass(frozen=True, slots=True)
class _Window:
    """Which part of the full convolution is the result."""

    axes: tuple[int, ...]
    """Axes along which there is something to convolve."""
    starts: tuple[int, ...]
    """Index of the first result in the full convolution, on each of them."""
    lengths: tuple[int, ...]
    """Number of results."""


def convolve_arrays(
    name: str, in1: Any, in2: Any, mode: str, axes: Any, source: Source | None = None
) -> Any:
    """Convolve; with a ``source``, values that are not finite raise an error that names it."""
    how = {"function": f"signal.{name}", "accessor": "spanwise.signal.fftconvolve"}
    in1 = dispatch.accept(in1, name="in1", **how)
    in2 = dispatch.accept(in2, name="in2", **how)
    if in1.ndim != in2.ndim:
        raise ArgumentError(
            f"in1 and in2 should have the same dimensionality, and have {in1.ndim} and {in2.ndim} "
            "axes; give the shorter one axes of length 1: in2.reshape(...)"
        )
    if mode not in _MODES:
        raise ArgumentError(f"mode={mode!r}: acceptable mode flags are 'valid', 'same', or 'full'")
    _check_libraries(in1, in2)
    if in1.ndim == 0:
        return in1 * in2
    shapes = tuple(in1.shape), tuple(in2.shape)
    chosen = _axes(shapes, axes)
    if 0 in (*shapes[0], *shapes[1]):
        return _nothing(in1, in2)
    in_pairs = [a for a in range(in1.ndim) if a not in chosen]
    if any(
        shapes[0][a] != shapes[1][a] and 1 not in (shapes[0][a], shapes[1][a]) for a in in_pairs
    ):
        raise ArgumentError(
            f"incompatible shapes for in1 and in2: {shapes[0]} and {shapes[1]}; on axes that are "
            f"not convolved, {in_pairs}, they must be equal or 1"
        )
    parts = [_part(mode, n, k) for n, k in zip(*shapes, strict=True)]
    if mode == "valid":
        _check_valid(shapes, chosen)
    x, taps = _longer_first(in1, in2)
    # Axes on which the taps have one element need no transform; those of other than ``axes`` on
    # which both have many multiply.
    convolved = tuple(
        a for a in range(x.ndim) if taps.shape[a] > 1 and (a in chosen or x.shape[a] == 1)
    )
    window = _Window(
        convolved, tuple(parts[a][0] for a in convolved), tuple(parts[a][1] for a in convolved)
    )
    y = _run(name, x, taps, window, source)
    return _centred(y, parts, convolved, in_pairs, shapes)


def _axes(shapes: tuple[tuple[int, ...], tuple[int, ...]], axes: Any) -> tuple[int, ...]:
    """The axes of both arrays, counted from the front."""
    chosen, _ = resolve_axes(shapes[0], None, axes)
    if not chosen:
        raise ArgumentError(f"axes={axes!r}: when provided, axes cannot be empty")
    return chosen


def _part(mode: str, n: int, k: int) -> tuple[int, int]:
    """First element and length of a mode's part of the full convolution of n and k elements."""
    full = n + k - 1
    length = {"full": full, "same": n, "valid": abs(n - k) + 1}[mode]
    return (full - length) // 2, length


def _check_valid(shapes: tuple[tuple[int, ...], tuple[int, ...]], axes: tuple[int, ...]) -> None:
    pairs = [(shapes[0][a], shapes[1][a]) for a in axes]
    # SciPy leaves axes of one element to broadcasting.
    pairs = [(n, k) for n, k in pairs if n != 1 and k != 1]
    if not (all(n >= k for n, k in pairs) or all(n <= k for n, k in pairs)):
        raise ArgumentError(
            "For 'valid' mode, one must be at least as large as the other in every dimension; the "
            f"shapes are {shapes[0]} and {shapes[1]}"
        )


def _check_libraries(in1: Any, in2: Any) -> None:
    libraries = [library_of(getattr(x, "_meta", x)) for x in (in1, in2)]
    is_table = libraries[1] == "numpy" and dispatch.kind_of(in2) == "concrete"
    if libraries[0] != libraries[1] and not is_table:
        raise ArrayTypeError(
            f"in1 is an array of {libraries[0]} and in2 one of {libraries[1]}; pass both of one "
            f"library, or in2 as a NumPy array"
        )


def _longer_first(in1: Any, in2: Any) -> tuple[Any, Any]:
    """The array that is cut into blocks, and the one that every block is convolved with."""
    chunked = [dispatch.kind_of(x) == "chunked" for x in (in1, in2)]
    if chunked[0] != chunked[1]:
        return (in1, in2) if chunked[0] else (in2, in1)
    # A NumPy array beside one of another library stays the one that follows.
    libraries = {library_of(getattr(x, "_meta", x)) for x in (in1, in2)}
    is_longer = len(libraries) == 1 and math.prod(in2.shape) > math.prod(in1.shape)
    return (in2, in1) if is_longer else (in1, in2)


def _nothing(in1: Any, in2: Any) -> Any:
    """What SciPy makes of empty arrays: one without elements, of one axis."""
    x = in1 if dispatch.kind_of(in1) == "chunked" else in2
    if dispatch.kind_of(x) == "concrete":
        return namespace(in1).asarray([], device=in1.device)
    import dask.array as da

    empty = x._meta.reshape((0,)).astype("float64")
    return da.from_array(empty, asarray=False)


def _run(name: str, x: Any, taps: Any, window: _Window, source: Source | None) -> Any:
    params: dict[str, Any] = {"axes": window.axes, "source": source, **fft_engine(x)}
    if dispatch.kind_of(x) == "concrete":
        return convolve_kernel(x, taps, starts=window.starts, lengths=window.lengths, **params)
    options.make_placement_effective()
    return _chunked(name, x, taps, window, params)


def _chunked(name: str, x: Any, taps: Any, window: _Window, params: dict[str, Any]) -> Any:
    from ..graph.convolve import plan_convolve, whole_chunks
    from ..graph.dask import map_halo, spec_of
    from ..graph.grid import ArraySpec

    dtype = result_dtype(x.dtype, np.dtype(taps.dtype))
    # What every task carries is the same for all of them.
    is_shared = all(taps.shape[a] == 1 or a in window.axes for a in range(x.ndim))
    is_small = dispatch.kind_of(taps) == "concrete" and taps.nbytes <= _IN_TASKS and is_shared
    spec = spec_of(x)
    if is_small:
        taps_spec = ArraySpec(whole_chunks(taps.shape), str(taps.dtype), taps.dtype.itemsize)
    else:
        taps = _as_chunked(taps)
        taps_spec = spec_of(taps)
    how = plan_convolve(
        spec,
        taps_spec,
        axes=window.axes,
        starts=window.starts,
        lengths=window.lengths,
        dtype=str(dtype),
        machine=options.machine(),
        operation=name,
        lazy_taps=not is_small,
    )
    if not how.pays:
        return _by_transforms(x, _as_chunked(taps), window, dtype, params["source"])
    if how.plan.machine.explicit:
        how.plan.check(remedies="Cut the arrays into smaller chunks: in1.rechunk(...)")
    params |= {"starts": how.starts, "lengths": how.lengths}
    if how.taps is None:
        function, beside = functools.partial(convolve_kernel, taps=taps, **params), []
    else:
        function, beside = functools.partial(convolve_kernel, **params), [(taps, how.taps)]
    (step,) = how.plan.steps
    return map_halo(
        x,
        how.halo,
        function,
        step=step,
        plan=how.plan,
        result=how.plan.result,
        beside=beside,
    )


def _as_chunked(x: Any) -> Any:
    """An array in memory as one chunk."""
    if dispatch.kind_of(x) == "chunked":
        return x
    import dask.array as da

    return da.from_array(x, chunks=x.shape, asarray=False)


def _by_transforms(
    x: Any, taps: Any, window: _Window, dtype: np.dtype, source: Source | None
) -> Any:
    """Both transformed as a whole."""
    x, taps = x.astype(dtype), taps.astype(dtype)
    real = not is_complex(x)
    s = tuple(_fft.next_fast_len(x.shape[a] + taps.shape[a] - 1, real=real) for a in window.axes)
    y = _in_rows(x, taps, s, window.axes, real=real)
    if y is None:
        forward, inverse = (_fft.rfftn, _fft.irfftn) if real else (_fft.fftn, _fft.ifftn)
        spectrum = forward(x, s=s, axes=window.axes)
        chunks = tuple(
            c if taps.shape[a] > 1 or a in window.axes else (1,)
            for a, c in enumerate(spectrum.chunks)
        )
        other = forward(taps, s=s, axes=window.axes, output_chunks=chunks)
        y = inverse(spectrum * other, s=s, axes=window.axes)
    if source is not None:
        y = dispatch.blockwise(
            y,
            refuse_missing,
            operation="refuse-missing",
            dtype=dtype,
            reason="one element of each line tells whether it was finite",
            axes=window.axes,
            source=source,
        )
    kept = [slice(None)] * x.ndim
    for axis, start, n in zip(window.axes, window.starts, window.lengths, strict=True):
        kept[axis] = slice(start, start + n)
    return y[tuple(kept)]


def _in_rows(x: Any, taps: Any, s: tuple[int, ...], axes: tuple[int, ...], *, real: bool) -> Any:
    """Along one long axis, both in decimated order between the transforms; None if they are not."""
    if len(axes) != 1 or is_whole(x, axes):
        return None
    ((axis,), (n,)) = axes, s
    kind, back = ("rfft", "irfft") if real else ("fft", "ifft")
    # The number of chunks decides which frequencies lie in one.
    blocks = max(a.numblocks[axis] for a in (x, taps))
    x, taps = (
        a if a.numblocks[axis] == blocks else a.rechunk({axis: balanced(a.shape[axis], blocks)})
        for a in (x, taps)
    )
    plans = [plan_line(a, kind, n, axis) for a in (x, taps)]
    one, other = (how.plan.result for how in plans)
    is_alike = all(
        c == d or (a != axis and d == (1,))
        for a, (c, d) in enumerate(zip(one.chunks, other.chunks, strict=True))
    )
    if not is_alike or one.is_whole(axis):
        return None
    spectrum = lower(x, plans[0]) * lower(taps, plans[1])
    return lower(spectrum, plan_line(spectrum, back, n, axis))


def _centred(
    y: Any,
    parts: list[tuple[int, int]],
    convolved: tuple[int, ...],
    in_pairs: list[int],
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> Any:
    """Cut to the mode's part on the axes that were not convolved, which SciPy does too."""
    kept = [slice(None)] * y.ndim
    for axis, (start, n) in enumerate(parts):
        if axis in convolved or (axis in in_pairs and shapes[0][axis] == shapes[1][axis]):
            continue
        if y.shape[axis] != n:
            kept[axis] = slice(start, start + n)
    return y if all(k == slice(None) for k in kept) else y[tuple(kept)]
