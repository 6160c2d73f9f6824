"""What a plan may assume of the machine: a frozen value, so that planning is reproducible."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import ArgumentError
from .rates import Rates

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_UNITS |= {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

DEFAULT_SHARE = 0.6
"""Share of the total memory that a plan takes where nobody set a budget."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The workers that a graph will run on, as far as planning needs to know them."""

    threads: int
    """Tasks that one worker runs at a time."""
    memory: int
    """Bytes that one worker may hold for a plan."""
    workers: int = 1
    """Worker processes."""
    distributed: bool = False
    """Whether a ``dask.distributed`` client is active."""
    explicit: bool = False
    """Whether the budget was set (option or worker limits) rather than derived from the total."""
    source: str = "given"
    """Where the budget comes from, in words."""
    rates: Rates | None = None
    """How fast the workers are, where it was measured."""
    hosts: int = 1
    """Machines that the workers are on; they share a folder only if one is named."""

    def __post_init__(self) -> None:
        if self.threads < 1 or self.workers < 1:
            raise ArgumentError(
                f"threads={self.threads} and workers={self.workers} must both be at least 1"
            )
        if self.memory < 1:
            raise ArgumentError(f"memory={self.memory} bytes: a budget must be positive")

    @property
    def slots(self) -> int:
        """Tasks that run at a time on all workers together."""
        return self.threads * self.workers


def parse_bytes(value: int | float | str) -> int:
    """Bytes from a number or a text such as ``"512MiB"``.

    Examples
    --------
    >>> parse_bytes("512MiB")
    536870912
    >>> parse_bytes("1.5 GB")
    1500000000
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", str(value))
    if match is None or match[2].lower() not in _UNITS:
        raise ArgumentError(
            f"memory={value!r} is not an amount of memory; write bytes or a text such as '512MiB'"
        )
    return int(float(match[1]) * _UNITS[match[2].lower()])


def format_bytes(n: float) -> str:
    """Bytes as people read them.

    Examples
    --------
    >>> format_bytes(536870912)
    '512.0 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(n) < 1024 or unit == "TiB":
            return f"{n:.0f} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    raise AssertionError("unreachable")


def total_memory() -> int:
    """Bytes of memory of this machine, or of the control group that the process lives in."""
    import psutil

    total = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):
            continue
    return total


def default_machine(threads: int) -> Machine:
    """The machine without a cluster: a fixed share of its total memory, never what is free now."""
    return Machine(
        threads=threads,
        memory=int(DEFAULT_SHARE * total_memory()),
        source=f"{DEFAULT_SHARE:.0%} of this machine's memory",
    )
