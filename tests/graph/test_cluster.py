import itertools
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import MemoryBudgetError
from spanwise.graph.cluster import (
    REMEDIES,
    plan_fit,
    plan_moments,
    plan_pass,
    plan_rows,
    sample_size,
    sample_threshold,
    slabs,
    tree,
)
from spanwise.graph.grid import ArraySpec
from spanwise.machine import Machine

MACHINE = Machine(threads=2, memory=2**30)
SPEC = ArraySpec(((1000,) * 20, (4,)), "float32", 4)


def fit(spec=SPEC, **options):
    params = {
        "n_clusters": 8,
        "sweeps": 300,
        "may_cache": False,
        "sampled": sample_size(*spec.shape, 8),
        "weighted": False,
        "machine": MACHINE,
    }
    return plan_fit(spec, **(params | options))


@given(st.integers(1, 500), st.integers(2, 9))
def test_a_tree_takes_every_leaf_once_in_order(leaves, split):
    entries = [[i] for i in range(leaves)]
    for level in tree(leaves, split):
        assert all(b - a <= split for a, b in level)
        entries = [list(itertools.chain(*entries[a:b])) for a, b in level]
    assert entries == [list(range(leaves))]


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_slabs_cover_the_rows(n, d):
    rows = slabs(n, d)
    assert sum(rows) == n
    assert max(rows) <= max(256, 2**20 // d)


def test_sample_grows_with_clusters_and_stays_in_memory():
    assert sample_size(10**9, 4, 100) == 50_000
    assert sample_size(10**9, 10**6, 4) == 32
    assert sample_size(10**9, 10**4, 64) * 8 * 10**4 <= 2**27
    assert sample_size(100, 4, 8) == 100


def test_threshold_leaves_room_for_chance():
    n, size = 10**7, 10_000
    expected = n * -math.expm1(-sample_threshold(n, size))
    assert expected - size > 7 * math.sqrt(expected)
    assert expected < 1.2 * size
    assert math.isinf(sample_threshold(size, size))


def test_a_fit_is_two_kinds_of_passes_that_end_in_a_tree():
    how = fit()
    assert [s.name for s in how.plan.steps] == [
        "spanwise-kmeans-moments",
        "spanwise-kmeans-moments-merge",
        "spanwise-kmeans-lloyd",
        "spanwise-kmeans-lloyd-merge",
    ]
    assert [s.tasks for s in how.plan.steps] == [20, 4, 20, 4]
    assert how.survey.blocks.passes == 1
    assert how.lloyd.blocks.passes == 300
    assert how.lloyd.blocks.bytes_in == 300 * SPEC.nbytes
    assert how.lloyd.blocks.kernel == "lloyd"
    json.loads(how.plan.to_json())


def test_rows_stay_in_memory_where_the_budget_has_room():
    first, *others = fit(may_cache=True).plan.steps
    assert (first.pattern, first.bytes_in, first.passes) == ("cached", SPEC.nbytes, 1)
    alone = fit().plan.steps
    for step, by_itself in zip(others, alone, strict=True):
        assert step.peak_bytes == by_itself.peak_bytes + SPEC.nbytes
    needed = max(step.peak_bytes for step in others)
    for memory, cached in ((needed, True), (needed - 1, False)):
        how = fit(may_cache=True, machine=Machine(threads=2, memory=memory))
        assert how.cached == cached
    assert not fit(may_cache=True, sweeps=0).cached


def test_weights_are_read_with_the_rows():
    extra = fit(weighted=True).survey.blocks.bytes_in - fit().survey.blocks.bytes_in
    assert extra == 8 * 20_000


def test_feature_chunks_are_joined_and_held_twice():
    cut = ArraySpec(((1000,) * 20, (2, 2)), "float32", 4)
    assert fit(cut).lloyd.blocks.peak_bytes > fit().lloyd.blocks.peak_bytes
    assert "2 feature chunks" in fit(cut).lloyd.blocks.reason


def test_a_budget_that_no_chunk_fits_is_refused_with_a_remedy():
    how = fit(machine=Machine(threads=2, memory=10_000))
    with pytest.raises(MemoryBudgetError, match="rechunk"):
        how.plan.check(remedies=REMEDIES)


@pytest.mark.parametrize(
    ("what", "names", "dtype", "shape"),
    [
        ("vq", ["spanwise-vq", "spanwise-vq-code", "spanwise-vq-distance"], "int32", (20_000,)),
        ("nearest", ["spanwise-vq", "spanwise-vq-code"], "int32", (20_000,)),
        ("distances", ["spanwise-vq"], "float32", (20_000, 8)),
    ],
)
def test_a_map_reads_once(what, names, dtype, shape):
    plan = plan_rows(SPEC, n_clusters=8, what=what, machine=MACHINE, operation="vq")
    assert [s.name for s in plan.steps] == names
    assert plan.steps[0].bytes_in == SPEC.nbytes
    assert plan.result.dtype == dtype
    assert plan.result.shape == shape


def test_whiten_reads_twice_and_says_so():
    first, second = plan_moments(SPEC, machine=MACHINE, operation="whiten")
    assert first.blocks.passes == second.passes == 1
    assert "second read" in second.reason


def test_one_pass_reads_once_and_states_what_its_kernel_makes():
    how = plan_pass(
        SPEC, "scatter", out=800, flops=1.0, reason="why", machine=MACHINE, operation="kmeans2"
    )
    assert how.plan.steps == (how.blocks, how.tree)
    assert how.blocks.name == "spanwise-scatter"
    assert (how.blocks.passes, how.blocks.bytes_in) == (1, SPEC.nbytes)
    assert how.blocks.bytes_out == 800 * SPEC.numblocks[0]
    assert how.blocks.reason.startswith("why")


def test_planning_imports_no_dask():
    code = "import sys, spanwise.graph.cluster; sys.exit('dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
