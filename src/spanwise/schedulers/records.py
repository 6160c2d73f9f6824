"""What placed tasks did in this process, by their name; `collect` adds it up over a cluster."""

from __future__ import annotations

import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..kernels.observe import observed_by
from . import devices

TOPIC = "spanwise-placement"
"""Topic of the events that tell of changed placement."""

MOST_NAMES = 4096
"""Names that a process remembers, the latest ones."""

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Counted:
    """How often something happened, with how many bytes, and how long it took."""

    number: int = 0
    """How often."""
    bytes: int = 0
    """Bytes, all together."""
    seconds: float = 0.0
    """Seconds, all together."""

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.number + other.number, self.bytes + other.bytes, self.seconds + other.seconds
        )


@dataclass(frozen=True, slots=True)
class KernelSize:
    """Calls of a kernel that should take about as long as one another."""

    kernel: str
    """Name of the kernel."""
    library: str
    """Array library of the block: ``"numpy"`` on the host."""
    dtype: str
    """Element type of the block."""
    digits: int
    """Binary digits of the block's bytes: 21 for those from 1 MiB to below 2 MiB."""


@dataclass(frozen=True, slots=True)
class Record:
    """What tasks of one name did.

    >>> one = Record(on_device=3, on_host={"no GPU worker": 1})
    >>> (one + one).on_device, (one + one).on_host
    (6, {'no GPU worker': 2})
    """

    on_device: int = 0
    """Tasks that finished on a device."""
    on_host: Mapping[str, int] = field(default_factory=dict)
    """Tasks that finished on the host instead, by the reason."""
    exhausted: int = 0
    """Times that a device had no room for a task, its kernels cut as small as they may be."""
    cut: int = 0
    """Calls of kernels that ran in parts, because a device had no room for the whole."""
    to_device: Counted = Counted()
    """Copies from the host to a device."""
    to_host: Counted = Counted()
    """Copies from a device to the host."""
    kernels: Mapping[KernelSize, Counted] = field(default_factory=dict)
    """Calls of the kernels, with the bytes of their blocks."""
    unseen: int = 0
    """Tasks that finished on workers that are gone, which took along what else they had counted."""
    stand_in: bool = False
    """Whether any of it was placed on what stands in for a device in tests."""

    def __add__(self, other: Record) -> Record:
        return Record(
            self.on_device + other.on_device,
            _added(self.on_host, other.on_host, 0),
            self.exhausted + other.exhausted,
            self.cut + other.cut,
            self.to_device + other.to_device,
            self.to_host + other.to_host,
            _added(self.kernels, other.kernels, Counted()),
            self.unseen + other.unseen,
            self.stand_in or other.stand_in,
        )

    @property
    def kernel_seconds(self) -> float:
        """Seconds in kernels, all together."""
        return sum(counted.seconds for counted in self.kernels.values())


def _added(first: Mapping[Key, Any], second: Mapping[Key, Any], zero: Any) -> dict[Key, Any]:
    return {k: first.get(k, zero) + second.get(k, zero) for k in (*first, *second)}


class TaskObserver:
    """Adds up what one task does."""

    def __init__(self) -> None:
        self.to_device = Counted()
        self.to_host = Counted()
        self.kernels: dict[KernelSize, Counted] = {}
        self.cuts = 0

    def copied(self, direction: str, nbytes: int, seconds: float) -> None:
        """A copy was made."""
        one = Counted(1, nbytes, seconds)
        if direction == "to_device":
            self.to_device += one
        else:
            self.to_host += one

    def ran(self, kernel: str, library: str, dtype: str, nbytes: int, seconds: float) -> None:
        """A kernel ran."""
        size = KernelSize(kernel, library, dtype, nbytes.bit_length())
        self.kernels[size] = self.kernels.get(size, Counted()) + Counted(1, nbytes, seconds)

    def cut(self, kernel: str, parts: int) -> None:
        """A kernel ran in parts."""
        self.cuts += 1

    def record(self, *, reason: str | None, finished: bool, stand_in: bool = False) -> Record:
        """What the task did; with a reason why it ran on the host, if it did."""
        return Record(
            on_device=int(finished and reason is None),
            on_host={reason: 1} if finished and reason is not None else {},
            cut=self.cuts,
            to_device=self.to_device,
            to_host=self.to_host,
            kernels=self.kernels,
            stand_in=stand_in,
        )


class Records:
    """Thread-safe records of a process by the names of placed tasks."""

    def __init__(self) -> None:
        self.identity = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._records: OrderedDict[str, Record] = OrderedDict()

    def add(self, name: str, record: Record) -> Record:
        """Add to what is known of a name, and give back what is known now."""
        with self._lock:
            known = self._records.pop(name, None)
            record = record if known is None else known + record
            self._records[name] = record
            if len(self._records) > MOST_NAMES:
                self._records.popitem(last=False)
            return record

    @contextmanager
    def task(
        self, name: str, reason: str | None = None, *, stand_in: bool = False
    ) -> Iterator[None]:
        """Record the task that the block runs, on the host if there is a reason for it."""
        observer, finished = TaskObserver(), False
        try:
            with observed_by(observer):
                yield
            finished = True
        finally:
            made = observer.record(reason=reason, finished=finished, stand_in=stand_in)
            self.add(name, made)

    def snapshot(self) -> dict[str, Record]:
        """What is known of each name."""
        with self._lock:
            return dict(self._records)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._records.clear()


RECORDS = Records()
"""Records of this process."""


def merged(snapshots: Iterable[Mapping[str, Record]]) -> dict[str, Record]:
    """The records of several processes, added up."""
    total: dict[str, Record] = {}
    for snapshot in snapshots:
        for name, record in snapshot.items():
            total[name] = total[name] + record if name in total else record
    return total


def collect(client: Any = None) -> dict[str, Record]:
    """What placed tasks did, by name: on every worker of a client, or in this process.

    A worker process that died took its records along; see `lost`.
    """
    return merged(collect_by_model(client).values())


def collect_by_model(
    client: Any = None, *, timeout: float | None = None
) -> dict[str, dict[str, Record]]:
    """The records by the model of CUDA device that a process uses, empty for none.

    Workers that do not answer within a ``timeout`` raise TimeoutError.
    """
    if client is None:
        return {_model(): RECORDS.snapshot()}
    answers = client.run(_answer, on_error="ignore", callback_timeout=timeout).values()
    processes = {identity: (model, found) for identity, model, found in answers}
    models = dict.fromkeys(model for model, _ in processes.values())
    # Several workers may live in one process.
    return {m: merged(found for model, found in processes.values() if model == m) for m in models}


def lost(client: Any) -> dict[str, Record]:
    """What finished on workers that are gone, as far as the scheduler knows, by name.

    Nothing is known without the plugin that ``MixedCluster`` and ``place_on`` register.
    """
    try:
        return client.run_on_scheduler(_lost)
    except ImportError:  # a scheduler process without spanwise
        return {}


def events(client: Any) -> list[dict[str, Any]]:
    """What a cluster told of placement that changed while it ran, in order."""
    return [dict(message) for _, message in client.get_events(TOPIC)]


def _answer() -> tuple[str, str, dict[str, Record]]:
    return RECORDS.identity, _model(), RECORDS.snapshot()


def _model() -> str:
    """The model of the device that kernels have run on here, if they have."""
    return devices.cuda_model() if "cupy" in sys.modules else ""


def _lost(dask_scheduler: Any = None) -> dict[str, Record]:
    from .dask.plugin import NAME

    plugin = dask_scheduler.plugins.get(NAME)
    return {} if plugin is None else plugin.finished.lost(dask_scheduler)
