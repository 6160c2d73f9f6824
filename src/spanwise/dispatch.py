"""The one ladder on kinds of array.

labelled -> an error that names the accessor; chunked -> plan and lower; concrete -> the kernel.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from array_api_compat import is_array_api_obj, is_dask_array

from . import options
from .errors import ArrayTypeError
from .graph.grid import edges
from .kernels.kernel import Kernel
from .kernels.library import Array

Kind = Literal["chunked", "concrete"]


def accept(x: Any, /, *, function: str, accessor: str | None = None, name: str = "x") -> Any:
    """An array that a function may take, as it is; lists and scalars become NumPy arrays.

    SciPy's rules: no ``np.matrix``, masked, sparse or object arrays. Labelled data is told which
    method of the accessor to call, unless ``accessor`` is empty: there is none then.
    """
    _refuse_labelled(x, function, accessor, name)
    chunk = x._meta if is_dask_array(x) else x
    if isinstance(chunk, np.ma.MaskedArray):
        fill = f"{name}.filled(0)" if chunk is x else f"da.ma.filled({name}, 0)"
        raise ArrayTypeError(
            f"{name} is a masked array, whose mask {function} would ignore; fill it first: {fill}"
        )
    if isinstance(x, np.matrix):
        raise ArrayTypeError(f"{name} is an np.matrix; pass np.asarray({name})")
    if _is_sparse(x):
        raise ArrayTypeError(
            f"{name} is sparse and {function} needs dense data; pass {name}.toarray() "
            f"({name}.todense() for the sparse package)"
        )
    if not (is_array_api_obj(x) or is_dask_array(x)):
        _refuse_lazy(x, function, name)
        x = np.asarray(x)
    if is_dask_array(x) and _is_sparse(x._meta):
        raise ArrayTypeError(
            f"{name} has sparse chunks and {function} needs dense data; "
            f"pass {name}.map_blocks(lambda block: block.todense())"
        )
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind not in "biufc":
        raise ArrayTypeError(
            f"{name} has dtype {dtype}; {function} takes numbers, e.g. {name}.astype(float)"
        )
    return x


def kind_of(x: Any) -> Kind:
    """Which rung of the ladder an accepted array stands on."""
    return "chunked" if is_dask_array(x) else "concrete"


def apply(
    x: Any,
    /,
    *,
    concrete: Callable[[Array], Any],
    chunked: Callable[[Any], Any],
) -> Any:
    """Run the branch for this kind of array."""
    if kind_of(x) == "concrete":
        return concrete(x)
    options.make_placement_effective()
    return chunked(x)


def blockwise(
    x: Any,
    kernel: Kernel,
    /,
    *,
    operation: str,
    dtype: Any,
    reason: str,
    starts: tuple[int, ...] = (),
    decimated: int | None = None,
    table: tuple[Any, tuple[int, ...]] | None = None,
    others: tuple[Any, ...] = (),
    lengths: Mapping[int, int] | None = None,
    **params: Any,
) -> Any:
    """Run a kernel on each block by itself: on the array, or once per chunk.

    For each axis in ``starts`` the kernel is given the index of its block's first element; on an
    axis in ``decimated`` order that is the number of the block. ``table`` is an array in memory
    and the axes that it lies along; the kernel is given the part of it that belongs to the block,
    behind the block. ``others`` are arrays of the same kind and as many axes, cut as x is or of one
    chunk, whose blocks come right behind that of x. Blocks keep their shape, but for axes in
    ``lengths``, which they hold whole.
    """

    def chunked(array: Any) -> Any:
        from .graph.blockwise import plan_blockwise
        from .graph.dask import map_beside, map_kernel, spec_of

        plan = plan_blockwise(
            spec_of(array),
            kernel,
            dtype=str(np.dtype(dtype)),
            machine=options.machine(),
            operation=operation,
            reason=reason,
            lengths=lengths,
            beside=tuple(spec_of(other) for other in others),
        )
        function = functools.partial(kernel, **params)
        (step,) = plan.steps
        if table is not None:
            return map_beside(array, *table, function, step=step, plan=plan, dtype=dtype)
        return map_kernel(
            array,
            function,
            step=step,
            plan=plan,
            dtype=dtype,
            chunks=plan.result.chunks,
            numbers=tuple((a, _firsts(array.chunks[a], a == decimated)) for a in starts),
            beside=others,
        )

    beside = (*others, *((0,) * len(starts) if table is None else table[:1]))
    return apply(x, concrete=lambda block: kernel(block, *beside, **params), chunked=chunked)


def add_shares(
    x: Any,
    kernel: Kernel,
    /,
    *,
    operation: str,
    dtype: Any,
    reason: str,
    lengths: Mapping[int, int],
    **params: Any,
) -> Any:
    """Run a kernel whose results on the blocks along some axes add up to that on whole axes.

    The axes are those of ``lengths``, and get these lengths. Behind the block the kernel is given
    the index of its first element on each of them.
    """

    def chunked(array: Any) -> Any:
        from .graph.dask import add_shares, spec_of
        from .graph.reduce import plan_shares

        plan = plan_shares(
            spec_of(array),
            kernel,
            lengths=lengths,
            dtype=str(np.dtype(dtype)),
            machine=options.machine(),
            operation=operation,
            reason=reason,
        )
        return add_shares(array, functools.partial(kernel, **params), tuple(lengths), plan=plan)

    starts = (0,) * len(lengths)
    return apply(x, concrete=lambda block: kernel(block, *starts, **params), chunked=chunked)


def _firsts(chunks: tuple[int, ...], is_decimated: bool) -> tuple[int, ...]:
    """The index of the first element of each chunk of an axis."""
    return tuple(range(len(chunks))) if is_decimated else edges(chunks)[:-1]


def _refuse_labelled(x: Any, function: str, accessor: str | None, name: str) -> None:
    xarray = sys.modules.get("xarray")
    if xarray is None or not isinstance(x, (xarray.DataArray, xarray.Dataset, xarray.Variable)):
        return
    if accessor == "":
        raise ArrayTypeError(
            f"{name} is an xarray {type(x).__name__}; {function} takes arrays, and the accessor "
            f"has no method of that name: pass {name}.data, and label the result"
        )
    call = accessor or f"spanwise.{function}"
    raise ArrayTypeError(
        f"{name} is an xarray {type(x).__name__}; {function} takes arrays. Type "
        f"`import spanwise.xarray` and call {name}.{call}(dim=...), "
        f"or pass {name}.data to lose the labels"
    )


def _refuse_lazy(x: Any, function: str, name: str) -> None:
    """Refuse what NumPy would compute: Dask collections that are no arrays, and lists of any."""
    if isinstance(x, (list, tuple)):
        for item in x:
            _refuse_lazy(item, function, name)
    elif hasattr(x, "__dask_graph__"):
        raise ArrayTypeError(
            f"{name} is or contains a Dask {type(x).__name__}, which {function} would have to "
            "compute; make it one Dask array first: da.stack(list of arrays), "
            "da.from_delayed(value, shape, dtype), frame.to_dask_array(lengths=True)"
        )


def _is_sparse(x: Any) -> bool:
    scipy_sparse = sys.modules.get("scipy.sparse")
    if scipy_sparse is not None and scipy_sparse.issparse(x):
        return True
    sparse = sys.modules.get("sparse")
    return sparse is not None and isinstance(x, sparse.SparseArray)
