"""The layers of lazy results: what is alive in each, what it holds. Nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dask._task_spec import DataNode, Task, TaskRef
from dask.blockwise import Blockwise
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph
from dask.utils import key_split

from ...errors import ArrayTypeError
from ...graph.plan import Plan, Step
from .facts import LayerFacts, layer_facts


@dataclass(frozen=True, slots=True)
class LiveLayer:
    """A layer of which the wanted keys need some tasks."""

    name: str
    """Name of the layer, its array's name where it makes one."""
    prefix: str
    """The name as Dask's dashboard shows it."""
    tasks: int
    """Tasks that are needed."""
    share: float
    """The needed share of the layer's tasks."""
    chunks: int
    """Chunks of the array that are needed; 0 where the layer makes no array."""
    facts: LayerFacts | None
    """What Dask noted on the array."""
    step: Step | None
    """Our step, for a layer of ours."""
    plan: Plan | None
    """The plan that the step belongs to."""
    parents: tuple[str, ...]
    """Needed layers that it takes from."""
    state: str
    """``"lazy"``; ``"held"``: its tasks are data; ``"fused"``: optimised already."""


@dataclass(frozen=True, slots=True)
class Lazy:
    """Lazy results, their graphs merged: layers that they share are there once."""

    graph: Any
    """The merged graph."""
    keys: tuple[Any, ...]
    """Keys that are wanted."""
    layers: tuple[LiveLayer, ...]
    """In the order of the data."""
    result_bytes: int
    """Bytes of the wanted arrays."""
    foreign: tuple[str, ...]
    """Types of collections that keep no layers of arrays (``Delayed``)."""


def live_layers(collections: Iterable[Any]) -> Lazy:
    """Merge the graphs of lazy results and cull them."""
    graphs, keys, foreign = [], [], []
    for x in collections:
        graph = x.__dask_graph__()
        wanted = list(flatten(x.__dask_keys__()))
        if not isinstance(graph, HighLevelGraph):
            graph = HighLevelGraph.from_collections(f"tasks-{id(x)}", graph, dependencies=())
        if type(x).__name__ == "Delayed":
            foreign.append("Delayed")
        graphs.append(graph)
        keys.extend(wanted)
    merged = HighLevelGraph.merge(*graphs) if graphs else HighLevelGraph({}, {})
    facts = layer_facts(merged)
    layers = _culled(merged, keys, facts)
    results = {k[0] for k in keys if isinstance(k, tuple)}
    size = sum(_nbytes(facts[name]) for name in results if name in facts)
    return Lazy(merged, tuple(keys), tuple(layers), size, tuple(foreign))


def collections_of(x: Any) -> list[Any]:
    """The lazy parts of an argument of ``explain``: arrays, xarray objects, tuples of them."""
    if isinstance(x, (tuple, list)):
        return [part for item in x for part in collections_of(item)]
    if not hasattr(x, "__dask_graph__"):
        if hasattr(x, "shape"):
            return []  # a concrete array
        raise ArrayTypeError(
            f"x is a {type(x).__name__}; explain takes Dask arrays, xarray objects, or a tuple "
            "of them, e.g. spanwise.explain(spanwise.fft.fft(array))"
        )
    return [] if x.__dask_graph__() is None else [x]


def _culled(
    graph: HighLevelGraph, keys: list[Any], facts: dict[str, LayerFacts]
) -> list[LiveLayer]:
    if not keys:
        return []
    # Dask renames each culled layer to "<name>-<token of the keys>".
    culled = {n.rpartition("-")[0]: la for n, la in graph.cull(set(keys)).layers.items()}
    out = []
    for name in graph._toposort_layers():
        if name not in culled:
            continue
        layer, whole = culled[name], graph.layers[name]
        tasks = len(layer)
        parents = tuple(p for p in graph.dependencies[name] if p in culled)
        out.append(
            LiveLayer(
                name,
                key_split(name),
                tasks,
                tasks / max(len(whole), 1),
                _chunks(layer, name) if name in facts else 0,
                facts.get(name),
                getattr(whole, "step", None),
                getattr(whole, "plan", None),
                parents,
                _state(layer),
            )
        )
    return out


def _chunks(layer: Any, name: str) -> int:
    """Needed chunks of the array that a layer makes; helper tasks have other names."""
    if isinstance(layer, Blockwise):
        return len(layer)
    return sum(1 for k in layer if isinstance(k, tuple) and k[0] == name)


def _state(layer: Any) -> str:
    if isinstance(layer, Blockwise) or not layer.is_materialized():
        return "lazy"
    tasks = list(layer.values())
    # Persisted chunks are arrays on the local schedulers, futures on a cluster.
    if tasks and all(isinstance(t, (DataNode, TaskRef)) or _is_array(t) for t in tasks):
        return "held"
    if any(isinstance(t, Task) and t.has_subgraph() for t in tasks):
        return "fused"
    return "lazy"


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _nbytes(facts: LayerFacts) -> int:
    size = math.prod(sum(axis) for axis in facts.chunks)
    return 0 if math.isnan(size) else int(size) * facts.dtype.itemsize
