"""The table at the end, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..machine import format_bytes
from ..schedulers.explanation import Explanation
from .measure import Measured, Meter
from .workplace import Settings

_COLUMNS = (
    ("what", 22, "<"),
    ("seconds", 8, ">"),
    ("data", 10, ">"),
    ("GB/s", 6, ">"),
    ("measured peak", 14, ">"),
    ("planned peak", 13, ">"),
)


def table(meter: Meter, budget: int) -> str:
    """What, seconds, GB/s, and the measured peak against the planned one."""
    rule = "-" * (sum(width for _, width, _ in _COLUMNS) + len(_COLUMNS) - 1)
    lines = [_line(title for title, _, _ in _COLUMNS), rule]
    lines += [_line(_cells(measured)) for measured in meter.measured]
    total = sum(measured.seconds for measured in meter.measured)
    verdict = "within" if meter.peak <= budget else "OVER"
    lines += [
        rule,
        f"{total:.1f} s in all. Peak of a process while the jobs ran: {format_bytes(meter.peak)}, "
        f"{verdict} the budget",
        f"of {format_bytes(budget)}, beside {format_bytes(meter.baseline)} of interpreter and "
        f"libraries ({format_bytes(meter.peak + meter.baseline)} resident at most).",
    ]
    return "\n".join(lines)


def _cells(measured: Measured) -> tuple[str, ...]:
    moved = measured.nbytes > 0
    return (
        measured.name,
        f"{measured.seconds:.1f}",
        format_bytes(measured.nbytes) if moved else "-",
        f"{measured.rate / 1e9:.2f}" if moved else "-",
        format_bytes(measured.peak),
        format_bytes(measured.planned) if measured.planned else "-",
    )


def _line(cells: Any) -> str:
    parts = (
        f"{cell:{align}{width}}" for cell, (_, width, align) in zip(cells, _COLUMNS, strict=True)
    )
    return " ".join(parts).rstrip()


def as_json(
    settings: Settings, meter: Meter, plans: Mapping[str, Explanation], dataset: str
) -> str:
    """Everything that was asked, planned and measured."""
    content = {
        "settings": {**asdict(settings), "out": str(settings.out), "budget": settings.budget},
        "dataset": json.loads(dataset),
        "plans": {name: json.loads(plan.to_json()) for name, plan in plans.items()},
        "measured": [asdict(measured) for measured in meter.measured],
        "baseline": meter.baseline,
        "peak": meter.peak,
    }
    return json.dumps(content, indent=2)
