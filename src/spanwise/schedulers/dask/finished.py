"""Which placed tasks finished where, as the scheduler saw it: what is left of workers that died.

Workers count what their tasks do, copies and kernels with it, and a process that ends takes its
counts along. That a task has finished the scheduler knows as well, and where.
"""

from __future__ import annotations

from typing import Any

from ..execution import CPU, PLACE, REASON, UNKNOWN_REASON
from ..records import Record, Records, merged

Process = tuple[str, int]
"""Host and number: workers may share one, and it keeps the counts of those that have gone."""


class Finished:
    """Counts of finished tasks for each process and name."""

    def __init__(self) -> None:
        self._names: dict[Any, tuple[str, ...]] = {}
        self._on_host: dict[Any, str] = {}
        self._done: dict[Process, Records] = {}

    def expect(self, key: Any, names: tuple[str, ...]) -> None:
        """A task came that holds placed ones, which are recorded under these names."""
        self._names[key] = names

    def ran_on_host(self, key: Any, reason: str) -> None:
        """The GPU worker that has a task says that it runs on its host."""
        if key in self._names:
            self._on_host[key] = reason

    def moved(self, scheduler: Any, key: Any, start: str, finish: str, worker: str | None) -> None:
        """A task changed its state, and has finished if it is in memory now."""
        if key not in self._names:
            return
        if start == "processing":  # another attempt may run elsewhere
            reason = self._on_host.pop(key, None)
            if finish == "memory" and worker in scheduler.workers:
                process = _process_of(scheduler.workers[worker])
                self._count(process, key, reason or _host_reason(scheduler.tasks[key]))
        if finish == "forgotten":
            del self._names[key]

    def _count(self, process: Process, key: Any, reason: str | None) -> None:
        records = self._done.setdefault(process, Records())
        done = Record(1) if reason is None else Record(on_host={reason: 1})
        for name in self._names[key]:
            records.add(name, done + Record(unseen=1))

    def lost(self, scheduler: Any) -> dict[str, Record]:
        """What finished in processes that hold no worker any more."""
        there = {_process_of(ws) for ws in scheduler.workers.values()}
        gone = (records for process, records in self._done.items() if process not in there)
        return merged(records.snapshot() for records in gone)

    def clear(self) -> None:
        """Forget everything."""
        for kept in (self._names, self._on_host, self._done):
            kept.clear()


def _process_of(ws: Any) -> Process:
    return ws.host, ws.pid


def _host_reason(ts: Any) -> str | None:
    """Why the scheduler sent a task to the host, if it did."""
    annotations = ts.annotations or {}
    return annotations.get(REASON, UNKNOWN_REASON) if annotations.get(PLACE) == CPU else None
