"""The exchange as tasks, in each of its forms."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import List, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph

from ...kernels import stage
from ...kernels.blocks import Assembled, gather, take
from ..exchange import Exchange, check_store
from ..grid import ArraySpec
from ..plan import Plan, Step
from ..stages import Work
from .layers import PlannedLayer, array_of, map_kernel, name_of


def exchange(
    x: da.Array,
    how: Exchange,
    *,
    step: Step,
    plan: Plan,
    store_root: str | None = None,
    work: Work | None = None,
    result: ArraySpec | None = None,
) -> da.Array:
    """Bring an array into other chunks, slice by slice, and run a kernel on each in the same task.

    ``result`` describes the array behind the kernel.
    """
    if how.form == "staged":
        check_store(plan.machine, store_root)
    name = name_of(step, x.name, how, work, plan, store_root if how.form == "staged" else None)
    result = result or how.result
    if how.form == "p2p":
        return _p2p(x, how, step, plan, work, result)
    build = {"view": _view_tasks, "split": _split_tasks, "staged": _staged_tasks}[how.form]
    tasks = build(x, how, name, _Consumer(work), store_root)
    layer = PlannedLayer(tasks, step, plan, None if work is None else how.result)
    return array_of(x, name, layer, result.chunks, result.dtype)


def exchange_once(
    x: da.Array, how: Exchange, *, step: Step, plan: Plan, store_root: str | None = None
) -> da.Array:
    """A staged exchange that writes now: what is given reads the store, however often; computes.

    The store goes with the last of the values that say where slices are, which the result holds.
    """
    check_store(plan.machine, store_root)
    name = name_of(step, x.name, how, plan, store_root, "once")
    written = _written(name)
    cuts = [_cuts(axis, n) for axis, n in zip(how.rows, x.numblocks, strict=True)]
    layer = PlannedLayer(_write_tasks(x, cuts, written, store_root), step, plan)
    graph = HighLevelGraph.from_collections(written, layer, dependencies=[x])
    ones = tuple((1,) * n for n in x.numblocks)
    there = da.Array(graph, written, ones, meta=np.empty((0,) * x.ndim, object)).persist()
    reading = replace(
        step,
        tasks=how.result.blocks,
        bytes_staged=0,
        peak_bytes=plan.machine.threads * 2 * how.result.chunk_bytes,
        reason="written once, read from the temporary store",
    )
    tasks = _read_tasks(how, cuts, name, written, _Consumer(None))
    graph = HighLevelGraph.from_collections(
        name, PlannedLayer(tasks, reading, plan), dependencies=[there]
    )
    return da.Array(graph, name, how.target, meta=x._meta)


def _p2p(
    x: da.Array, how: Exchange, step: Step, plan: Plan, work: Work | None, result: ArraySpec
) -> da.Array:
    """Dask's own exchange, and the kernel as a layer behind it."""
    kept = x[tuple(slice(sum(chunks)) for chunks in how.target)]
    moved = kept.rechunk(how.target, method="p2p")
    if work is None:
        return moved
    return map_kernel(
        moved,
        functools.partial(work.kernel, **dict(work.params)),
        step=step,
        plan=plan,
        dtype=result.dtype,
        chunks=result.chunks,
        numbers=work.numbers,
    )


class _Consumer:
    """Makes the tasks that assemble blocks, with or without a kernel behind."""

    def __init__(self, work: Work | None) -> None:
        self.function = (
            None if work is None else functools.partial(work.kernel, **dict(work.params))
        )
        self.numbers = () if work is None else work.numbers
        self._assembled: dict[Any, Assembled] = {}

    def task(self, key: Any, assemble: Any, pieces: Any, *where: Any) -> Task:
        """The task of one target chunk."""
        if self.function is None:
            return Task(key, assemble, pieces, *where)
        both = self._assembled.get(assemble)
        if both is None:
            both = self._assembled[assemble] = Assembled(assemble, self.function)
        index = key[1:]
        numbers = tuple(values[index[axis]] for axis, values in self.numbers)
        return Task(key, both, numbers, pieces, *where)


def _targets(how: Exchange) -> list[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """Index and rows of every target chunk."""
    numbered = [list(enumerate(axis)) for axis in how.rows]
    return [
        (tuple(i for i, _ in block), tuple(row for _, row in block))
        for block in itertools.product(*numbered)
    ]


def _sources(rows: Sequence[Sequence[Any]]) -> list[tuple[int, ...] | None]:
    """Source chunk of every combination of parts, in C order; None for zeros."""
    combined = (tuple(p.source for p in parts) for parts in itertools.product(*rows))
    return [None if -1 in source else source for source in combined]


def _view_tasks(
    x: da.Array, how: Exchange, name: str, consumer: _Consumer, store_root: str | None
) -> dict[Any, Task]:
    tasks = {}
    for index, rows in _targets(how):
        key = (name, *index)
        sources = _sources(rows)
        pieces = List(*(None if s is None else TaskRef((x.name, *s)) for s in sources))
        tasks[key] = consumer.task(key, gather, pieces, rows)
    return tasks


def _split_tasks(
    x: da.Array, how: Exchange, name: str, consumer: _Consumer, store_root: str | None
) -> dict[Any, Task]:
    tasks: dict[Any, Task] = {}
    slice_name = f"{name.rpartition('-')[0]}-slice-{name.rpartition('-')[2]}"
    for index, rows in _targets(how):
        pieces: list[TaskRef | None] = []
        for n, parts in enumerate(itertools.product(*rows)):
            source = tuple(p.source for p in parts)
            if -1 in source:
                pieces.append(None)
                continue
            slices = tuple(slice(p.start, p.stop) for p in parts)
            piece = (slice_name, *index, n)
            tasks[piece] = Task(piece, take, TaskRef((x.name, *source)), slices)
            pieces.append(TaskRef(piece))
        key = (name, *index)
        tasks[key] = consumer.task(key, gather, List(*pieces), _rebased(rows))
    return tasks


def _rebased(rows: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    """The same parts, counted from the start of slices that were cut out already."""
    return tuple(tuple(type(p)(p.source, 0, p.stop - p.start) for p in row) for row in rows)


def _staged_tasks(
    x: da.Array, how: Exchange, name: str, consumer: _Consumer, store_root: str | None
) -> dict[Any, Task]:
    written = _written(name)
    cuts = [_cuts(axis, n) for axis, n in zip(how.rows, x.numblocks, strict=True)]
    tasks = _write_tasks(x, cuts, written, store_root)
    return tasks | _read_tasks(how, cuts, name, written, consumer)


def _written(name: str) -> str:
    """The name of what writes for an exchange of this name."""
    stem, _, token = name.rpartition("-")
    return f"{stem}-write-{token}"


def _write_tasks(
    x: da.Array, cuts: Sequence[Sequence[Any]], written: str, store_root: str | None
) -> dict[Any, Task]:
    room = stage.Room(store_root, written.rpartition("-")[2])
    tasks: dict[Any, Task] = {}
    for source in itertools.product(*(range(n) for n in x.numblocks)):
        key = (written, *source)
        mine = tuple(tuple(axis[i]) for axis, i in zip(cuts, source, strict=True))
        filename = "-".join(map(str, source)) or "0"
        tasks[key] = Task(key, stage.write, TaskRef((x.name, *source)), room, filename, mine)
    return tasks


def _read_tasks(
    how: Exchange,
    cuts: Sequence[Sequence[Any]],
    name: str,
    written: str,
    consumer: _Consumer,
) -> dict[Any, Task]:
    tasks: dict[Any, Task] = {}
    for index, rows in _targets(how):
        key = (name, *index)
        sources: list[TaskRef | None] = []
        positions = []
        for parts in itertools.product(*rows):
            source = tuple(p.source for p in parts)
            if -1 in source:
                sources.append(None)
                positions.append(0)
                continue
            sources.append(TaskRef((written, *source)))
            positions.append(_position(cuts, source, parts))
        tasks[key] = consumer.task(key, stage.read, List(*sources), tuple(positions), rows)
    return tasks


def _cuts(rows: Sequence[Sequence[Any]], blocks: int) -> list[dict[Any, int]]:
    """For each source chunk of an axis, the parts that anybody takes of it, numbered."""
    cuts: list[dict[Any, int]] = [{} for _ in range(blocks)]
    for row in rows:
        for part in row:
            if part.source < 0:
                continue
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
