"""Filters given by what they do to each frequency."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dispatch, options
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..fft._call import lower, plan_line
from ..graph.arguments import resolve_lengths
from ..graph.grid import edges
from ..kernels.detrend import Trend
from ..kernels.hermitian import mirror
from ..kernels.kernel import Kernel
from ..kernels.library import library_of, namespace
from ..kernels.response import FrequencyAxis, apply_response, filter_block, restore_trend
from ..kernels.spectrum import inexact_dtype
from ._arguments import check_choice, fft_engine, is_complex, is_whole, some_axes, spacings
from ._detrend import detrend_cut
from ._whole import run_on_whole

if TYPE_CHECKING:
    from ..graph.fft import FFTPlan

_NAME = "signal.filter_frequencies"

_Places = tuple[FrequencyAxis, ...]


def filter_frequencies(
    x: Any,
    response: Callable[..., Any] | Any,
    /,
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    detrend: Trend | None = None,
) -> Any:
    """Multiply the spectrum of an array by a response: transform, multiply, transform back.

    Parameters
    ----------
    x : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    response : callable or array
        What each frequency is multiplied by.

        A function gets one array of frequencies for each of ``axes``, in cycles per unit of
        ``sampling``, of the library of x and of shapes that broadcast against each other, and
        gives numbers that broadcast to them. For a Dask array it runs inside the tasks, on the
        frequencies of one chunk at a time.

        An array has the points of ``axes``, in this order, and on each the order of
        `spanwise.fft.fftfreq`. For real x the last one may have the ``n // 2 + 1`` points of
        `spanwise.fft.rfftfreq` instead. NumPy, or of the library of x.
    axes : int or sequence of int
        Axes to transform. They may be cut into chunks of any lengths.
    sampling : float or sequence of float, default: 1.0
        Distance between samples, for all of the axes or for each. Arrays take no notice of it.
    detrend : {"constant", "linear"}, optional
        Filter what is left without the mean, or without the linear function of all axes that fits
        best, and put of it back what the response makes of frequency 0: all of it where that
        passes, nothing where it does not. A trend is a jump between the ends, which a filter would
        smear over both of them; and single precision serves the rest the better.

    Returns
    -------
    array
        Of the shape of x, real if x is, in its precision (integers become double); same library,
        device and kind of container. Lazy for a Dask array; along cut axes the plan chooses the
        chunks.

    Raises
    ------
    ArgumentError
        For axes that the array does not have, repeat or are empty, for a ``sampling`` that is not
        positive or of another number than the axes, and for an array of another shape. For what
        a function gives, when it runs: with a Dask array, when the result is computed.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, for a Dask array as response, and for one of
        another library than x.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    For real x only the non-negative frequencies of the last axis are computed, and the response at
    them is used. The filter must be real, that is the response be Hermitian, H(-f) = conj(H(f)):
    a real and even one leaves phases alone, and ``exp(-2j * pi * f * t)`` delays by t. To apply
    another response, make x complex.

    One pass over the data. Along whole axes each chunk is one task, in which a few lines at a time
    go forward and back while they are in the cache. Where axes are cut, one exchange makes all of
    them whole and cuts others instead; the tasks that gather do the rest. Where others cannot be
    cut so finely there is one exchange on each way at most: the way back begins in the chunks in
    which the way forward ended; for real x, name an axis last that the chunks hold whole, if there
    is one. Where there is no other axis to cut there are two on each way, since a long axis stays
    in decimated order between them (:func:`spanwise.fft.fft`); a trend then takes a second read of
    the data, as `detrend` does.

    The filter is circular: what leaves at one end comes in at the other.

    Examples
    --------
    Periods of more than ten samples:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(120)
    >>> slow, fast = np.sin(2 * np.pi * t / 40), np.sin(2 * np.pi * t / 4)
    >>> x = da.from_array(slow + fast, chunks=50)
    >>> y = sw.signal.filter_frequencies(x, lambda f: abs(f) < 0.1, axes=0)
    >>> bool(abs(y - slow).max() < 1e-12)
    True
    """
    x = dispatch.accept(x, function=_NAME)
    chosen = some_axes(x, axes)
    distances = spacings(sampling, len(chosen))
    real = not is_complex(x)
    lengths = resolve_lengths(x.shape, chosen, (None,) * len(chosen), kind="fft")
    places = tuple(
        FrequencyAxis(axis, n, d, half=real and axis == chosen[-1])
        for axis, n, d in zip(chosen, lengths, distances, strict=True)
    )
    table = None if callable(response) else _table(response, x, lengths, half=real)
    check_choice("detrend", detrend, (None, "constant", "linear"))
    made = _on_whole(x, places, response, table, detrend)
    if made is not None:
        return made
    if detrend is None:
        return _on_cut(x, places, response, table)
    flat, sums = detrend_cut(x, chosen, detrend, operation="filter-detrend")
    y = _on_cut(flat, places, response, table)
    return _with_trend(y, sums, places, response if table is None else _first(table), detrend)


def _on_whole(x: Any, places: _Places, response: Any, table: Any, detrend: Trend | None) -> Any:
    """All of it in one kernel on blocks that hold the axes; None if they cannot be made whole."""
    axes = tuple(p.axis for p in places)
    if not is_whole(x, axes):
        lengths = tuple(p.length for p in places)
        kernel = None if table is not None else filter_block
        params = {"axes": places, "response": response, "detrend": detrend}
        made = run_on_whole(x, axes, lengths, kernel, params, _dtype(x), "filter-frequencies")
        if made is None or kernel is not None:
            return made
        x = made
    return _multiply(
        x,
        filter_block,
        places,
        response,
        table,
        operation="filter-frequencies",
        dtype=_dtype(x),
        reason="the axes are whole in their chunks",
        detrend=detrend,
        **fft_engine(x),
    )


def _on_cut(x: Any, places: _Places, response: Any, table: Any) -> Any:
    """Forward, multiply, and back, each along one axis after the other."""
    real = places[-1].half
    axes, lengths = tuple(p.axis for p in places), tuple(p.length for p in places)
    # A table is cut for the half spectrum of the last axis, so that another must not be halved.
    for axis in axes[-1:] if real and table is not None else axes:
        if not is_whole(x, (axis,)):
            forward = plan_line(x, "rfft" if real else "fft", x.shape[axis], axis)
            if not forward.plan.result.is_whole(axis):
                return filter_in_rows(x, places, axis, forward, response, table)
    forward, inverse = (_fft.rfftn, _fft.irfftn) if real else (_fft.fftn, _fft.ifftn)
    filtered = apply_to(forward(x, axes=axes), places, response, table)
    return inverse(filtered, s=lengths, axes=axes)


def _with_trend(y: Any, sums: Any, places: _Places, response: Any, type: Trend) -> Any:
    """What passes of a trend put back, in the chunks of the result."""
    from ..graph.blockwise import plan_blockwise
    from ..graph.dask import map_kernel, spec_of

    params = {"axes": places, "response": response, "type": type}
    # The way back may have cut other axes than the sums have: few numbers, which follow.
    filtered = {p.axis for p in places}
    cuts = {a: c for a, c in enumerate(y.chunks) if a not in filtered}
    sums = sums.rechunk(cuts, method="tasks")
    plan = plan_blockwise(
        spec_of(y),
        restore_trend,
        dtype=str(y.dtype),
        machine=options.machine(),
        operation="filter-trend",
        reason="what the response lets pass of the trend",
    )
    (step,) = plan.steps
    return map_kernel(
        y,
        functools.partial(restore_trend, **params),
        step=step,
        plan=plan,
        dtype=y.dtype,
        numbers=tuple((p.axis, edges(y.chunks[p.axis])[:-1]) for p in places),
        beside=(sums,),
    )


@dataclass(frozen=True, slots=True)
class _Constant:
    """A response of one value."""

    value: Any

    def __call__(self, *frequencies: Any) -> Any:
        return self.value


def _first(table: Any) -> _Constant:
    return _Constant(table[(slice(0, 1),) * table.ndim])


def filter_in_rows(
    x: Any, places: _Places, axis: int, forward: FFTPlan, response: Any, table: Any = None
) -> Any:
    """Leave a long axis in decimated order between the transforms: two exchanges on each way."""
    n = next(p.length for p in places if p.axis == axis)
    others = tuple(p.axis for p in places if p.axis != axis)
    spectrum = lower(x, forward)
    blocks = n // spectrum.chunks[axis][0]
    spectrum = _fft.fftn(spectrum, axes=others) if others else spectrum
    if table is not None:
        table = _rows_of(table, [p.axis for p in places].index(axis), n, blocks)
        table = table[..., : spectrum.shape[axis]] if places[-1].half else table
    places = tuple(replace(p, half=False, step=blocks if p.axis == axis else 1) for p in places)
    y = apply_to(spectrum, places, response, table, decimated=axis)
    y = _fft.ifftn(y, axes=others) if others else y
    return lower(y, plan_line(y, "ifft" if is_complex(x) else "irfft", n, axis))


def _rows_of(table: Any, position: int, n: int, blocks: int) -> Any:
    """A response with one of its axes, of n points, in decimated order."""
    if table.shape[position] < n:
        upper = slice(1, n - table.shape[position] + 1)
        others = tuple(range(table.ndim - 1))
        other_half = mirror(table[..., upper], axis=position, others=others)
        table = namespace(table).concat([table, other_half], axis=position)
    before = (slice(None),) * position
    runs = [table[(*before, slice(k, None, blocks), ...)] for k in range(blocks)]
    return namespace(table).concat(runs, axis=position)


def apply_to(
    spectrum: Any, places: _Places, response: Any, table: Any = None, decimated: int | None = None
) -> Any:
    """Multiply a spectrum by a response, or by a table of it."""
    return _multiply(
        spectrum,
        apply_response,
        places,
        response,
        table,
        operation="apply-response",
        dtype=spectrum.dtype,
        reason="each frequency by itself",
        starts=tuple(p.axis for p in places),
        decimated=decimated,
    )


def _multiply(
    x: Any, kernel: Kernel, places: _Places, response: Any, table: Any, **how: Any
) -> Any:
    """A kernel that is given the response, or each block's part of it."""
    beside = None if table is None else (table, tuple(p.axis for p in places))
    function = response if table is None else None
    return dispatch.blockwise(x, kernel, axes=places, response=function, table=beside, **how)


def _dtype(x: Any) -> Any:
    """Element type of the result; libraries with their own types decide alone."""
    return inexact_dtype(x.dtype, as_complex=False) if isinstance(x.dtype, np.dtype) else None


def _table(response: Any, x: Any, lengths: tuple[int, ...], *, half: bool) -> Any:
    """The response as an array over the points of the spectrum that is computed."""
    if dispatch.kind_of(response := _accepted(response, x)) == "chunked":
        raise ArrayTypeError(
            "response is a Dask array, and every chunk of x needs a part of it at once; pass "
            "response.compute(), or a function of the frequencies"
        )
    halved = (*lengths[:-1], lengths[-1] // 2 + 1)
    shape = tuple(response.shape)
    if shape != lengths and not (half and shape == halved):
        or_half = f" or {halved}" if half else ""
        raise ArgumentError(
            f"response has the shape {shape}; expected {lengths}{or_half}: the points of axes in "
            "the order given"
        )
    return response[..., : halved[-1]] if half else response


def _accepted(response: Any, x: Any) -> Any:
    response = dispatch.accept(response, function=_NAME, accessor="", name="response")
    if dispatch.kind_of(response) == "chunked":
        return response
    own = library_of(x._meta if dispatch.kind_of(x) == "chunked" else x)
    if library_of(response) not in ("numpy", own):
        raise ArrayTypeError(
            f"response is an array of {library_of(response)} and x one of {own}; pass a NumPy "
            f"array, one of {own}, or a function of the frequencies"
        )
    return response
