"""How SciPy's tests of ``scipy.cluster.vq`` come to call `spanwise.cluster.vq`.

SciPy has no backends there, so our functions are put in the place of its own, with what somebody
who changes from one to the other has to change as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import is_dask_array

import spanwise.cluster.vq

OURS = {"kmeans": "kmeans", "kmeans2": "kmeans2", "py_vq": "vq", "vq": "vq", "whiten": "whiten"}
"""Ours of each of SciPy's; ``py_vq`` is the older name of a ``vq`` written in Python."""

COMPUTING = frozenset({"kmeans", "kmeans2"})
"""Those that may compute a Dask array; the others must not."""


def is_cut(args: tuple[Any, ...]) -> bool:
    """Whether the observations are in several chunks."""
    return is_dask_array(args[0]) and args[0].npartitions > 1


def adapt(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """SciPy's call as ours.

    ``seed`` is the older name of ``rng``, which ours does not have; ``vq`` is lazy, so whoever
    has a lazy code book computes it, as the error says.
    """
    kwargs = {"rng" if key == "seed" else key: value for key, value in kwargs.items()}
    if OURS[name] == "vq" and is_dask_array(args[0]):
        obs, code_book, *others = args
        args = (obs, code_book.compute(), *others)
    return args, kwargs


def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ours answers."""
    return getattr(spanwise.cluster.vq, OURS[name])(*args, **kwargs)


def restore(result: Any, args: tuple[Any, ...]) -> Any:
    """The answer as SciPy's tests compare it: codes and distortions of Dask arrays lazy as well.

    Ours are arrays of the library of the chunks, since they were computed.
    """
    import dask.array as da

    if not is_dask_array(args[0]):
        return result
    parts = result if isinstance(result, tuple) else (result,)
    lazy = tuple(part if is_dask_array(part) else da.asarray(np.asarray(part)) for part in parts)
    return lazy if isinstance(result, tuple) else lazy[0]
