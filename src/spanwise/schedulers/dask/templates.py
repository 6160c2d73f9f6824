"""Fused tasks of many chunks that do the same: what is inside of them is made once."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dask._task_spec import DataNode, GraphNode, List, Task, TaskRef, _execute_subgraph
from dask.array.optimization import GETTERS

MOST = 1000
"""Templates that are kept: where each chunk has a function of its own they save nothing."""

Node = GraphNode | tuple[Any, ...]
"""A task, or a function and the names of what it takes, of which a task is made if need be."""

_TASK, _VALUE = -1, -2


@dataclass(frozen=True, slots=True)
class _Template:
    """What the fused tasks of some chunks share."""

    inner: dict[Any, GraphNode]
    out: Any
    places: tuple[Any, ...]
    is_producer: bool


class Templates:
    """Inner graphs of fused tasks, one for all tasks that differ in keys and plain values only."""

    def __init__(self) -> None:
        self._known: dict[Any, _Template | None] = {}

    def arguments(
        self,
        nodes: Mapping[Any, Node],
        out: Any,
        taken: Mapping[Any, Any],
        renamed: Mapping[Any, Any],
    ) -> tuple[tuple[Any, ...], bool]:
        """Arguments of a fused task for Dask, and whether it reads data.

        Parameters
        ----------
        nodes : mapping
            What is inside, by name.
        out : key
            Name of what it gives out.
        taken : mapping
            Keys of what comes from other tasks under a name of its own inside.
        renamed : mapping
            New keys of tasks outside.
        """
        numbers = {name: number for number, name in enumerate(nodes)}
        form, values = [numbers[out]], []
        is_even = all(_add(node, nodes, numbers, form, values) for node in nodes.values())
        known = None
        if is_even:
            about = tuple(form)
            known = self._known.get(about)
            if known is None and about not in self._known and len(self._known) < MOST:
                known = self._known[about] = _template(nodes, out, numbers)
        if known is not None:
            moved = [_renamed(v, renamed) if type(v) is List else v for v in values]
            inner, out, places = known.inner, known.out, known.places
            inputs: Any = list(numbers)[len(nodes) :]
            is_producer = known.is_producer
        else:
            moved = []
            inner = {n: _made(n, *t) if type(t) is tuple else t for n, t in nodes.items()}
            places = inputs = tuple(
                dict.fromkeys(d for t in inner.values() for d in t.dependencies if d not in inner)
            )
            is_producer = any(task.data_producer for task in inner.values())
        keys = [taken.get(name, name) for name in inputs]
        refs = [TaskRef(renamed.get(key, key)) for key in keys]
        return (inner, out, places, *refs, *moved), is_producer


def _renamed(pieces: List, renamed: Mapping[Any, Any]) -> GraphNode:
    is_same = renamed.keys().isdisjoint(pieces.dependencies)
    return pieces if is_same else pieces.substitute(renamed)


def _made(name: Any, function: Any, *names: Any) -> Task:
    return Task(name, function, *[TaskRef(n) for n in names])


def _add(
    node: Node,
    nodes: Mapping[Any, Node],
    numbers: dict[Any, int],
    form: list[Any],
    values: list[Any],
) -> bool:
    """Take in what a task has in common with others, and its values; False for an odd one.

    Functions and keywords are told apart by identity: a template holds on to those that it has.
    What comes from outside is numbered behind the nodes.
    """
    form.append(_TASK)
    if type(node) is tuple:
        form.append(id(node[0]))
        form += [numbers.setdefault(name, len(numbers)) for name in node[1:]]
        return True
    if type(node) is DataNode:
        values.append(node.value)
        return True
    if type(node) is not Task or node.func is _execute_subgraph:
        return False
    form.append(id(node.func))
    for a in node.args:
        if type(a) is TaskRef:
            form.append(numbers.setdefault(a.key, len(numbers)))
        elif _is_value(a, nodes):
            form.append(_VALUE)
            values.append(a)
        else:
            return False
    for word, value in node.kwargs.items():
        if isinstance(value, (GraphNode, TaskRef)):
            return False
        form += (word, id(value))
    return True


def _is_value(argument: Any, nodes: Mapping[Any, Node]) -> bool:
    """Whether an argument can come from outside: also the pieces that an exchange gathers."""
    if not isinstance(argument, GraphNode):
        return True
    return type(argument) is List and nodes.keys().isdisjoint(argument.dependencies)


def _template(nodes: Mapping[Any, Node], out: Any, numbers: Mapping[Any, int]) -> _Template | None:
    """The template of one chunk; None where Dask has yet to make one slice of two reads."""
    tasks = [node for node in nodes.values() if isinstance(node, Task)]
    if sum(task.func in GETTERS for task in tasks) > 1:
        return None
    names = {
        name: (name[0] if isinstance(name, tuple) else name, number)
        for name, number in numbers.items()
    }
    inner: dict[Any, GraphNode] = {}
    values: list[Any] = []
    for name, node in nodes.items():
        key = names[name]
        if type(node) is tuple:
            inner[key] = _made(key, node[0], *[names[n] for n in node[1:]])
        elif isinstance(node, Task):
            args = [_shared(a, names, values) for a in node.args]
            producer = node.data_producer
            inner[key] = Task(key, node.func, *args, _data_producer=producer, **node.kwargs)
        else:
            values.append(key)
    places = [names[name] for name in list(numbers)[len(nodes) :]]
    is_producer = any(getattr(node, "data_producer", False) for node in nodes.values())
    return _Template(inner, names[out], (*places, *values), is_producer)


def _shared(argument: Any, names: Mapping[Any, Any], values: list[Any]) -> TaskRef:
    """An argument inside of a template; values of the chunk's own get a place outside."""
    if type(argument) is TaskRef:
        return TaskRef(names[argument.key])
    values.append(("value", len(values)))
    return TaskRef(values[-1])
