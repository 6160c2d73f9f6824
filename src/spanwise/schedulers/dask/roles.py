"""What the functions of Dask's tasks are to placement: kernels, work between them, host code."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from dask._task_spec import Task, _execute_subgraph
from dask.array import chunk
from dask.array.reductions import chunk_max, chunk_min, mean_chunk, moment_chunk
from dask.blockwise import Blockwise

from ...kernels.kernel import Kernel, kernel_of
from ..segments import Role

_OPERATORS = frozenset(
    getattr(operator, name)
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs"),
        *("invert", "and_", "or_", "xor", "lt", "le", "eq", "ne", "gt", "ge"),
    )
)
_FUNCTIONS = frozenset({np.real, np.imag, np.angle, np.where, np.clip, chunk.astype})
_BASIC_INDEX = (slice, int, np.integer, type(None), type(Ellipsis))
_REDUCTIONS: dict[Any, int] = dict.fromkeys(
    (np.sum, np.prod, np.any, np.all, np.nansum, np.nanprod, chunk_max, chunk_min), 1
) | {mean_chunk: 2}
"""First rounds of reductions, which leave one number of a chunk for each place along the other
axes, and how many arrays they give out: of a mean it is a count and a sum."""


def role_of_function(function: Any) -> Role | None:
    """What Dask itself puts between kernels, and device libraries serve by protocol."""
    if function is operator.getitem or function is chunk.getitem:
        return Role.SLICE
    if isinstance(function, np.ufunc):
        return Role.BETWEEN
    if reduced_to(function):
        return Role.BETWEEN
    try:
        return Role.BETWEEN if function in _OPERATORS or function in _FUNCTIONS else None
    except TypeError:  # unhashable
        return None


def reduced_to(function: Any) -> int:
    """Arrays that the first round of a reduction gives out, 0 for any other function."""
    if isinstance(function, functools.partial):
        if function.func is moment_chunk:
            return _moments(**function.keywords)
        function = function.func
    try:
        return _REDUCTIONS.get(function, 0)
    except TypeError:  # unhashable
        return 0


def _moments(order: int = 2, implicit_complex_dtype: bool = False, **_: Any) -> int:
    """Arrays of a variance: count, sum and squares, alike but for complex numbers."""
    return 3 if order == 2 and not implicit_complex_dtype else 0


def is_basic_slice(task: Task) -> bool:
    """Whether a task takes a view of its only input."""
    if len(task.args) != 2 or len(task.dependencies) != 1 or task.kwargs:
        return False
    index = task.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(p, _BASIC_INDEX) and not isinstance(p, bool) for p in parts)


def functions_of(tasks: Iterable[Any]) -> list[Any]:
    """The functions that tasks run, those inside fused tasks too, each once."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = [tasks]
    while waiting:
        for task in waiting.pop():
            if not isinstance(task, Task):
                continue
            if task.func is not _execute_subgraph:
                found[id(task.func)] = task.func
            elif id(task.args[0]) not in seen:  # chunks of a fused layer share what is inside
                seen.add(id(task.args[0]))
                waiting.append(task.args[0].values())
    return list(found.values())


def functions_of_layer(layer: Any) -> list[Any]:
    """The functions that the tasks of a layer run, without writing them out."""
    if isinstance(layer, Blockwise):
        return functions_of((layer.task,))
    if not layer.is_materialized():  # a P2P rechunk, slices for an overlap: no kernels
        return []
    return functions_of(getattr(layer, "mapping", layer).values())


def kernels_of_layer(layer: Any) -> set[Kernel]:
    """The kernels that the tasks of a layer run."""
    return {k for f in functions_of_layer(layer) if (k := kernel_of(f)) is not None}
