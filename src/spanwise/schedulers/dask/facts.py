"""What Dask notes on the arrays of a graph: chunks, types, bytes."""

# Dask's annotations cover a part of what it accepts.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from dask.blockwise import Blockwise

from ...kernels.kernel import Kernel
from .roles import reduced_to


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What Dask notes on the layer of an array."""

    chunks: tuple[tuple[float, ...], ...]
    """Lengths of the chunks, per axis."""
    dtype: np.dtype
    """Element type."""
    library: str
    """Library of the chunks, by the type of the meta."""
    arrays: int = 1
    """Arrays of this form that one chunk is."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of the largest chunk."""
        return self._bytes(max(c, default=0) for c in self.chunks)

    @property
    def mean_bytes(self) -> int:
        """Bytes of a chunk on average."""
        return self._bytes(sum(c) / max(len(c), 1) for c in self.chunks)

    @property
    def mean_size(self) -> int:
        """Elements of a chunk on average."""
        return self.mean_bytes // max(self.dtype.itemsize, 1)

    def bytes_of(self, index: tuple[int, ...]) -> int:
        """Bytes of one chunk."""
        return self._bytes(c[i] for c, i in zip(self.chunks, index, strict=True))

    def _bytes(self, lengths: Any) -> int:
        size = math.prod(lengths) * self.dtype.itemsize * self.arrays
        return 0 if math.isnan(size) else int(size)


def layer_facts(graph: Any) -> dict[str, LayerFacts]:
    """What is known of each array of a graph, by name; empty for a graph without layers."""
    facts = {}
    for name, layer in getattr(graph, "layers", {}).items():
        notes = layer.collection_annotations or {}
        if "chunk_type" in notes and notes.get("dtype") is not None:
            library = library_of_type(notes["chunk_type"])
            made = LayerFacts(notes["chunks"], np.dtype(notes["dtype"]), library)
            facts[name] = _reduced(made, layer) if isinstance(layer, Blockwise) else made
            gathered = getattr(layer, "gathered", None)
            if gathered is not None:
                facts[gathered_name(name)] = LayerFacts(
                    gathered.chunks, np.dtype(gathered.dtype), library
                )
    return facts


def _reduced(facts: LayerFacts, layer: Blockwise) -> LayerFacts:
    """The facts of the first round of a reduction, of which Dask notes those of its input."""
    arrays = reduced_to(layer.task.func)
    axes = layer.task.kwargs.get("axis")
    if not arrays or axes is None or not layer.task.kwargs.get("keepdims"):
        return facts
    along = (axes,) if isinstance(axes, int) else axes
    chunks = tuple((1,) * len(c) if i in along else c for i, c in enumerate(facts.chunks))
    return replace(facts, chunks=chunks, arrays=arrays)


def inputs_of(
    name: str, parents: list[LayerFacts], layers: Mapping[str, LayerFacts]
) -> list[LayerFacts]:
    """What the kernel of a layer takes in: its parents, or what an exchange gathers from them."""
    gathered = layers.get(gathered_name(name))
    return parents if gathered is None else [gathered]


def needed_bytes(kernel: Kernel | None, inputs: list[LayerFacts], made: LayerFacts | None) -> int:
    """Bytes that one task holds on a device: input, workspace and output."""
    taken = sum(f.chunk_bytes for f in inputs)
    given = made.chunk_bytes if made is not None else 0
    return taken + given + (kernel.device_workspace(taken, given) if kernel is not None else 0)


def gathered_name(name: str) -> str:
    """The name of what an exchange gathers for the kernel of a layer."""
    stem, _, token = name.rpartition("-")
    return f"{stem}-exchange-{token}"


def library_of_type(name: str) -> str:
    """The array library of the type of a chunk."""
    if name.startswith("cupy."):
        return "cupy"
    return "hostfree" if name.endswith(".HostFree") else "numpy"
