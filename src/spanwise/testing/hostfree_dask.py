"""Makes `HostFree` a chunk type of Dask. Imported only where Dask is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .hostfree import HostFree

_registered = False


def register_with_dask() -> None:
    """Register `HostFree` with Dask's dispatch tables; calling it again has no effect.

    It happens by itself when a HostFree array meets ``dask.array`` in a process, and when one is
    unpickled, so that workers know the type.
    """
    global _registered  # noqa: PLW0603 - one registration for each process
    if _registered:
        return
    from dask.array.chunk_types import register_chunk_type
    from dask.array.dispatch import empty_lookup, nannumel_lookup, numel_lookup, to_numpy_dispatch
    from dask.sizeof import sizeof

    register_chunk_type(HostFree)
    numel_lookup.register(HostFree, _numel)
    nannumel_lookup.register(HostFree, _nannumel)
    empty_lookup.register(HostFree, _empty)
    to_numpy_dispatch.register(HostFree, _to_numpy)
    sizeof.register(HostFree, _sizeof)
    _registered = True


def _numel(x: HostFree, axis: Any = None, keepdims: bool = False, **kwargs: Any) -> HostFree:
    """Number of elements that a reduction over ``axis`` takes in, in the shape of its result."""
    one = np.ones_like(x, shape=(), dtype=kwargs.get("dtype", np.float64))
    return np.sum(np.broadcast_to(one, x.shape), axis=axis, keepdims=keepdims)


def _nannumel(x: HostFree, **kwargs: Any) -> HostFree:
    return np.sum(~np.isnan(x), **kwargs)


def _empty(shape: Any, dtype: Any = np.float64, **kwargs: Any) -> HostFree:
    return HostFree(shape, dtype)


def _to_numpy(x: HostFree, **kwargs: Any) -> np.ndarray:
    return x.copy_to_host()


def _sizeof(x: HostFree) -> int:
    return x.nbytes
