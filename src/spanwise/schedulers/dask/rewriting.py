"""Device segments become single tasks, with their copies and what is made for them alone.

What such a task does is ``read -> to_device -> kernels -> to_host -> store``.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from dask._task_spec import (
    Alias,
    GraphNode,
    Task,
    TaskRef,
    _execute_subgraph,
)
from dask.base import tokenize

from .. import copies
from ..execution import Place
from ..policy import DeviceFacts
from ..segments import Segment
from .names import split_name, stem_of
from .placed import PlacedTask
from .reading import Reading
from .templates import Node, Templates


@cache
def _item(number: int) -> Any:
    """What takes one of the outputs of a task."""
    return operator.itemgetter(number)


class Copies:
    """The functions of transfer tasks."""

    def __init__(self, facts: DeviceFacts, *, log: bool) -> None:
        self.send = partial(copies.send, library=facts.library, log=log)
        self.fetch = partial(copies.fetch, log=log)
        self.place = Place(facts.library, facts.advertised)


class Rewriting:
    """Segments into single tasks."""

    def __init__(self, reading: Reading, copy: Copies) -> None:
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
        self.new = dict(self.dsk)
        self.renamed: dict[Any, Any] = {}
        self._host_names: dict[str, str] = {}
        self._common: dict[Any, _About] = {}
        self._templates = Templates()

    def run(self) -> dict[Any, GraphNode]:
        """The graph with one task for each segment and what is fused to it."""
        done: set[int] = set()
        for segment in self.segments:
            if id(segment) not in done:
                self._place(segment, done)
        new, renamed = self.new, self.renamed
        users = {user for output in renamed for user in self.dependents[output] if user in new}
        for key in users:
            new[key] = new[key].substitute(renamed)
        return new

    def _place(self, segment: Segment, done: set[int]) -> None:
        nodes: dict[Any, Node] = {}
        made: dict[str, None] = {}
        taken = self._absorb_producers(segment, nodes)
        outputs = segment.outputs
        following: Segment | None = segment
        while following is not None:
            done.add(id(following))
            self._add(following, nodes, made)
            outputs, following = self._absorb_consumers(following.outputs, nodes)
        about = self._about(outputs, tuple(made))
        key = (about.key, *[i for k in outputs if isinstance(k, tuple) for i in k[1:]])
        out = self._host_key(outputs[0])
        if len(outputs) > 1:
            out = "pack@gpu"
            nodes[out] = (copies.pack, *[self._host_key(k) for k in outputs])
        self.new[key] = self._placed_task(key, about.place, nodes, out, taken)
        self._give_out(outputs, key)

    def _placed_task(
        self, key: Any, place: Place, nodes: dict[Any, Node], out: Any, taken: dict[Any, Any]
    ) -> PlacedTask:
        """One task of many; ``taken`` are keys that have other names inside."""
        if len(nodes) == 1:  # fused by layers
            (fused,) = nodes.values()
            if not self.renamed.keys().isdisjoint(fused.dependencies):
                fused = fused.substitute(self.renamed)
            assert isinstance(fused, Task)
            return PlacedTask(
                key,
                fused.func,
                *fused.args,
                place=place,
                _data_producer=fused.data_producer,
            )
        # Segments come in an order in which they can run: what this one takes has its new key.
        arguments, is_producer = self._templates.arguments(nodes, out, taken, self.renamed)
        return PlacedTask(
            key,
            _execute_subgraph,
            *arguments,
            place=place,
            _data_producer=is_producer,
        )

    def _give_out(self, outputs: tuple[Any, ...], key: Any) -> None:
        """Let the rest of the graph find the outputs of a placed task."""
        for number, output in enumerate(outputs):
            if len(outputs) > 1:
                self.new[output] = Task(output, _item(number), TaskRef(key))
            elif output in self.results:
                self.new[output] = Alias(output, key)
            else:
                self.renamed[output] = key

    def _add(self, segment: Segment, nodes: dict[Any, Node], made: dict[str, None]) -> None:
        """The tasks of a segment between its copies.

        Inside of a placed task a key of the graph stands for the value on the device, so that
        the tasks of a segment stay as they are; values on the host have keys of their own.
        """
        members = segment.members
        for k in members:
            del self.new[k]
        first = members[0]
        if isinstance(first, tuple) and first[0] in self.rendered:
            nodes[first] = self.dsk[first]
            made |= dict.fromkeys(self.rendered[first[0]])
            return
        for k in segment.inputs:
            nodes[k] = (self.copy.send, self._host_key(k))
        for k in members:
            nodes[k] = self.dsk[k]
            made[k[0] if isinstance(k, tuple) else k] = None
        for k in segment.outputs:
            nodes[self._host_key(k)] = (self.copy.fetch, k)

    def _absorb_producers(self, segment: Segment, nodes: dict[Any, Node]) -> dict[Any, Any]:
        """Take in what is made for this segment alone: each chunk is then read by its own task.

        What is left to others is returned where it has another name inside of the task.
        """
        inputs = segment.inputs
        taken: dict[Any, Any] = {}
        for k in inputs:
            users: Collection[Any] = segment.members
            chain, name = k, self._host_key(k)
            while self._private(chain, users, alone=len(inputs) == 1):
                nodes[name] = self._fed_by_the_host(chain, inputs, taken)
                del self.new[chain]
                needed = self.dependencies[chain]
                if len(needed) != 1:
                    break
                users = (chain,)
                (chain,) = needed
                name = chain
            else:
                if name != chain:
                    taken[name] = chain
        return taken

    def _fed_by_the_host(
        self, key: Any, inputs: tuple[Any, ...], taken: dict[Any, Any]
    ) -> GraphNode:
        """A task of the host, which takes inputs of the segment before they are copied."""
        node = self.dsk[key]
        shared = [d for d in inputs if d in node.dependencies] if len(inputs) > 1 else ()
        if not shared:
            return node
        taken.update({self._host_key(d): d for d in shared})
        return node.substitute({d: self._host_key(d) for d in shared})

    def _private(self, key: Any, users: Collection[Any], *, alone: bool) -> bool:
        if key in self.results or key not in self.new or key in self.segment_of:
            return False
        for d in self.dependents[key]:
            if d not in users:
                return False
        if len(self.dependencies[key]) > 1 and not alone:
            return False
        return self._fusable(key)

    def _absorb_consumers(
        self, outputs: tuple[Any, ...], nodes: dict[Any, Node]
    ) -> tuple[tuple[Any, ...], Segment | None]:
        """Take in what only this chain feeds, up to the next segment, which is then told."""
        while len(outputs) == 1 and outputs[0] not in self.results:
            (last,) = outputs
            host = self._host_key(last)
            users = self.dependents[last]
            segment = self.segment_of.get(next(iter(users)))
            if segment is not None:
                is_on_device = host != last and last in nodes
                if segment.inputs != outputs or is_on_device:
                    break
                if any(self.segment_of.get(u) is not segment for u in users):
                    break
                return segment.outputs, segment
            if len(users) != 1:
                break
            (key,) = users
            if len(self.dependencies[key]) != 1 or not self._fusable(key):
                break
            node = self.dsk[key]
            nodes[self._host_key(key)] = node if host == last else node.substitute({last: host})
            del self.new[key]
            outputs = (key,)
        return outputs, None

    def _fusable(self, key: Any) -> bool:
        node = self.dsk[key]
        return not (key in self.apart or node.block_fusion or _is_exchange_of_dask(node))

    def _host_key(self, key: Any) -> Any:
        """The key of a value on the host inside of a placed task: ``fft-1f3a@host``."""
        if self.rendered:  # copies are inside of fused layers, values between them on the host
            return key
        if not isinstance(key, tuple):
            return f"{key}@host"
        name = self._host_names.get(key[0])
        if name is None:
            name = self._host_names[key[0]] = f"{key[0]}@host"
        return (name, *key[1:])

    def _about(self, outputs: tuple[Any, ...], made: tuple[str, ...]) -> _About:
        """What placed tasks with these outputs have in common, which run what ``made`` names.

        The key says what a task gives out, stored or not, since equal keys are equal values to
        Dask; the place is named for what was made last on the device.
        """
        names = tuple([k[0] if isinstance(k, tuple) else k for k in outputs])
        lengths = tuple([len(k) if isinstance(k, tuple) else 0 for k in outputs])
        known = self._common.get((names, lengths, made))
        if known is None:
            place = self.copy.place
            stems = "+".join(dict.fromkeys(map(stem_of, made)))[:80]
            _, token = split_name(made[-1])
            known = _About(
                f"{stems}@gpu-{tokenize(names, lengths, place.library)}",
                replace(place, name=f"{stems}@gpu{token}"),
            )
            self._common[names, lengths, made] = known
        return known


@dataclass(frozen=True, slots=True)
class _About:
    """What the placed tasks of many chunks have in common."""

    key: str
    """The first part of their keys."""
    place: Place
    """Where they were placed, and the name that they are recorded under."""


def _is_exchange_of_dask(node: GraphNode) -> bool:
    """Whether a task belongs to a P2P rechunk, whose tasks Dask binds to workers itself."""
    module = getattr(getattr(node, "func", None), "__module__", None) or ""
    return module.startswith("distributed.shuffle")
