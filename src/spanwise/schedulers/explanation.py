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
    seconds: float | None = None
    """Estimated time, for steps of ours that what was measured of the machine can price."""


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
        notes = [("note", note) for note in self.notes]
        return "\n".join(
            [
                *_lines(_setting(self)),
                "",
                *_table(self),
                "",
                *_lines(_summary(self)),
                *(["", *_lines(notes)] if notes else []),
            ]
        )

    def _repr_html_(self) -> str:
        head = _html_row("th", tuple(title for title, _, _ in _COLUMNS))
        body = "".join(
            _html_row("td", _cells(row), weight="bold" if row.planned else "normal")
            for row in self.rows
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f'<div style="font-size: 0.92em">{_html_facts(_setting(self))}'
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{_html_facts(_summary(self))}"
            + (f'<ul style="margin: 0.4em 0; opacity: 0.8">{notes}</ul>' if notes else "")
            + "</div>"
        )


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


def format_seconds(seconds: float) -> str:
    """A duration as people read it, in two digits or so.

    >>> [format_seconds(s) for s in (0.0004, 0.034, 2.34, 34, 150, 9000)]
    ['1 ms', '34 ms', '2.3 s', '34 s', '2.5 min', '2.5 h']
    """
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))} ms"
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "min"), (float("inf"), 3600, "h")):
        if seconds < limit:
            amount = seconds / size
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}"
    raise AssertionError("unreachable")


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


Fact = tuple[str, str]
"""A label and what it says."""


def _setting(e: Explanation) -> list[Fact]:
    m = e.machine
    kind = "worker" if m.distributed else "process"
    workers = f"{m.workers} {kind}" + ("es" if kind == "process" and m.workers > 1 else "")
    workers += "s" if kind == "worker" and m.workers > 1 else ""
    threads = f"{m.threads} thread" + ("s" if m.threads > 1 else "")
    budget = f"{format_bytes(m.memory)} ({m.source})"
    placed = f"{e.policy}: {e.devices}" if e.devices else e.policy
    return [("workers", f"{workers} × {threads}, each with {budget}"), ("placement", placed)]


def _lines(facts: list[Fact]) -> list[str]:
    """Facts within the width, the labels in a column of their own."""
    return [
        piece
        for label, text in facts
        for piece in textwrap.wrap(
            f"{label:<10}{text}", WIDTH, subsequent_indent=" " * 10, break_on_hyphens=False
        )
    ]


def _html_facts(facts: list[Fact]) -> str:
    lines = (f"<b>{html.escape(label)}</b> {html.escape(text)}" for label, text in facts)
    return f'<p style="margin: 0.4em 0">{"<br>".join(lines)}</p>'


def _html_row(tag: str, cells: tuple[str, ...], weight: str = "bold") -> str:
    """A row aligned as the text is; ``weight`` is that of its first cell."""
    out = []
    for i, (cell, (_, _, align)) in enumerate(zip(cells, _COLUMNS, strict=True)):
        style = f"text-align: {'left' if align == '<' else 'right'}; padding: 0.1em 0.7em"
        style += "; white-space: nowrap; font-variant-numeric: tabular-nums"
        style += f"; font-weight: {'normal' if tag == 'td' and i else weight}"
        out.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>')
    return f"<tr>{''.join(out)}</tr>"


def _table(e: Explanation) -> list[str]:
    rule = " ".join("-" * width for _, width, _ in _COLUMNS)
    lines = [_line(tuple(title for title, _, _ in _COLUMNS)), rule]
    lines += [_line(_cells(row)) for row in e.rows]
    return [*lines, rule]


def _summary(e: Explanation) -> list[Fact]:
    t = e.totals
    passes = f"{t.passes} pass" + ("es" if t.passes != 1 else "")
    moved = f"; moves {format_bytes(t.bytes_moved)}" if t.bytes_moved else ""
    staged = f", stages {format_bytes(t.bytes_staged)} on disk" if t.bytes_staged else ""
    total = (
        f"{_count(t.tasks)} tasks, {passes} over the data; reads {format_bytes(t.bytes_read)}, "
        f"writes {format_bytes(t.bytes_written)}{moved}{staged}"
    )
    facts = [("total", total)]
    priced = [(row.name, row.seconds) for row in e.rows if row.seconds is not None]
    if priced:
        whole = format_seconds(sum(seconds for _, seconds in priced))
        each = ", ".join(f"{name} {format_seconds(seconds)}" for name, seconds in priced)
        facts.append(("time", f"about {whole}" + (f": {each}" if len(priced) > 1 else "")))
    if t.to_device.number or t.to_host.number:
        facts.append(("copies", f"{t.to_device} to device, {t.to_host} to host"))
    if t.peak_bytes:
        verdict = "" if e.fits else " - OVER THE BUDGET"
        budget = format_bytes(e.machine.memory)
        facts.append(("peak", f"{format_bytes(t.peak_bytes)} of {budget} per worker{verdict}"))
    return facts
