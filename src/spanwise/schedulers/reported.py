"""What `report` gives back: a frozen value that prints as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ..machine import format_bytes
from .cost import format_seconds
from .records import Counted
from .tables import NAME_WIDTH, Column, Fact, html_page, html_table, lines, text_table


@dataclass(frozen=True, slots=True)
class Ran:
    """Device tasks of one name, and what became of them."""

    name: str
    """Name of the task keys, which ends in a token."""
    steps: str
    """What a task runs on its device."""
    planned: int | None
    """Tasks that a result needs; None where no result was given."""
    on_device: int
    """Tasks that finished on a device."""
    on_host: Mapping[str, int]
    """Tasks that finished on the host instead, by the reason."""
    cut: int
    """Calls of kernels that ran in parts, because a device had no room for the whole."""
    to_device: Counted
    """Copies from the host to a device."""
    to_host: Counted
    """Copies from a device to the host."""
    kernel_seconds: float
    """Seconds in kernels."""
    unseen: int = 0
    """Those of the tasks that finished on workers which are gone: copies and kernels of them are
    not counted."""

    @property
    def ran(self) -> int:
        """Tasks that finished."""
        return self.on_device + sum(self.on_host.values())

    @property
    def missing(self) -> int:
        """Planned tasks of which nothing was recorded."""
        return max(0, (self.planned or 0) - self.ran)


@dataclass(frozen=True, slots=True)
class Report:
    """What placement did, as `spanwise.report` found it; ``str()`` is a table."""

    rows: tuple[Ran, ...]
    """One for each name of device tasks."""
    where: str
    """The workers, or this process."""
    events: tuple[str, ...]
    """What the cluster told of placement that changed while it ran, in order."""
    notes: tuple[str, ...] = field(default=())
    """What else is to be known, one sentence each."""

    @property
    def to_device(self) -> Counted:
        """All copies to devices."""
        return sum((row.to_device for row in self.rows), Counted())

    @property
    def to_host(self) -> Counted:
        """All copies to the host."""
        return sum((row.to_host for row in self.rows), Counted())

    @property
    def as_planned(self) -> bool:
        """Whether every device task ran on a device, none in parts and none unseen."""
        return not any(row.on_host or row.cut or row.missing or row.unseen for row in self.rows)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        table = text_table(_COLUMNS, [_cells(row) for row in self.rows]) if self.rows else []
        return "\n".join(
            [
                *lines(self._facts()),
                *(["", *table] if table else []),
                *(["", *lines(self._remarks())] if self._remarks() else []),
            ]
        )

    def _repr_html_(self) -> str:
        table = html_table(_COLUMNS, [_cells(row) for row in self.rows], [True] * len(self.rows))
        return html_page(self._facts(), table if self.rows else "", (), self._remarks())

    def _facts(self) -> list[Fact]:
        facts = [("ran on", self.where)]
        if self.rows:
            on_host = sum(sum(row.on_host.values()) for row in self.rows)
            told = f"{sum(row.on_device for row in self.rows):,} on devices"
            facts.append(("tasks", told + (f", {on_host:,} on the host instead" * bool(on_host))))
            both = f"{_copied(self.to_device)} to device, {_copied(self.to_host)} to host"
            facts.append(("copies", both))
        return facts

    def _remarks(self) -> list[Fact]:
        return [("event", e) for e in self.events] + [("note", n) for n in self.notes]


_COLUMNS: tuple[Column, ...] = (
    ("device task", NAME_WIDTH, "<"),
    ("planned", 8, ">"),
    ("on device", 9, ">"),
    ("on host", 8, ">"),
    ("kernels", 9, ">"),
    ("to device", 17, ">"),
    ("to host", 17, ">"),
)
"""93 columns and 6 gaps of 1."""


def _cells(row: Ran) -> tuple[str, ...]:
    on_host = sum(row.on_host.values())
    return (
        row.steps,
        "-" if row.planned is None else f"{row.planned:,}",
        f"{row.on_device:,}",
        f"{on_host:,}" if on_host else "-",
        format_seconds(row.kernel_seconds),
        _number(row.to_device),
        _number(row.to_host),
    )


def _number(counted: Counted) -> str:
    return f"{counted.number:,} ({format_bytes(counted.bytes)})" if counted.number else "-"


def _copied(counted: Counted) -> str:
    if not counted.number:
        return "none"
    return f"{_number(counted)} in {format_seconds(counted.seconds)}"
