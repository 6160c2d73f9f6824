"""Chunks as segments: a dimension that numbers them, and one along them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError

SUFFIX = "_segment"
"""Put behind the name of a dimension for the one that numbers its chunks."""


def segmented(da: Any, dims: tuple[str, ...]) -> Any:
    """Each dimension cut into its chunks, numbered by ``<dim>_segment``; lazy, and moves nothing.

    The coordinate along a segment is that of the first one.
    """
    import xarray as xr

    if dispatch.kind_of(da.data) == "concrete":
        example = {dims[0]: max(1, int(da.sizes[dims[0]]) // 4)}
        raise ArgumentError(
            f"chunks_to_segments=True: the data has no chunks; make them: da.chunk({example})"
        )
    chunks, new_dims, coords = [], [], {}
    for d, lengths in zip(da.dims, da.chunks, strict=True):
        if d not in dims:
            chunks.append(lengths)
            new_dims.append(d)
            continue
        if len(set(lengths)) != 1:
            raise ArgumentError(
                f"chunks_to_segments=True: the chunks along {d!r} are of the lengths {lengths}, "
                "and segments are of one: choose a length that divides the dimension, "
                f"da.chunk({d}=n), or leave the rest out, da.isel({d}=slice(stop))"
            )
        name = f"{d}{SUFFIX}"
        if name in da.dims:
            raise ArgumentError(f"the data has a dimension {name!r} already; rename it")
        chunks += [(1,) * len(lengths), lengths[:1]]
        new_dims += [name, d]
        attrs = {"long_name": f"segment along {d}"}
        coords[name] = xr.Variable(name, np.arange(len(lengths)), attrs)
        if d in da.coords:
            coords[d] = da[d].variable[: lengths[0]]
    kept = {name: c for name, c in da.coords.items() if not set(c.dims) & set(dims)}
    out = xr.DataArray(_reshaped(da.data, tuple(chunks)), dims=new_dims, attrs=da.attrs)
    out.name = da.name
    return out.assign_coords({**kept, **coords})


def _reshaped(x: Any, chunks: tuple[tuple[int, ...], ...]) -> Any:
    from ..graph.blockwise import plan_reshape
    from ..graph.dask import reshape_chunks, spec_of

    plan = plan_reshape(spec_of(x), chunks, machine=options.machine(), operation="segments")
    return reshape_chunks(x, chunks, step=plan.steps[0], plan=plan)
