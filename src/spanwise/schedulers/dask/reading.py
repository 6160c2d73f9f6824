"""Read a graph of Dask's: which kernels it holds, where each runs, and what forms a segment."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    Task,
    TaskRef,
    _execute_subgraph,
    convert_legacy_graph,
    cull,
)
from dask.base import tokenize
from dask.blockwise import Blockwise, optimize_blockwise
from dask.highlevelgraph import HighLevelGraph
from dask.utils import key_split

from ...kernels.blocks import Assembled
from ...kernels.kernel import Kernel, kernel_of
from ...kernels.library import DEVICE_LIBRARIES
from ..policy import Candidate, DeviceFacts, Policy, Verdict, check_policy, decide, device_dtype
from ..segments import Role, Segment, find_segments, in_order
from .facts import (
    LayerFacts,
    gathered_name,
    inputs_of,
    layer_facts,
    library_of_type,
    needed_bytes,
)
from .placed import PlacedTask
from .pricing import settle
from .roles import functions_of, is_basic_slice, kernels_of_layer, role_of_function


@dataclass
class Reading:
    """A graph as placement sees it."""

    graph: dict[Any, GraphNode] | None
    """Tasks of their own, culled; None where there is no device work."""
    layers: Mapping[str, LayerFacts]
    """What is known of each array."""
    results: frozenset[Any]
    """Keys that are wanted."""
    verdicts: dict[str, tuple[Kernel, Verdict]] = field(default_factory=dict)
    """For each array that a kernel makes, the kernel and where it runs."""
    held: frozenset[str] = frozenset()
    """Arrays whose chunks the user holds on a device."""
    bound: frozenset[Any] = frozenset()
    """Keys of tasks that touch such chunks."""
    dependencies: Mapping[Any, Collection[Any]] = field(default_factory=dict)
    """What each task takes."""
    dependents: Mapping[Any, Collection[Any]] = field(default_factory=dict)
    """What takes each value."""
    segments: list[Segment] = field(default_factory=list)
    """Device work."""
    rendered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Arrays whose tasks are whole segments already, and what those run."""
    apart: frozenset[Any] = frozenset()
    """Keys of tasks that a price keeps on the host, and out of tasks for a device."""

    def connect(self, graph: dict[Any, GraphNode]) -> None:
        """Take in the tasks."""
        self.graph = graph
        self.dependencies = {k: t.dependencies for k, t in graph.items()}
        dependents: dict[Any, list[Any]] = {k: [] for k in graph}
        for key, needed in self.dependencies.items():
            for d in needed:
                if d in dependents:
                    dependents[d].append(key)
        self.dependents = dependents

    def is_copied(self, key: Any, *, known: bool = False) -> bool:
        """Whether a value is an array that a copy task copies (a code book is passed on).

        Where nothing is noted on the value, it is taken for an array unless ``known`` asks for
        certainty.
        """
        facts = self.layers.get(key[0]) if isinstance(key, tuple) else None
        if facts is None:
            return not known
        return device_dtype(facts.dtype.kind, facts.dtype.itemsize)

    def arrays_of(self, key: Any) -> int:
        """Arrays that one chunk is, each of which is copied."""
        facts = self.layers.get(key[0]) if isinstance(key, tuple) else None
        return 1 if facts is None else facts.arrays

    def bytes_of(self, key: Any) -> int:
        """Bytes of one chunk, 0 where nothing is known of it."""
        facts = self.layers.get(key[0]) if isinstance(key, tuple) else None
        if facts is None:
            return 0
        if len(key) != len(facts.chunks) + 1:  # gathered for a kernel that makes another axis
            return facts.mean_bytes
        return facts.bytes_of(key[1:])


class GraphReader:
    """Finds the kernels of a graph and decides on them."""

    def __init__(self, graph: Any, policy: Policy, facts: DeviceFacts) -> None:
        self.policy: Policy = policy
        self.facts = facts
        self.layers = layer_facts(graph)
        self.parents: Mapping[str, Collection[str]] = getattr(graph, "dependencies", {})
        self.held = frozenset(n for n, f in self.layers.items() if f.library in DEVICE_LIBRARIES)
        self.verdicts: dict[str, tuple[Kernel, Verdict]] = {}
        self.priced: dict[str, Verdict] = {}
        self._roles: dict[tuple[str, int], Role | None] = {}

    def verdict(self, name: str, kernel: Kernel) -> Verdict:
        """Where a kernel that makes an array runs."""
        if name not in self.verdicts:
            parents = [self.layers[p] for p in self.parents.get(name, ()) if p in self.layers]
            if name in self.held or any(p.library in DEVICE_LIBRARIES for p in parents):
                verdict = Verdict("gpu", "its chunks are on a device")
            else:
                verdict = decide(self.policy, self._candidate(name, kernel, parents), self.facts)
            self.verdicts[name] = kernel, verdict
        return self.verdicts[name][1]

    def _candidate(self, name: str, kernel: Kernel, parents: list[LayerFacts]) -> Candidate:
        out = self.layers.get(name)
        dtypes = [f.dtype for f in (*parents, out) if f is not None]
        odd = [d for d in dtypes if not device_dtype(d.kind, d.itemsize)]
        dtype = (odd or dtypes or [np.dtype(float)])[0]
        return Candidate(
            kernel.name,
            kernel.serves_device(self.facts.library),
            dtype.kind,
            dtype.itemsize,
            host_bytes=sum(p.chunk_bytes for p in parents),
            needed_bytes=needed_bytes(kernel, inputs_of(name, parents, self.layers), out),
        )

    def scan(self, graph: HighLevelGraph) -> set[str]:
        """Names of the layers with a kernel that a device will serve."""
        found = set()
        for name, layer in graph.layers.items():
            for kernel in kernels_of_layer(layer):
                if self.verdict(name, kernel).device == "gpu":
                    found.add(name)
        return found

    def conclude(self) -> None:
        """Take what segments cost into the verdicts on their kernels."""
        for name, verdict in self.priced.items():
            if name in self.verdicts:
                self.verdicts[name] = self.verdicts[name][0], verdict

    def role(self, task: GraphNode) -> Role | None:
        """What a task may be in a segment."""
        if not isinstance(task, Task):
            return None
        key = task.key
        return self.role_of(key[0] if isinstance(key, tuple) else key, task)

    def role_of(self, name: str, task: Task) -> Role | None:
        """What a task that makes a chunk of an array may be in a segment."""
        known = (name, id(task.func))
        if known not in self._roles:
            self._roles[known] = self._role_of_function(name, task.func)
        role = self._roles[known]
        if role is Role.SLICE and not is_basic_slice(task):
            return None
        if role is Role.BETWEEN and any(isinstance(a, np.ndarray) and a.ndim for a in task.args):
            return None
        return role

    def kernel_role(self, name: str, function: Any) -> Role | None:
        """`Role.KERNEL` for a kernel that runs on a device."""
        kernel = kernel_of(function)
        if kernel is None or self.verdict(name, kernel).device != "gpu":
            return None
        return Role.KERNEL

    def _role_of_function(self, name: str, function: Any) -> Role | None:
        if kernel_of(function) is not None:
            return self.kernel_role(name, function)
        made = self.layers.get(name)
        if made is not None and not device_dtype(made.dtype.kind, made.dtype.itemsize):
            return None
        return role_of_function(function)


def kernels_on_held(graph: Any) -> Iterator[tuple[str, Kernel]]:
    """Kernels on chunks that the user holds on a device, with the arrays that they make."""
    held = {
        name
        for name, layer in getattr(graph, "layers", {}).items()
        if library_of_type((layer.collection_annotations or {}).get("chunk_type") or "")
        in DEVICE_LIBRARIES
    }
    if not held:
        return
    for name, layer in graph.layers.items():
        if name in held or not held.isdisjoint(graph.dependencies[name]):
            for kernel in kernels_of_layer(layer):
                yield name, kernel


@dataclass(frozen=True, slots=True)
class PlacedLayers:
    """What a shortcut makes of a graph."""

    graph: dict[Any, GraphNode] | None
    """Tasks with every segment fused; None where every segment stays on the host."""
    rendered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Arrays whose tasks are whole segments, and what those run."""
    apart: frozenset[str] = frozenset()
    """Arrays whose tasks run what a price keeps on the host."""


Shortcut = Callable[[HighLevelGraph, list[Any], GraphReader, set[str]], PlacedLayers | None]
"""See :func:`spanwise.schedulers.dask.symbolic.place_layers`."""


def read_graph(
    dsk: Any,
    keys: list[Any],
    *,
    policy: str,
    facts: DeviceFacts,
    rewritten: Any = None,
    shortcut: Shortcut | None = None,
) -> Reading:
    """Find what of a graph runs on devices. Nothing is computed and the graph is not changed.

    ``rewritten`` is what another optimiser has made of the graph. A ``shortcut`` that can place
    whole layers saves going through the tasks.
    """
    reader = GraphReader(dsk, check_policy(policy), facts)
    if rewritten is not None:
        dsk = rewritten
    reading = Reading(None, reader.layers, frozenset(keys), reader.verdicts, reader.held)
    if isinstance(dsk, HighLevelGraph):
        chosen = reader.scan(dsk)
        if policy == "cpu" or not (chosen or reader.held):
            return reading
        if shortcut is not None and chosen and not reader.held:
            placed = shortcut(dsk, keys, reader, chosen)
            if placed is not None:
                reader.conclude()
                if placed.graph is not None:
                    _take_layers(reading, placed, keys)
                return reading
        graph = _written_out(dsk, keys, chosen, reader)
    elif policy == "cpu":
        return reading
    else:
        graph = cull(tasks_of(dsk), set(keys))
    _expand_kernels(graph)
    _take_assembled_apart(graph, reader)
    reading.connect(graph)
    reading.bound = _bound(graph, reader.held)
    roles = {}
    for key, task in graph.items():
        role = None if key in reading.bound else reader.role(task)
        if role is not None:
            roles[key] = role
    if any(role is Role.KERNEL for role in roles.values()):
        _take_segments(reading, reader, graph, roles, keys)
    placed_before = any(isinstance(task, PlacedTask) for task in graph.values())
    if not (reading.segments or reading.bound or placed_before):
        reading.graph = None
    return reading


def _take_segments(
    reading: Reading,
    reader: GraphReader,
    graph: Mapping[Any, GraphNode],
    roles: Mapping[Any, Role],
    keys: list[Any],
) -> None:
    """Find the segments of a graph, and settle which of them go to devices."""
    found = find_segments(
        in_order(reading.dependencies, keys),
        reading.dependencies,
        reading.dependents,
        roles,
        reading.results,
    )
    there = settle(reader, found, reading.dependencies, roles, lambda key: graph[key].func)
    reader.conclude()
    reading.segments = there
    if len(there) < len(found):
        taken = {k for s in there for k in s.members}
        reading.apart = frozenset(k for s in found for k in s.members if k not in taken)


def _take_layers(reading: Reading, placed: PlacedLayers, keys: list[Any]) -> None:
    """Take in a graph whose tasks are whole segments."""
    assert placed.graph is not None
    reading.connect(placed.graph)
    reading.rendered = placed.rendered
    reading.segments = [
        Segment((key,), tuple(reading.dependencies[key]), (key,))
        for key in in_order(reading.dependencies, keys)
        if isinstance(key, tuple) and key[0] in placed.rendered
    ]
    if placed.apart:
        reading.apart = frozenset(
            k for k in placed.graph if isinstance(k, tuple) and k[0] in placed.apart
        )


def _written_out(
    dsk: HighLevelGraph, keys: list[Any], chosen: set[str], reader: GraphReader
) -> dict[Any, GraphNode]:
    """Every task, with Dask's fusion of whole layers except around what runs on devices."""
    apart = set(chosen) | reader.held
    stack = list(chosen)
    dependents = dsk.dependents
    while stack:
        for name in dependents.get(stack.pop(), ()):
            layer = dsk.layers[name]
            if name in apart or not isinstance(layer, Blockwise):
                continue
            if role_of_function(layer.task.func) is not None:
                apart.add(name)
                stack.append(name)
    for name in list(apart):
        apart.update(dsk.dependencies.get(name, ()))
    graph = optimize_blockwise(dsk, keys=[*keys, *((name,) for name in apart)])
    return tasks_of(graph.cull(set(keys)))


def tasks_of(graph: Any) -> dict[Any, GraphNode]:
    """The tasks of a graph, all of them in the form that Dask's internals have now."""
    tasks: dict[Any, Any] = {}
    for layer in getattr(graph, "layers", {"": graph}).values():
        # What a layer wraps is a dict, and much faster than its own methods.
        tasks.update(getattr(layer, "mapping", None) or getattr(layer, "_dict", layer))
    if all(isinstance(t, GraphNode) and not isinstance(t, Alias) for t in tasks.values()):
        return tasks
    return convert_legacy_graph(tasks)


def _expand_kernels(graph: dict[Any, GraphNode]) -> None:
    """Take tasks apart again that an optimiser fused around a kernel."""
    fused = [k for k, t in graph.items() if isinstance(t, Task) and t.func is _execute_subgraph]
    names: dict[Any, str] = {}
    known: dict[int, tuple[Any, bool]] = {}
    while fused:
        key = fused.pop()
        task: Any = graph[key]
        if task.block_fusion:  # placed already
            continue
        inner, out, places, *refs = task.args
        if id(inner) not in known:
            has_kernel = any(kernel_of(f) is not None for f in functions_of(inner.values()))
            known[id(inner)] = inner, has_kernel
        if not known[id(inner)][1]:
            continue
        new = {k: _inner_key(k, key, names) for k in inner}
        new[out] = key
        for k, ref in zip(places, refs, strict=True):
            if isinstance(ref, TaskRef):
                new[k] = ref.key
            else:  # a value of this chunk's own, such as the slices that it reads
                new[k] = _inner_key(k, key, names, "argument")
                is_node = isinstance(ref, GraphNode)
                graph[new[k]] = ref.substitute({}, key=new[k]) if is_node else DataNode(new[k], ref)
        for k, node in inner.items():
            graph[new[k]] = node.substitute(new, key=new[k])
            if isinstance(node, Task) and node.func is _execute_subgraph:
                fused.append(new[k])


def _inner_key(inner: Any, key: Any, names: dict[Any, str], word: str = "") -> Any:
    """A key of its own for a task inside the fused task of a chunk."""
    name, *index = key if isinstance(key, tuple) else (key,)
    inner_name, *place = inner if isinstance(inner, tuple) else (inner,)
    about = (inner_name, len(place), name)
    if about not in names:
        names[about] = f"{word or key_split(inner)}-{tokenize(*about)}"
    return (names[about], *place, *index)


def _take_assembled_apart(graph: dict[Any, GraphNode], reader: GraphReader) -> None:
    """Two tasks where a kernel for a device stands behind an exchange: slices move on the host."""
    assembled: list[tuple[Any, Any]] = [
        (k, t) for k, t in graph.items() if isinstance(t, Task) and isinstance(t.func, Assembled)
    ]
    names: dict[str, str] = {}
    for key, task in assembled:
        name, *index = key if isinstance(key, tuple) else (key,)
        if reader.kernel_role(name, task.func) is None:
            continue
        numbers, *inputs = task.args
        if name not in names:
            names[name] = gathered_name(name)
        gathered = (names[name], *index)
        graph[gathered] = Task(gathered, task.func.assemble, *inputs)
        graph[key] = Task(key, task.func.work, TaskRef(gathered), *numbers)


def _bound(graph: Mapping[Any, GraphNode], held: Collection[str]) -> frozenset[Any]:
    """Tasks that give out or take in chunks which the user holds on a device."""
    if not held:
        return frozenset()
    there = {k for k in graph if (k[0] if isinstance(k, tuple) else k) in held}
    near = {k for k, t in graph.items() if not there.isdisjoint(t.dependencies)}
    return frozenset(there | near)
