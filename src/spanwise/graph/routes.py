"""Which exchanges lead from one chunking to another: one, or two by way of coarser groups.

All-to-all among P chunks takes P^2 slices. Two rounds, of groups of about the root of P chunks
each, take 2 P^1.5 and copy everything twice; on a cluster Dask's peer-to-peer rechunk takes 2 P
tasks, writes everything to disk and reads it back. Below `MANY` slices one exchange is best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from ..machine import Machine
from .exchange import Exchange, Rows, plan_exchange
from .grid import ArraySpec, Chunks, edges, runs

MANY = 256**2
"""Slices above which the number of tasks and references counts."""

_TASK_SECONDS = 2.5e-4
"""What the distributed scheduler and a worker spend on a task, from a run of empty tasks."""
_REFERENCE_SECONDS = 2e-5
"""What building, ordering and slicing one more dependency of a task costs."""
_COPY_RATE = 2e9
"""Bytes per second of a copy in memory, fresh pages included."""
_NETWORK_RATE = 1e9
"""Bytes per second between two workers."""
_DISK_RATE = 5e8
"""Bytes per second to and from a local disk."""

Ranges = Mapping[int, tuple[tuple[int, int], ...]]
"""For some axes, the points that each target chunk takes, where they overlap."""


def plan_route(
    source: ArraySpec,
    target: Chunks,
    machine: Machine,
    *,
    task_bytes: int,
    ranges: Ranges | None = None,
    beside: int = 0,
) -> tuple[Exchange, ...]:
    """The exchanges from one chunking to another.

    Parameters
    ----------
    source, target : ArraySpec, Chunks
        Chunks before and after.
    machine : Machine
        Budget and number of workers.
    task_bytes : int
        Bytes that one consuming task needs, what follows in the same task included.
    ranges : mapping, optional
        For each axis whose target chunks overlap, the points that each of them takes.
    beside : int
        Bytes that a worker holds of the source of an exchange before.
    """
    direct = _one(source, target, machine, task_bytes, ranges, beside)
    if direct.pieces <= MANY or direct.form == "staged":
        return (direct,)
    routes: dict[str, tuple[Exchange, ...]] = {"direct": (direct,)}
    middle = source.with_chunks(halfway(source.chunks, target))
    if 2 * direct.held_bytes(machine) + machine.threads * task_bytes <= machine.memory:
        first = _one(source, middle.chunks, machine, 2 * middle.chunk_bytes, None, beside)
        second = _one(middle, target, machine, task_bytes, ranges, first.held_bytes(machine))
        routes["two rounds"] = (first, second)
    if machine.distributed and not ranges:
        reason = "on a cluster, by Dask's peer-to-peer rechunk"
        routes["p2p"] = (Exchange(source, target, direct.rows, "p2p", reason),)
    best = min(routes, key=lambda name: seconds(routes[name], machine))
    if best == "direct":
        return routes[best]
    return tuple(
        replace(how, reason=f"{how.reason}; {best}, not {direct.pieces} slices at once")
        for how in routes[best]
    )


def _one(
    source: ArraySpec,
    target: Chunks,
    machine: Machine,
    task_bytes: int,
    ranges: Ranges | None,
    beside: int,
) -> Exchange:
    if not ranges:
        return plan_exchange(source, target, machine, task_bytes=task_bytes, beside=beside)
    return plan_exchange(
        source,
        target,
        machine,
        task_bytes=task_bytes,
        rows=_rows(source.chunks, target, ranges),
        layout=("ranges", *sorted(ranges.items())),
        beside=beside,
    )


def _rows(source: Chunks, target: Chunks, ranges: Ranges) -> Rows:
    return tuple(
        tuple(runs(edges(chunks), [taken]) for taken in ranges.get(a, pairwise(edges(target[a]))))
        for a, chunks in enumerate(source)
    )


def halfway(source: Chunks, target: Chunks) -> Chunks:
    """Chunks between two chunkings: groups of about the root of the number of chunks.

    >>> halfway(((1,) * 9, (9,)), ((9,), (1,) * 9))
    ((3, 3, 3), (3, 3, 3))
    """
    middle = []
    for before, after in zip(source, target, strict=True):
        fine = before if len(before) >= len(after) else after
        ratio = len(fine) / max(1, min(len(before), len(after)))
        size = max(1, math.ceil(math.sqrt(ratio)))
        groups = tuple(sum(fine[i : i + size]) for i in range(0, len(fine), size))
        # Cropped points are left behind in the second round.
        rest = sum(before) - sum(groups)
        middle.append((*groups[:-1], groups[-1] + rest) if rest else groups)
    return tuple(middle)


def seconds(route: tuple[Exchange, ...], machine: Machine) -> float:
    """About how long a route takes, for comparison with other routes."""
    total = 0.0
    for how in route:
        work = how.bytes_moved / (_COPY_RATE * machine.slots)
        if machine.distributed:
            work += how.tasks * _TASK_SECONDS
            work += how.bytes_moved / (_NETWORK_RATE * machine.workers)
        else:
            work += how.pieces * _REFERENCE_SECONDS
        if how.form == "p2p":
            work += 2 * how.bytes_moved / (_DISK_RATE * machine.workers)
        total += work
    return total
