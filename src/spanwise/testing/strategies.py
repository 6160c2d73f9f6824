"""Hypothesis strategies for shapes, chunkings, axes and values."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

Chunks = tuple[tuple[int, ...], ...]


@st.composite
def _cuts(draw: st.DrawFn, length: int, max_blocks: int, allow_empty: bool) -> tuple[int, ...]:
    """One axis: the lengths between sorted cut points, distinct unless chunks may be empty."""
    lowest, highest = (0, length) if allow_empty else (1, length - 1)
    if lowest > highest or max_blocks < 2:
        return (length,)
    cuts = draw(
        st.lists(
            st.integers(lowest, highest),
            max_size=max_blocks - 1,
            unique=not allow_empty,
        )
    )
    return tuple(int(n) for n in np.diff([0, *sorted(cuts), length]))


def chunkings(
    shape: tuple[int, ...], *, max_blocks: int = 4, allow_empty: bool = False
) -> st.SearchStrategy[Chunks]:
    """Ways to cut an array into chunks, as Dask writes them.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    max_blocks : int, default: 4
        Most chunks along one axis.
    allow_empty : bool, default: False
        Whether chunks of length zero may occur on an axis that is not empty.

    Returns
    -------
    strategy
        Draws a tuple with the chunk lengths of each axis; shrinks to a single chunk.
    """
    return st.tuples(*(_cuts(n, max_blocks, allow_empty) for n in shape))


def shapes(
    *, min_ndim: int = 1, max_ndim: int = 3, min_side: int = 1, max_side: int = 12
) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of arrays, within the given limits.

    Parameters
    ----------
    min_ndim, max_ndim : int
        Number of axes.
    min_side, max_side : int
        Length of each axis.

    Returns
    -------
    strategy
        Draws a tuple of int.
    """
    return npst.array_shapes(
        min_dims=min_ndim, max_dims=max_ndim, min_side=min_side, max_side=max_side
    )


@st.composite
def shapes_and_chunks(
    draw: st.DrawFn, *, max_blocks: int = 4, allow_empty: bool = False, **limits: Any
) -> tuple[tuple[int, ...], Chunks]:
    """A shape and a chunking of it.

    Parameters
    ----------
    max_blocks, allow_empty
        As in `chunkings`.
    **limits
        As in `shapes`.

    Returns
    -------
    strategy
        Draws a pair (shape, chunks).
    """
    shape = draw(shapes(**limits))
    return shape, draw(chunkings(shape, max_blocks=max_blocks, allow_empty=allow_empty))


@st.composite
def axes_of(draw: st.DrawFn, ndim: int, *, min_size: int = 1) -> tuple[int, ...]:
    """Distinct axes of an array in any order, some counted from the end.

    Parameters
    ----------
    ndim : int
        Number of axes of the array.
    min_size : int, default: 1
        Fewest axes to draw.

    Returns
    -------
    strategy
        Draws a tuple of int in ``range(-ndim, ndim)``.
    """
    order = draw(st.permutations(range(ndim)))
    count = draw(st.integers(min_size, ndim))
    return tuple(axis - ndim * draw(st.booleans()) for axis in order[:count])


def float_arrays(
    shape: Any,
    *,
    dtype: Any = np.float64,
    bound: float = 1e3,
    allow_nan: bool = False,
) -> st.SearchStrategy[np.ndarray]:
    """Real or complex NumPy arrays of moderate finite values.

    Parameters
    ----------
    shape : int, tuple of int or strategy
        Shape.
    dtype : dtype, default: float64
        ``float32``, ``float64``, ``complex64`` or ``complex128``.
    bound : float, default: 1000
        Largest absolute value.
    allow_nan : bool, default: False
        Whether NaN may occur.

    Returns
    -------
    strategy
        Draws an array. No element is subnormal, whose arithmetic depends on the machine.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        elements = st.complex_numbers(
            max_magnitude=bound,
            allow_nan=allow_nan,
            allow_subnormal=False,
            width=8 * dtype.itemsize,
        )
    else:
        largest = float(np.nextafter(dtype.type(bound), dtype.type(0)))
        elements = st.floats(-largest, largest, allow_subnormal=False, width=8 * dtype.itemsize) | (
            st.just(float("nan")) if allow_nan else st.nothing()
        )
    return npst.arrays(dtype, shape, elements=elements)
