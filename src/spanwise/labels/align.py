"""Other labelled data brought to the coordinates of an object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError


def aligned(
    other: Any,
    obj: Any,
    *,
    name: str,
    whose: str = "the data",
    dims: Iterable[str] | None = None,
) -> Any:
    """``other`` in the order of the coordinates of ``obj``; lazy if it is.

    Labels decide where both sides have some, in any order; ``other`` may have more of them. Where
    one side has none, the lengths must be equal.

    Parameters
    ----------
    other, obj : DataArray
        What is brought, and to what.
    name, whose : str
        What ``other`` and ``obj`` are, for messages.
    dims : iterable of str, optional
        Dimensions that are looked at; by default all of ``other``.

    Raises
    ------
    ArgumentError
        For labels that ``other`` lacks, or lengths that differ.

    Examples
    --------
    >>> import xarray as xr
    >>> data = xr.DataArray([0, 0], coords={"x": [1, 2]}, dims="x")
    >>> weights = xr.DataArray([7, 8, 9], coords={"x": [3, 2, 1]}, dims="x")
    >>> aligned(weights, data, name="weights").values
    array([9, 8])
    """
    order = {}
    for dim in other.dims if dims is None else dims:
        if dim not in obj.dims:
            raise ArgumentError(
                f"{name} has the dimension {dim!r}, which {whose} has not; expected some of "
                f"{', '.join(map(repr, obj.dims))}"
            )
        theirs, ours = other.indexes.get(dim), obj.indexes.get(dim)
        if theirs is None or ours is None:
            if other.sizes[dim] != obj.sizes[dim]:
                raise ArgumentError(
                    f"{name} has {other.sizes[dim]} points along {dim!r}, and {whose} "
                    f"{obj.sizes[dim]}; expected as many, or coordinates on both sides"
                )
            continue
        if theirs.equals(ours):
            continue
        if not theirs.is_unique:
            raise ArgumentError(
                f"{name} has a coordinate {dim!r} with labels that come more than once, so that it "
                f"cannot be brought to the order of {whose}; drop it: .drop_vars({dim!r})"
            )
        order[dim] = _positions(theirs, ours, name, whose, dim)
    return other.isel(order) if order else other


def _positions(theirs: Any, ours: Any, name: str, whose: str, dim: str) -> np.ndarray:
    """Where each of our labels is among theirs."""
    found = theirs.get_indexer(ours)
    lost = ours[found < 0]
    if len(lost):
        raise ArgumentError(
            f"{name} has no value at {dim}={lost[0]}: {len(lost)} of {len(ours)} labels of {whose} "
            f"along {dim!r} are missing. Bring it to those first, e.g. "
            f"{name}.reindex({dim}=..., method='nearest', tolerance=...)"
        )
    return found
