"""Back-pressure within Dask's scheduler: producers wait until devices have taken what there is.

Dask does not queue tasks that are restricted to some workers, nor does it see that those which are
not feed slower ones. A producer waits because it is restricted to an address that no worker has.
"""

# Dask's annotations cover a part of what it accepts.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from time import monotonic
from typing import Any

from dask._task_spec import Alias, DataNode

from ..execution import BYTES
from ..gate import Gate, Producer
from .placed import unwrapped

logger = logging.getLogger("spanwise")

HELD = "spanwise://held-back"
"""The address that no worker has."""

DEFAULT_BUDGET = 2**30
"""Bytes of chunks to keep alive for each GPU worker without a memory limit."""

BUDGET_SHARE = 4
"""A quarter of a GPU worker's memory is for chunks that wait for it."""


def logged(method: Callable[..., Any]) -> Callable[..., Any]:
    """Say what a plugin's method raises: Dask swallows it, at a level that nobody reads."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception:
            logger.exception("placement: %s failed", method.__name__)
            raise

    return call


def decide_anew(scheduler: Any, tasks: Iterable[Any]) -> None:
    """Let the scheduler look for a worker for tasks that no worker could run."""
    stuck = {ts.key: "released" for ts in tasks if ts.state == "no-worker"}
    if stuck:
        scheduler.transitions(stuck, stimulus_id=f"spanwise-placement-{monotonic()}")


class BackPressure:
    """The gate in a scheduler.

    Parameters
    ----------
    budget : int, optional
        Bytes of chunks to keep alive that wait for devices. Default: a quarter of the memory of
        the GPU workers.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget
        self.scheduler: Any = None
        self.gate: Gate | None = None
        self._turning = False
        self._refreshing = False

    def hold_back(self, placed: list[Any], wanted: set[Any], workers: set[str]) -> None:
        """Take in a graph that nothing of runs yet.

        Parameters
        ----------
        placed : list of TaskState
            Its tasks for devices.
        wanted : set of keys
            Its results, which stay in memory whoever waits for them.
        workers : set of str
            Addresses of the GPU workers.
        """
        upstream = [ts for ts in _upstream(placed) if ts.key not in wanted and not ts.who_wants]
        sources = [ts for ts in upstream if _is_source(ts)]
        if not sources:
            return
        if self.gate is None:
            self.gate = Gate(0)
        self.gate.budget, self.gate.slots = self._room(workers)
        known = _known_bytes(upstream)
        sources.sort(key=lambda ts: ts.priority)
        producers = [Producer(ts.key, ts.prefix.name, known.get(ts.key)) for ts in sources]
        # An alias gives out what its task gave out.
        counted = [ts for ts in upstream if not isinstance(unwrapped(ts.run_spec), Alias)]
        held = self.gate.admit(producers, _keys(counted), _keys(placed))
        for key in held:
            self.scheduler.tasks[key].worker_restrictions = {HELD}
        for ts in counted:
            if ts.state != "released":
                self.gate.moved(ts.key, ts.state, max(0, ts.nbytes))
        if held:
            self._soon()
        if held and not self._refreshing:
            self._refreshing = True
            self._refresh()

    def moved(self, key: Any, state: str) -> None:
        """A task got into a state."""
        if self.gate is None or key not in self.gate:
            return
        ts = self.scheduler.tasks.get(key)
        self.gate.moved(key, state, max(0, ts.nbytes) if ts is not None else 0)
        if self.gate.held:
            self._soon()

    def end(self) -> None:
        """Let every producer run."""
        if self.gate is not None:
            self._let_go(self.gate.open())
            self.gate = None

    def forget(self) -> None:
        """The scheduler has forgotten all tasks."""
        self.gate = None

    def _room(self, workers: set[str]) -> tuple[int, int]:
        """Bytes to keep alive, and tasks that the devices run at a time."""
        states = [self.scheduler.workers[a] for a in workers]
        slots = sum(ws.nthreads for ws in states)
        if self.budget is not None:
            return self.budget, slots
        limits = [ws.memory_limit for ws in states if ws.memory_limit]
        each = min(limits) // BUDGET_SHARE if limits else DEFAULT_BUDGET
        return each * len(states), slots

    def _soon(self) -> None:
        """Look at the gate when the transitions that belong together are over."""
        if not self._turning:
            self._turning = True
            self.scheduler.loop.add_callback(self._turn)

    @logged
    def _turn(self) -> None:
        """Let producers run that there is room for, or some more if nothing else moves."""
        self._turning = False
        if self.gate is None:
            return
        keys = self.gate.ready()
        if not keys and self.gate.stalled():
            keys = self.gate.force()
        self._let_go(keys)

    def _let_go(self, keys: Iterable[Any]) -> None:
        known = self.scheduler.tasks
        tasks = [known[k] for k in keys if k in known and known[k].worker_restrictions == {HELD}]
        for ts in tasks:
            ts.worker_restrictions = None
        decide_anew(self.scheduler, tasks)

    @logged
    def _refresh(self) -> None:
        """Keep the scheduler from failing producers that wait as tasks that no worker may run."""
        limit = getattr(self.scheduler, "no_workers_timeout", None)
        if self.gate is None or not self.gate.held or not limit:
            self._refreshing = False
            return
        unrunnable, known = self.scheduler.unrunnable, self.scheduler.tasks
        for key in self.gate.held:
            ts = known.get(key)
            if ts in unrunnable:
                del unrunnable[ts]  # it is in the order of its times
                unrunnable[ts] = monotonic()
        self.scheduler.loop.call_later(limit / 4, self._refresh)


def _upstream(placed: list[Any]) -> list[Any]:
    """Every task of the host that placed tasks wait for."""
    seen = {ts.key for ts in placed}
    out, stack = [], list(placed)
    while stack:
        for dependency in stack.pop().dependencies:
            if dependency.key not in seen:
                seen.add(dependency.key)
                out.append(dependency)
                stack.append(dependency)
    return out


def _is_source(ts: Any) -> bool:
    """Whether a task makes its chunk from what is no chunk, on any worker, and is yet to run."""
    if ts.state != "released" or ts.run_spec is None or ts.actor:
        return False
    if isinstance(unwrapped(ts.run_spec), (Alias, DataNode)):
        return False
    if ts.worker_restrictions or ts.host_restrictions or ts.resource_restrictions:
        return False
    return all(
        d.run_spec is None or isinstance(unwrapped(d.run_spec), DataNode) for d in ts.dependencies
    )


def _known_bytes(tasks: list[Any]) -> dict[Any, int]:
    """What the placement pass noted on tasks."""
    noted = ((ts.key, (ts.annotations or {}).get(BYTES)) for ts in tasks)
    return {key: nbytes for key, nbytes in noted if nbytes is not None}


def _keys(tasks: list[Any]) -> list[Any]:
    return [ts.key for ts in tasks]
