"""What was measured, for people (a table) and for programs (JSON)."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .timing import Row, threads
from .workload import THREADS, Family, Limit

PACKAGES = (
    "spanwise",
    "numpy",
    "scipy",
    "dask",
    "distributed",
    "xarray",
    "array-api-compat",
    "zarr",
    "scikit-learn",
    "dask-ml",
    "xrft",
)
HEADINGS = (
    "workload",
    "peer",
    "ours s",
    "theirs s",
    "ratio",
    "quartiles",
    "pairs",
    "floor",
    "holds",
    "ours peak",
    "theirs peak",
)
NUMBERS_FROM = 2
"""Columns from here on are flush right."""


@dataclass(frozen=True)
class Together:
    """The rows of a family, as far as they were measured."""

    family: Family
    """What they are."""
    rows: tuple[Row, ...]
    """One for each workload that was run."""
    is_promised: bool
    """Whether the floor applies to what was run."""

    @property
    def ratio(self) -> float:
        """The geometric mean of the rows' ratios; NaN where answers differ."""
        if not all(row.ours_s for row in self.rows):
            return float("nan")
        return statistics.geometric_mean(row.quartiles[1] for row in self.rows)

    @property
    def holds(self) -> bool | None:
        """Whether the floor is kept; None where it does not apply or workloads are missing."""
        if not self.is_promised or len(self.rows) < len(self.family.workloads):
            return None
        return self.ratio >= self.family.floor

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.family.name,
            "peer": self.family.peer,
            "workloads": [row.name for row in self.rows],
            "missing": sorted({*self.family.workloads} - {row.name for row in self.rows}),
            "ratio": finite(self.ratio),
            "floor": self.family.floor if self.is_promised else None,
            "holds": self.holds,
        }

    def as_line(self) -> str:
        """For a table."""
        of = len(self.family.workloads)
        count = f"{of} workloads" if len(self.rows) == of else f"{len(self.rows)} of {of} workloads"
        line = f"{self.family.name}: {self.ratio:.2f}x in geometric mean of {count}"
        if self.holds is None:
            return line
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return f"{line}, at least {self.family.floor:g}x: {verdict}"


@dataclass(frozen=True)
class Report:
    """One run of the benchmarks."""

    size: str
    """The size that was run."""
    seed: int
    """Of the data."""
    rows: tuple[Row, ...]
    """What was measured."""
    skipped: tuple[tuple[str, str, str], ...] = ()
    """Workload, peer and why it was not run."""
    families: tuple[Family, ...] = ()
    """What is promised of several rows together."""

    @property
    def together(self) -> tuple[Together, ...]:
        """The families of which something was measured."""
        found = (self.of_family(family) for family in self.families)
        return tuple(one for one in found if one.rows)

    def of_family(self, family: Family) -> Together:
        """The rows of a family; its floor is promised for data of full size."""
        rows = (row for row in self.rows if row.peer == family.peer)
        members = tuple(row for row in rows if row.name in family.workloads)
        return Together(family, members, is_promised=self.size == "full")

    @property
    def holds(self) -> bool:
        """Whether all answers agree and every floor and limit is kept."""
        return all(one.holds is not False for one in (*self.rows, *self.together))

    def as_json(self) -> str:
        """The whole run."""
        content = {
            "size": self.size,
            "seed": self.seed,
            "machine": machine(),
            "versions": versions(),
            "threads": {"each side": THREADS, "native pools": native_pools()},
            "rows": [as_dict(row) for row in self.rows],
            "families": [one.as_dict() for one in self.together],
            "skipped": [
                dict(zip(("name", "peer", "reason"), s, strict=True)) for s in self.skipped
            ],
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    def as_table(self, *, markdown: bool = False) -> str:
        """The table, and below it what was counted and what was left out."""
        cells = [HEADINGS, *(as_cells(row) for row in self.rows)]
        table = markdown_table(cells) if markdown else plain_table(cells)
        mark = "- " if markdown else "  "
        notes = [f"{mark}{one.as_line()}" for one in self.together]
        notes += [f"{mark}{line}" for row in self.rows for line in (*counted(row), *limited(row))]
        notes += [f"{mark}{name}, {peer}: skipped, {why}" for name, peer, why in self.skipped]
        return "\n".join([*self.heading(), "", *table, "", *notes]).rstrip()

    def heading(self) -> list[str]:
        """Where and how it was measured."""
        facts = machine()
        pools = ", ".join(f"{p['library']} {p['threads']}" for p in native_pools()) or "not known"
        return [
            f"size {self.size}; {facts['cpu']}, {facts['cores']} cores, {gib(facts['memory'])}",
            f"{THREADS} threads to each side: Dask's threads, workers= of scipy.fft, "
            f"native pools ({pools})",
            "medians of seconds; ratio: the peer's seconds over ours, pair by pair; peaks: bytes "
            "added to a process that held the data",
        ]


def as_dict(row: Row) -> dict[str, Any]:
    """A row for JSON."""
    timed = bool(row.ours_s)
    low, middle, high = row.quartiles if timed else (None, None, None)
    return {
        "name": row.name,
        "peer": row.peer,
        "ours_s": statistics.median(row.ours_s) if timed else None,
        "theirs_s": statistics.median(row.theirs_s) if timed else None,
        "ratio": middle,
        "quartiles": [low, high],
        "pairs": len(row.ours_s),
        "runs": {"ours_s": list(row.ours_s), "theirs_s": list(row.theirs_s)},
        "floor": row.floor,
        "holds": row.holds,
        "error": finite(row.agreement.error),
        "tolerance": row.agreement.tolerance,
        "counts": {
            name: {"ours": finite(ours), "theirs": finite(theirs)}
            for name, (ours, theirs) in row.agreement.counts.items()
        },
        "limits": [
            {
                "name": limit.name,
                "bound": limit.bound,
                "value": finite(limit.value),
                "holds": limit.holds,
            }
            for limit in row.limits
        ],
        "peak_bytes": {"ours": row.ours_peak, "theirs": row.theirs_peak, "share": row.memory},
    }


def finite(value: float) -> float | None:
    """A number that JSON has, or None."""
    return float(value) if abs(value) < float("inf") else None


def as_cells(row: Row) -> tuple[str, ...]:
    """A row for a table."""
    holds = {None: "", True: "yes", False: "NO"}[row.holds]
    floor = "" if row.floor is None else f"{row.floor:g}x"
    peaks = gib(row.ours_peak), gib(row.theirs_peak)
    if not row.ours_s:
        return (row.name, row.peer, "answers", "differ", "", "", "0", floor, holds, *peaks)
    low, middle, high = row.quartiles
    return (
        row.name,
        row.peer,
        f"{statistics.median(row.ours_s):.3g}",
        f"{statistics.median(row.theirs_s):.3g}",
        f"{middle:.2f}",
        f"{low:.2f}–{high:.2f}",
        str(len(row.ours_s)),
        floor,
        holds,
        *peaks,
    )


def counted(row: Row) -> list[str]:
    """What was counted beside the time, and a disagreement."""
    lines = [
        f"{row.name}, {row.peer}: {name} {ours:g} (ours), {theirs:g} (theirs)"
        for name, (ours, theirs) in row.agreement.counts.items()
    ]
    if not row.agreement.holds:
        error, tolerance = row.agreement.error, row.agreement.tolerance
        lines.append(f"{row.name}, {row.peer}: error {error:.2g}, over {tolerance:g}; not timed")
    return lines


def limited(row: Row) -> list[str]:
    """Each limit beside what was measured."""
    limits = list(row.limits)
    if row.memory is not None and row.share is not None:
        limits.append(Limit(f"peak over that of {row.peer}", row.memory, row.share))
    return [
        f"{row.name}: {limit.name} {limit.value:.4g}, at most {limit.bound:.4g}: "
        f"{'holds' if limit.holds else 'DOES NOT HOLD'}"
        for limit in limits
    ]


def plain_table(cells: Sequence[Sequence[str]]) -> list[str]:
    """Columns apart by spaces, a rule below the headings."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i < NUMBERS_FROM else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def markdown_table(cells: Sequence[Sequence[str]]) -> list[str]:
    """A table in GitHub's Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    rule = "|".join("---" if i < NUMBERS_FROM else "---:" for i in range(len(HEADINGS)))
    return [lines[0], f"|{rule}|", *lines[1:]]


def gib(nbytes: int | None) -> str:
    """Bytes for people."""
    if nbytes is None:
        return ""
    return f"{nbytes / 2**30:.1f} GiB" if nbytes >= 2**30 else f"{nbytes / 2**20:.0f} MiB"


def machine() -> dict[str, Any]:
    """What the benchmarks ran on."""
    import psutil

    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def cpu_name() -> str:
    """The model of the processor, or its architecture where the system does not say."""
    listing = Path("/proc/cpuinfo")  # Linux; platform.processor() knows the architecture alone
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def native_pools() -> list[dict[str, Any]]:
    """Threads of the BLAS and OpenMP libraries in this process, as the sides found them."""
    with threads() as pools:
        return pools


def versions() -> dict[str, str]:
    """Versions of what took part."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
