"""What device segments cost on either side, and which of them go to the devices. Pure.

The price of one task of a segment on a device is ``bytes in / B + sum of kernels + bytes out / B``,
with the bandwidth B of copies each way, and on the host the sum of its kernels there, all as they
were measured (:mod:`spanwise.measures`) or estimated from what was (:mod:`.rated`). Where devices
are of several models a task has a price on each, by that model's own rates. Ufuncs, operators and
casts between kernels count where they were measured; slices are views and cost nothing.

All segments of one submission compete for the same workers, so they are chosen together. Segments
of equal structure form a group that goes to one side as a whole. The model of a submission:

- Segments of one level (as many segments must have finished before them) may run at the same time,
  those of a higher level after them. A level takes as long as its slower side, and its
  tasks are handed out in the order of the graph.
- Each GPU worker runs one device task at a time; copies and kernels of it do not overlap. A task
  goes to the device that is free first, so that a slow model takes fewer of them.
- Host tasks run on every thread that is free: on those of GPU workers once the device work of the
  level is done.
- What is in no segment (reading, exchanges, kernels without a GPU variant) is the same on either
  side and left out, and so is the network.

Groups are ordered by what the device saves of each second on the host; the candidates are the
heads of that order, from none to all of it, and the quickest wins. Both ends being candidates, the
choice is by the model never slower than the better of host alone and device alone.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ..machine import format_bytes
from ..measures import CPU, ELEMENTWISE, TO_DEVICE, TO_HOST, RateTable
from .policy import DeviceFacts, Verdict
from .rated import Load, rated

LEAST_BYTES = 2**20
"""Input of one task from which a segment that was not measured goes to a device."""

UNMEASURED = "no measurement"
"""How the reasons of what could not be priced begin."""

_EXACT = 32
"""Groups of one level up to which each task has its slot; more are taken as divisible at will."""
_CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class Work:
    """One task of a segment."""

    loads: tuple[Load, ...]
    """What it runs."""
    sent: tuple[int, ...]
    """Bytes of each copy to the device."""
    fetched: tuple[int, ...]
    """Bytes of each copy to the host."""


@dataclass(frozen=True, slots=True)
class Group:
    """Segments of equal structure."""

    work: Work
    """What each of them does."""
    count: int
    """How many there are."""
    level: int = 0
    """How many segments in a row must have finished before them."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Tasks that run at a time."""

    devices: tuple[int, ...]
    """On the devices of each model."""
    host: int
    """On workers without a device."""
    shared: int
    """On the workers that have one, while no device task holds them."""


@dataclass(frozen=True, slots=True)
class Price:
    """Seconds of one task."""

    host: float
    """On the host."""
    kernels: float
    """Its kernels on a device."""
    copies: float
    """Its copies both ways."""
    estimated: tuple[str, ...] = ()
    """What of it is an estimate, in words."""

    @property
    def device(self) -> float:
        """On a device with its copies."""
        return self.kernels + self.copies


def slots_of(facts: DeviceFacts) -> Slots:
    """The slots of what workers there are."""
    counts = tuple(n for _, n in facts.kinds)
    return Slots(counts, facts.host_threads, max(facts.devices, facts.device_threads))


def price(work: Work, rates: RateTable, model: str) -> Price | str:
    """What one task costs on the host and on a model of device, or in words what was not measured.

    Examples
    --------
    >>> from spanwise.measures import Observation, RateTable
    >>> rates = RateTable().observe([
    ...     Observation("fft", "complex64", "cpu", 1024, 4.0),
    ...     Observation("fft", "complex64", "A100", 1024, 0.5),
    ...     Observation("to_device", "", "A100", 1024, 1.0),
    ...     Observation("to_host", "", "A100", 1024, 2.0)])
    >>> price(Work((Load("fft", "complex64", 1024),), (1024,), (512,)), rates, "A100")
    Price(host=4.0, kernels=0.5, copies=2.0, estimated=())
    >>> price(Work((Load("vq", "float32", 1024),), (), ()), rates, "A100")
    'vq of float32 on the CPU'
    """
    host = kernels = 0.0
    estimated: dict[str, None] = {}
    for load in work.loads:
        here, there = (rated(load, rates, device) for device in (CPU, model))
        if here is None or there is None:
            if load.kernel == ELEMENTWISE:
                continue  # either side streams it as fast as its memory
            where = "the CPU" if here is None else model or "the device"
            return f"{load.kernel} of {load.dtype} on {where}"
        host += here.seconds
        kernels += there.seconds
        estimated |= dict.fromkeys(filter(None, (here.estimated, there.estimated)))
    copies = 0.0
    for way, sizes in ((TO_DEVICE, work.sent), (TO_HOST, work.fetched)):
        for nbytes in sizes:
            one = rates.seconds(way, "", model, nbytes)
            if one is None:
                return f"copies to and from {model or 'the device'}"
            copies += one
    return Price(host, kernels, copies, tuple(estimated))


def choose(groups: Sequence[Group], facts: DeviceFacts) -> tuple[Verdict, ...]:
    """Where each group of segments runs, and why.

    Groups that cannot be priced go to a device if one of their tasks takes in more than
    `LEAST_BYTES`, and compete with no other.
    """
    slots = slots_of(facts)
    found = [_prices(group.work, facts) for group in groups]
    jobs = [_Job(g, p) for g, p in zip(groups, found, strict=True) if not isinstance(p, str)]
    on_device = _best(jobs, slots)
    verdicts, number = [], 0
    for group, known in zip(groups, found, strict=True):
        if isinstance(known, str):
            verdicts.append(_by_size(group.work, known))
        else:
            verdicts.append(_verdict(jobs[number], slots, facts, number in on_device))
            number += 1
    return tuple(verdicts)


def _prices(work: Work, facts: DeviceFacts) -> tuple[Price, ...] | str:
    """What one task costs with each model of device, or what was not measured of one of them."""
    prices = []
    for model, _ in facts.kinds:
        found = price(work, facts.rates, model)
        if isinstance(found, str):
            return found
        prices.append(found)
    return tuple(prices)


@dataclass(frozen=True, slots=True)
class _Job:
    """A group with the price of its tasks."""

    group: Group
    prices: tuple[Price, ...]
    """With each model of device."""

    @property
    def host(self) -> float:
        """Seconds of one task on the host."""
        return self.prices[0].host

    @property
    def devices(self) -> tuple[float, ...]:
        """Seconds of one task on each model of device."""
        return tuple(price.device for price in self.prices)


def _best(jobs: Sequence[_Job], slots: Slots) -> Collection[int]:
    """The numbers of the jobs whose going to the devices ends soonest."""
    order = sorted(range(len(jobs)), key=lambda i: shared(jobs[i].devices, slots) / jobs[i].host)
    best: Collection[int] = ()
    least = duration(jobs, best, slots)
    for length in _lengths(len(jobs)):
        head = frozenset(order[:length])
        found = duration(jobs, head, slots)
        if found < least:
            best, least = head, found
    return best


def _lengths(n: int) -> list[int]:
    """Lengths of the heads that are compared, the whole among them."""
    steps = min(n, _CANDIDATES)
    return [n * (i + 1) // steps for i in range(steps)]


def duration(jobs: Sequence[_Job], on_device: Collection[int], slots: Slots) -> float:
    """Seconds until all jobs are done, with some of them on the devices."""
    levels: dict[int, tuple[list[_Tasks], list[_Tasks]]] = {}
    for number, job in enumerate(jobs):
        there, here = levels.setdefault(job.group.level, ([], []))
        if number in on_device:
            there.append((job.group.count, job.devices))
        else:
            here.append((job.group.count, (job.host,)))
    total = 0.0
    for there, here in levels.values():
        busy = _finished(there, _device_slots(slots))
        done = _finished(here, ((0.0, 0, slots.host), (busy, 0, slots.shared)))
        total += max(busy, done)
    return total


def shared(seconds: Sequence[float], slots: Slots) -> float:
    """Seconds that a device takes for one of many tasks on average, each model as it is free.

    >>> shared((1.0, 4.0), Slots((2, 2), 0, 0))
    1.6
    """
    rate = sum(n / s for n, s in zip(slots.devices, seconds, strict=True))
    return sum(slots.devices) / rate


_Tasks = tuple[int, tuple[float, ...]]
"""How many tasks, and the seconds of one on each kind of slot."""
_Slot = tuple[float, int, int]
"""When some slots are free, of which kind they are, and how many."""


def _device_slots(slots: Slots) -> list[_Slot]:
    return [(0.0, kind, n) for kind, n in enumerate(slots.devices)]


def _finished(work: Sequence[_Tasks], slots: Iterable[_Slot]) -> float:
    """When the last task ends, if each goes where it starts soonest.

    ``work`` is in the order in which it is handed out.
    """
    free = [slot for slot in slots if slot[2]]
    if len(work) > _EXACT:
        all_of_it = [sum(n * seconds[k] for n, seconds in work) for k in range(len(work[0][1]))]
        longest = max(min(seconds) for _, seconds in work)
        return max(_level(free, 1, all_of_it)[0], min(free)[0] + longest)
    last = 0.0
    for count, seconds in work:
        free, end = _handed_out(free, count, seconds)
        last = max(last, end)
    return last


def _handed_out(
    free: list[_Slot], tasks: int, seconds: Sequence[float]
) -> tuple[list[_Slot], float]:
    """The slots after some equal tasks, and when the last of these ends."""
    _, surely = _level(free, tasks, seconds)
    after: list[_Slot] = []
    last = 0.0
    for start, kind, width in free:  # what surely starts early enough, many rounds at once
        one = seconds[kind]
        rounds = int((surely - start) / one) + 1 if start <= surely else 0
        rounds = min(rounds, tasks // width)
        tasks -= rounds * width
        after.append((start + rounds * one, kind, width))
        last = max(last, after[-1][0]) if rounds else last
    heapq.heapify(after)
    while tasks:
        start, kind, width = heapq.heappop(after)
        taken = min(width, tasks)
        tasks -= taken
        end = start + seconds[kind]
        heapq.heappush(after, (end, kind, taken))
        last = max(last, end)
        if taken < width:
            heapq.heappush(after, (start, kind, width - taken))
    return after, last


def _level(free: Sequence[_Slot], tasks: float, seconds: Sequence[float]) -> tuple[float, float]:
    """When all slots are free again after tasks that can be divided at will, and until when slots
    surely begin such tasks as cannot.
    """
    width, rate, begun, level = 0, 0.0, 0.0, math.inf
    for start, kind, count in sorted(free):
        if start >= level:
            break
        width += count
        rate += count / seconds[kind]
        begun += count * start / seconds[kind]
        level = (tasks + begun) / rate
    # Handed out one by one, the last starts no earlier than a mean task before the level.
    return level, level - width / rate


def _verdict(job: _Job, slots: Slots, facts: DeviceFacts, chosen: bool) -> Verdict:
    """In words, from what the group would take alone."""
    count = job.group.count
    here = math.ceil(count / (slots.host + slots.shared)) * job.host
    if len(job.prices) == 1:
        (one,), rounds = job.prices, math.ceil(count / facts.devices)
        there = rounds * one.device
        copies = format_seconds(rounds * one.copies)
        side = f"{format_seconds(rounds * one.kernels)} + {copies} of copies"
    else:
        there = _finished([(count, job.devices)], _device_slots(slots))
        models = " and ".join(f"{n} {name}" for name, n in facts.kinds)
        side = f"{format_seconds(there)} with copies on {models}"
    faster = there < here
    told = f"cost: {side} {'<' if faster else '>'} {format_seconds(here)}"
    if faster and not chosen:
        told += ", but the devices are busy with other segments"
    if chosen and not faster:
        told += ", but the CPUs are busy with other segments"
    estimated = dict.fromkeys(e for price in job.prices for e in price.estimated)
    if estimated:
        told += f" (estimated: {', '.join(estimated)})"
    return Verdict("gpu" if chosen else "cpu", told)


def _by_size(work: Work, missing: str) -> Verdict:
    """The rule where something was not measured."""
    taken = max(sum(work.sent), max((load.nbytes for load in work.loads), default=0))
    large = taken > LEAST_BYTES
    size = f"chunk of {format_bytes(taken)}" if taken else "chunk of unknown size"
    than = f"{'over' if large else 'not over'} {format_bytes(LEAST_BYTES)}"
    return Verdict("gpu" if large else "cpu", f"{UNMEASURED} of {missing}; {size} is {than}")


def format_seconds(seconds: float) -> str:
    """A duration as people read it, in two digits or so.

    >>> [format_seconds(s) for s in (0, 0.0004, 0.034, 2.34, 34, 150, 9000)]
    ['0 ms', '0.4 ms', '34 ms', '2.3 s', '34 s', '2.5 min', '2.5 h']
    """
    if seconds < 1:
        return f"{1000 * seconds:.{0 if seconds >= 0.0095 else 1}f} ms".replace("0.0 ms", "0 ms")
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "min"), (float("inf"), 3600, "h")):
        if seconds < limit:
            amount = seconds / size
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}"
    raise AssertionError("unreachable")
