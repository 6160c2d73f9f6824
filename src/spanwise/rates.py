"""How fast machines are: values, and the file that `spanwise calibrate` and runs write."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .measures import RateTable, table_of

_LOG = logging.getLogger("spanwise")
_FORMAT = 2
_VARIABLE = "SPANWISE_RATES"
_PATIENCE = 10.0
"""Seconds after which a writer that is still at work is taken to have been killed."""


@dataclass(frozen=True, slots=True)
class EngineRate:
    """Speed of one FFT engine on one element type."""

    engine: str
    """Name of the engine, as the option ``fft_kernel`` takes it."""
    dtype: str
    """Element type of the result; of real ones, a transform of half a spectrum is meant."""
    flops: float
    """Operations per second of one task, by the count 5 N log2 n."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Speed of one task while as many run as the machine has cores, and of its disk."""

    fft: tuple[EngineRate, ...]
    """One for each engine and element type."""
    copy: float
    """Bytes per second that one task copies from memory to memory."""
    write: float
    """Bytes per second written to the temporary store by all tasks together."""
    read: float
    """Bytes per second read back from it by all tasks together."""
    folder: str = ""
    """Folder of the temporary store that was measured."""

    def __post_init__(self) -> None:
        for rate in (self.copy, self.write, self.read, *(r.flops for r in self.fft)):
            if not (math.isfinite(rate) and rate > 0):
                raise ValueError(f"a rate of {rate} per second")

    def fastest(self, dtype: Any) -> EngineRate | None:
        """The fastest engine on an element type, or None where none was measured.

        >>> rates = Rates((EngineRate("scipy", "complex64", 4e9),
        ...                EngineRate("ducc0", "complex64", 5e9)), 8e9, 1e9, 2e9)
        >>> rates.fastest("complex64").engine
        'ducc0'
        """
        measured = [rate for rate in self.fft if rate.dtype == str(dtype)]
        return max(measured, key=lambda rate: rate.flops, default=None)


def path() -> Path:
    """Where the rates of this machine are kept: ``SPANWISE_RATES``, or the user's configuration.

    The latter is ``$XDG_CONFIG_HOME`` or ``~/.config`` on Linux, ``~/Library/Application Support``
    on macOS and ``%APPDATA%`` on Windows.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        return Path(given)
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "spanwise" / "rates.json"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file holds."""

    machine: Rates | None = None
    """Of this machine, for plans and the choice of FFT engines."""
    table: RateTable = field(default_factory=RateTable)
    """Of kernels and copies on each kind of device, for placement."""


def save(rates: Rates | None = None, table: RateTable | None = None) -> Path:
    """Keep what was measured anew, in place of what was known of the same, and give back where.

    Parameters
    ----------
    rates : Rates, optional
        Of this machine.
    table : RateTable, optional
        Of kernels and copies. What is known of kinds of devices that it does not name stays.
    """

    def measured(known: _Kept) -> _Kept:
        kept = known.table if table is None else known.table.replaced(table)
        return _Kept(known.machine if rates is None else rates, kept)

    return _update(measured)


def add(table: RateTable) -> Path:
    """Merge more runs into the table that is kept, and give back where."""
    return _update(lambda known: _Kept(known.machine, known.table.merge(table)))


def load() -> Rates | None:
    """The rates of this machine, or None where it was not calibrated.

    A file that cannot be read is as none; a warning is logged, once for each version of the file.
    """
    return _current().machine


def load_table() -> RateTable:
    """The rates of kernels and copies, empty where nothing was measured."""
    return _current().table


def _update(change: Callable[[_Kept], _Kept]) -> Path:
    """Change the file, whole or not at all, one writer at a time."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        # Not what is remembered: file systems count time coarsely and use numbers again.
        kept = change(_read.__wrapped__(target, ()) if target.exists() else _Kept())
        machine = None if kept.machine is None else asdict(kept.machine)
        content = {"format": _FORMAT, "machine": machine, "kernels": kept.table.rows()}
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=".rates-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
            Path(partial).replace(target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    return target


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Keep other writers of a file out, threads and processes alike."""
    lock = target.with_name(f".{target.name}.lock")
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with suppress(FileNotFoundError):  # released meanwhile
                if time.time() - lock.stat().st_mtime > _PATIENCE:
                    lock.unlink(missing_ok=True)
            time.sleep(0.005)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _current() -> _Kept:
    source = path()
    try:
        found = source.stat()
    except OSError:
        return _Kept()
    return _read(source, (found.st_mtime_ns, found.st_ino, found.st_size))


@lru_cache(maxsize=8)
def _read(source: Path, version: tuple[int, ...]) -> _Kept:
    try:
        found = json.loads(source.read_text(encoding="utf-8"))
        if found["format"] != _FORMAT:
            raise ValueError("another version of spanwise wrote it")
        machine = found["machine"]
        if machine is not None:
            machine["fft"] = tuple(EngineRate(**rate) for rate in machine["fft"])
            machine = Rates(**machine)
        return _Kept(machine, table_of(found["kernels"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        _LOG.warning("%s is ignored (%s); measure again: spanwise calibrate", source, error)
        return _Kept()
