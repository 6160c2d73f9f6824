"""What becomes of rows about centres that are known, from a former fit or a file."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import dispatch
from ..kernels.lloyd import Books
from ..kernels.survey import shift_near
from ..kernels.transfer import to_host
from ._arguments import accept_matrix, float_dtype
from ._lloyd import relative_to
from ._rows import map_rows


def rows_around(x: Any, centers: Any, what: str, *, skipna: bool, operation: str) -> Any:
    """The nearest centre of each row, or its distances to all of them.

    Labels are a function of rows and centres alone: the same for any chunking, in every library,
    and whether the centres are those of the fit or were read from a file.

    Parameters
    ----------
    x : array, shape (n, d)
        Rows in memory, or a Dask array.
    centers : numpy.ndarray or dask.array.Array, shape (k, d)
        Centres. A Dask array of them is not computed, which takes chunked rows.
    what : {"nearest", "distances"}
        int32 labels, shape (n,), or distances, shape (n, k).
    skipna : bool
        Whether rows that hold NaN get the label -1, and NaN for distances, instead of an error.
    operation : str
        Public name, for messages.
    """
    x = accept_matrix(x, operation)
    make = functools.partial(_books, dtype=float_dtype(x))
    if dispatch.kind_of(centers) == "chunked":
        from ..graph.dask import made_of

        books = made_of(make, centers)
    else:
        books = make(centers)
    return map_rows(
        x,
        what,
        books,
        operation=operation,
        missing="skip" if skipna else "raise",
        clusters=int(centers.shape[0]),
    )


def _books(centers: Any, *, dtype: np.dtype) -> Books:
    """Centres relative to a point of few digits in their middle."""
    centers = np.asarray(to_host(centers))
    exact = centers.astype(np.float64)
    shift = shift_near(exact.mean(axis=0), exact.min(axis=0), exact.max(axis=0), dtype)
    return Books(shift, (relative_to(shift, centers),))
