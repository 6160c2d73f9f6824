"""Device segments: maximal runs of tasks that exchange data on one device. Pure, on keys.

A segment starts at a kernel, takes in what can follow it on the device, and becomes one task, so
that device data is neither at rest nor between workers. Contracting segments must leave the graph
without cycles: ``x_hat - x_hat.mean()`` may not put the subtraction into the segment that the
mean waits for. Each node therefore has a level, the number of segments that must have finished
before it; a task joins a segment only if nothing else that it needs has a higher level.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

Key = Hashable

MAX_INPUTS = 16
"""Most host values that one segment takes in: what its task holds at a time stays a few chunks."""


class Role(Enum):
    """What a task may be in a segment."""

    KERNEL = 1
    """Starts a segment, or goes on with one."""
    BETWEEN = 2
    """Goes on with a segment."""
    SLICE = 3
    """Goes on with a segment; at its end only if it is the only one to take a part."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Tasks that run as one on a device."""

    members: tuple[Key, ...]
    """In an order in which they can run."""
    inputs: tuple[Key, ...]
    """Values of the host that members take."""
    outputs: tuple[Key, ...]
    """Members whose value the rest of the graph needs."""
    level: int = 0
    """Most segments in a row that must have finished before."""


def in_order(dependencies: Mapping[Key, Collection[Key]], keys: Iterable[Key]) -> list[Key]:
    """The keys that ``keys`` need, each behind its dependencies.

    >>> in_order({"a": (), "b": ("a",), "c": ("a", "b")}, ["c"])
    ['a', 'b', 'c']
    """
    done: set[Key] = set()
    order: list[Key] = []
    for root in keys:
        if root in done or root not in dependencies:
            continue
        path = [(root, iter(dependencies[root]))]
        while path:
            key, needed = path[-1]
            for d in needed:
                if d not in done and d in dependencies:
                    path.append((d, iter(dependencies[d])))
                    break
            else:
                path.pop()
                done.add(key)
                order.append(key)
    return order


def find_segments(
    order: Iterable[Key],
    dependencies: Mapping[Key, Collection[Key]],
    dependents: Mapping[Key, Collection[Key]],
    roles: Mapping[Key, Role],
    results: Collection[Key],
) -> list[Segment]:
    """Group the tasks that have a role into segments.

    Parameters
    ----------
    order : iterable of keys
        Each behind its dependencies.
    dependencies, dependents : mapping
        Edges of the graph, both ways.
    roles : mapping
        Role of each task that may run on a device.
    results : collection of keys
        Keys that the user asked for, as a set.

    Returns
    -------
    list of Segment
        In an order in which they can run.
    """
    growth = _Growth(dependencies, dependents, results)
    for key in order:
        growth.add(key, roles.get(key))
    # A segment waits for segments of lower levels only.
    groups = sorted(growth.groups, key=lambda group: group.level)
    return [
        _closed(g.members, g.level, roles, dependencies, dependents, results)
        for g in groups
        if g.members
    ]


@dataclass(eq=False, slots=True)
class _Group:
    """A segment that grows."""

    members: list[Key]
    """In order; none once it has become part of another."""
    inputs: set[Key]
    """Values of the host that members take."""
    level: int
    """Segments that must have finished before."""


class _Growth:
    """Groups that grow as tasks are met in order."""

    def __init__(
        self,
        dependencies: Mapping[Key, Collection[Key]],
        dependents: Mapping[Key, Collection[Key]],
        results: Collection[Key],
    ) -> None:
        self.dependencies = dependencies
        self.dependents = dependents
        self.results = results
        self.after: dict[Key, int] = {}
        """Level of what takes a value on the host; without an entry 0."""
        self.group_of: dict[Key, _Group] = {}
        self.groups: list[_Group] = []

    def add(self, key: Key, role: Role | None) -> None:
        """Put a task into a group or leave it on the host."""
        after = self.after
        needed = self.dependencies[key]
        if role is None:
            level = max([after.get(d, 0) for d in needed], default=0)
            if level:
                after[key] = level
            return
        level = 0
        host: list[Key] = []
        groups: dict[_Group, None] = {}
        for d in needed:
            group = self.group_of.get(d)
            if group is None:
                host.append(d)
                level = max(level, after.get(d, 0))
            else:
                groups[group] = None
        if groups and self._join(key, level, host, list(groups)):
            return
        level = max([level, *(g.level + 1 for g in groups)])
        if role is Role.KERNEL:
            group = _Group([key], set(needed), level)
            self.groups.append(group)
            self.group_of[key] = group
            after[key] = level + 1
        else:
            after[key] = level

    def _join(self, key: Key, level: int, host: list[Key], groups: list[_Group]) -> bool:
        first = groups[0]
        if level > first.level or any(g.level != first.level for g in groups):
            return False
        inputs = first.inputs
        if host or len(groups) > 1:
            inputs = set(host).union(*(g.inputs for g in groups))
            if len(inputs) > MAX_INPUTS:
                return False
        if len(groups) > 1 and not all(self._serves_only(key, g) for g in groups):
            return False
        for g in groups[1:]:
            for member in g.members:
                self.group_of[member] = first
            first.members.extend(g.members)
            g.members = []
        first.members.append(key)
        first.inputs = inputs
        self.group_of[key] = first
        self.after[key] = first.level + 1
        return True

    def _serves_only(self, key: Key, group: _Group) -> bool:
        """Whether nothing but this task needs the group, so that merging holds no more."""
        for member in group.members:
            if member in self.results:
                return False
            if any(d != key and self.group_of.get(d) is not group for d in self.dependents[member]):
                return False
        return True


def _closed(
    members: list[Key],
    level: int,
    roles: Mapping[Key, Role],
    dependencies: Mapping[Key, Collection[Key]],
    dependents: Mapping[Key, Collection[Key]],
    results: Collection[Key],
) -> Segment:
    """A group with its ends: what it takes in, what it gives out."""
    if len(members) == 1:  # a kernel by itself, which something needs
        (key,) = members
        return Segment((key,), tuple(dependencies[key]), (key,), level)
    inside = set(members)
    # Many slices of one value (an exchange) are cut on the host, from one copy of the value.
    for key in reversed(members):
        if roles[key] is Role.SLICE and inside.isdisjoint(dependents[key]):
            (source,) = dependencies[key]
            if len(dependents[source]) > 1 or source in results:
                inside.discard(key)
    kept = tuple([key for key in members if key in inside])
    inputs = dict.fromkeys([d for key in kept for d in dependencies[key] if d not in inside])
    outputs = tuple(
        [key for key in kept if key in results or not inside.issuperset(dependents[key])]
    )
    return Segment(kept, tuple(inputs), outputs, level)
