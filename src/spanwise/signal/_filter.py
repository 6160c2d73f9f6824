"""Filters given by what they do to each frequency."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import dispatch
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..graph.arguments import resolve_lengths
from ..kernels.library import library_of
from ..kernels.response import FrequencyAxis, apply_response, filter_block
from ..kernels.spectrum import inexact_dtype
from ._arguments import is_complex, is_whole, some_axes, spacings

_NAME = "signal.filter_frequencies"


def filter_frequencies(
    x: Any,
    response: Callable[..., Any] | Any,
    /,
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float] = 1.0,
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
    go forward and back while they are in the cache. Along cut axes there is one exchange on each
    way at most where other axes can be cut instead: the way back begins in the chunks in which the
    way forward ended; for real x, name an axis last that the chunks hold whole, if there is one.
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
    multiply = functools.partial(dispatch.blockwise, axes=places, response=response)
    if not callable(response):
        table = _table(response, x, lengths, half=real), chosen
        multiply = functools.partial(dispatch.blockwise, axes=places, response=None, table=table)
    if is_whole(x, chosen):
        return multiply(
            x,
            filter_block,
            operation="filter-frequencies",
            dtype=_dtype(x),
            reason="the axes are whole in their chunks",
        )
    forward, inverse = (_fft.rfftn, _fft.irfftn) if real else (_fft.fftn, _fft.ifftn)
    spectrum = forward(x, axes=chosen)
    filtered = multiply(
        spectrum,
        apply_response,
        operation="apply-response",
        dtype=spectrum.dtype,
        reason="each frequency by itself",
        starts=chosen,
    )
    return inverse(filtered, s=lengths, axes=chosen)


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
    response = dispatch.accept(response, function=_NAME, name="response")
    if dispatch.kind_of(response) == "chunked":
        return response
    own = library_of(x._meta if dispatch.kind_of(x) == "chunked" else x)
    if library_of(response) not in ("numpy", own):
        raise ArrayTypeError(
            f"response is an array of {library_of(response)} and x one of {own}; pass a NumPy "
            f"array, one of {own}, or a function of the frequencies"
        )
    return response
