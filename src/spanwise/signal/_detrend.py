"""Taking trends away."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError
from ..graph.arguments import integer, normal_axis
from ..kernels.detrend import detrend as _kernel
from ._arguments import floating, is_complex, is_whole

_TYPES = {"linear": "linear", "l": "linear", "constant": "constant", "c": "constant"}


def detrend(
    data: Any,
    axis: int = -1,
    type: Literal["linear", "constant"] = "linear",
    bp: Any = 0,
    overwrite_data: bool = False,
) -> Any:
    """Take a linear trend or the mean away along an axis, as `scipy.signal.detrend`.

    Parameters
    ----------
    data : array
        Real or complex data, any shape.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    axis : int, default: -1
        Axis along which the trend runs. It may be cut into chunks of any lengths.
    type : {"linear", "constant"}, default: "linear"
        A straight line by least squares, or the mean.
    bp : int or sequence of int, default: 0
        Samples at which linear trends of their own begin.
    overwrite_data : bool, default: False
        Taken for SciPy's sake; the data are never changed.

    Returns
    -------
    array
        Of the shape and the chunks of ``data``, in its precision (integers become double); same
        library, device and kind of container. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For an axis that the array does not have, another type, or a break point beyond the data.
    ArrayTypeError
        For labelled, masked, sparse or object arrays.

    Notes
    -----
    Along a whole axis each chunk is one task, and the data are read once. Along a cut axis nothing
    changes chunk: each chunk gives two sums for each segment, which a tree of tasks adds, and is
    read (or computed) a second time to take the trend away, so that no chunk waits in memory.
    ``persist`` data first that take long to compute.

    Sums are taken in double precision and samples are counted from the middle of the axis, so that
    single precision stays accurate with a mean that is large beside the fluctuations.

    Examples
    --------
    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.asarray([1.0, 2.0, 3.0, 4.0, 3.0, 2.0]), chunks=4)
    >>> sw.signal.detrend(x, type="constant").compute()
    array([-1.5, -0.5,  0.5,  1.5,  0.5, -0.5])
    >>> bool(abs(sw.signal.detrend(x, bp=3)).max().compute() < 1e-15)
    True
    """
    kind = _TYPES.get(type) if isinstance(type, str) else None
    if kind is None:
        raise ArgumentError(f"type={type!r}: expected 'linear' or 'constant'")
    data = dispatch.accept(
        data, function="signal.detrend", accessor="spanwise.signal.detrend", name="data"
    )
    axis = normal_axis(axis, data.ndim)
    breaks = _breaks(bp, data.shape[axis]) if kind == "linear" else ()
    return detrend_axes(data, (axis,), kind, breaks)


def detrend_axes(x: Any, axes: tuple[int, ...], type: str, breaks: tuple[int, ...] = ()) -> Any:
    """An array less its trend over axes, whole or cut."""
    if not is_whole(x, axes):
        return detrend_cut(x, axes, type, breaks, operation="detrend")[0]
    return dispatch.blockwise(
        x,
        _kernel,
        operation="detrend",
        dtype=floating(x, as_complex=is_complex(x)),
        reason="the axes of the trend are whole in their chunks",
        axes=axes,
        type=type,
        breaks=breaks,
    )


def detrend_cut(
    x: Any, axes: tuple[int, ...], type: str, breaks: tuple[int, ...] = (), *, operation: str
) -> tuple[Any, Any]:
    """A Dask array less its trend over axes of which some are cut, by two reads, and its sums."""
    from ..graph.dask import lower_detrend, spec_of
    from ..graph.detrend import plan_detrend

    options.make_placement_effective()
    how = plan_detrend(
        spec_of(x),
        axes=axes,
        type=type,
        breaks=breaks,
        machine=options.machine(),
        operation=operation,
    )
    return lower_detrend(x, how, type=type, breaks=breaks)


def _breaks(bp: Any, n: int) -> tuple[int, ...]:
    """Where segments begin, but for the first."""
    given = np.atleast_1d(np.asarray(bp))
    points = sorted({integer(b, "bp") for b in given.tolist()})
    if points and not 0 <= points[0] <= points[-1] <= n:
        raise ArgumentError(
            f"bp={bp!r}: expected samples 0 ... {n} of the axis, at which segments begin"
        )
    return tuple(b for b in points if 0 < b < n)
