"""The scheduler's part of placement: a plugin that keeps device work to workers that can do it.

Annotations say where a placed task may run, but graphs lose them (``dask.delayed``), workers come
and go, and devices run out of memory. The plugin runs within Dask's scheduler, in whatever process
that is, and needs neither a device library there nor a graph that was made for it: it sees placed
tasks by their type, inside fused tasks too.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

from .. import devices
from ..execution import CPU, GPU, OUT_OF_MEMORY, PLACE, REASON
from ..records import TOPIC
from .finished import Finished
from .placed import places_within
from .pressure import BackPressure, decide_anew, logged

logger = logging.getLogger("spanwise")

NAME = "spanwise-placement"
"""Name under which the plugin is registered."""

_CHANGEABLE = ("released", "waiting", "no-worker")
"""States in which restrictions may change: a task that is being processed holds resources."""


class PlacementPlugin(SchedulerPlugin):
    """Keeps placed tasks to GPU workers, or sends them to the CPU where that cannot be.

    Parameters
    ----------
    grace : float
        Seconds to wait for a GPU worker when the last one has gone: a Nanny restarts it.
    gate_bytes : int, optional
        Bytes of chunks to keep alive that wait for devices. Default: a quarter of the memory of
        the GPU workers.
    timeout : float
        Seconds after which a task that no worker may run fails, where the scheduler has no limit.
    """

    name = NAME
    idempotent = True

    def __init__(
        self, *, grace: float = 30.0, gate_bytes: int | None = None, timeout: float = 60.0
    ) -> None:
        self.grace = grace
        self.timeout = timeout
        self.pressure = BackPressure(gate_bytes)
        self.finished = Finished()
        self.scheduler: Any = None
        self._found: set[str] = set()
        self._seen: set[str] = set()
        self._watched: set[Any] = set()
        self._exhausted: set[Any] = set()
        self._fled: list[Any] = []
        self._farewell: Any = None

    async def start(self, scheduler: Any) -> None:
        """Begin: limit the time that tasks wait for ever, and find out about the workers."""
        self.scheduler = self.pressure.scheduler = scheduler
        if getattr(scheduler, "no_workers_timeout", 0.0) is None:
            scheduler.no_workers_timeout = self.timeout
        limit = getattr(scheduler, "no_workers_timeout", None)
        if limit:
            self.grace = min(self.grace, limit / 2)
        await self._ask(list(scheduler.workers))
        self._seen |= self.gpu_workers()

    async def close(self) -> None:
        """The scheduler ends."""
        self._stay()

    # Workers that come and go.

    def gpu_workers(self) -> set[str]:
        """Addresses of the GPU workers: those with the resource, or else those with a device."""
        marked = self.scheduler.resources.get(devices.RESOURCE, {})
        return {a for a, n in marked.items() if n >= 1} or set(self._found)

    @logged
    def add_worker(self, scheduler: Any, worker: str) -> None:
        """A worker came."""
        if scheduler.workers[worker].resources.get(devices.RESOURCE, 0) >= 1:
            self._seen.add(worker)
            self._stay()
        elif not scheduler.resources.get(devices.RESOURCE):
            scheduler.loop.call_later(0.1, self._ask, [worker])

    @logged
    def remove_worker(self, scheduler: Any, worker: str, **kwargs: Any) -> None:
        """A worker went."""
        self._found.discard(worker)
        if worker not in self._seen:
            return
        self._seen.discard(worker)
        closing = scheduler.status.name in ("closing", "closed")
        if self._farewell is None and not closing and not self.gpu_workers():
            self._farewell = scheduler.loop.call_later(self.grace, self._give_up)

    def _stay(self) -> None:
        if self._farewell is not None:
            self.scheduler.loop.remove_timeout(self._farewell)
            self._farewell = None

    @logged
    def _give_up(self) -> None:
        """The last GPU worker did not come back: what waits for one runs on the CPU."""
        self._farewell = None
        if self.gpu_workers():
            return
        waiting = [ts for ts in self._tasks(self._watched) if ts.state in _CHANGEABLE]
        reason = f"the last GPU worker went and none came within {self.grace:g} s"
        for ts in waiting:
            self._to_cpu(ts, reason)
        self.pressure.end()
        decide_anew(self.scheduler, waiting)
        if waiting:
            self._tell("gpu-workers-lost", f"{_tasks(len(waiting))} run on the CPU: {reason}")

    async def _ask(self, addresses: list[str]) -> None:
        """Ask workers for CUDA devices, if none says that it is a GPU worker."""
        scheduler = self.scheduler
        known = [a for a in addresses if a in scheduler.workers]
        if not known or scheduler.resources.get(devices.RESOURCE):
            return
        message = {"op": "run", "function": pickle.dumps(devices.cuda_devices), "wait": True}
        try:
            answers = await scheduler.broadcast(msg=message, workers=known, on_error="ignore")
            found = {a for a, answer in answers.items() if isinstance(_result(answer), tuple)}
        except Exception:
            logger.exception("placement: workers could not be asked for their devices")
            return
        if found - self._found:
            self._found |= found
            self._seen |= found
            self._stay()
            moved = [ts for ts in self._tasks(self._watched) if ts.state in _CHANGEABLE]
            for ts in moved:
                self._restrict(ts)
            decide_anew(scheduler, moved)

    # Graphs and tasks.

    @logged
    def update_graph(
        self, scheduler: Any, *, keys: Iterable[Any], tasks: Iterable[Any], **kwargs: Any
    ) -> None:
        """A graph came: nothing of it runs yet."""
        placed = []
        for key in tasks:
            ts = scheduler.tasks.get(key)
            if ts is None or ts.state != "released":
                continue
            names = tuple(place.name for place in places_within(ts.run_spec))
            if names:
                placed.append(ts)
                self.finished.expect(ts.key, names)
        if not placed:
            return
        workers = self.gpu_workers()
        if not workers and self._farewell is None:
            self._without_workers(placed)
            return
        elsewhere = [ts for ts in placed if workers and self._kept_elsewhere(ts, workers)]
        if elsewhere:
            reason = "the graph is kept to workers without a GPU"
            for ts in elsewhere:
                self._to_cpu(ts, reason, keep_workers=True)
            self._tell("kept-elsewhere", f"{_tasks(len(elsewhere))} run on the CPU: {reason}")
        away = {ts.key for ts in elsewhere}
        placed = [ts for ts in placed if ts.key not in away]
        for ts in placed:
            self._restrict(ts)
            self._watched.add(ts.key)
        if workers:
            self.pressure.hold_back(placed, set(keys), workers)

    def _kept_elsewhere(self, ts: Any, workers: set[str]) -> bool:
        """Whether the user keeps a task to workers that are there, none of which has a GPU."""
        if ts.loose_restrictions or not (ts.worker_restrictions or ts.host_restrictions):
            return False
        resources, ts.resource_restrictions = ts.resource_restrictions, None
        valid = self.scheduler.valid_workers(ts)
        ts.resource_restrictions = resources
        return bool(valid) and workers.isdisjoint(ws.address for ws in valid)

    def _without_workers(self, placed: list[Any]) -> None:
        reason = "there is no GPU worker"
        for ts in placed:
            self._to_cpu(ts, reason)
        self._tell("no-gpu-worker", f"{_tasks(len(placed))} run on the CPU: {reason}")

    def _restrict(self, ts: Any) -> None:
        """Keep a task to GPU workers."""
        if self.scheduler.resources.get(devices.RESOURCE) or not self._found:
            ts.resource_restrictions = {devices.RESOURCE: 1}
        else:
            ts.resource_restrictions = None
            ts.worker_restrictions = (ts.worker_restrictions or set()) & self._found or set(
                self._found
            )
        # Dask's scheduler fails on tasks that may run where the resource is not.
        ts.loose_restrictions = False
        ts.annotations = {**(ts.annotations or {}), PLACE: GPU}

    def _to_cpu(self, ts: Any, reason: str, *, keep_workers: bool = False) -> None:
        """Let a task run on the host of any worker."""
        ts.resource_restrictions = None
        if not keep_workers:
            ts.worker_restrictions = None
        ts.annotations = {**(ts.annotations or {}), PLACE: CPU, REASON: reason}
        self._watched.discard(ts.key)

    def log_event(self, topic: str, msg: Any) -> None:
        """A worker says that a task did not fit on its device; the task itself comes next."""
        if topic != TOPIC or not isinstance(msg, dict):
            return
        if msg.get("action") == "ran-on-host":
            self.finished.ran_on_host(msg["key"], OUT_OF_MEMORY)
        elif msg.get("action") == "out-of-memory" and msg["key"] in self._watched:
            self._exhausted.add(msg["key"])

    @logged
    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """A task changed its state."""
        self.finished.moved(self.scheduler, key, start, finish, kwargs.get("worker"))
        if key in self._watched:
            if start == "processing" and finish == "released":
                self._came_back(key)
            elif finish == "forgotten":
                self._watched.discard(key)
                self._exhausted.discard(key)
        self.pressure.moved(key, finish)

    def _came_back(self, key: Any) -> None:
        """A task left a GPU worker without a result; its resources are given back by now."""
        ts = self.scheduler.tasks.get(key)
        if ts is None:
            return
        if key in self._exhausted:
            self._exhausted.discard(key)
            self._to_cpu(ts, OUT_OF_MEMORY)
            self._prefer_cpu_workers(ts)
        elif ts.suspicious >= self.scheduler.allowed_failures:
            reason = f"{ts.suspicious} GPU workers died while it was theirs"
            self._to_cpu(ts, reason)
            self._prefer_cpu_workers(ts)
            if not self._fled:
                self.scheduler.loop.add_callback(self._tell_of_fled, reason)
            self._fled.append(key)

    @logged
    def _tell_of_fled(self, reason: str) -> None:
        self._tell("gpu-workers-died", f"{_tasks(len(self._fled))} run on the CPU: {reason}")
        self._fled.clear()

    def _prefer_cpu_workers(self, ts: Any) -> None:
        others = set(self.scheduler.workers) - self.gpu_workers()
        if others:
            ts.worker_restrictions = others
            ts.loose_restrictions = True  # any worker, should these go

    # The scheduler.

    def restart(self, scheduler: Any) -> None:
        """Everything is forgotten."""
        self.pressure.forget()
        self.finished.clear()
        self._watched.clear()
        self._exhausted.clear()

    def retire(self) -> None:
        """End: nothing waits for the plugin any more."""
        self._stay()
        self.pressure.end()
        for ts in self._tasks(self._watched):
            if ts.state in _CHANGEABLE:
                ts.annotations = {k: v for k, v in ts.annotations.items() if k != PLACE}
        self._watched.clear()

    def _tasks(self, keys: Iterable[Any]) -> list[Any]:
        known = self.scheduler.tasks
        return [known[key] for key in keys if key in known]

    def _tell(self, action: str, message: str) -> None:
        self.scheduler.log_event(TOPIC, {"action": action, "message": message})


def _result(answer: Any) -> Any:
    """What a worker answered, which the scheduler itself leaves packed."""
    from distributed.protocol.serialize import Serialize, Serialized, deserialize

    if not isinstance(answer, dict) or answer.get("status") != "OK":
        return None
    result = answer["result"]
    if isinstance(result, Serialized):
        return deserialize(result.header, result.frames)
    return result.data if isinstance(result, Serialize) else result


def _tasks(n: int) -> str:
    return f"{n} placed task" if n == 1 else f"{n} placed tasks"
