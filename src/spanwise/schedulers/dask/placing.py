"""The placement pass: a graph of Dask's is read, its segments rewritten, the rest fused, annotated.

Dask drops the annotations of arrays when it optimises, so the pass is itself the optimiser (see
:mod:`spanwise.schedulers.hook`).
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.config
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    Task,
    _execute_subgraph,
    fuse_linear_task_spec,
)
from dask.array.optimization import _optimize_slices
from dask.array.optimization import optimize as dask_optimize
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

from ...errors import PlacementError, TransferError
from .. import devices
from ..execution import BYTES
from ..hook import Hook
from ..policy import DeviceFacts
from .placed import PlacedTask
from .reading import Reading, kernels_on_held, read_graph
from .rewriting import Copies, Rewriting
from .symbolic import place_layers


def place(dsk: Any, keys: Any, *, plan: Hook, **kwargs: Any) -> Any:
    """Optimise a graph of Dask arrays, with kernels on devices as a policy has it.

    Parameters
    ----------
    dsk : HighLevelGraph or dict
        The graph.
    keys : list
        Keys that are wanted.
    plan : Hook
        Policy and facts.

    Returns
    -------
    HighLevelGraph or dict
        The graph, optimised and annotated. Without device work it is what Dask's own optimiser,
        or the one that was set before, makes of it.
    """
    keys = list(flatten(keys if isinstance(keys, (list, set)) else [keys]))
    if plan.policy == "cpu":
        _refuse_held(dsk)
        return (plan.before or dask_optimize)(dsk, keys, **kwargs)
    facts = plan.facts or DeviceFacts(plan.device, missing="nobody asked for devices")
    copy = Copies(facts, log=plan.transfers == "log")
    shortcut = partial(place_layers, send=copy.send, fetch=copy.fetch)
    rewritten = None if plan.before is None else plan.before(dsk, keys, **kwargs)
    reading = read_graph(
        dsk, keys, policy=plan.policy, facts=facts, rewritten=rewritten, shortcut=shortcut
    )
    if reading.graph is None:
        return dask_optimize(dsk, keys, **kwargs) if rewritten is None else rewritten
    if reading.segments and plan.transfers == "disallow":
        segment = reading.segments[0]
        raise TransferError(
            f"placement({plan.policy!r}, transfers='disallow'): the task {segment.members[0]!r} "
            f"needs a copy of {segment.inputs[0]!r} to the device; hold the data on the device "
            "(x.map_blocks(spanwise.to_device)) or allow transfers"
        )
    placed = Rewriting(reading, copy).run()
    if plan.before is None:
        placed = _fused(placed, keys)
    return _annotated(placed, keys, reading, facts)


def _refuse_held(dsk: Any) -> None:
    for name, kernel in kernels_on_held(dsk):
        raise PlacementError(
            f"placement('cpu'): the kernel {kernel.name!r} of {name!r} would run on chunks "
            "that are on a device. Copy them to the host before it: "
            "x.map_blocks(spanwise.to_host, dtype=x.dtype, meta=numpy.empty(0, x.dtype))"
        )


def _fused(graph: dict[Any, GraphNode], keys: list[Any]) -> dict[Any, GraphNode]:
    """What Dask's optimiser does with tasks, once layers are gone and unneeded tasks culled."""
    if dask.config.get("optimization.fuse.active") is False:
        return graph
    tasks = _fused_lines(graph, keys)
    # Slices are merged inside of the graphs of fused tasks, which many tasks share.
    inner = {
        id(t.args[0]): t
        for t in tasks.values()
        if isinstance(t, Task) and t.func is _execute_subgraph
    }
    _optimize_slices(inner)
    return tasks


def _fused_lines(graph: dict[Any, GraphNode], keys: list[Any]) -> dict[Any, GraphNode]:
    """Dask's fusion of tasks in line, of the host's alone: placed tasks fuse with nothing."""
    wanted = set(keys)
    apart: dict[Any, GraphNode] = {}
    rest: dict[Any, GraphNode] = {}
    for key, task in graph.items():
        is_apart = task.block_fusion or (
            key in wanted and all(d in graph and graph[d].block_fusion for d in task.dependencies)
        )
        (apart if is_apart else rest)[key] = task
    # What these take is no other task's alone, even where it looks so without them.
    wanted.update(*(task.dependencies for task in apart.values()))
    return {**fuse_linear_task_spec(rest, keys=wanted), **apart}


def _annotated(dsk: Any, keys: Any, reading: Reading, facts: DeviceFacts) -> HighLevelGraph:
    """One layer whose device tasks are kept to GPU workers, and whose others tell their bytes."""
    tasks = dict(dsk)
    content = repr((facts.library, keys)).encode()  # tokens of many keys would take long
    name = f"placed-{hashlib.blake2b(content, digest_size=16).hexdigest()}"
    annotations: dict[str, Any] = {}
    if facts.advertised or facts.addresses:
        kept = frozenset(k for k, t in tasks.items() if _on_device(t, reading.bound))
        if facts.advertised:
            annotations["resources"] = Restriction(kept, {devices.RESOURCE: 1})
        else:
            annotations["workers"] = Restriction(kept, list(facts.addresses))
        sizes = _sizes(tasks, reading)
        if sizes:
            annotations[BYTES] = Sizes(sizes)
    layer = MaterializedLayer(tasks, annotations=annotations or None)
    return HighLevelGraph({name: layer}, {name: set()})


def _sizes(tasks: Mapping[Any, Any], reading: Reading) -> dict[Any, int]:
    """Bytes of what sources on the host give out, which a scheduler may hold back for a device."""
    sizes = {}
    for key, task in tasks.items():
        # Dask's fusion gives a task another key, and its own to an alias.
        target = task.target if isinstance(task, Alias) else key
        if key not in reading.results and _is_source(tasks.get(target), tasks):
            nbytes = reading.bytes_of(key)
            if nbytes:
                sizes[target] = nbytes
    return sizes


def _is_source(task: Any, tasks: Mapping[Any, Any]) -> bool:
    """Whether a task of the host makes something from what is no chunk."""
    if not isinstance(task, Task) or isinstance(task, PlacedTask):
        return False
    return all(isinstance(tasks.get(d), DataNode) for d in task.dependencies)


def _on_device(task: Any, bound: frozenset[Any]) -> bool:
    """Whether a task of the finished graph works on a device."""
    if isinstance(task, PlacedTask):
        return True
    if not bound or not isinstance(task, Task):
        return False
    if task.key in bound:
        return True
    return task.has_subgraph() and not bound.isdisjoint(task.args[0])


@dataclass(frozen=True, slots=True)
class Restriction:
    """An annotation for some keys of a layer."""

    keys: frozenset[Any]
    """Keys that it holds for."""
    value: Any
    """What it says."""

    def __call__(self, key: Any) -> Any:
        """The annotation of a key, None for no annotation."""
        return self.value if key in self.keys else None


@dataclass(frozen=True, slots=True)
class Sizes:
    """An annotation that tells bytes, for some keys of a layer."""

    bytes: Mapping[Any, int]
    """By key."""

    def __call__(self, key: Any) -> int | None:
        """The bytes of a key, None where they are not known."""
        return self.bytes.get(key)
