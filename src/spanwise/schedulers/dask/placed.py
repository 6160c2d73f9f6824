"""The task that a device segment becomes, and how schedulers see it inside other tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from dask._task_spec import GraphNode, Task

from ..execution import Place, run_placed


class PlacedTask(Task):
    """One device segment with its copies and what is fused to it; it fuses with nothing more.

    Function and arguments are those of any fused task, so that Dask and the placement pass see
    what is inside; called, it runs that where it stands (:func:`run_placed`). Fused with the
    unpacking of a P2P rechunk, which is bound to one worker, a task that is bound to GPU workers
    could be allowed on none.
    """

    place: Place
    __slots__ = ("place",)

    def __init__(
        self,
        key: Any,
        func: Callable[..., Any],
        /,
        *args: Any,
        place: Place,
        _data_producer: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(key, func, *args, _data_producer=_data_producer, **kwargs)
        self.place = place

    def __call__(self, values: Any = ()) -> Any:
        """Run on the device, or where the scheduler or the lack of memory sends it."""
        return run_placed(partial(super().__call__, values), place=self.place)

    @property
    def block_fusion(self) -> bool:
        """Tells Dask's linear fusion to leave the task alone."""
        return True

    def copy(self) -> PlacedTask:
        """Another task that does the same."""
        return type(self)(
            self.key,
            self.func,
            *self.args,
            place=self.place,
            _data_producer=self.data_producer,
            **self.kwargs,
        )


def places_within(task: Any) -> Iterator[Place]:
    """The places of a placed task, or of those inside another task.

    Tasks hold others in a fused graph, or as arguments (``dask.delayed`` wraps each so).
    """
    if isinstance(task, PlacedTask):
        yield task.place
    elif isinstance(task, Task):
        inner = task.args[0].values() if task.has_subgraph() else task.args
        for one in inner:
            yield from places_within(one)


def unwrapped(task: Any) -> Any:
    """The task that a task does nothing but to give out: ``dask.delayed`` wraps each so."""
    while type(task) is Task and len(task.args) == 1 and isinstance(task.args[0], GraphNode):
        task = task.args[0]
    return task
