"""Command line: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from .registry import FAMILIES, WORKLOADS
from .report import Report
from .timing import Row, compare, peak_bytes
from .workload import Workload


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time spanwise against its peers, in turn, on the same data and threads.",
        epilog="Exits with 1 if answers differ or a floor or limit is not kept.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="workloads (default: all)")
    parser.add_argument("--size", choices=("full", "toy"), default="full")
    parser.add_argument("--pairs", type=int, help="pairs to time (default: by duration, 7, 3 or 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the data (default: 0)")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="PATH",
        default=Path("benchmark-results.json"),
        help="write everything there (default: benchmark-results.json)",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--no-memory", action="store_true", help="do not measure peak memory")
    parser.add_argument("--list", action="store_true", help="list the workloads and stop")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown workload {unknown[0]!r}: expected one of {', '.join(WORKLOADS)}")
    if options.pairs is not None and options.pairs < 1:
        parser.error(f"--pairs {options.pairs}: expected at least 1")
    return options


def listing() -> str:
    """All workloads with their sizes and peers."""
    lines = []
    for workload in WORKLOADS.values():
        size = ", ".join(f"{name}={value}" for name, value in workload.sizes["full"].items())
        lines += [f"{workload.name}: {workload.summary}", f"    full size: {size}"]
        lines += [f"    at most {limit.bound:.4g}: {limit.name}" for limit in workload.limits]
        for peer in workload.peers:
            floor = "" if peer.floor is None else f" (at least {peer.floor:g}x)"
            reason = workload.missing or peer.missing
            missing = "" if reason is None else f" [{reason}]"
            lines.append(f"    against {peer.name}{floor}{missing}")
    lines += [
        f"{family.name} (at least {family.floor:g}x in geometric mean): "
        f"{', '.join(family.workloads)}"
        for family in FAMILIES
    ]
    return "\n".join(lines)


def measure(workload: Workload, options: argparse.Namespace) -> list[Row]:
    """One row for each peer that is there."""
    if workload.missing is not None:
        return []
    rows = []
    sample = {"size": options.size, "seed": options.seed}
    with_memory = not (options.no_memory or workload.costly)
    ours = peak_bytes(workload, "ours", **sample) if with_memory else None
    for peer in workload.peers:
        if peer.missing is not None:
            continue
        print(f"{workload.name} against {peer.name} ...", file=sys.stderr, flush=True)
        row = compare(workload, peer, pairs=options.pairs, **sample)
        theirs = peak_bytes(workload, peer.name, **sample) if with_memory else None
        rows.append(replace(row, ours_peak=ours, theirs_peak=theirs))
    return rows


def main(argv: list[str] | None = None) -> int:
    """Run what the command line asks for; the exit status says whether every floor is kept."""
    options = parse(argv)
    if options.list:
        print(listing())
        return 0
    chosen = [WORKLOADS[name] for name in options.names or WORKLOADS]
    report = Report(
        size=options.size,
        seed=options.seed,
        rows=tuple(row for workload in chosen for row in measure(workload, options)),
        skipped=tuple(
            (workload.name, peer.name, reason)
            for workload in chosen
            for peer in workload.peers
            if (reason := workload.missing or peer.missing) is not None
        ),
        families=FAMILIES,
    )
    print(report.as_table(markdown=options.markdown))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(report.as_json(), encoding="utf-8")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
