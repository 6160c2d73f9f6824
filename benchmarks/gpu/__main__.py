"""Command line: ``python -m benchmarks.gpu``; ``run.sh`` prepares a bare machine for it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import spanwise

from ..report import machine, versions
from . import clusters, copies, exchange, resident, stored, tables
from .device import Device
from .entry import Entry, Rates
from .suite import run_tests

Benchmark = Callable[[Device, str, Rates], Iterator[Entry]]
BENCHMARKS: dict[str, Benchmark] = {
    "transforms": resident.transforms,
    "smoothing": resident.smoothing,
    "kmeans": clusters.iterations,
    "copies": copies.pinned_against_pageable,
    "overlap": copies.overlap,
    "stored": stored.out_of_core,
    "one-card": exchange.one_card,
    "two-workers": exchange.two_workers,
}
PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "torch", "cuml-cu13", "numba", "pytest")
TESTS_SHARE = 0.55
"""Of the time that there is, tests may take this much."""
RESULTS = Path(__file__).parents[1] / "results"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description="Run the tests and benchmarks of a card; write JSON and a table.",
        epilog="Exits with 1 if a test fails, answers differ or a target is not met.",
    )
    parser.add_argument("--device", choices=("cupy", "hostfree"), default="cupy")
    parser.add_argument("--size", choices=("full", "toy"), help="default: toy on the stand-in")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="default: all benchmarks")
    parser.add_argument("--no-tests", action="store_true", help="benchmarks alone")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--seconds", type=float, default=450.0, help="time for all of it")
    parser.add_argument("--workers", type=int, help="processes for tests (default: by cores)")
    parser.add_argument("--table", type=Path, metavar="JSON", help="print the table of a run; stop")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = parse(argv)
    if options.table is not None:
        print(tables.markdown(json.loads(options.table.read_text(encoding="utf-8"))))
        return 0
    device = Device(options.device)
    out = options.out or (RESULTS if device.is_card else Path.cwd())
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"gpu-{device.slug}.json"
    run: dict[str, Any] = {}
    for run in measured(device, options):
        save(run, path)
    print(tables.markdown(run), f"\nwritten to {path}", sep="")
    bad = run["tests"]["failed"] or any(
        e["error"] or e["holds"] is False for e in run["benchmarks"]
    )
    return 1 if bad else 0


def save(run: dict[str, Any], path: Path) -> None:
    """Write a run, as far as it has come, and its table."""
    tables.check(run)
    path.write_text(json.dumps(run, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(tables.markdown(run), encoding="utf-8")


def measured(device: Device, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The report, again after each step."""
    start = time.monotonic()
    size = options.size or ("full" if device.is_card else "toy")
    names = list(options.only or BENCHMARKS)
    run: dict[str, Any] = {
        "machine": {**machine(), **device.facts},
        "versions": {**versions(), **more_versions()},
        "size": size,
        "seconds": 0.0,
        "tests": {"passed": 0, "failed": 0, "skipped": 0},
        "rates": {},
        "benchmarks": [],
        "not_run": ["tests"] * options.no_tests + names,
        "without_case": without_case(),
    }
    if not options.no_tests:
        workers = options.workers or max(1, min(6, (os.cpu_count() or 1) // 2))
        share = options.seconds * TESTS_SHARE
        run["tests"] = tests = run_tests(device.library, workers=workers, seconds=share)
        counts = ", ".join(f"{tests[name]} {name}" for name in ("passed", "failed", "skipped"))
        say(f"tests: {counts}")
    yield run
    rates = copies.measure_rates(device, size)
    run["rates"] = asdict(rates)
    judged = device.is_card and size == "full"
    for name in names:
        if time.monotonic() - start > options.seconds:
            continue
        begun = time.monotonic()
        entries = attempt(name, device, size, rates)
        run["benchmarks"] += [entry.as_dict(promised=judged) for entry in entries]
        run["not_run"].remove(name)
        run["seconds"] = round(time.monotonic() - start, 1)
        say(f"{name}: {time.monotonic() - begun:.1f} s")
        yield run


def attempt(name: str, device: Device, size: str, rates: Rates) -> list[Entry]:
    """A benchmark's entries; one that fails says so and leaves the others alone."""
    found: list[Entry] = []
    try:
        found.extend(BENCHMARKS[name](device, size, rates))
    except Exception as error:
        traceback.print_exc()
        said = str(error).splitlines()[0] if str(error) else ""
        found.append(Entry(name, "", None, error=f"{type(error).__name__}: {said}"[:300]))
    finally:
        device.clean()
    return found


def more_versions() -> dict[str, str]:
    """Versions of ourselves, installed or not, and of what only a machine with a card has."""
    found = {"spanwise": spanwise.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def without_case() -> list[str]:
    """Public functions of arrays that the tests do not reach, having no case."""
    import spanwise as sw
    from spanwise.testing.cases import all_cases

    known = {case.function for case in all_cases()}
    public = [f"fft.{n}" for n in sw.fft.__all__] + [f"signal.{n}" for n in sw.signal.__all__]
    return [name for name in public if name not in known]


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
