"""What `explain` gives back: a frozen value that prints as a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..machine import Machine, format_bytes
from .cost import format_seconds
from .tables import NAME_WIDTH, Column, Fact, html_page, html_table, lines, text_table


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
    """Estimated time where it runs, copies included, if what was measured can price it."""
    estimated: str = ""
    """What the time is estimated from, where the kernel was not measured on such blocks."""
    device_peak_bytes: int = 0
    """Most bytes on one device: input, workspace and output of the tasks that run there at a
    time."""

    @property
    def unmeasured(self) -> bool:
        """Whether a kernel of it was never measured where it runs."""
        return bool(self.kernel) and self.seconds is None


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
    device_peak_bytes: int = 0
    """Most bytes on one device."""


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
    device_memory: int | None = None
    """Bytes of one device that chunks may fill, where they are known."""

    @property
    def fits(self) -> bool:
        """Whether the planned peaks stay within the budget of one worker and of one device."""
        return self.totals.peak_bytes <= self.machine.memory and self._fits_device

    @property
    def _fits_device(self) -> bool:
        return self.device_memory is None or self.totals.device_peak_bytes <= self.device_memory

    def to_json(self) -> str:
        """The explanation as JSON text."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        notes = [("note", note) for note in self.notes]
        placed = [_placed_cells(row) for row in _placed(self)]
        return "\n".join(
            [
                *lines(_setting(self)),
                "",
                *text_table(_STEPS, [_cells(row) for row in self.rows]),
                *(["", *text_table(_PLACES, placed)] if placed else []),
                "",
                *lines(_summary(self)),
                *(["", *lines(notes)] if notes else []),
            ]
        )

    def _repr_html_(self) -> str:
        bold = [row.planned for row in self.rows]
        tables = html_table(_STEPS, [_cells(row) for row in self.rows], bold)
        placed = _placed(self)
        if placed:
            cells = [_placed_cells(row) for row in placed]
            tables += '<div style="height: 0.8em"></div>'
            tables += html_table(_PLACES, cells, [row.planned for row in placed])
        return html_page(_setting(self), tables, _summary(self), [("note", n) for n in self.notes])


_STEPS: tuple[Column, ...] = (
    ("step", NAME_WIDTH, "<"),
    ("kernel", 9, "<"),
    ("tasks", 7, ">"),
    ("chunks", 17, ">"),
    ("dtype", 10, "<"),
    ("device", 7, "<"),
    ("moved", 9, ">"),
    ("peak", 9, ">"),
)
"""What there is to do: 93 columns and 7 gaps of 1."""

_PLACES: tuple[Column, ...] = (
    ("placed step", NAME_WIDTH, "<"),
    ("device", 7, "<"),
    ("time", 14, ">"),
    ("to device", 17, ">"),
    ("to host", 17, ">"),
    ("device peak", 11, ">"),
)
"""What placement makes of it: 91 columns and 5 gaps of 1."""


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


def _placed(e: Explanation) -> list[Row]:
    """Rows that a policy had to decide on, or that go to a device with those."""
    if e.policy in ("none", "cpu"):
        return []
    return [row for row in e.rows if row.reason or row.device != "cpu"]


def _placed_cells(row: Row) -> tuple[str, ...]:
    time = "no measurement" if row.unmeasured else "-"
    return (
        row.name,
        row.device,
        time if row.seconds is None else format_seconds(row.seconds),
        str(row.to_device) if row.to_device.number else "-",
        str(row.to_host) if row.to_host.number else "-",
        _bytes(row.device_peak_bytes),
    )


def _setting(e: Explanation) -> list[Fact]:
    m = e.machine
    kind = "worker" if m.distributed else "process"
    workers = f"{m.workers} {kind}" + ("es" if kind == "process" and m.workers > 1 else "")
    workers += "s" if kind == "worker" and m.workers > 1 else ""
    threads = f"{m.threads} thread" + ("s" if m.threads > 1 else "")
    budget = f"{format_bytes(m.memory)} ({m.source})"
    placed = f"{e.policy}: {e.devices}" if e.devices else e.policy
    return [("workers", f"{workers} × {threads}, each with {budget}"), ("placement", placed)]


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
        missing = ", ".join(dict.fromkeys(row.name for row in e.rows if row.unmeasured))
        told = f"about {whole}" + (f": {each}" if len(priced) > 1 else "")
        facts.append(("time", told + (f"; no measurement of {missing}" if missing else "")))
    if t.to_device.number or t.to_host.number:
        facts.append(("copies", f"{t.to_device} to device, {t.to_host} to host"))
    if t.peak_bytes:
        verdict = "" if t.peak_bytes <= e.machine.memory else " - OVER THE BUDGET"
        budget = format_bytes(e.machine.memory)
        facts.append(("peak", f"{format_bytes(t.peak_bytes)} of {budget} per worker{verdict}"))
    if t.device_peak_bytes:
        of = f" of {format_bytes(e.device_memory)}" if e.device_memory is not None else ""
        verdict = "" if e._fits_device else " - OVER WHAT A DEVICE HAS"
        facts.append(("device", f"peak {format_bytes(t.device_peak_bytes)}{of} of each{verdict}"))
    return facts
