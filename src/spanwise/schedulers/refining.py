"""Runs refine the rates: what placed tasks recorded becomes measures. Nothing is timed for it."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from .. import rates
from ..measures import CPU, TO_DEVICE, TO_HOST, Key, Measure, RateTable, bucket_of
from .records import Record, collect_by_model

logger = logging.getLogger("spanwise")

PATIENCE = 2.0
"""Seconds that workers have to tell what they recorded when a client leaves them."""


Recorded = Mapping[str, Mapping[str, Record]]
"""Records by the model of device of the processes that made them, and by name."""

Sums = tuple[int, int, float]
"""Number, bytes and seconds of runs so far."""


class Refiner:
    """Turns records that only grow into measures, each run once."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, Key], Sums] = {}

    def measured(self, recorded: Recorded) -> RateTable:
        """What has been recorded since the last call, of each model of CUDA device.

        Runs on what stands in for a device are left out, and those on the host beside it: they are
        tests. A mean over runs whose spread was not recorded says nothing of their deviation.
        """
        table = RateTable()
        for model, name, record in _flat(recorded):
            for key, sums in () if record.stand_in else _sums(record, model):
                known = self._counted.get((model, name, key), (0, 0, 0.0))
                if sums[0] < known[0]:  # a worker died, and its records with it
                    known = (0, 0, 0.0)
                self._counted[model, name, key] = sums
                number, nbytes, seconds = (a - b for a, b in zip(sums, known, strict=True))
                if number > 0 and nbytes > 0 and seconds > 0:
                    measure = Measure(seconds / nbytes, 0.0, int(number))
                    table = table.merge(RateTable({key: measure}))
        return table

    def refine(self, recorded: Recorded) -> None:
        """Add what is new to the rates that are kept for this user."""
        table = self.measured(recorded)
        if not table:
            return
        try:
            rates.add(table)
        except OSError as error:
            logger.debug("rates of this run are not kept: %s", error)


def _flat(recorded: Recorded) -> Iterator[tuple[str, str, Record]]:
    for model, records in recorded.items():
        for name, record in records.items():
            yield model, name, record


def _sums(record: Record, model: str) -> Iterator[tuple[Key, Sums]]:
    """The sums of a record by what they are of; several sizes of a copy count as their mean."""
    kinds = {"numpy": CPU, "cupy": model}
    runs = [
        (run.kernel, run.dtype, kinds.get(run.library, ""), counted)
        for run, counted in record.kernels.items()
    ]
    there = model if any(run.library == "cupy" for run in record.kernels) else ""
    runs += [(TO_DEVICE, "", there, record.to_device), (TO_HOST, "", there, record.to_host)]
    found: dict[Key, Sums] = {}
    for kernel, dtype, device, counted in runs:
        if counted.number and device:
            key = Key(kernel, dtype, device, bucket_of(counted.bytes // counted.number))
            n, nbytes, seconds = found.get(key, (0, 0, 0.0))
            found[key] = n + counted.number, nbytes + counted.bytes, seconds + counted.seconds
    yield from found.items()


_here = Refiner()
_refiners: weakref.WeakKeyDictionary[Any, Refiner] = weakref.WeakKeyDictionary()


def refine(recorded: Recorded, *, client: Any = None) -> None:
    """Add to the rates of this user what tasks recorded, each run once.

    Parameters
    ----------
    recorded : mapping
        What was recorded on each model of device under each name of placed tasks, from the start
        on (:func:`spanwise.schedulers.records.collect_by_model`).
    client : distributed.Client, optional
        Whose workers recorded it; without one, this process.
    """
    refiner = _here if client is None else _refiners.setdefault(client, Refiner())
    refiner.refine(recorded)


def refine_from(client: Any) -> None:
    """Refine by what the workers of a client recorded; one that does not answer holds up nobody."""
    try:
        refine(collect_by_model(client, timeout=PATIENCE), client=client)
    except (OSError, TimeoutError) as error:
        logger.debug("rates of this run are not known: %s", error)
