"""The only place where plans become Dask graphs.

Our layers carry the :class:`~spanwise.graph.plan.Step` that they carry out and the plan that it
belongs to; both survive pickling and are gone after ``persist``, as the work then is.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import List, Task, TaskRef
from dask.array.utils import meta_from_array
from dask.base import tokenize
from dask.blockwise import Blockwise
from dask.blockwise import blockwise as core_blockwise
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.layers import ArrayValuesDep

from ..errors import UnknownChunksError
from ..kernels import stage
from ..kernels.blocks import gather, take
from ..kernels.blocks import reshape as reshape_kernel
from ..kernels.blocks import roll as roll_kernel
from ..kernels.fft import fft as fft_kernel
from ..kernels.library import library_of
from .exchange import Exchange
from .fft import FFTPlan, Local, ShiftPlan
from .grid import ArraySpec, Chunks, edges
from .plan import Plan, Step


class PlannedBlockwise(Blockwise):
    """A symbolic layer of one task per chunk that knows its plan."""

    step: Step
    plan: Plan


class PlannedLayer(MaterializedLayer):
    """A layer of written-out tasks that knows its plan."""

    def __init__(self, mapping: Mapping[Any, Any], step: Step, plan: Plan) -> None:
        super().__init__(mapping)
        self.step = step
        self.plan = plan


def spec_of(x: da.Array) -> ArraySpec:
    """What planning may know of a Dask array."""
    if any(math.isnan(n) for axis in x.chunks for n in axis):
        raise UnknownChunksError(
            f"x has unknown chunk sizes {x.chunks}; call x.compute_chunk_sizes() first"
        )
    chunks = tuple(tuple(int(n) for n in axis) for axis in x.chunks)
    return ArraySpec(chunks, str(x.dtype), x.dtype.itemsize, library_of(x._meta))


def map_kernel(
    x: da.Array,
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
    dtype: Any,
    chunks: Chunks | None = None,
    starts: tuple[int, ...] = (),
) -> da.Array:
    """One task per chunk, as a symbolic layer that Dask fuses with its neighbours.

    For each axis in ``starts`` the function is given, behind the block, the index of the block's
    first element on that axis.
    """
    name = _name(step, x.name, function, chunks, str(dtype), starts, plan.machine)
    axes = tuple(range(x.ndim))
    located = itertools.chain.from_iterable((_starts(x.chunks[a]), (a,)) for a in starts)
    base = core_blockwise(
        function, name, axes, x.name, axes, *located, numblocks={x.name: x.numblocks}
    )
    layer = PlannedBlockwise(
        base.output,
        base.output_indices,
        base.task,
        base.indices,
        base.numblocks,
        concatenate=base.concatenate,
        new_axes=base.new_axes,
        io_deps=base.io_deps,
    )
    layer.step = step
    layer.plan = plan
    return _array(x, name, layer, x.chunks if chunks is None else chunks, dtype)


def _starts(chunks: tuple[int, ...]) -> ArrayValuesDep:
    """The index of the first element of each chunk of one axis, without a task of its own."""
    return ArrayValuesDep((chunks,), {(i,): start for i, start in enumerate(edges(chunks)[:-1])})


def exchange(
    x: da.Array, how: Exchange, *, step: Step, plan: Plan, store_root: str | None = None
) -> da.Array:
    """Bring an array into other chunks, slice by slice."""
    name = _name(step, x.name, how, plan.machine)
    build = {"view": _view_tasks, "split": _split_tasks, "staged": _staged_tasks}[how.form]
    tasks = build(x, how, name, store_root)
    return _array(x, name, PlannedLayer(tasks, step, plan), how.target, x.dtype)


def reshape_chunks(x: da.Array, chunks: Chunks, *, step: Step, plan: Plan) -> da.Array:
    """Another shape for each chunk by itself; chunks before and after correspond in C order."""
    name = _name(step, x.name, chunks, plan.machine)
    sources = itertools.product(*(range(n) for n in x.numblocks))
    targets = itertools.product(*(enumerate(axis) for axis in chunks))
    tasks = {}
    for source, target in zip(sources, targets, strict=True):
        key = (name, *(i for i, _ in target))
        shape = tuple(length for _, length in target)
        tasks[key] = Task(
            key, functools.partial(reshape_kernel, shape=shape), TaskRef((x.name, *source))
        )
    return _array(x, name, PlannedLayer(tasks, step, plan), chunks, x.dtype)


def lower_fft(x: da.Array, how: FFTPlan, *, store_root: str | None = None) -> da.Array:
    """The graph of a planned Fourier transform."""
    plan = how.plan
    for stage_plan, step in zip(how.stages, plan.steps, strict=True):
        if isinstance(stage_plan, Local):
            function = functools.partial(
                fft_kernel,
                kind=stage_plan.kind,
                axes=stage_plan.axes,
                lengths=stage_plan.lengths,
                norm=how.norm,
            )
            result = stage_plan.result
            x = map_kernel(
                x, function, step=step, plan=plan, dtype=result.dtype, chunks=result.chunks
            )
        else:
            x = exchange(x, stage_plan, step=step, plan=plan, store_root=store_root)
    return x


def lower_shift(x: da.Array, how: ShiftPlan) -> da.Array:
    """The graph of a planned roll."""
    (step,) = how.plan.steps
    if how.exchange is not None:
        return exchange(x, how.exchange, step=step, plan=how.plan)
    axes, shifts = zip(*how.shifts, strict=True) if how.shifts else ((), ())
    function = functools.partial(roll_kernel, shifts=shifts, axes=axes)
    return map_kernel(x, function, step=step, plan=how.plan, dtype=x.dtype) if axes else x


def _name(step: Step, *parts: Any) -> str:
    return f"{step.name}-{tokenize(step, *parts)}"


def _array(x: da.Array, name: str, layer: Any, chunks: Chunks, dtype: Any) -> da.Array:
    """A collection whose meta keeps the chunk library; the dtype comes from a rule."""
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[x])
    return da.Array(graph, name, chunks, meta=_meta(x._meta, len(chunks), np.dtype(dtype)))


def _meta(reference: Any, ndim: int, dtype: np.dtype) -> Any:
    meta = meta_from_array(reference, ndim=ndim)
    if meta.dtype.kind == "c" and dtype.kind != "c":
        meta = meta.real
    return meta.astype(dtype)


def _targets(how: Exchange) -> list[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """Index and rows of every target chunk."""
    numbered = [list(enumerate(axis)) for axis in how.rows]
    return [
        (tuple(i for i, _ in block), tuple(row for _, row in block))
        for block in itertools.product(*numbered)
    ]


def _sources(rows: Sequence[Sequence[Any]]) -> list[tuple[int, ...]]:
    """Source chunk of every combination of parts, in C order."""
    return [tuple(p.source for p in parts) for parts in itertools.product(*rows)]


def _view_tasks(x: da.Array, how: Exchange, name: str, store_root: str | None) -> dict[Any, Task]:
    tasks = {}
    for index, rows in _targets(how):
        key = (name, *index)
        pieces = List(*(TaskRef((x.name, *source)) for source in _sources(rows)))
        tasks[key] = Task(key, gather, pieces, rows)
    return tasks


def _split_tasks(x: da.Array, how: Exchange, name: str, store_root: str | None) -> dict[Any, Task]:
    tasks: dict[Any, Task] = {}
    slice_name = f"{name.rpartition('-')[0]}-slice-{name.rpartition('-')[2]}"
    for index, rows in _targets(how):
        pieces = []
        for n, parts in enumerate(itertools.product(*rows)):
            source = (x.name, *(p.source for p in parts))
            slices = tuple(slice(p.start, p.stop) for p in parts)
            piece = (slice_name, *index, n)
            tasks[piece] = Task(piece, take, TaskRef(source), slices)
            pieces.append(TaskRef(piece))
        key = (name, *index)
        tasks[key] = Task(key, gather, List(*pieces), _rebased(rows))
    return tasks


def _rebased(rows: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    """The same parts, counted from the start of slices that were cut out already."""
    return tuple(tuple(type(p)(p.source, 0, p.stop - p.start) for p in row) for row in rows)


def _staged_tasks(x: da.Array, how: Exchange, name: str, store_root: str | None) -> dict[Any, Task]:
    stem, _, token = name.rpartition("-")
    store = f"{stem}-store-{token}"
    tasks: dict[Any, Task] = {store: Task(store, stage.open_store, store_root)}
    cuts = [_cuts(axis, n) for axis, n in zip(how.rows, x.numblocks, strict=True)]
    for source in itertools.product(*(range(n) for n in x.numblocks)):
        key = (f"{stem}-write-{token}", *source)
        mine = tuple(axis[i] for axis, i in zip(cuts, source, strict=True))
        filename = "-".join(map(str, source)) or "0"
        tasks[key] = Task(
            key, stage.write, TaskRef((x.name, *source)), TaskRef(store), filename, mine
        )
    for index, rows in _targets(how):
        key = (name, *index)
        written, positions = [], []
        for parts in itertools.product(*rows):
            source = tuple(p.source for p in parts)
            written.append(TaskRef((f"{stem}-write-{token}", *source)))
            positions.append(_position(cuts, source, parts))
        tasks[key] = Task(key, stage.read, List(*written), tuple(positions), rows, TaskRef(store))
    return tasks


def _cuts(rows: Sequence[Sequence[Any]], blocks: int) -> list[tuple[Any, ...]]:
    """For each source chunk of an axis, the parts that anybody takes of it."""
    cuts: list[list[Any]] = [[] for _ in range(blocks)]
    for row in rows:
        for part in row:
            if part not in cuts[part.source]:
                cuts[part.source].append(part)
    return [tuple(c) for c in cuts]


def _position(
    cuts: Sequence[Sequence[tuple[Any, ...]]], source: Sequence[int], parts: Sequence[Any]
) -> int:
    """Number of a slice among those of its source chunk, in C order."""
    position = 0
    for axis, i, part in zip(cuts, source, parts, strict=True):
        position = position * len(axis[i]) + axis[i].index(part)
    return position
