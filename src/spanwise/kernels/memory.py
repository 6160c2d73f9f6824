"""Running out of memory on a device: how it shows, what can be freed, and smaller steps."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

from ..errors import DeviceMemoryError
from .library import Array, namespace
from .tables import drop_tables

MOST_PARTS = 1024
"""A block is cut into so many parts at most: smaller ones take longer than the CPU would."""

_FAILED_ALLOCATIONS = (
    "cudaErrorMemoryAllocation",
    "CUFFT_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
)
"""What CUDA's libraries say when work areas of their own do not fit."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no room. Nothing is imported to find out.

    >>> is_out_of_memory(DeviceMemoryError("out of memory")), is_out_of_memory(MemoryError())
    (True, False)
    """
    if isinstance(error, DeviceMemoryError):
        return True
    module = sys.modules.get("cupy.cuda.memory")
    if module is None:
        return False
    if isinstance(error, module.OutOfMemoryError):
        return True
    text = str(error)
    return type(error).__module__.startswith("cupy") and any(s in text for s in _FAILED_ALLOCATIONS)


def release_memory(library: str) -> int:
    """Free what this process keeps on a device for later, and say how many bytes that was.

    These are the tables of kernels and, of CuPy, the blocks of its pool that no array uses and this
    thread's cuFFT plans.
    """
    if library != "cupy":
        return drop_tables(library)
    cupy = sys.modules["cupy"]
    pool = cupy.get_default_memory_pool()
    before = pool.total_bytes()
    drop_tables(library)
    cupy.fft.config.get_plan_cache().clear()
    pool.free_all_blocks()
    return before - pool.total_bytes()


def run_within_memory(
    run: Callable[[Array], Any],
    x: Array,
    free_axes: Callable[[], tuple[int, ...]],
    library: str,
) -> tuple[Any, int]:
    """Run on a block as a whole or, where that does not fit on its device, in parts.

    Parameters
    ----------
    run : callable
        Runs on a block without spoiling it.
    x : array
        The block.
    free_axes : callable
        Gives the axes along which the block may be cut; asked when it has to be.
    library : str
        The block's library.

    Returns
    -------
    result, parts
        What ``run`` gives for the block, and in how many parts it was made.

    Raises
    ------
    Exception
        What the device raised last, if no part fits.
    """
    axis, parts, released = None, 1, False
    while True:
        try:
            return (run(x) if axis is None else _in_parts(run, x, axis, parts)), parts
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # The frames of a traceback hold the arrays whose memory is needed.
            failure = error.with_traceback(None)
            failure.__context__ = failure.__cause__ = None
        if release_memory(library) and not released:
            released = True
            continue
        if axis is None:
            axis = max(free_axes(), key=lambda a: x.shape[a], default=None)
        most = 1 if axis is None else min(x.shape[axis], MOST_PARTS)
        if parts >= most:
            raise failure
        parts = min(2 * parts, most)


def _in_parts(run: Callable[[Array], Any], x: Array, axis: int, parts: int) -> Any:
    """The result of a block, part by part; tuples of arrays are put together one by one."""
    length = x.shape[axis]
    bounds = [length * i // parts for i in range(parts + 1)]
    whole: tuple[Array, ...] | None = None
    is_tuple = False
    for start, stop in itertools.pairwise(bounds):
        index = (*(slice(None),) * axis, slice(start, stop), ...)
        made = run(x[index])
        is_tuple = isinstance(made, tuple)
        whole = _gathered(whole, made if is_tuple else (made,), axis, index, length)
        del made  # the next part needs the room
    assert whole is not None
    return whole if is_tuple else whole[0]


def _gathered(
    whole: tuple[Array, ...] | None,
    parts: tuple[Array, ...],
    axis: int,
    index: tuple[Any, ...],
    length: int,
) -> tuple[Array, ...]:
    """The results with a part of each written in; made when the first parts come."""
    if whole is None:
        whole = tuple(_empty(part, axis, length) for part in parts)
    for out, part in zip(whole, parts, strict=True):
        out[index] = part
    return whole


def _empty(part: Array, axis: int, length: int) -> Array:
    shape = (*part.shape[:axis], length, *part.shape[axis + 1 :])
    return namespace(part).empty(shape, dtype=part.dtype, device=part.device)


def each_row(x: Array, /, *args: Any, **params: Any) -> tuple[int]:
    """The first axis: rows that do not meet."""
    return (0,)


def all_but(*axes: int, ndim: int) -> tuple[int, ...]:
    """The axes of a block that are none of some.

    >>> all_but(0, -1, ndim=4)
    (1, 2)
    """
    taken = {axis % ndim for axis in axes}
    return tuple(axis for axis in range(ndim) if axis not in taken)
