"""The benchmarks run at toy size; what they time is the same task on both sides."""

import json
import mmap
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import dask.array as da
import numpy as np
import pytest

import spanwise as sw

pytest.importorskip("psutil")
sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import __main__ as command
from benchmarks.registry import WORKLOADS
from benchmarks.report import Report
from benchmarks.timing import PeakMemory, Row, compare, pairs_for, peak_bytes, threads
from benchmarks.workload import Agreement, Limit, Measured, Peer, Workload

pytestmark = pytest.mark.usefixtures("collections_are_brief")

PAIRS = [
    pytest.param(workload, peer, id=f"{workload.name} against {peer.name}")
    for workload in WORKLOADS.values()
    for peer in workload.peers
]
SAME = Agreement(0.0, 0.1)
WRONG_DATA = (
    "fft2",
    "smoothing",
    "fftn",
    "dctn",
    "fftshift",
    "spectrum",
    "fft-decimated",
    "fft-line",
    "rfft-line",
    "zoom",
    "oaconvolve",
    "envelope",
)


@pytest.fixture(autouse=True)
def results_are_written_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def trivial(**changes):
    """A workload whose answer is a sum."""
    workload = Workload(
        name="sum",
        summary="a sum",
        sizes={"full": {"n": 3}, "toy": {"n": 2}},
        make=lambda *, n, seed: np.arange(n) + seed,
        ours=np.sum,
        peers=(Peer("numpy", np.sum, floor=1e-9),),
        check=lambda data, ours, theirs: Agreement(abs(ours - theirs), 0.0),
    )
    return replace(workload, **changes)


@pytest.mark.parametrize(("workload", "peer"), PAIRS)
def test_both_sides_find_the_same_answer(workload, peer):
    reason = workload.missing or peer.missing
    if reason:
        pytest.skip(reason)
    row = compare(workload, peer, size="toy", pairs=1)
    assert row.agreement.holds, row.agreement
    assert len(row.ratios) == (1 if workload.vary is None else 5)
    assert min(*row.ours_s, *row.theirs_s) > 0


@pytest.mark.parametrize("name", WRONG_DATA)
def test_the_answer_of_a_transform_tells_wrong_data_apart(name):
    workload = WORKLOADS[name]
    with threads():
        data, other = workload.data("toy", 0), workload.data("toy", 1)
        ours = workload.ours(data)
        for peer in workload.peers:
            assert not workload.check(data, ours, peer.run(other)).holds


def test_a_stored_transform_is_checked_against_what_is_known_and_its_copies():
    workload = WORKLOADS["fftn-stored"]
    with threads():
        data = workload.data("toy", 0)
        ours = workload.ours(data).answer
        theirs = workload.peers[0].run(data).answer
    assert workload.check(data, ours, theirs).holds
    wrong = replace(ours, lines=ours.lines * 1.001)
    assert not workload.check(data, wrong, theirs).holds
    assert not workload.check(data, ours, wrong).holds
    assert not workload.check(data, ours, replace(theirs, total=theirs.total + 1)).holds


def test_the_stored_transform_is_staged_at_toy_size_too():
    x = da.zeros((64, 64, 64), chunks=(8, 64, 64), dtype=np.float32)
    with threads(), sw.set_options(memory=WORKLOADS["fftn-stored"].sizes["toy"]["budget"]):
        y = sw.fft.fftn(x)
    steps = [layer.step.pattern for layer in y.dask.layers.values() if hasattr(layer, "step")]
    assert "exchange (staged)" in steps


def test_what_is_stored_goes_with_the_data():
    data = WORKLOADS["fftn-stored"].data("toy", 0)
    path = data.path
    assert path.is_dir()
    del data
    assert not path.exists()


def test_a_fit_that_clusters_badly_does_not_hold():
    workload = WORKLOADS["kmeans"]
    with threads():
        data = workload.data("toy", 0)
        fit = workload.ours(data)
    assert workload.check(data, fit, fit).holds
    labels = np.random.default_rng(0).permutation(fit.labels)
    assert not workload.check(data, replace(fit, labels=labels), fit).holds


def test_our_fit_reads_a_chunk_four_times_at_most():
    workload = WORKLOADS["kmeans-reads"]
    with threads():
        fit = workload.ours(workload.data("toy", 0))
    assert 1 <= fit.reads <= 4


def test_the_floors_are_those_that_are_promised():
    floors = {w.name: {p.name: p.floor for p in w.peers if p.floor} for w in WORKLOADS.values()}
    assert floors["fft2"] == {"dask.array.fft.fft2": 5, "scipy.fft.fft2, in memory": 1.1}
    assert floors["smoothing"] == {"scipy.fft.rfft2, irfft2, in memory": 1.5}
    assert floors["fftn"] == {"rechunk + dask.array.fft": 4, "scipy.fft.fftn, in memory": 0.85}
    assert floors["fft-decimated"] == {"scipy.fft.fft, in memory": 1.8}
    assert floors["graph"] == {"dask.array.fft.fft": 1}
    assert floors["fftn-stored"] == {"copying both twice, Dask and Zarr": 0.5}
    limits = {w.name: [(one.name, one.bound) for one in w.limits] for w in WORKLOADS.values()}
    assert limits["graph"] == [("call, s", 0.1)]
    assert limits["fftn-stored"] == [("peak RSS, GiB", 1.5 + 400e6 / 2**30)]
    full = WORKLOADS["fft2"].sizes["full"]
    assert full == {"shape": (64, 1024, 1024), "chunks": (4, 1024, 1024)}
    assert WORKLOADS["fftn"].sizes["full"] == {"shape": (512,) * 3, "chunks": (32, 512, 512)}


def test_a_floor_is_promised_at_full_size_only():
    workload = trivial()
    assert compare(workload, workload.peers[0], size="full", pairs=1).holds is True
    assert compare(workload, workload.peers[0], size="toy", pairs=1).holds is None


def test_a_limit_is_kept_by_the_worst_run_and_promised_at_full_size_only():
    calls = iter((1.0, 2.0, 5.0, 3.0))
    measures_itself = trivial(
        ours=lambda data: Measured(np.sum(data), 0.5, {"call, s": next(calls)}),
        limits=(Limit("call, s", 4.0),),
    )
    row = compare(measures_itself, measures_itself.peers[0], size="full", pairs=3)
    assert row.ours_s == (0.5, 0.5, 0.5)
    (limit,) = row.limits
    assert (limit.value, limit.holds, row.holds) == (5.0, False, False)
    ours, theirs = row.agreement.counts["call, s"]
    assert ours == 5.0
    assert np.isnan(theirs)
    calls = iter((1.0, 2.0))
    row = compare(measures_itself, measures_itself.peers[0], size="toy", pairs=1)
    assert row.limits == ()
    assert row.holds is None


def test_a_share_of_the_memory_of_a_peer_is_kept_where_peaks_were_measured():
    workload = trivial()
    peer = replace(workload.peers[0], floor=None, memory=0.25)
    row = compare(workload, peer, size="full", pairs=1)
    assert row.holds is None
    assert replace(row, ours_peak=1, theirs_peak=4).holds is True
    above = replace(row, ours_peak=2, theirs_peak=4)
    assert above.holds is False
    table = Report("full", 0, (above,)).as_table()
    assert "peak over that of numpy 0.5, at most 0.25: DOES NOT HOLD" in table
    assert compare(workload, peer, size="toy", pairs=1).memory is None


def test_a_limit_on_what_nobody_measured_does_not_hold():
    workload = trivial(limits=(Limit("call, s", 4.0),))
    assert compare(workload, workload.peers[0], size="full", pairs=1).holds is False


def test_the_runs_of_costly_sides_that_are_checked_count():
    order = []
    peer = Peer("peer", lambda data: order.append("theirs"))
    workload = trivial(ours=lambda data: order.append("ours"), check=lambda *_: SAME, costly=True)
    row = compare(workload, peer, size="toy", pairs=3)
    assert order == ["ours", "theirs"] * 3
    assert len(row.ratios) == 3


@pytest.mark.parametrize(("pairs", "given"), [(1, "ab"), (3, "aba"), (5, "ababa")])
def test_variants_are_given_in_turn_and_checked_together(pairs, given):
    seen, checked = {"ours": "", "theirs": ""}, []

    def side(name):
        def run(variant):
            seen[name] += variant
            return name, variant

        return run

    def check(data, *answers):
        checked.append(answers)
        return SAME

    peer = Peer("peer", side("theirs"))
    workload = trivial(ours=side("ours"), check=check, vary=lambda data: "ab", costly=True)
    row = compare(workload, peer, size="toy", pairs=pairs)
    assert seen == {"ours": given, "theirs": given}
    assert len(row.ratios) == len(given)
    ((ours, theirs),) = checked
    assert ours == (("ours", "a"), ("ours", "b"))
    assert theirs == (("theirs", "a"), ("theirs", "b"))


def test_sides_are_timed_in_turn():
    order = []
    peer = Peer("peer", lambda data: order.append("theirs"))
    workload = trivial(ours=lambda data: order.append("ours"), check=lambda *_: SAME)
    compare(workload, peer, size="toy", pairs=3)
    assert order == ["ours", "theirs"] * 4


@pytest.mark.parametrize(("taken", "pairs"), [(1, 7), (60, 7), (61, 3), (600, 3), (601, 1)])
def test_long_pairs_are_timed_less_often(taken, pairs):
    assert pairs_for(taken) == pairs


def test_ratio_is_the_median_of_pairs():
    row = Row("name", "peer", SAME, (1.0, 2.0, 1.0), (2.0, 12.0, 3.0), floor=3.0)
    assert row.ratios == (2.0, 6.0, 3.0)
    assert row.quartiles == (2.5, 3.0, 4.5)
    assert row.holds is True
    assert replace(row, floor=3.1).holds is False
    assert replace(row, floor=None).holds is None
    assert replace(row, agreement=Agreement(float("nan"), 0.1)).holds is False
    assert Row("name", "peer", SAME, (1.0,), (2.0,)).quartiles == (2.0, 2.0, 2.0)


def test_both_sides_have_two_threads():
    import dask
    from dask.system import CPU_COUNT

    with threads() as pools:
        assert dask.config.get("num_workers") == 2
        assert dask.config.get("scheduler") == "threads"
        assert all(pool["threads"] <= 2 or CPU_COUNT < 2 for pool in pools)
    assert dask.config.get("num_workers", None) is None


def test_answers_that_differ_are_reported_and_not_timed(monkeypatch, capsys):
    wrong = trivial(ours=lambda data: np.sum(data) + 1)
    monkeypatch.setitem(WORKLOADS, "sum", wrong)
    assert command.main(["sum", "--size", "toy", "--no-memory"]) == 1
    said = capsys.readouterr().out
    assert "answers" in said
    assert "differ" in said
    assert "error 1, over 0; not timed" in said


def test_a_limit_that_is_exceeded_is_reported_and_sets_the_exit_status(
    monkeypatch, capsys, tmp_path
):
    slow = trivial(
        ours=lambda data: Measured(np.sum(data), 0.5, {"call, s": 9.0}),
        limits=(Limit("call, s", 4.0),),
    )
    monkeypatch.setitem(WORKLOADS, "sum", slow)
    path = tmp_path / "out.json"
    assert command.main(["sum", "--no-memory", "--pairs", "1", "--json", str(path)]) == 1
    assert "sum: call, s 9, at most 4: DOES NOT HOLD" in capsys.readouterr().out
    (row,) = json.loads(path.read_text())["rows"]
    assert row["limits"] == [{"name": "call, s", "bound": 4.0, "value": 9.0, "holds": False}]
    assert row["holds"] is False
    assert command.main(["--list"]) == 0
    assert "at most 4: call, s" in capsys.readouterr().out


def test_a_peer_that_is_missing_is_skipped_and_the_reason_printed(monkeypatch, capsys, tmp_path):
    peer = Peer("absent", np.sum, module="no_such_module", requirement="no-such-package")
    monkeypatch.setitem(WORKLOADS, "sum", trivial(peers=(peer,)))
    path = tmp_path / "new" / "out.json"
    assert command.main(["sum", "--size", "toy", "--no-memory", "--json", str(path)]) == 0
    reason = "no_such_module is not installed: python -m pip install no-such-package"
    assert f"sum, absent: skipped, {reason}" in capsys.readouterr().out
    content = json.loads(path.read_text())
    assert content["skipped"] == [{"name": "sum", "peer": "absent", "reason": reason}]
    assert content["rows"] == []


def test_a_workload_whose_kernel_is_missing_is_skipped_and_the_reason_printed(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(WORKLOADS, "sum", trivial(kernel="ducc0"))
    path = tmp_path / "out.json"
    assert command.main(["sum", "--size", "toy", "--no-memory", "--json", str(path)]) == 0
    assert "sum, numpy: skipped, fft_kernel='ducc0' needs" in capsys.readouterr().out
    assert command.main(["--list"]) == 0
    assert "against numpy (at least 1e-09x) [fft_kernel='ducc0' needs" in capsys.readouterr().out


def test_a_kernel_of_a_workload_is_that_of_our_side_only():
    def used(data):
        return sw.get_options()["fft_kernel"]

    assert trivial(ours=used, kernel="scipy").answer(3) == "scipy"
    assert trivial(ours=used).answer(3) is None


def test_the_command_writes_what_it_measured(capsys, tmp_path):
    path = tmp_path / "out.json"
    arguments = ["fft2", "--size", "toy", "--pairs", "2", "--no-memory", "--json", str(path)]
    assert command.main(arguments) == 0
    table = capsys.readouterr().out
    content = json.loads(path.read_text())
    assert {"cpu", "cores", "memory"} <= content["machine"].keys()
    assert {"numpy", "scipy", "dask"} <= content["versions"].keys()
    assert content["threads"]["each side"] == 2
    assert len(content["rows"]) == len(WORKLOADS["fft2"].peers)
    for row in content["rows"]:
        assert row["peer"] in table
        assert row["pairs"] == len(row["runs"]["ours_s"]) == 2
        assert row["quartiles"][0] <= row["ratio"] <= row["quartiles"][1]
        assert row["holds"] is None
        assert row["error"] <= row["tolerance"]


def test_the_table_in_markdown_has_as_many_cells_in_each_line():
    report = Report("toy", 0, (Row("name", "peer", SAME, (1.0,), (2.0,), ours_peak=2**31),))
    table = [line for line in report.as_table(markdown=True).splitlines() if line.startswith("|")]
    assert len(table) == 3
    assert len({line.count("|") for line in table}) == 1
    assert "2.0 GiB" in table[2]


def test_the_list_names_every_workload_and_peer(capsys):
    assert command.main(["--list"]) == 0
    said = capsys.readouterr().out
    for workload in WORKLOADS.values():
        assert workload.name in said
        assert all(peer.name in said for peer in workload.peers)
    assert "at least 5x" in said
    assert "at most 0.1: call, s" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["fft3"], "unknown workload 'fft3': expected one of fft2"), (["--pairs", "0"], "at least 1")],
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err


def test_peak_memory_sees_what_is_allocated_in_between():
    size = 2**26
    # Fresh pages: an array may come out of what this process has freed and still holds.
    with PeakMemory() as memory, mmap.mmap(-1, size) as held:
        held.write(bytes(size))
        deadline = time.monotonic() + 30  # on a busy machine samples may be few
        while memory.peak - memory.before <= 0.9 * size and time.monotonic() < deadline:
            time.sleep(0.001)
    assert memory.peak - memory.before > 0.9 * size


def test_peak_memory_is_measured_in_a_process_of_its_own():
    assert peak_bytes(WORKLOADS["fft2"], "ours", size="toy") >= 0


def test_a_process_that_fails_says_why(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "out of luck")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="out of luck"):
        peak_bytes(WORKLOADS["fft2"], "ours", size="toy")
