"""What one benchmark found, and what the best possible would be."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from ..report import finite
from .device import Times


@dataclass(frozen=True)
class Entry:
    """Two ways of one task, and a floor under both."""

    name: str
    """What is done."""
    theirs_name: str
    """What it is compared with."""
    times: Times | None
    """Seconds of both."""
    floor: float | None = None
    """Seconds below which nobody gets: bytes over the measured rate of what moves them."""
    floor_of: str = ""
    """What the floor is."""
    target: float | None = None
    """Least ratio that is promised at full size on a card."""
    bytes: int | None = None
    """Bytes that have to move for the floor."""
    flops: float | None = None
    """Operations by the usual count."""
    values: dict[str, Any] = field(default_factory=dict)
    """What was measured besides, by name and unit."""
    error: str = ""
    """Why there are no times."""

    def as_dict(self, *, promised: bool) -> dict[str, Any]:
        """For JSON; ``promised`` says whether targets are judged."""
        ours = statistics.median(self.times.ours) if self.times else None
        ratio = self.times.ratio if self.times else None
        judged = promised and self.target is not None
        return {
            "name": self.name,
            "against": self.theirs_name,
            "ours": ours,
            "theirs": statistics.median(self.times.theirs) if self.times else None,
            "ratio": ratio,
            "target": self.target,
            "holds": None if not judged else ratio is not None and ratio >= self.target,
            "floor": self.floor,
            "floor_of": self.floor_of,
            "of_floor": None if not (self.floor and ours) else self.floor / ours,
            "bytes": self.bytes,
            "flops": self.flops,
            "flops_per_second": None if not (self.flops and ours) else self.flops / ours,
            "pairs": len(self.times.ours) if self.times else 0,
            "values": {k: finite(v) if isinstance(v, float) else v for k, v in self.values.items()},
            "error": self.error,
        }


@dataclass(frozen=True)
class Rates:
    """Bytes per second that were measured before anything else."""

    device_copy: float
    """Read and written by a copy within the device, together."""
    to_device: float
    """From pinned memory of the host."""
    to_host: float
    """To pinned memory of the host."""
    to_device_pageable: float
    """From ordinary memory, by ``spanwise.to_device``."""
    to_host_pageable: float
    """To ordinary memory, by ``spanwise.to_host``."""
