"""Rewrite a graph of Dask's: segments become single tasks with their copies, bound to GPU workers.

Dask drops the annotations of arrays when it optimises, so the pass is itself the optimiser (see
:mod:`spanwise.schedulers.hook`). What a task of a segment does is
``read -> to_device -> kernels -> to_host -> store``.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef
from dask.array.optimization import optimize as dask_optimize
from dask.base import tokenize
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

from ...errors import PlacementError, TransferError
from .. import copies, devices
from ..execution import BYTES, Place
from ..hook import Hook
from ..policy import DeviceFacts
from ..segments import Segment
from .names import device_name, stem_of
from .placed import PlacedTask
from .reading import Reading, read_graph
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
    facts = plan.facts or DeviceFacts(plan.device, missing="nobody asked for devices")
    copy = _Copy(facts, log=plan.transfers == "log")
    shortcut = partial(place_layers, send=copy.send, fetch=copy.fetch)
    reading = read_graph(
        dsk, keys, policy=plan.policy, facts=facts, before=plan.before, shortcut=shortcut
    )
    if plan.policy == "cpu":
        _refuse_held(reading)
    optimize = plan.before or dask_optimize
    if reading.graph is None:
        return optimize(dsk, keys, **kwargs)
    if reading.segments and plan.transfers == "disallow":
        segment = reading.segments[0]
        raise TransferError(
            f"placement({plan.policy!r}, transfers='disallow'): the task {segment.members[0]!r} "
            f"needs a copy of {segment.inputs[0]!r} to the device; hold the data on the device "
            "(x.map_blocks(spanwise.to_device)) or allow transfers"
        )
    placed: Any = _Rewrite(reading, copy).run()
    if plan.before is None:
        placed = dask_optimize(placed, keys, **kwargs)
    return _annotated(placed, keys, reading, facts)


def _refuse_held(reading: Reading) -> None:
    for name, (kernel, verdict) in reading.verdicts.items():
        if verdict.device == "gpu":
            raise PlacementError(
                f"placement('cpu'): the kernel {kernel.name!r} of {name!r} would run on chunks "
                "that are on a device. Copy them to the host before it: "
                "x.map_blocks(spanwise.to_host, dtype=x.dtype, meta=numpy.empty(0, x.dtype))"
            )


def _annotated(dsk: Any, keys: Any, reading: Reading, facts: DeviceFacts) -> HighLevelGraph:
    """One layer whose device tasks are kept to GPU workers, and whose others tell their bytes."""
    tasks = dict(dsk)
    name = f"placed-{tokenize(keys, facts.library)}"
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


class _Copy:
    """The functions of transfer tasks."""

    def __init__(self, facts: DeviceFacts, *, log: bool) -> None:
        self.send = partial(copies.send, library=facts.library, log=log)
        self.fetch = partial(copies.fetch, log=log)
        self.place = Place(facts.library, facts.advertised)


class _Rewrite:
    """Segments into single tasks."""

    def __init__(self, reading: Reading, copy: _Copy) -> None:
        assert reading.graph is not None
        self.dsk: Mapping[Any, GraphNode] = reading.graph
        self.results = reading.results
        self.segments = reading.segments
        self.dependencies = reading.dependencies
        self.dependents = reading.dependents
        self.segment_of = {k: s for s in self.segments for k in s.members}
        self.rendered = reading.rendered
        self.apart = reading.apart
        self.copy = copy
        self.new: dict[Any, GraphNode] = {}
        self.renamed: dict[Any, Any] = {}
        self.absorbed: set[Any] = set()
        self._names: dict[str, str] = {}
        self._tokens: dict[Any, str] = {}

    def run(self) -> dict[Any, GraphNode]:
        """The graph with one task for each segment and what is fused to it."""
        done: set[int] = set()
        for segment in self.segments:
            if id(segment) not in done:
                self._place(segment, done)
        new = self.new
        for key, node in self.dsk.items():
            if key not in self.absorbed and key not in new:
                new[key] = node
        if self.renamed:
            for key, node in new.items():
                if not self.renamed.keys().isdisjoint(node.dependencies):
                    new[key] = node.substitute(self.renamed)
        return new

    def _place(self, segment: Segment, done: set[int]) -> None:
        nodes: dict[Any, GraphNode] = {}
        stems: dict[str, None] = {}
        self._absorb_producers(segment, nodes)
        outputs = segment.outputs
        following: Segment | None = segment
        while following is not None:
            done.add(id(following))
            self._add(following, nodes, stems)
            outputs, following = self._absorb_consumers(following.outputs, nodes)
        key = self._key(outputs, stems)
        if len(outputs) > 1:
            refs = (TaskRef(k) for k in outputs)
            pack = "pack@gpu"
            nodes[pack] = Task(pack, copies.pack, *refs)
        fused = Task.fuse(*nodes.values(), key=key)
        self.new[key] = PlacedTask(
            key,
            fused.func,
            *fused.args,
            place=self.copy.place,
            _data_producer=fused.data_producer,
        )
        self._give_out(outputs, key)

    def _give_out(self, outputs: tuple[Any, ...], key: Any) -> None:
        """Let the rest of the graph find the outputs of a placed task."""
        for number, output in enumerate(outputs):
            if len(outputs) > 1:
                self.new[output] = Task(output, operator.itemgetter(number), TaskRef(key))
            elif output in self.results:
                self.new[output] = Alias(output, key)
            else:
                self.renamed[output] = key

    def _add(self, segment: Segment, nodes: dict[Any, GraphNode], stems: dict[str, None]) -> None:
        """The tasks of a segment between its copies."""
        (first, *_) = segment.members
        if isinstance(first, tuple) and first[0] in self.rendered:
            nodes[first] = self.dsk[first]
            self.absorbed.add(first)
            stems |= dict.fromkeys(self.rendered[first[0]])
            return
        names = {k: self._device_key(k) for k in segment.members}
        for k in segment.inputs:
            names[k] = copy = self._device_key(k, "to_device-")
            nodes[copy] = Task(copy, self.copy.send, TaskRef(k))
        for k in segment.members:
            nodes[names[k]] = self.dsk[k].substitute(names, key=names[k])
            stems.setdefault(stem_of(k))
        self.absorbed.update(segment.members)
        for k in segment.outputs:
            nodes[k] = Task(k, self.copy.fetch, TaskRef(names[k]))

    def _absorb_producers(self, segment: Segment, nodes: dict[Any, GraphNode]) -> None:
        """Take in what is made for this segment alone: each chunk is then read by its own task."""
        members = set(segment.members)
        for k in segment.inputs:
            users: Collection[Any] = members
            chain = k
            while self._private(chain, users, alone=segment.inputs == (k,)):
                nodes[chain] = self.dsk[chain]
                self.absorbed.add(chain)
                if len(self.dependencies[chain]) != 1:
                    break
                users = (chain,)
                (chain,) = self.dependencies[chain]

    def _private(self, key: Any, users: Collection[Any], *, alone: bool) -> bool:
        if key in self.results or key not in self.dsk or key in self.segment_of:
            return False
        if any(d not in users for d in self.dependents[key]):
            return False
        if len(self.dependencies[key]) > 1 and not alone:
            return False
        return key not in self.absorbed and self._fusable(key)

    def _absorb_consumers(
        self, outputs: tuple[Any, ...], nodes: dict[Any, GraphNode]
    ) -> tuple[tuple[Any, ...], Segment | None]:
        """Take in what only this chain feeds, up to the next segment, which is then told."""
        while len(outputs) == 1 and outputs[0] not in self.results:
            users = self.dependents[outputs[0]]
            segment = self.segment_of.get(next(iter(users)))
            if segment is not None and segment.inputs == outputs:
                if all(self.segment_of.get(u) is segment for u in users):
                    return segment.outputs, segment
                break
            if len(users) != 1 or segment is not None:
                break
            (key,) = users
            if len(self.dependencies[key]) != 1 or not self._fusable(key):
                break
            nodes[key] = self.dsk[key]
            self.absorbed.add(key)
            outputs = (key,)
        return outputs, None

    def _fusable(self, key: Any) -> bool:
        node = self.dsk[key]
        return not (key in self.apart or node.block_fusion or _is_exchange_of_dask(node))

    def _device_key(self, key: Any, prefix: str = "") -> Any:
        """The key of a task inside a placed one: ``fft-1f3a`` becomes ``fft@gpu-1f3a``."""
        name, index = (key[0], key[1:]) if isinstance(key, tuple) else (str(key), None)
        new = self._names.get(prefix + name)
        if new is None:
            new = self._names[prefix + name] = device_name(name, prefix)
        return new if index is None else (new, *index)

    def _key(self, outputs: tuple[Any, ...], stems: Mapping[str, None]) -> Any:
        """The key of a placed task, which says what it makes and thereby what it runs."""
        names = tuple(k[0] if isinstance(k, tuple) else k for k in outputs)
        lengths = tuple(len(k) if isinstance(k, tuple) else 0 for k in outputs)
        about = (names, lengths, tuple(stems))
        name = self._tokens.get(about)
        if name is None:
            name = f"{'+'.join(stems)[:80]}@gpu-{tokenize(names, lengths, self.copy.place.library)}"
            self._tokens[about] = name
        return (name, *(i for k in outputs if isinstance(k, tuple) for i in k[1:]))


def _is_exchange_of_dask(node: GraphNode) -> bool:
    """Whether a task belongs to a P2P rechunk, whose tasks Dask binds to workers itself."""
    module = getattr(getattr(node, "func", None), "__module__", None) or ""
    return module.startswith("distributed.shuffle")


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
