"""How fast this machine is: a value, and the file that ``spanwise calibrate`` writes it to."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("spanwise")
_FORMAT = 1
_VARIABLE = "SPANWISE_RATES"


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


def save(rates: Rates) -> Path:
    """Write the rates, whole or not at all, and give back where."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": _FORMAT, **asdict(rates)}, indent=1)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=".rates-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


def load() -> Rates | None:
    """The rates of this machine, or None where it was not calibrated.

    A file that cannot be read is as none; a warning is logged, once for each version of the file.
    """
    source = path()
    try:
        changed = source.stat().st_mtime_ns
    except OSError:
        return None
    return _load(source, changed)


@lru_cache(maxsize=8)
def _load(source: Path, changed: int) -> Rates | None:
    try:
        found = json.loads(source.read_text(encoding="utf-8"))
        if found.pop("format", None) != _FORMAT:
            raise ValueError("another version of spanwise wrote it")
        engines = tuple(EngineRate(**rate) for rate in found.pop("fft"))
        return Rates(engines, **found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _LOG.warning("%s is ignored (%s); measure again: spanwise calibrate", source, error)
        return None
