"""Placement of whole layers, before they are written out as tasks.

Where every chunk of some layers forms the same segment, the copies go in as layers of their own
and Dask's fusion of layers makes one task per chunk, at the price of one task per chunk. Wherever
chunks differ (slices, exchanges between, values with several users) nothing is done here, and
:mod:`.reading` decides task by task.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from dask._task_spec import GraphNode, Task, TaskRef
from dask.blockwise import Blockwise, blockwise, optimize_blockwise
from dask.highlevelgraph import HighLevelGraph

from ..segments import Role, Segment, find_segments, in_order
from .names import device_name
from .pricing import settle
from .reading import GraphReader, tasks_of
from .roles import functions_of_layer, role_of_function

_DEVICE_NAME = re.compile(r".*@gpu(-[0-9a-f]{32})?")


def place_layers(
    dsk: HighLevelGraph,
    keys: list[Any],
    reader: GraphReader,
    chosen: Collection[str],
    send: Callable[..., Any],
    fetch: Callable[..., Any],
) -> tuple[dict[Any, GraphNode] | None, dict[str, tuple[str, ...]]] | None:
    """Tasks with every segment fused, and what those layers run; None if chunks differ.

    No tasks where every segment stays on the host.
    """
    wanted = {k[0] if isinstance(k, tuple) else k for k in keys}
    dependents = dsk.dependents
    roles = {n: role for n, la in dsk.layers.items() if (role := _role(n, la, reader)) is not None}
    order = in_order(dsk.dependencies, list(dsk.layers))
    segments = find_segments(order, dsk.dependencies, dependents, roles, wanted)
    inside = {n for s in segments for n in s.members}
    if not segments or not set(chosen) <= inside:
        return None
    if not all(_uniform(s, dsk, dependents, wanted, reader) for s in segments):
        return None
    there = settle(
        reader,
        segments,
        dsk.dependencies,
        roles,
        lambda name: dsk.layers[name].task.func,
        lambda segment: len(dsk.layers[str(segment.outputs[0])]),
    )
    if not there:
        return None, {}
    if len(there) < len(segments):
        return None  # fused with segments, what stays on the host would go with them
    layers: dict[str, Any] = {n: la for n, la in dsk.layers.items() if n not in inside}
    dependencies = {n: set(dsk.dependencies[n]) for n in layers}
    ours: set[str] = set()
    for segment in segments:
        ours |= _insert(segment, dsk, layers, dependencies, send, fetch)
    fused = optimize_blockwise(HighLevelGraph(layers, dependencies), keys=keys)
    if not ours.isdisjoint(fused.layers):
        return None  # Dask left a value on a device between two tasks
    members = [str(n) for s in segments for n in s.members]
    places = {device_name(n): i for i, n in enumerate(members)}
    rendered = {}
    for name, layer in fused.layers.items():
        if isinstance(layer, Blockwise):
            made = _made_within(layer.task, places)
            if made:
                rendered[name] = tuple(members[i] for i in made)
    return tasks_of(fused.cull(set(keys))), rendered


def _role(name: str, layer: Any, reader: GraphReader) -> Role | None:
    if not isinstance(layer, Blockwise) or layer.task.has_subgraph():
        return None
    return reader.role_of(name, layer.task)


def _uniform(
    segment: Segment,
    dsk: HighLevelGraph,
    dependents: Any,
    wanted: Collection[str],
    reader: GraphReader,
) -> bool:
    """Whether each chunk of the last layer is one task with one chunk of everything before it."""
    if len(segment.outputs) != 1:
        return False
    (root,) = segment.outputs
    tasks = len(dsk.layers[str(root)])
    used: set[str] = set()
    for name in segment.members:
        layer: Any = dsk.layers[str(name)]
        if len(layer) != tasks or layer.annotations or not _chunk_by_chunk(layer, used):
            return False
        if name != root and (name in wanted or len(dependents[name]) != 1):
            return False
    # What follows must be nothing that a single chunk could still take into its segment.
    return not any(_may_join(dsk.layers[n], n, reader) for n in dependents[root])


def _chunk_by_chunk(layer: Blockwise, used: set[str]) -> bool:
    """Whether each task takes one chunk of each input, and no other layer takes that."""
    for dep, index in layer.indices:
        if index is None:
            if isinstance(dep, TaskRef):
                return False
            continue
        if dep in layer.io_deps:
            continue
        if dep in used or len(set(index)) < len(index):
            return False
        if not set(index) <= set(layer.output_indices):
            return False
        used.add(str(dep))
    return True


def _may_join(layer: Any, name: str, reader: GraphReader) -> bool:
    if isinstance(layer, Blockwise):
        if layer.task.has_subgraph():
            return True
        return reader.role_of(name, layer.task) is not None
    if not layer.is_materialized():
        return False
    return any(
        role_of_function(f) is not None or reader.kernel_role(name, f) is not None
        for f in functions_of_layer(layer)
    )


def _insert(
    segment: Segment,
    dsk: HighLevelGraph,
    layers: dict[str, Any],
    dependencies: dict[str, set[str]],
    send: Callable[..., Any],
    fetch: Callable[..., Any],
) -> set[str]:
    """Put a segment with its copies into a graph; the names of what must fuse away."""
    root = str(segment.outputs[0])
    names = {str(n): device_name(str(n)) for n in segment.members}
    for name, new in names.items():
        layer: Any = dsk.layers[name]
        renamed = dict(names)
        for dep, index in layer.indices:
            if index is not None and dep in segment.inputs:
                copy = device_name(dep, f"to_device-{len(layers)}-")
                renamed[dep] = copy
                blocks = {dep: layer.numblocks[dep]}
                layers[copy] = blockwise(send, copy, index, dep, index, numblocks=blocks)
                dependencies[copy] = {dep}
        layers[new] = Blockwise(
            new,
            layer.output_indices,
            layer.task.substitute({}, key=new),
            [(dep if i is None else renamed.get(dep, dep), i) for dep, i in layer.indices],
            {renamed.get(dep, dep): blocks for dep, blocks in layer.numblocks.items()},
            concatenate=layer.concatenate,
            new_axes=layer.new_axes,
            io_deps=layer.io_deps,
        )
        dependencies[new] = {str(renamed.get(d, d)) for d in dsk.dependencies[name]}
    last: Any = dsk.layers[root]
    index, inner = last.output_indices, names[root]
    blocks = {inner: tuple(last.dims[i] for i in index)}
    layers[root] = blockwise(fetch, root, index, inner, index, numblocks=blocks)
    dependencies[root] = {inner}
    return {n for n in layers if n not in dsk.layers}


def _made_within(task: Task, places: dict[str, int]) -> list[int]:
    """Which arrays a fused layer makes on a device, in order."""
    if not task.has_subgraph():
        return []
    found = {m[0] for k in task.args[0] if (m := _DEVICE_NAME.match(str(k)))}
    return sorted(places[name] for name in found if name in places)
