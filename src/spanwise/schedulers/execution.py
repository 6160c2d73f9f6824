"""Where a placed task stands when it runs, and what happens when its device has no room.

A placed task copies to the device, runs kernels there and copies back. Dask may have lost what
kept it to GPU workers, a scheduler may have found that there are none any more, and a device may
run out of memory. The same task then runs on the host, its copies being identities, or says that
it is on the wrong worker; nothing runs on another kind of worker without a word.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import PlacementError
from ..kernels.memory import is_out_of_memory, release_memory
from ..kernels.turns import taking_turns
from . import devices
from .copies import staying_on_host
from .records import RECORDS, TOPIC, Record
from .slots import lock_of

logger = logging.getLogger("spanwise")

PLACE, REASON = "spanwise", "spanwise-reason"
"""Annotations by which a scheduler tells a worker where a placed task stands, and why."""

BYTES = "spanwise-bytes"
"""Annotation by which the placement pass tells a scheduler what a task of the host gives out."""

GPU, CPU = "gpu", "cpu"
"""Values of the annotation: kept to GPU workers by the scheduler, or to run on the host."""

UNKNOWN_REASON = "the scheduler's choice"
"""Why a task runs on the host where nobody said so."""

OUT_OF_MEMORY = "the device had no memory left"
"""Reason for running on the host."""


@dataclass(frozen=True, slots=True)
class Place:
    """The kind of device that a task was placed on."""

    library: str
    """Array library of the device."""
    advertised: bool = False
    """Whether GPU workers had the resource that marks them when the task was placed."""
    name: str = ""
    """What its tasks do: the same whether the result is computed, kept or stored."""

    @property
    def is_stand_in(self) -> bool:
        """Whether the device stands in for one in tests."""
        return self.library == "hostfree"


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where a task stands."""

    worker: Any = None
    key: Any = None
    annotations: Mapping[str, Any] | None = None

    @property
    def slots(self) -> float:
        """Placed tasks that this process may work on at a time; 2 stands for many."""
        if self.worker is None:
            return 2
        return self.worker.state.total_resources.get(devices.RESOURCE, self.worker.state.nthreads)

    @property
    def place(self) -> str | None:
        """What the scheduler decided, if it decides."""
        return (self.annotations or {}).get(PLACE)


_handed_over: dict[Any, None] = {}
"""Keys of tasks that this process gave back to the scheduler, the latest ones."""


def run_placed(work: Callable[[], Any], *, place: Place) -> Any:
    """Run a placed task where it stands.

    Parameters
    ----------
    work : callable
        Runs the tasks within, from reading to the copy back.
    place : Place
        What it was placed on, and the name to record it under.

    Raises
    ------
    PlacementError
        On a Dask worker without a device, unless the scheduler sent it there on purpose.
    """
    stand = _stand()
    if stand.place == CPU:
        assert stand.annotations is not None
        return _run_on_host(work, place, stand.annotations.get(REASON, UNKNOWN_REASON))
    if stand.worker is not None and not _has_device(stand, place):
        _refuse(stand.worker)
    name, is_stand_in = place.name, place.is_stand_in
    for attempt in (1, 2):
        try:
            with (
                RECORDS.task(name, stand_in=is_stand_in),
                taking_turns(lock_of(stand.worker)),
                _stream(stand, place),
            ):
                return work()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            said = str(error) or type(error).__name__
        # Only behind the handler are the arrays free that the frames of the error held.
        if attempt == 2 or not release_memory(place.library):
            break
    first = RECORDS.add(name, Record(exhausted=1)).exhausted == 1
    if stand.place == GPU and stand.key not in _handed_over:
        _hand_over(stand, name, said)
    _tell(stand, name, said, loudly=first)
    return _run_on_host(work, place, OUT_OF_MEMORY)


def _stream(stand: _Stand, place: Place) -> AbstractContextManager[None]:
    """A stream of this thread, where others may be on the device at the same time."""
    if place.library != "cupy" or stand.slots < 2 or isinstance(devices.cuda_devices(), str):
        return nullcontext()
    from ..kernels.cupy.streams import own_stream

    return own_stream()


def _run_on_host(work: Callable[[], Any], place: Place, reason: str) -> Any:
    recording = RECORDS.task(place.name, reason, stand_in=place.is_stand_in)
    with recording, staying_on_host():
        return work()


def _stand() -> _Stand:
    """The worker and the task that this thread runs, if it is a Dask worker's."""
    module = sys.modules.get("distributed.worker")
    if module is None:
        return _Stand()
    try:
        worker = module.get_worker()
        key = worker.get_current_task()
    except (ValueError, KeyError):  # not inside a task of a Dask worker
        return _Stand()
    task = worker.state.tasks.get(key)
    return _Stand(worker, key, getattr(task, "annotations", None))


def _has_device(stand: _Stand, place: Place) -> bool:
    """Whether a worker may run device work: it says so itself, or nobody does and it has a GPU."""
    if stand.worker.state.total_resources.get(devices.RESOURCE):
        return True
    if place.library != "cupy" or (place.advertised and stand.place != GPU):
        return False
    return isinstance(devices.cuda_devices(), tuple)


def _refuse(worker: Any) -> NoReturn:
    raise PlacementError(
        f"device work arrived on the worker {worker.address}, which has no resource "
        f"{devices.RESOURCE!r}: this graph lost its annotations after it was placed "
        "(dask.delayed drops them). Call spanwise.schedulers.place_on(client), which keeps such "
        "graphs to GPU workers, or compute or persist the array under "
        "spanwise.schedulers.placement(...) first"
    )


def _hand_over(stand: _Stand, name: str, said: str) -> NoReturn:
    """Give a task back to the scheduler, which sends it to a CPU worker."""
    from distributed import Reschedule

    _handed_over[stand.key] = None
    while len(_handed_over) > 4096:
        _handed_over.pop(next(iter(_handed_over)))
    stand.worker.log_event(TOPIC, _event("out-of-memory", stand, name, said))
    raise Reschedule


def _tell(stand: _Stand, name: str, said: str, *, loudly: bool) -> None:
    """Say that a task runs on the host of a GPU worker, or of this process."""
    event = _event("ran-on-host", stand, name, said)
    logger.log(logging.WARNING if loudly else logging.DEBUG, "%s", event["message"])
    if stand.worker is not None:
        stand.worker.log_event(TOPIC, event)


def _event(action: str, stand: _Stand, name: str, said: str) -> dict[str, Any]:
    where = "in this process" if stand.worker is None else f"on the worker {stand.worker.address}"
    then = "on a CPU worker" if action == "out-of-memory" else "on the CPU"
    return {
        "action": action,
        "key": stand.key,
        "name": name,
        "worker": getattr(stand.worker, "address", None),
        "message": f"{name}: out of device memory {where}; runs {then} instead ({said})",
    }
