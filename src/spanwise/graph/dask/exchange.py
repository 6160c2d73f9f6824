"""The exchange as tasks, in each of its forms."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import dask.array as da
from dask._task_spec import List, Task, TaskRef

from ...kernels import stage
from ...kernels.blocks import gather, take
from ..exchange import Exchange
from ..plan import Plan, Step
from .layers import PlannedLayer, array_of, name_of


def exchange(
    x: da.Array, how: Exchange, *, step: Step, plan: Plan, store_root: str | None = None
) -> da.Array:
    """Bring an array into other chunks, slice by slice."""
    name = name_of(step, x.name, how, plan, store_root if how.form == "staged" else None)
    build = {"view": _view_tasks, "split": _split_tasks, "staged": _staged_tasks}[how.form]
    tasks = build(x, how, name, store_root)
    return array_of(x, name, PlannedLayer(tasks, step, plan), how.target, x.dtype)


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
