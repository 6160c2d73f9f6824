"""Runs refine the rates: what placed tasks recorded becomes measures. Nothing is timed for it."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from .. import rates
from ..kernels.library import DEVICE_LIBRARIES
from ..measures import CPU, TO_DEVICE, TO_HOST, Key, Measure, RateTable, bucket_of
from . import devices
from .records import Record, collect

logger = logging.getLogger("spanwise")

PATIENCE = 2.0
"""Seconds that workers have to tell what they recorded when a client leaves them."""


Sums = tuple[int, int, float]
"""Number, bytes and seconds of runs so far."""


class Refiner:
    """Turns records that only grow into measures, each run once."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, Key], Sums] = {}

    def measured(self, records: Mapping[str, Record], model: str) -> RateTable:
        """What has been recorded since the last call, on CUDA devices of one model.

        A mean over runs whose spread was not recorded says nothing of their deviation.
        """
        table = RateTable()
        for name, record in records.items():
            for key, sums in _sums(record, model):
                known = self._counted.get((name, key), (0, 0, 0.0))
                if sums[0] < known[0]:  # a worker died, and its records with it
                    known = (0, 0, 0.0)
                self._counted[name, key] = sums
                number, nbytes, seconds = (a - b for a, b in zip(sums, known, strict=True))
                if number > 0 and nbytes > 0 and seconds > 0:
                    measure = Measure(seconds / nbytes, 0.0, int(number))
                    table = table.merge(RateTable({key: measure}))
        return table

    def refine(self, records: Mapping[str, Record], model: str) -> None:
        """Add what is new to the rates that are kept for this user."""
        table = self.measured(records, model)
        if not table:
            return
        try:
            rates.add(table)
        except OSError as error:
            logger.debug("rates of this run are not kept: %s", error)


def _sums(record: Record, model: str) -> Iterator[tuple[Key, Sums]]:
    """The sums of a record by what they are of; several sizes of a copy count as their mean."""
    kinds = {"numpy": CPU, "hostfree": "hostfree", "cupy": model}
    runs = [
        (run.kernel, run.dtype, kinds.get(run.library, ""), counted)
        for run, counted in record.kernels.items()
    ]
    there = next((kinds[lib] for lib in _libraries(record) if lib in DEVICE_LIBRARIES), "")
    runs += [(TO_DEVICE, "", there, record.to_device), (TO_HOST, "", there, record.to_host)]
    found: dict[Key, Sums] = {}
    for kernel, dtype, device, counted in runs:
        if counted.number and device:
            key = Key(kernel, dtype, device, bucket_of(counted.bytes // counted.number))
            n, nbytes, seconds = found.get(key, (0, 0, 0.0))
            found[key] = n + counted.number, nbytes + counted.bytes, seconds + counted.seconds
    yield from found.items()


def _libraries(record: Record) -> set[str]:
    return {run.library for run in record.kernels}


_here = Refiner()
_refiners: weakref.WeakKeyDictionary[Any, Refiner] = weakref.WeakKeyDictionary()


def refine(records: Mapping[str, Record], *, client: Any = None) -> None:
    """Add to the rates of this user what tasks recorded, each run once.

    Parameters
    ----------
    records : mapping
        What was recorded under each name of placed tasks, from the start on.
    client : distributed.Client, optional
        Whose workers recorded it; without one, this process.
    """
    model = ""
    if any("cupy" in _libraries(record) for record in records.values()):
        facts = devices.survey("cupy", client=client)
        model = devices.with_rates(facts, client=client).model
    refiner = _here if client is None else _refiners.setdefault(client, Refiner())
    refiner.refine(records, model)


def refine_from(client: Any) -> None:
    """Refine by what the workers of a client recorded; one that does not answer holds up nobody."""
    try:
        refine(collect(client, timeout=PATIENCE), client=client)
    except (OSError, TimeoutError) as error:
        logger.debug("rates of this run are not known: %s", error)
