"""The JSON of a run, its shape, and the table that documents show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA: dict[str, Any] = {
    "machine": dict,
    "versions": dict,
    "size": str,
    "seconds": float,
    "tests": dict,
    "rates": dict,
    "benchmarks": list,
    "not_run": list,
    "without_case": list,
}
ENTRY = ("name", "against", "ours", "theirs", "ratio", "target", "holds", "floor", "of_floor")
HEADINGS = ("benchmark", "against", "ours", "theirs", "ratio", "target", "floor", "of the floor")
NUMBERS_FROM = 2


def check(run: Mapping[str, Any]) -> None:
    """Raise unless a run has the shape that readers expect.

    >>> check({})
    Traceback (most recent call last):
    ...
    ValueError: machine is missing
    """
    for name, kind in SCHEMA.items():
        if name not in run:
            raise ValueError(f"{name} is missing")
        if not isinstance(run[name], kind):
            raise ValueError(f"{name} is {type(run[name]).__name__}, expected {kind.__name__}")
    for count in ("passed", "failed", "skipped"):
        if not isinstance(run["tests"].get(count), int):
            raise ValueError(f"tests[{count!r}] is no number")
    for entry in run["benchmarks"]:
        if missing := [name for name in ENTRY if name not in entry]:
            raise ValueError(f"{entry.get('name')}: {missing} missing")


def markdown(run: Mapping[str, Any]) -> str:
    """A run as a table, with its machine above and what did not run below."""
    facts = run["machine"]
    lines = [f"{facts['device']}; {facts['cpu']}, {facts['cores']} cores; {_versions(run)}.", ""]
    if facts["stand_in"]:
        lines[:0] = [
            "**A dry run on a stand-in: none of these times says anything of a card.**",
            "",
        ]
    tests = run["tests"]
    lines += [
        f"Tests: {tests['passed']} passed, {tests['failed']} failed, {tests['skipped']} skipped.",
        "Copies: " + ", ".join(f"{_name(k)} {v / 1e9:.3g} GB/s" for k, v in run["rates"].items()),
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|" + "".join(" --- |" if i < NUMBERS_FROM else " ---: |" for i in range(len(HEADINGS))),
    ]
    lines += [f"| {' | '.join(_cells(entry))} |" for entry in run["benchmarks"]]
    notes = [
        f"- {entry['name']}: {_values(entry)}" for entry in run["benchmarks"] if _values(entry)
    ]
    notes += [f"- not run: {name}" for name in run["not_run"]]
    notes += [f"- failed: {name}" for name in tests.get("failures", [])]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _cells(entry: Mapping[str, Any]) -> Sequence[str]:
    if entry["error"]:
        return entry["name"], entry["against"], entry["error"], *("",) * (len(HEADINGS) - 3)
    verdict = {None: "", True: " holds", False: " **fails**"}[entry["holds"]]
    target = "" if entry["target"] is None else f"{entry['target']:g}{verdict}"
    share = "" if entry["of_floor"] is None else f"{entry['of_floor']:.2f}"
    return (
        entry["name"],
        entry["against"],
        _time(entry["ours"]),
        _time(entry["theirs"]),
        f"{entry['ratio']:.2f}",
        target,
        _time(entry["floor"]),
        share,
    )


def _values(entry: Mapping[str, Any]) -> str:
    found = [f"{name} {value:.4g}" for name, value in entry["values"].items() if value is not None]
    return ", ".join(found)


def _time(seconds: float | None) -> str:
    """Seconds for people.

    >>> _time(0.00123), _time(2.5)
    ('1.23 ms', '2.5 s')
    """
    if seconds is None:
        return ""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _name(rate: str) -> str:
    return rate.replace("_", " ")


def _versions(run: Mapping[str, Any]) -> str:
    shown = ("spanwise", "cupy", "numpy", "dask", "torch")
    return ", ".join(f"{k} {v}" for k, v in run["versions"].items() if k.split("-")[0] in shown)
