"""Shifts of the zero frequency, and the frequencies of a transform's points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError
from ..graph.arguments import normal_axis
from ..kernels.blocks import roll as _roll_kernel
from ._call import Order, check_order


def fftshift(x: Any, /, axes: Any = None) -> Any:
    """Move the zero frequency to the centre.

    Parameters
    ----------
    x : array
        Any shape; a Dask array may be cut along any axis.
    axes : int or sequence of int, optional
        Axes to shift; all by default.

    Returns
    -------
    array
        Rolled by ``n // 2`` along each axis: same container, dtype and chunks. Lazy for a Dask
        array, one task per chunk.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> sw.fft.fftshift(np.arange(5))
    array([3, 4, 0, 1, 2])
    """
    return _shift("fftshift", x, axes, lambda n: n // 2)


def ifftshift(x: Any, /, axes: Any = None) -> Any:
    """Undo `fftshift`; the two differ for odd lengths.

    Parameters
    ----------
    x : array
        Any shape; a Dask array may be cut along any axis.
    axes : int or sequence of int, optional
        Axes to shift; all by default.

    Returns
    -------
    array
        Rolled by ``-(n // 2)`` along each axis: same container, dtype and chunks.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> sw.fft.ifftshift(sw.fft.fftshift(np.arange(5)))
    array([0, 1, 2, 3, 4])
    """
    return _shift("ifftshift", x, axes, lambda n: -(n // 2))


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    xp: Any = None,
    device: Any = None,
    order: Order = "natural",
    chunks: Any = None,
) -> Any:
    """Frequencies of the points of `fft`, in cycles per unit of the spacing.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default: 1.0
        Spacing of the samples.
    xp : module, optional
        Array namespace of the result; NumPy by default. ``dask.array`` gives a Dask array.
    device : optional
        Device of the result.
    order : {"natural", "decimated"}, default: "natural"
        Order of the frequencies: "decimated" goes with a transform that was given the same.
    chunks : int or tuple of int, optional
        Chunks of a Dask result: needed for decimated order, where they are those of the
        transform's axis (``y.chunks[axis]``) or their number.

    Returns
    -------
    array, shape (n,)
        float64: ``[0, 1, ..., (n-1)//2, -(n//2), ..., -1] / (d n)``.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.fftfreq(5, d=0.1)
    array([ 0.,  2.,  4., -4., -2.])

    Beside a long transform in decimated order, whose chunk k of P holds every P-th point:

    >>> sw.fft.fftfreq(6, order="decimated", chunks=2).compute()
    array([ 0.        ,  0.33333333, -0.33333333,  0.16666667, -0.5       , -0.16666667])
    """
    _check_points(n)
    values = (np.arange(n) + n // 2) % n - n // 2
    return _place(values * (1.0 / (n * d)), n, xp, device, order, chunks)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    xp: Any = None,
    device: Any = None,
    order: Order = "natural",
    chunks: Any = None,
) -> Any:
    """Frequencies of the points of `rfft`, in cycles per unit of the spacing.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default: 1.0
        Spacing of the samples.
    xp : module, optional
        Array namespace of the result; NumPy by default. ``dask.array`` gives a Dask array.
    device : optional
        Device of the result.
    order : {"natural", "decimated"}, default: "natural"
        Order of the frequencies: "decimated" goes with a transform that was given the same.
    chunks : int or tuple of int, optional
        Chunks of a Dask result: needed for decimated order, where they are those of the
        transform's axis (``y.chunks[axis]``) or their number.

    Returns
    -------
    array, shape (n // 2 + 1,)
        float64: ``[0, 1, ..., n//2] / (d n)``.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.rfftfreq(5, d=0.1)
    array([0., 2., 4.])
    """
    _check_points(n)
    return _place(np.arange(n // 2 + 1) * (1.0 / (n * d)), n, xp, device, order, chunks)


def _check_points(n: Any) -> None:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"n={n!r}: expected an integer number of points")
    if n < 1:
        raise ArgumentError(f"n={n}: expected at least one point")


def _place(values: np.ndarray, n: int, xp: Any, device: Any, order: Order, chunks: Any) -> Any:
    """The frequencies in the library, the order and the chunks that were asked for."""
    check_order(order)
    if order == "decimated" or chunks is not None:
        import dask.array as da

        if order == "decimated":
            values, chunks = _decimated(values, n, chunks)
        array = da.from_array(values, chunks=chunks)
        return array if xp is None or _is_dask(xp) else array.map_blocks(xp.asarray)
    if xp is None:
        return values
    if _is_dask(xp):
        return xp.asarray(values)
    return xp.asarray(values) if device is None else xp.asarray(values, device=device)


def _is_dask(xp: Any) -> bool:
    return xp.__name__.endswith("dask.array")


def _decimated(
    values: np.ndarray, n: int, chunks: Any
) -> tuple[np.ndarray, tuple[tuple[int, ...]]]:
    """Values whose chunk k of P holds every P-th one from k on, and their chunks."""
    lengths = chunks if isinstance(chunks, tuple) else None
    blocks = chunks if lengths is None else len(lengths)
    if isinstance(blocks, bool) or not isinstance(blocks, int) or blocks < 1 or n % blocks:
        raise ArgumentError(
            f"chunks={chunks!r}: decimated order of {n} points needs the chunks of the transform's "
            "axis, y.chunks[axis], or their number, which divides n"
        )
    runs = [values[k::blocks] for k in range(blocks)]
    found = tuple(len(run) for run in runs)
    if lengths is not None and lengths != found:
        raise ArgumentError(
            f"chunks={chunks!r}: in decimated order the {blocks} chunks have the lengths {found}"
        )
    return np.concatenate(runs), (found,)


def _shift(name: str, x: Any, axes: Any, shift: Callable[[int], int]) -> Any:
    x = dispatch.accept(x, function=f"fft.{name}", accessor=f"spanwise.fft.{name}")
    chosen = (
        tuple(range(x.ndim))
        if axes is None
        else tuple(normal_axis(a, x.ndim) for a in np.atleast_1d(axes).tolist())
    )

    def concrete(block: Any) -> Any:
        shifts = tuple(shift(block.shape[a]) for a in chosen)
        return _roll_kernel(block, shifts=shifts, axes=chosen) if chosen else block

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_shift, spec_of
        from ..graph.shift import plan_shift

        spec = spec_of(array)
        shifts = {a: chosen.count(a) * shift(spec.shape[a]) for a in chosen}
        how = plan_shift(spec, shifts=shifts, machine=options.machine(), operation=name)
        return lower_shift(array, how)

    return dispatch.apply(x, concrete=concrete, chunked=chunked)
