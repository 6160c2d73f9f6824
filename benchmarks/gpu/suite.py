"""The tests of a card, in processes of their own, and how they ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LARGE = "2_to_the_31"
"""In the names of tests that need most of a card for themselves."""
LATE = 20
"""Seconds that pytest may take to write what it has."""


def run_tests(library: str, *, workers: int, seconds: float) -> dict[str, Any]:
    """Run the tests of ``tests/gpu`` that are those of a library, and count."""
    found: dict[str, Any] = {"passed": 0, "failed": 0, "skipped": 0, "failures": [], "reasons": {}}
    end = time.monotonic() + seconds
    spread = workers > 1 and find_spec("xdist") is not None
    names = " and not hostfree" if library == "cupy" else f" and {library}"
    rounds = [
        (f"not {LARGE}{names}", ["-n", str(workers), "--dist", "loadscope"] if spread else []),
    ]
    if library == "cupy":
        rounds.append((LARGE, []))
    for chosen, options in rounds:
        _add(found, _run(chosen, options, max(end - time.monotonic(), 1.0)))
    return found


def _run(chosen: str, options: list[str], seconds: float) -> dict[str, Any]:
    """One call of pytest; warnings of what a machine has installed are shown, not errors."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", "tests/gpu", "-q", "-W", "default"]
        command += ["-p", "no:cacheprovider", "-k", chosen, f"--junitxml={listing}", *options]
        stopped = _finished(command, seconds)
        found = counted(listing) if listing.exists() else {"failed": 0, "failures": []}
        if stopped or not listing.exists():
            found["failed"] += 1
            found["failures"].append(f"-k '{chosen}': {stopped or 'pytest left no results'}")
        return found


def _finished(command: list[str], seconds: float) -> str:
    """Run pytest; where the time is up, let it write what it has, and say so."""
    process = _listening(command)
    for wait, signal_ in ((seconds, signal.SIGINT), (LATE, signal.SIGKILL)):
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal_)
        else:
            return "" if wait == seconds else f"stopped after {seconds:.0f} s"
    process.wait()
    return f"killed after {seconds + LATE:.0f} s"


def _listening(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that hears interrupts: what a shell runs in the background ignores them."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        return subprocess.Popen(command, cwd=ROOT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return subprocess.Popen(command, cwd=ROOT)
    finally:
        signal.signal(signal.SIGINT, before)


def counted(listing: Path) -> dict[str, Any]:
    """What a file of results in JUnit's form says."""
    found: dict[str, Any] = {"passed": 0, "failed": 0, "skipped": 0, "failures": [], "reasons": {}}
    for case in ElementTree.parse(listing).getroot().iter("testcase"):
        outcomes = {child.tag: child for child in case}
        if "failure" in outcomes or "error" in outcomes:
            found["failed"] += 1
            what = outcomes.get("failure", outcomes.get("error"))
            text = (what.get("message") or "").splitlines() if what is not None else []
            found["failures"].append(f"{case.get('name')}: {text[0][:200] if text else ''}")
        elif "skipped" in outcomes:
            found["skipped"] += 1
            reason = outcomes["skipped"].get("message") or ""
            found["reasons"][reason] = found["reasons"].get(reason, 0) + 1
        else:
            found["passed"] += 1
    return found


def _add(total: dict[str, Any], part: dict[str, Any]) -> None:
    for name in ("passed", "failed", "skipped"):
        total[name] += part.get(name, 0)
    total["failures"] += part.get("failures", [])
    for reason, count in part.get("reasons", {}).items():
        total["reasons"][reason] = total["reasons"].get(reason, 0) + count
