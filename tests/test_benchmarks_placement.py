"""The workloads of placement: that there is something to place, and what is promised."""

import sys
from pathlib import Path

import pytest

import spanwise as sw

pytest.importorskip("psutil")
sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks/ is not installed

from benchmarks import placement as workloads
from benchmarks.registry import WORKLOADS
from benchmarks.timing import threads

pytestmark = pytest.mark.usefixtures("collections_are_brief")

TASKS = 2000


def test_the_limits_are_those_that_are_promised():
    names = {w.name for w in workloads.WORKLOADS}
    assert names <= set(WORKLOADS)
    limits = {w.name: {one.name: one.bound for one in w.limits} for w in workloads.WORKLOADS}
    for kind in workloads.KINDS:
        assert limits[f"placement-{kind}"] == {
            workloads.SMALL: 30e-6,
            workloads.LARGE: 30e-6,
            workloads.GROWTH: 1.5,
        }
        assert WORKLOADS[f"placement-{kind}"].sizes["full"]["tasks"] == 100_000
    for kind in ("chain", "layers"):
        assert limits[f"placement-cpu-{kind}"] == {workloads.ADDED: 0.05}


@pytest.mark.parametrize("kind", workloads.KINDS)
def test_graphs_have_the_tasks_that_were_asked_for_and_are_placed(kind):
    data = workloads.make_graphs(kind=kind, tasks=TASKS, seed=0)
    with workloads.on_stand_in(data.policy):
        run = workloads.optimise(data.arrays(data.chunks))
    assert run.tasks == pytest.approx(TASKS, rel=0.1)
    on_device = [key for key in run.keys if "@gpu" in str(key)]
    assert bool(on_device) is (kind != "host")
    assert len(on_device) <= run.tasks


def test_a_price_leaves_a_part_of_the_mixed_graph_on_the_host():
    data = workloads.make_graphs(kind="mixed", tasks=TASKS, seed=0)
    with workloads.on_stand_in(data.policy):
        (y,) = data.arrays(data.chunks)
        devices = {row.kernel: row.device for row in sw.explain(y).rows if row.kernel}
    assert devices == {"fft": "gpu", "trigonometric": "cpu"}


def test_everything_that_is_limited_is_measured():
    for workload in workloads.WORKLOADS:
        data = workload.data("toy", 0)
        with threads():
            measured = workload.ours(data)
        assert {one.name for one in workload.limits} <= set(measured.values)
        assert measured.seconds > 0


def test_graphs_that_differ_are_told_apart():
    data = workloads.make_host_graphs(kind="chain", chunks=4, seed=0)
    fewer = workloads.make_host_graphs(kind="chain", chunks=3, seed=0)
    ours = workloads.placed_on_cpu(data).answer
    assert workloads.same_keys(data, ours, workloads.unplaced(data).answer).holds
    assert not workloads.same_keys(data, ours, workloads.unplaced(fewer).answer).holds
