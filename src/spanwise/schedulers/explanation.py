"""What `explain` gives back: a frozen value that prints as a table."""

from __future__ import annotations

import html
import json
import textwrap
from dataclasses import asdict, dataclass

from ..machine import Machine, format_bytes

WIDTH = 100
"""Columns that the table fits in."""

_NAME_WIDTH = 25


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies in one direction."""

    number: int = 0
    """How many."""
    bytes: int = 0
    """Bytes, all together."""

    def __str__(self) -> str:
        return f"{self.number} ({format_bytes(self.bytes)})"


@dataclass(frozen=True, slots=True)
class Row:
    """One layer of the graph."""

    name: str
    """Prefix of the task keys."""
    planned: bool
    """Whether spanwise built it."""
    pattern: str
    """How chunks depend on chunks, where spanwise knows it; ``"held"`` for data in memory."""
    kernel: str
    """Kernel that its tasks run."""
    tasks: int
    """Tasks that the result needs, before fusion."""
    chunks: int
    """Chunks that the result needs."""
    chunk_bytes: int
    """Bytes of the largest chunk."""
    dtype: str
    """Element type."""
    device: str
    """``"cpu"``, ``"gpu"`` or ``"cpu+gpu"``."""
    reason: str
    """Why on this device; empty where there was no choice."""
    form: str
    """Why the step has its form."""
    bytes_moved: int
    """Bytes that go from one chunk to another."""
    bytes_staged: int
    """Bytes written to the temporary store and read back."""
    to_device: Copies
    """Copies from the host that start here."""
    to_host: Copies
    """Copies to the host that end here."""
    peak_bytes: int
    """Most bytes on one worker, for steps of ours."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole result."""

    tasks: int
    """Tasks before fusion, copies not counted."""
    passes: int
    """How many times each chunk of the source is read."""
    bytes_read: int
    """Bytes of the sources that are read, all passes together."""
    bytes_written: int
    """Bytes of the results."""
    bytes_moved: int
    """Bytes that go from one chunk to another."""
    bytes_staged: int
    """Bytes written to the temporary store and read back."""
    to_device: Copies
    """Copies from the host to devices."""
    to_host: Copies
    """Copies from devices to the host."""
    peak_bytes: int
    """Most bytes that one worker holds for a step of ours."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a lazy result will do, as `spanwise.explain` found it; ``str()`` is a table."""

    rows: tuple[Row, ...]
    """Layers in the order of the data."""
    totals: Totals
    """The whole result."""
    policy: str
    """Placement that was assumed; ``"none"`` without one."""
    devices: str
    """The devices in words, or why there is none."""
    machine: Machine
    """Workers and budget that were assumed."""
    notes: tuple[str, ...]
    """Reasons and reservations, one sentence each."""

    @property
    def fits(self) -> bool:
        """Whether the planned peak stays within the budget of one worker."""
        return self.totals.peak_bytes <= self.machine.memory

    def to_json(self) -> str:
        """The explanation as JSON text."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return "\n".join(
            [*_header(self), "", *_table(self), "", *_summary(self), *_notes(self.notes)]
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(title)}</th>" for title, _, _ in _COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
            for row in self.rows
        )
        lines = [*_header(self), *_summary(self), *self.notes]
        text = "".join(f"<p>{html.escape(line.strip())}</p>" for line in lines)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{text}"


_COLUMNS = (
    ("step", _NAME_WIDTH, "<"),
    ("kernel", 9, "<"),
    ("tasks", 7, ">"),
    ("chunks", 17, ">"),
    ("dtype", 10, "<"),
    ("device", 7, "<"),
    ("moved", 9, ">"),
    ("peak", 9, ">"),
)
"""Title, width, alignment: 93 columns and 7 gaps of 1."""


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _bytes(n: int) -> str:
    """Bytes in at most nine columns, a dash for none."""
    return format_bytes(n) if n else "-"


def _count(n: int) -> str:
    return f"{n:,}"


def _cells(row: Row) -> tuple[str, ...]:
    chunks = f"{_count(row.chunks)} × {format_bytes(row.chunk_bytes)}" if row.chunks else "-"
    return (
        row.name,
        row.kernel or "-",
        _count(row.tasks),
        chunks,
        row.dtype or "-",
        row.device,
        _bytes(row.bytes_moved),
        _bytes(row.peak_bytes),
    )


def _line(cells: tuple[str, ...]) -> str:
    parts = []
    for cell, (_, width, align) in zip(cells, _COLUMNS, strict=True):
        parts.append(f"{_short(cell, width):{align}{width}}")
    return " ".join(parts).rstrip()


def _header(e: Explanation) -> list[str]:
    m = e.machine
    kind = "worker" if m.distributed else "process"
    workers = f"{m.workers} {kind}" + ("es" if kind == "process" and m.workers > 1 else "")
    workers += "s" if kind == "worker" and m.workers > 1 else ""
    threads = f"{m.threads} thread" + ("s" if m.threads > 1 else "")
    budget = f"{format_bytes(m.memory)} ({m.source})"
    placed = f"placement {e.policy}: {e.devices}" if e.devices else f"placement {e.policy}"
    return _wrapped([f"workers   {workers} × {threads}, each with {budget}", placed])


def _wrapped(lines: list[str]) -> list[str]:
    """Lines within the width, their text aligned behind the first word."""
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(line, WIDTH, subsequent_indent=" " * 10, break_on_hyphens=False)
    ]


def _table(e: Explanation) -> list[str]:
    rule = " ".join("-" * width for _, width, _ in _COLUMNS)
    lines = [_line(tuple(title for title, _, _ in _COLUMNS)), rule]
    lines += [_line(_cells(row)) for row in e.rows]
    return [*lines, rule]


def _summary(e: Explanation) -> list[str]:
    t = e.totals
    passes = f"{t.passes} pass" + ("es" if t.passes != 1 else "")
    moved = f"; moves {format_bytes(t.bytes_moved)}" if t.bytes_moved else ""
    staged = f", stages {format_bytes(t.bytes_staged)} on disk" if t.bytes_staged else ""
    lines = [
        f"total     {_count(t.tasks)} tasks, {passes} over the data; reads "
        f"{format_bytes(t.bytes_read)}, writes {format_bytes(t.bytes_written)}{moved}{staged}"
    ]
    if t.to_device.number or t.to_host.number:
        lines.append(f"copies    {t.to_device} to device, {t.to_host} to host")
    if t.peak_bytes:
        verdict = "" if e.fits else " - OVER THE BUDGET"
        lines.append(
            f"peak      {format_bytes(t.peak_bytes)} of {format_bytes(e.machine.memory)} "
            f"per worker{verdict}"
        )
    return _wrapped(lines)


def _notes(notes: tuple[str, ...]) -> list[str]:
    if not notes:
        return []
    return ["", *_wrapped([f"note      {note}" for note in notes])]
