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
from collections.abc import Callable, Collection, Mapping
from typing import Any

from dask._task_spec import TaskRef
from dask.blockwise import Blockwise, blockwise, optimize_blockwise
from dask.highlevelgraph import HighLevelGraph

from ..segments import Role, Segment, find_segments, in_order
from .names import device_name
from .pricing import settle
from .reading import GraphReader, PlacedLayers, tasks_of
from .roles import functions_of_layer, role_of_function

_INDICES = re.compile(r"(_\.\d+)+$")
"""What Dask's fusion of layers puts behind the names of the arrays that it fused."""


def place_layers(
    dsk: HighLevelGraph,
    keys: list[Any],
    reader: GraphReader,
    chosen: Collection[str],
    send: Callable[..., Any],
    fetch: Callable[..., Any],
) -> PlacedLayers | None:
    """Tasks with every segment fused that goes to a device; None if chunks differ."""
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
        return PlacedLayers(None)
    placed = {n for s in there for n in s.members}
    layers: dict[str, Any] = {n: la for n, la in dsk.layers.items() if n not in placed}
    dependencies = {n: set(dsk.dependencies[n]) for n in layers}
    ours: set[str] = set()
    for segment in there:
        ours |= _insert(segment, dsk, layers, dependencies, send, fetch)
    borders = _borders(order, dependents, segments, placed)
    fused = optimize_blockwise(HighLevelGraph(layers, dependencies), keys=[*keys, *borders])
    if not ours.isdisjoint(fused.layers):
        return None  # Dask left a value on a device between two tasks
    blockwise_layers = {n: la for n, la in fused.layers.items() if isinstance(la, Blockwise)}
    members = {device_name(str(n)): str(n) for s in there for n in s.members}
    rendered = {n: _found_within(la, members) for n, la in blockwise_layers.items()}
    left = {str(n): str(n) for n in inside - placed}
    return PlacedLayers(
        tasks_of(fused.cull(set(keys))),
        {n: made for n, made in rendered.items() if made},
        frozenset(n for n, la in blockwise_layers.items() if _found_within(la, left)),
    )


def _borders(
    order: list[Any], dependents: Any, segments: list[Segment], placed: Collection[Any]
) -> list[tuple[str]]:
    """Where Dask's fusion has to stop: at results that the other kind of segment uses further on.

    Fused with a segment on a device, one that a price keeps on the host would go with it.
    """
    kinds = {n: {n in placed} for s in segments for n in s.members}
    behind: dict[Any, set[bool]] = {}
    for name in reversed(order):
        behind[name] = set().union(*(behind[n] | kinds.get(n, set()) for n in dependents[name]))
    roots = [s.outputs[0] for s in segments]
    return [(str(root),) for root in roots if not behind[root] <= kinds[root]]


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


def _found_within(layer: Blockwise, names: Mapping[str, str]) -> tuple[str, ...]:
    """Which of some arrays a fused layer makes, in the order of ``names``, by what those say."""
    task = layer.task
    made = {str(k) for k in task.args[0]} if task.has_subgraph() else {layer.output}
    found = made | {_INDICES.sub("", name) for name in made}
    return tuple(told for name, told in names.items() if name in found)
