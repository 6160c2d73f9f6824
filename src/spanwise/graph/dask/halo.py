"""Kernels on blocks that overlap, as tasks."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import List, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph

from ...kernels.blocks import Assembled, AssembledEach, Unjoined, gather, take
from ..grid import ArraySpec, Overlap
from ..halo import Halo, Row
from ..plan import Plan, Step
from .layers import (
    Numbers,
    PlannedLayer,
    array_of,
    map_kernel,
    meta_of,
    name_of,
    symbolic,
    values_of,
)


def map_halo(
    x: da.Array,
    how: Halo,
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
    result: ArraySpec,
    numbers: Numbers = (),
    joined: bool = True,
    beside: Sequence[tuple[da.Array, Halo]] = (),
    order: tuple[int, ...] | None = None,
) -> da.Array:
    """``function(block, *numbers)`` on overlapping blocks, one task for each.

    A block's own chunk goes to its task as it is. What it reads of others is cut out by tasks of
    their own, so that only so much moves, and so that no view keeps a chunk alive. Where no block
    overlaps, the layer is a symbolic one, which Dask fuses with its neighbours.

    Parameters
    ----------
    x : da.Array
        The input.
    how : Halo
        Its blocks, from :func:`spanwise.graph.halo.plan_halo`.
    function : callable
        A kernel, or a partial of one: block in, block of ``result`` out.
    step, plan : Step, Plan
        What it costs (:func:`spanwise.graph.halo.halo_step`), and of what it is a part.
    result : ArraySpec
        Chunks and element type of the result; it has as many blocks as ``how.joined``.
    numbers : tuple of (int, tuple of int), optional
        Axes, and for each of their blocks a number that the function is given behind the block
        (where the block begins, what to leave out). An axis may come more than once.
    joined : bool, default: True
        Whether the block is put together, a copy that the task owns. If not, the function is
        given the last piece of the only axis with a halo as the block and, as ``before=``, a
        tuple of the pieces before it; both may be views of chunks. Blocks that are not NumPy's
        are joined, and ``before`` is left out.
    beside : sequence of (da.Array, Halo), optional
        Further arrays whose blocks the function gets behind the first, all of them joined and
        before the numbers. Where an array has one block on an axis, all blocks read it. Placement
        leaves such functions where the chunks are.
    order : tuple of int, optional
        For each axis of the result the axis of x whose blocks it has; -1 for one of a single block
        that the function makes. By default the axes of x.
    """
    order = tuple(range(x.ndim)) if order is None else order
    if how.is_local and not beside and set(order) >= set(range(x.ndim)):
        return _map_chunks(x, function, step, plan, result, numbers, order)
    names = [array.name for array, _ in beside]
    name = name_of(step, x.name, names, how, function, str(result), numbers, joined, order, plan)
    if beside:
        run: Any = AssembledEach(gather, function)
    else:
        run = (Assembled if joined else Unjoined)(gather, function)
    tasks: dict[Any, Task] = {}
    stem, _, token = name.rpartition("-")
    inputs = [
        _Pieces(array.name, halo, f"{stem}-slice{i or ''}-{token}", tasks)
        for i, (array, halo) in enumerate([(x, how), *beside])
    ]
    for place in itertools.product(*(range(n) for n in result.numblocks)):
        key = (name, *place)
        numbered = {axis: i for axis, i in zip(order, place, strict=True) if axis >= 0}
        index = tuple(numbered.get(axis, 0) for axis in range(x.ndim))
        behind = tuple(values[index[axis]] for axis, values in numbers)
        taken = [pieces.of(index) for pieces in inputs]
        tasks[key] = Task(
            key, run, behind, *(taken[0] if not beside else (List(*t) for t in taken))
        )
    layer = PlannedLayer(tasks, step, plan, None if beside else how.joined)
    depends_on = [x, *(array for array, _ in beside)]
    graph = HighLevelGraph.from_collections(name, layer, dependencies=depends_on)
    meta = meta_of(x._meta, result.ndim, np.dtype(result.dtype))
    return da.Array(graph, name, result.chunks, meta=meta)


def _map_chunks(
    x: da.Array,
    function: Callable[..., Any],
    step: Step,
    plan: Plan,
    result: ArraySpec,
    numbers: Numbers,
    order: tuple[int, ...],
) -> da.Array:
    """One task per chunk, as a symbolic layer."""
    if order == tuple(range(x.ndim)):
        return map_kernel(
            x,
            function,
            step=step,
            plan=plan,
            dtype=result.dtype,
            chunks=result.chunks,
            numbers=numbers,
        )
    name = name_of(step, x.name, function, str(result), numbers, order, plan)
    made = {x.ndim + i: 1 for i, axis in enumerate(order) if axis < 0}
    out = tuple(x.ndim + i if axis < 0 else axis for i, axis in enumerate(order))
    located = itertools.chain.from_iterable((values_of(v), (a,)) for a, v in numbers)
    pairs = (x.name, tuple(range(x.ndim)), *located)
    layer = symbolic(function, name, out, pairs, {x.name: x.numblocks}, step, plan, made)
    return array_of(x, name, layer, result.chunks, result.dtype)


_Taken = tuple[List, tuple[Row, ...], tuple[bool, ...]]


class _Pieces:
    """What the blocks of one array are made of; adds the tasks that cut slices out."""

    def __init__(self, source: str, how: Halo, name: str, tasks: dict[Any, Task]) -> None:
        self.source = source
        self.how = how
        self.name = name
        self.tasks = tasks
        self._keys: dict[tuple[Overlap, ...], Any] = {}
        self._count: dict[tuple[int, ...], int] = {}

    def of(self, index: tuple[int, ...]) -> _Taken:
        """The pieces of a block, the rows they are put together by, and which are cut out."""
        counts = self.how.joined.numblocks
        index = tuple(i if n > 1 else 0 for i, n in zip(index, counts, strict=True))
        rows = tuple(axis[i] for axis, i in zip(self.how.rows, index, strict=True))
        refs: list[TaskRef | None] = []
        cuts = self.how.cuts(index)
        for parts, cut in zip(self.how.parts(index), cuts, strict=True):
            chunk = tuple(p.source for p in parts)
            if -1 in chunk:
                refs.append(None)
            elif cut is None:
                refs.append(TaskRef((self.source, *chunk)))
            else:
                refs.append(TaskRef(self._slice(cut, chunk)))
        return List(*refs), rows, tuple(cut is not None for cut in cuts)

    def _slice(self, cut: tuple[Overlap, ...], chunk: tuple[int, ...]) -> Any:
        if cut not in self._keys:
            number = self._count[chunk] = self._count.get(chunk, -1) + 1
            key = self._keys[cut] = (self.name, *chunk, number)
            where = tuple(slice(p.start, p.stop) for p in cut)
            self.tasks[key] = Task(key, take, TaskRef((self.source, *chunk)), where)
        return self._keys[cut]
