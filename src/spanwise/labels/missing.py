"""Missing data along transformed dimensions: refused at compute, or filled.

A labelled function takes ``fill=`` and goes through two calls::

    fill = check_fill(fill)                        # before anything else
    da = fill_missing(da, dims, fill)              # before the transform; lazy
    ...
    y = refuse_missing(y, da, axes, dims)          # behind it, on the array; lazy

`refuse_missing` looks at the first element of each line of the result along ``axes`` (of any
chunk), since a line with NaN has no finite frequency: it is nearly free, and raises
:class:`~spanwise.errors.NonFiniteError` in the task that meets it. A kernel that makes a result in
one task may do so itself instead: give it ``source=source_of(da, dims)`` as a parameter and call
:func:`spanwise.kernels.missing.check_finite` on the spectrum of its block.

Data whose type has no NaN (integers, booleans) pass both calls as they are.
"""

from __future__ import annotations

import cmath
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError
from ..fft._call import is_complex
from ..kernels import missing as _kernels
from ..kernels.library import namespace
from ..kernels.missing import Source

__all__ = ["Fill", "check_fill", "fill_missing", "refuse_missing", "source_of"]

Fill: TypeAlias = "Literal['interp'] | complex | None"
"""What takes the place of NaN: a number, or an interpolation along the transformed dimensions."""


def check_fill(fill: Any) -> Fill:
    """The argument ``fill`` as it may be: None, "interp" or a finite number."""
    if fill is None or (isinstance(fill, str) and fill == "interp"):
        return fill
    is_number = isinstance(fill, (int, float, complex, np.number)) and not isinstance(fill, bool)
    if not is_number or not cmath.isfinite(complex(fill)):
        raise ArgumentError(
            f'fill={fill!r}: expected "interp" (linear between neighbours), a finite number, or '
            "None: missing values are then an error"
        )
    value = complex(fill)
    return value if value.imag else value.real


def source_of(da: Any, dims: Iterable[str], *, fills: bool = True) -> Source | None:
    """What a kernel names when it meets NaN; None where the type of the data has none.

    Parameters
    ----------
    da : DataArray
        The data that is transformed.
    dims : iterable of str
        Along which dimensions.
    fills : bool
        Whether the function has an argument ``fill``, which the message then names first.
    """
    if not _has_nan(da.data):
        return None
    return Source("" if da.name is None else str(da.name), tuple(dims), fills)


def fill_missing(da: Any, dims: Iterable[str], fill: Fill) -> Any:
    """The data with its NaN replaced.

    Parameters
    ----------
    da : DataArray
        On an array of any library or a Dask array cut along any dimension.
    dims : iterable of str
        Dimensions along which to interpolate.
    fill : "interp", number or None
        A number takes the place of every NaN. ``"interp"``: linear by the index (samples are
        evenly spaced) between the neighbours along the first dimension, the nearest value beyond
        the ends; lines of NaN alone are filled along the next dimension, and stay if there is
        none, so that the check behind the transform refuses them. Infinity is not replaced.
        None: nothing is done.

    Returns
    -------
    DataArray
        Lazy on lazy data: one task per chunk, which Dask fuses with the next, for a number and
        along whole dimensions. To interpolate along a cut dimension an exchange makes it whole
        and cuts others instead; it stays whole. Where there are no others to cut (a long series)
        chunks stay as they are and are read twice: each tells the others its first and last value.

    Raises
    ------
    ArgumentError
        For a complex number and real data.
    MemoryBudgetError
        If a cut dimension cannot be made whole within the budget.
    """
    x = da.data
    if fill is None or not _has_nan(x):
        return da
    if isinstance(fill, complex) and not is_complex(x):
        raise ArgumentError(f"fill={fill!r}: the data is real, with dtype {x.dtype}")
    axes = tuple(da.get_axis_num(d) for d in dims)

    def chunked(array: Any) -> Any:
        from ..graph.dask import lower_fill, spec_of
        from ..graph.missing import plan_fill

        how = plan_fill(spec_of(array), axes=axes, fill=fill, machine=options.machine())
        store = options.get_options()["temporary_store"]
        return lower_fill(array, how, store_root=store)

    return da.copy(
        data=dispatch.apply(
            x,
            concrete=lambda block: _kernels.fill_missing(block, axes=axes, fill=fill),
            chunked=chunked,
        )
    )


def refuse_missing(
    x: Any, da: Any, axes: tuple[int, ...], dims: Iterable[str], *, fills: bool = True
) -> Any:
    """The result of a transform as it is; it raises at compute if the data had NaN or infinity.

    Parameters
    ----------
    x : array
        The result, in any chunks; its values are looked at, not changed.
    da : DataArray
        The data that was transformed.
    axes : tuple of int
        The transformed axes of the result.
    dims, fills
        As of `source_of`.
    """
    source = source_of(da, dims, fills=fills)
    if source is None:
        return x
    return dispatch.blockwise(
        x,
        _kernels.refuse_missing,
        operation="refuse-missing",
        dtype=x.dtype if isinstance(x.dtype, np.dtype) else None,
        reason="one element of each line tells whether it was finite",
        axes=axes,
        source=source,
    )


def _has_nan(x: Any) -> bool:
    """Whether the type of the elements has NaN."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind in "fc"
    return namespace(x).isdtype(x.dtype, ("real floating", "complex floating"))
