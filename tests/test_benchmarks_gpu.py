"""The benchmarks of a card, dry: on the stand-in, at toy size, with the report that they write."""

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psutil")
pytest.importorskip("zarr")
sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import install, resident, suite, tables
from benchmarks.gpu.device import Device, Times
from benchmarks.gpu.entry import Entry

pytestmark = pytest.mark.usefixtures("untroubled_by_the_process", "collections_are_brief")
ROOT = Path(__file__).parents[1]
DRY = ["--device", "hostfree", "--no-tests"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One dry run of everything but the tests."""
    folder = tmp_path_factory.mktemp("gpu")
    assert command.main([*DRY, "--out", str(folder)]) == 0
    return json.loads((folder / "gpu-stand-in-hostfree.json").read_text(encoding="utf-8"))


def test_every_benchmark_runs_and_its_answers_agree(run):
    tables.check(run)
    assert run["not_run"] == ["tests"]
    assert [entry["error"] for entry in run["benchmarks"]] == [""] * len(run["benchmarks"])
    assert all(entry["ours"] > 0 and entry["ratio"] > 0 for entry in run["benchmarks"])
    assert all(entry["floor"] > 0 and entry["bytes"] > 0 for entry in run["benchmarks"])


def test_a_dry_run_says_so_and_judges_nothing(run):
    assert run["machine"]["stand_in"] is True
    assert "no measurement" in run["machine"]["device"]
    assert {entry["holds"] for entry in run["benchmarks"]} == {None}
    assert tables.markdown(run).startswith("**A dry run on a stand-in")


def test_the_table_has_a_line_for_each_entry(run):
    lines = tables.markdown(run).splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 2 + len(run["benchmarks"])


def test_the_page_names_every_benchmark_with_its_floor():
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    assert not [name for name in command.BENCHMARKS if f"`{name}`" not in page]


@pytest.mark.parametrize("name", tables.SCHEMA)
def test_a_report_without_one_of_its_parts_is_refused(run, name):
    with pytest.raises(ValueError, match=name):
        tables.check({key: value for key, value in run.items() if key != name})


def test_a_target_is_judged_at_full_size_on_a_card_only():
    entry = Entry("x", "y", Times((1.0, 1.0), (0.9, 0.9)), target=0.95)
    assert entry.as_dict(promised=False)["holds"] is None
    assert entry.as_dict(promised=True)["holds"] is False
    kept = Entry("x", "y", Times((1.0,), (0.96,)), target=0.95)
    assert kept.as_dict(promised=True)["holds"] is True
    failed = Entry("x", "y", None, target=0.95, error="no room")
    assert failed.as_dict(promised=True)["holds"] is False


def test_a_benchmark_that_fails_is_reported_and_fails_the_run(monkeypatch, tmp_path, capsys):
    def broken(device, size, rates):
        raise RuntimeError("no room\nand more")
        yield

    monkeypatch.setitem(command.BENCHMARKS, "smoothing", broken)
    assert command.main([*DRY, "--out", str(tmp_path), "--only", "smoothing"]) == 1
    assert "RuntimeError: no room" in capsys.readouterr().out


def test_what_the_time_does_not_reach_is_named(tmp_path, capsys):
    argv = [*DRY, "--out", str(tmp_path), "--only", "smoothing", "--seconds", "-1"]
    command.main(argv)
    found = json.loads((tmp_path / "gpu-stand-in-hostfree.json").read_text(encoding="utf-8"))
    assert found["not_run"] == ["tests", "smoothing"]
    assert "- not run: smoothing" in capsys.readouterr().out
    command.main(["--table", str(tmp_path / "gpu-stand-in-hostfree.json")])
    assert "- not run: smoothing" in capsys.readouterr().out


def test_answers_that_differ_are_not_timed():
    device = Device("hostfree")
    x = device.put(np.ones(4))
    resident.check_equal(device, x, x)
    with pytest.raises(AssertionError, match="differ by 1"):
        resident.check_equal(device, 2 * x, x)
    with pytest.raises(AssertionError, match="differ"):
        resident.check_equal(device, x * np.nan, x)


RESULTS = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><skipped message="no GPU"/></testcase>
<testcase name="c"><failure message="assert 1 == 2&#10;more"/></testcase>
<testcase name="d"><error message="failed at setup"/></testcase>
</testsuite></testsuites>"""


def test_tests_are_counted_by_how_they_ended(tmp_path):
    (tmp_path / "tests.xml").write_text(RESULTS, encoding="utf-8")
    found = suite.counted(tmp_path / "tests.xml")
    assert (found["passed"], found["skipped"], found["failed"]) == (1, 1, 2)
    assert found["failures"] == ["c: assert 1 == 2", "d: failed at setup"]
    assert found["reasons"] == {"no GPU": 1}


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_the_suite_runs_in_a_process_of_its_own_and_stops_in_time(handler):
    """Also in the background of a shell, where interrupts are ignored."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        late = suite.run_tests("hostfree", workers=1, seconds=2)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert late["failed"] == 1
    assert "stopped after" in late["failures"][0]


def wheel(folder, name, version, needs=(), tag="py3-none-any"):
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as file:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {need}" for need in needs]
        file.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
    return path


def test_wheels_are_taken_for_what_is_missing_and_for_nothing_else(tmp_path):
    a = wheel(
        tmp_path, "spanwise_test_a", "1.0", ["spanwise-test-b>=2", "numpy>=1", "x; extra=='y'"]
    )
    b = wheel(tmp_path, "spanwise_test_b", "2.1")
    wheel(tmp_path, "numpy", "9.9")
    take, missing = install.chosen(["spanwise-test-a", "torch"], install.carried(tmp_path))
    assert sorted(take) == sorted([a, b])
    assert missing == []


def test_what_is_nowhere_is_named_with_who_needs_it(tmp_path):
    wheel(tmp_path, "spanwise_test_a", "1.0", ["spanwise-test-c>=3"])
    wheel(tmp_path, "spanwise_test_c", "3.0", tag="cp27-cp27m-win32")
    _, missing = install.chosen(["spanwise-test-a"], install.carried(tmp_path))
    assert missing == ["spanwise-test-c>=3 (for spanwise-test-a)"]


def test_two_versions_of_one_package_are_refused(tmp_path):
    wheel(tmp_path, "spanwise_test_a", "1.0")
    wheel(tmp_path, "spanwise_test_a", "1.1")
    with pytest.raises(SystemExit, match="two versions of spanwise-test-a"):
        install.carried(tmp_path)


def test_the_script_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gpu" / "install.py", tmp_path, tmp_path / "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1)
    assert "from wheels:" in done.stdout or "neither installed nor in" in done.stderr
