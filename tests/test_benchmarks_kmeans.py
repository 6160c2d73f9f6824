"""The workloads of k-means: what their checks tell apart, and what is promised of several."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psutil")
pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import precision, regimes, seeds, steps, storedfit
from benchmarks.registry import FAMILIES, WORKLOADS
from benchmarks.report import Report
from benchmarks.samples import KINDS, make_samples
from benchmarks.timing import Row, compare, threads
from benchmarks.workload import Agreement, Family

pytestmark = pytest.mark.usefixtures("collections_are_brief")

SAME = Agreement(0.0, 0.1)
PAIR = Family("a pair", ("first", "second"), "peer", 2.0)


def row(name, ratio, **changes):
    return replace(Row(name, "peer", SAME, (1.0,), (ratio,)), **changes)


def test_the_floors_and_limits_are_those_that_are_promised():
    families = {family.name: (family.floor, len(family.workloads)) for family in FAMILIES}
    assert families == {"default fits in memory": (2.0, 6), "one Lloyd iteration": (0.9, 4)}
    assert all(name in WORKLOADS for family in FAMILIES for name in family.workloads)
    for family in FAMILIES:
        for name in family.workloads:
            assert family.peer in [peer.name for peer in WORKLOADS[name].peers]
    assert {peer.floor for w in steps.WORKLOADS for peer in w.peers} == {0.6}
    limits = {w.name: {one.name: one.bound for one in w.limits} for w in WORKLOADS.values()}
    assert all(limits[w.name] == {seeds.MEAN: 1.01} for w in seeds.FITS)
    assert all(limits[w.name] == {seeds.READS: 4, seeds.WORST: 1.01} for w in seeds.PASSES)
    (stored,) = storedfit.WORKLOADS
    assert [peer.floor for peer in stored.peers] == [10]
    allowed = (4 * 2**24 * 4 + 500 * 20 * 64 * 4 + 2**26) / 2**20
    assert storedfit.CHUNK_BYTES == 2**26
    assert limits["kmeans-stored"] == {
        storedfit.INERTIA: storedfit.NO_MORE,
        storedfit.PEAK: pytest.approx(allowed),
    }
    (mapped,) = regimes.WORKLOADS
    assert [peer.floor for peer in mapped.peers] == [1]
    assert limits["kmeans-map"] == {regimes.RATIO: 0.2}
    *labels, inertia = precision.WORKLOADS
    assert all(limits[w.name] == {precision.WRONG: 0.0} for w in labels)
    assert limits[inertia.name] == {precision.ERROR: 1e-6}


def test_iterations_are_timed_on_the_data_of_the_first_four_fits():
    fits = [workload.sizes["full"] for workload in seeds.FITS[:4]]
    assert [workload.sizes["full"] for workload in steps.WORKLOADS] == fits


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_finite_and_single(kind):
    sizes = [w.sizes["toy"] for w in seeds.WORKLOADS]
    size = next(size for size in sizes if size.get("kind", "blobs") == kind)
    x = make_samples(seed=0, **{**size, "chunk": None, "counted": False})
    assert x.memory.dtype == np.float32
    assert x.memory.flags.c_contiguous
    assert np.isfinite(x.memory).all()
    again = make_samples(seed=0, **{**size, "chunk": None, "counted": False})
    np.testing.assert_array_equal(x.memory, again.memory)


def test_quality_is_that_of_all_seeds():
    workload = WORKLOADS["kmeans-fit-4"]
    data = workload.data("toy", 0)
    fits = [workload.ours(x).answer for x in workload.variants(data)]
    assert len(fits) == len(seeds.SEEDS) == 5
    assert workload.check(data, fits, fits).error == pytest.approx(0)
    rng = np.random.default_rng(0)
    bad = [replace(fits[0], labels=rng.permutation(fits[0].labels)), *fits[1:]]
    agreement = workload.check(data, bad, fits)
    assert not agreement.holds
    mean, worst = agreement.counts[seeds.MEAN][0], agreement.counts[seeds.WORST][0]
    assert 1.01 < mean < worst


@pytest.mark.parametrize("workload", seeds.PASSES, ids=lambda workload: workload.name)
def test_a_default_fit_reads_each_chunk_four_times_at_most(workload):
    reads = next(limit for limit in workload.limits if limit.name == seeds.READS)
    data = workload.data("toy", 0)
    with threads():
        reads_of = [workload.ours(x).answer.reads for x in workload.variants(data)]
    assert 1 <= max(reads_of) <= reads.bound


def test_an_iteration_that_went_another_way_or_stopped_early_does_not_hold():
    workload = WORKLOADS["kmeans-step-4"]
    data = workload.data("toy", 0)
    found = workload.ours(data).answer
    assert found.iterations == steps.LONG
    assert workload.check(data, found, found).holds
    assert not workload.check(data, replace(found, iterations=3), found).holds
    assert not workload.check(data, replace(found, centres=found.centres + 0.1), found).holds


@pytest.mark.parametrize("workload", precision.WORKLOADS, ids=lambda workload: workload.name)
def test_promises_of_precision_hold_at_toy_size_too(workload):
    (peer,) = workload.peers
    row = compare(workload, peer, size="toy", pairs=1)
    assert row.agreement.holds
    for limit in workload.limits:
        assert row.agreement.counts[limit.name][0] <= limit.bound


def test_a_label_is_wrong_unless_its_centre_is_as_near_as_any():
    x = precision.Offset(np.array([[0.0], [1.0], [2.0]], np.float32), 2, 3)
    centres = np.array([[0.0], [2.0]], np.float32)
    for labels, percent in (([0, 0, 1], 0), ([0, 1, 1], 0), ([0, 1, 0], 100 / 3)):
        found = precision.Found(centres, np.array(labels), 1.0)
        assert precision.wrong(x, found) == pytest.approx(percent)
    assert precision.inertia_error(x, precision.Found(centres, np.array([0, 0, 1]), 1.1)) == (
        pytest.approx(0.1)
    )


def test_a_stored_fit_is_judged_by_its_centres():
    (workload,) = storedfit.WORKLOADS
    data = workload.data("toy", 0)
    with threads():
        measured = workload.ours(data)
    assert measured.values[storedfit.PEAK] >= 0
    far = workload.check(data, measured.answer + 1, measured.answer)
    assert not far.holds
    assert far.counts[storedfit.INERTIA][0] > 1.05
    path = data.path
    del data
    assert not path.exists()


@pytest.mark.parametrize(
    ("ratios", "holds", "verdict"),
    [((1.0, 4.0), True, "at least 2x: holds"), ((1.0, 3.9), False, "at least 2x: DOES NOT HOLD")],
)
def test_a_family_is_promised_in_geometric_mean(ratios, holds, verdict):
    rows = tuple(map(row, PAIR.workloads, ratios))
    report = Report("full", 0, rows, families=(PAIR,))
    assert report.holds is holds
    assert f"in geometric mean of 2 workloads, {verdict}" in report.as_table()
    (family,) = json.loads(report.as_json())["families"]
    assert family["holds"] is holds
    assert family["ratio"] == pytest.approx((ratios[0] * ratios[1]) ** 0.5)
    toy = replace(report, size="toy")
    assert toy.holds is True
    assert "at least" not in toy.as_table()


def test_a_family_of_which_something_is_missing_is_not_judged():
    report = Report("full", 0, (row("first", 0.1), row("other", 1.0)), families=(PAIR,))
    assert report.holds is True
    assert "0.10x in geometric mean of 1 of 2 workloads" in report.as_table()
    assert json.loads(report.as_json())["families"][0]["missing"] == ["second"]
    assert "geometric mean" not in replace(report, rows=(row("other", 1.0),)).as_table()


def test_a_family_does_not_hold_where_answers_differ():
    differs = row("second", 9.0, ours_s=(), theirs_s=(), agreement=Agreement(1.0, 0.1))
    report = Report("full", 0, (row("first", 9.0), differs), families=(PAIR,))
    (family,) = report.together
    assert family.holds is False
    assert json.loads(report.as_json())["families"][0]["ratio"] is None
