"""The only place where plans become Dask graphs.

Our layers carry the :class:`~spanwise.graph.plan.Step` that they carry out and the plan that it
belongs to; both survive pickling and are gone after ``persist``, as the work then is.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import DataNode, List, Task, TaskRef
from dask.array.utils import meta_from_array
from dask.base import tokenize
from dask.blockwise import Blockwise
from dask.blockwise import blockwise as core_blockwise
from dask.graph_manipulation import clone
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.layers import ArrayValuesDep

from ..errors import UnknownChunksError
from ..kernels import stage
from ..kernels.blocks import gather, take
from ..kernels.blocks import reshape as reshape_kernel
from ..kernels.blocks import roll as roll_kernel
from ..kernels.fft import fft as fft_kernel
from ..kernels.library import library_of
from ..kernels.rows import OnRows, pick
from .cluster import ReducePlan, is_inline, tree
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
    name = _name(step, x.name, function, chunks, str(dtype), starts, plan)
    axes = tuple(range(x.ndim))
    located = itertools.chain.from_iterable((_starts(x.chunks[a]), (a,)) for a in starts)
    pairs = (x.name, axes, *located)
    layer = _blockwise(function, name, axes, pairs, {x.name: x.numblocks}, step, plan)
    return _array(x, name, layer, x.chunks if chunks is None else chunks, dtype)


def _blockwise(
    function: Callable[..., Any],
    name: str,
    axes: Sequence[int],
    pairs: Sequence[Any],
    numblocks: dict[str, tuple[int, ...]],
    step: Step,
    plan: Plan,
    new_axes: Any = None,
) -> PlannedBlockwise:
    """A symbolic layer; ``pairs`` are the inputs, each followed by its axes."""
    base = core_blockwise(function, name, axes, *pairs, numblocks=numblocks, new_axes=new_axes)
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
    return layer


def _starts(chunks: tuple[int, ...]) -> ArrayValuesDep:
    """The index of the first element of each chunk of one axis, without a task of its own."""
    return ArrayValuesDep((chunks,), {(i,): start for i, start in enumerate(edges(chunks)[:-1])})


def exchange(
    x: da.Array, how: Exchange, *, step: Step, plan: Plan, store_root: str | None = None
) -> da.Array:
    """Bring an array into other chunks, slice by slice."""
    name = _name(step, x.name, how, plan, store_root if how.form == "staged" else None)
    build = {"view": _view_tasks, "split": _split_tasks, "staged": _staged_tasks}[how.form]
    tasks = build(x, how, name, store_root)
    return _array(x, name, PlannedLayer(tasks, step, plan), how.target, x.dtype)


def reshape_chunks(x: da.Array, chunks: Chunks, *, step: Step, plan: Plan) -> da.Array:
    """Another shape for each chunk by itself; chunks before and after correspond in C order."""
    name = _name(step, x.name, chunks, plan)
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


def map_rows(
    x: da.Array, function: Callable[..., Any], *, books: Any, plan: Plan, columns: int | None = None
) -> Any:
    """``function(rows, books)`` on all features of each row block, one task for each.

    With ``columns`` its result is a block of a matrix of so many columns; otherwise a tuple of
    results along the rows, each of which is a lazy array described by one more step of the plan.
    """
    (first, *others) = plan.steps
    name, layer, inputs = _row_layer(x, function, books, (), first, plan, columns or 1)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    meta = _meta(x._meta, 2, np.dtype(first.dtype))
    whole = da.Array(graph, name, (x.chunks[0], (columns or 1,)), meta=meta)
    if columns is not None:
        return whole
    out = []
    for i, step in enumerate(others):
        select = functools.partial(pick, item=i)
        part = _name(step, name, i)
        chosen = _blockwise(select, part, (0,), (name, (0, 1)), {name: whole.numblocks}, step, plan)
        out.append(_array(whole, part, chosen, (x.chunks[0],), step.dtype))
    return tuple(out)


def reduce_rows(
    x: da.Array,
    function: Callable[..., Any],
    merge: Callable[[Sequence[Any]], Any],
    *,
    how: ReducePlan,
    books: Any = None,
    weights: da.Array | None = None,
) -> da.Array:
    """One pass over the rows: ``function(rows, weights, first row, books)`` of each block, merged.

    The one element of the result is whatever ``merge`` gives. Blocks are merged in a tree by their
    number; each is read and reduced in one task wherever Dask can fuse its reader.
    """
    plan = how.plan
    beside = ((None, None) if weights is None else (weights, (0,)), (_starts(x.chunks[0]), (0,)))
    name, layer, inputs = _row_layer(x, function, books, beside, how.blocks, plan, 1)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=inputs)
    out = _name(how.tree, name, merge)
    tasks: dict[Any, Task] = {}
    levels = tree(x.numblocks[0])
    below = name
    for depth, level in enumerate(levels):
        here = out if depth == len(levels) - 1 else f"{out}-{depth}"
        for i, (a, b) in enumerate(level):
            parts = ((below, j, 0) if depth == 0 else (below, j) for j in range(a, b))
            tasks[here, i] = Task((here, i), merge, List(*(TaskRef(part) for part in parts)))
        below = here
    layers = {**graph.layers, out: PlannedLayer(tasks, how.tree, plan)}
    whole = HighLevelGraph(layers, {**graph.dependencies, out: {name}})
    return da.Array(whole, out, ((1,),), meta=np.empty((0,), object))


def divide_rows(
    x: da.Array,
    moments: da.Array,
    finish: Callable[..., Any],
    function: Callable[..., Any],
    *,
    step: Step,
    plan: Plan,
) -> da.Array:
    """``function(chunk, first column, finish(moments))`` of each chunk, read once more.

    The second reading has tasks of its own: in one graph Dask would keep every chunk of the first
    until the moments are known.
    """
    name = _name(step, x.name, moments.name, function, finish)
    again = clone(x, seed=name)
    scale = f"{name}-scale"
    task = Task((scale,), finish, TaskRef((moments.name, 0)))
    below = HighLevelGraph.from_collections(scale, {(scale,): task}, dependencies=[moments])
    scales = da.Array(below, scale, (), dtype=object)
    pairs = (again.name, (0, 1), _starts(x.chunks[1]), (1,), scale, ())
    numblocks = {again.name: again.numblocks, scale: ()}
    layer = _blockwise(function, name, (0, 1), pairs, numblocks, step, plan)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[again, scales])
    return da.Array(graph, name, x.chunks, meta=_meta(x._meta, 2, np.dtype(step.dtype)))


def _row_layer(
    x: da.Array,
    function: Callable[..., Any],
    books: Any,
    beside: Any,
    step: Step,
    plan: Plan,
    columns: int,
) -> tuple[str, PlannedBlockwise, list[Any]]:
    """A task per row block, keyed (row block, 0); small books travel inside it, others beside it.

    Where one chunk holds all features, Dask fuses the task with whatever makes the chunk.
    """
    whole = x.numblocks[1] == 1
    if is_inline(getattr(books, "nbytes", 0)):
        held: Any = (books, None)
    else:
        key = f"{step.name}-books-{tokenize(books)}"
        layer = PlannedLayer({(key,): DataNode((key,), books)}, step, plan)
        graph = HighLevelGraph({key: layer}, {key: set()})
        held = (da.Array(graph, key, (), dtype=object), ())
    given = [(x, (0, 1)), *beside, held]
    inputs = [value for value, _ in given if isinstance(value, da.Array)]
    numblocks = {i.name: i.numblocks for i in inputs}
    name = _name(step, function, books, list(numblocks), plan, columns)
    pairs = [
        part
        for value, axes in given
        for part in (value.name if isinstance(value, da.Array) else value, axes)
    ]
    out, new_axes = ((0, 1), {}) if whole else ((0, 2), {2: columns})
    run = OnRows(function)
    return name, _blockwise(run, name, out, pairs, numblocks, step, plan, new_axes), inputs


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
        mine = tuple(tuple(axis[i]) for axis, i in zip(cuts, source, strict=True))
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


def _cuts(rows: Sequence[Sequence[Any]], blocks: int) -> list[dict[Any, int]]:
    """For each source chunk of an axis, the parts that anybody takes of it, numbered."""
    cuts: list[dict[Any, int]] = [{} for _ in range(blocks)]
    for row in rows:
        for part in row:
            numbers = cuts[part.source]
            numbers.setdefault(part, len(numbers))
    return cuts


def _position(
    cuts: Sequence[Sequence[Mapping[Any, int]]], source: Sequence[int], parts: Sequence[Any]
) -> int:
    """Number of a slice among those of its source chunk, in C order."""
    position = 0
    for axis, i, part in zip(cuts, source, parts, strict=True):
        position = position * len(axis[i]) + axis[i][part]
    return position
