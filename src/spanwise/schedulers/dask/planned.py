"""What the placement pass makes of a graph, by the names that device tasks are recorded under."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dask._task_spec import Task
from dask.highlevelgraph import HighLevelGraph
from dask.utils import ensure_dict

from .. import copies
from ..hook import Hook
from .placed import PlacedTask
from .placing import place


@dataclass(frozen=True, slots=True)
class Planned:
    """What is planned under one name."""

    tasks: int = 0
    """Tasks."""
    to_device: int = 0
    """Values that they take to a device."""
    to_host: int = 0
    """Values that they bring back."""

    def __add__(self, other: Planned) -> Planned:
        return Planned(
            self.tasks + other.tasks,
            self.to_device + other.to_device,
            self.to_host + other.to_host,
        )


def planned_tasks(graph: HighLevelGraph, keys: Iterable[Any], plan: Hook) -> dict[str, Planned]:
    """The device tasks that a graph becomes under a placement. Nothing is computed."""
    found: dict[str, Planned] = {}
    for task in ensure_dict(place(graph, list(keys), plan=plan)).values():
        if isinstance(task, PlacedTask):
            name = task.place.name
            found[name] = found.get(name, Planned()) + _of_task(task)
    return found


def _of_task(task: PlacedTask) -> Planned:
    """What one task copies, the tasks fused to it looked through."""
    sent = fetched = 0
    stack: list[Any] = [task]
    while stack:
        one = stack.pop()
        if not isinstance(one, Task):
            continue
        if one.has_subgraph():
            stack.extend(one.args[0].values())
            continue
        function = getattr(one.func, "func", one.func)
        sent += function is copies.send
        fetched += function is copies.fetch
    return Planned(1, sent, fetched)
