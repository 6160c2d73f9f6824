import functools

import dask
import dask.array as da
import numpy as np
import pytest

from spanwise.errors import MemoryBudgetError
from spanwise.graph.dask import spec_of
from spanwise.graph.dask.gram import map_columns, reduce_columns
from spanwise.graph.gram import (
    SPLIT_EVERY,
    gram_pays,
    gram_remedies,
    plan_centers,
    plan_gram,
)
from spanwise.graph.grid import ArraySpec
from spanwise.kernels.gram import cluster_sums, digits_of, gram, matrix_of, merge_products
from spanwise.kernels.kernel import kernel_of
from spanwise.machine import Machine
from spanwise.testing import CountingSource, raise_if_computes

MACHINE = Machine(threads=2, memory=2**30)
SPEC = ArraySpec(((500,), (1000,) * 20), "float32", 4)
X = np.random.default_rng(0).standard_normal((12, 90)).astype(np.float32)
DIGITS = digits_of("float32", 90)
PARAMS = {"digits": DIGITS, "pilots": (0, 5, 11), "skipna": False}


def lower(x, machine=MACHINE, table=None):
    how = plan_gram(spec_of(x), machine=machine, anchors=0 if table is None else len(table))
    merge = functools.partial(merge_products, digits=DIGITS)
    return reduce_columns(x, functools.partial(gram, **PARAMS), merge, how=how, table=table), how


def sums(x, labels, machine=MACHINE):
    plan = plan_centers(spec_of(x), n_clusters=3, machine=machine)
    function = functools.partial(cluster_sums, clusters=3)
    return map_columns(x, function, (labels, None), rows=3, plan=plan), plan


def matrix(products):
    return matrix_of(products, DIGITS)[0]


def tasks_of(collection, plan):
    layers = {
        la.step.name: len(la) for la in collection.dask.layers.values() if hasattr(la, "step")
    }
    return [layers[step.name] for step in plan.steps]


@pytest.mark.parametrize(
    "chunks", [(12, 90), (12, 10), (5, 7), ((4, 0, 8), (30, 0, 60)), ((12,), (1, 88, 1))]
)
def test_graph_is_that_of_the_plan_and_gives_the_bits_of_the_whole(chunks):
    x = da.from_array(X, chunks=chunks)
    with raise_if_computes():
        out, how = lower(x)
        centers, plan = sums(x, np.arange(12) % 3)
    assert tasks_of(out, how.plan) == [step.tasks for step in how.plan.steps]
    assert tasks_of(centers, plan) == [plan.tasks]
    np.testing.assert_array_equal(matrix(out.compute()), matrix(gram(X, None, **PARAMS)))
    expected = cluster_sums(X, np.arange(12) % 3, None, clusters=3)
    np.testing.assert_array_equal(centers.compute(), expected)


def test_a_chunk_of_all_rows_is_read_in_the_task_that_needs_it():
    source = CountingSource(X, chunks=(12, 3))
    for collection in (lower(source.array)[0], sums(source.array, np.arange(12) % 3)[0]):
        source.reset()
        with dask.config.set(scheduler="threads", num_workers=2):
            collection.compute()
        assert set(source.reads.values()) == {1}
        assert source.peak_live_chunks <= 2


def test_tables_and_long_labels_do_not_part_reader_and_task():
    n = 3000
    x = np.random.default_rng(0).standard_normal((n, 30)).astype(np.float32)
    source = CountingSource(x, chunks=(n, 2))
    labels = np.arange(n) % 3
    with dask.config.set(scheduler="threads", num_workers=2):
        got = sums(source.array, labels)[0].compute()
        np.testing.assert_array_equal(got, cluster_sums(x, labels, None, clusters=3))
        assert set(source.reads.values()) == {1}
        assert source.peak_live_chunks <= 2
        source = CountingSource(X, chunks=(12, 3))
        lower(source.array, table=X[:3].astype(float))[0].compute()
        assert set(source.reads.values()) == {1}
        assert source.peak_live_chunks <= 2


def test_chunks_above_one_another_are_held_a_column_at_a_time():
    source = CountingSource(X, chunks=(4, 3))
    with dask.config.set(scheduler="threads", num_workers=1):
        lower(source.array)[0].compute()
    assert set(source.reads.values()) == {1}
    assert source.peak_live_chunks <= 2 * 3


def test_given_centres_are_cut_as_the_features_are():
    table = X[:3].astype(float) + 1.0
    got = lower(da.from_array(X, chunks=(6, 40)), table=table)[0].compute()
    np.testing.assert_array_equal(matrix(got), matrix(gram(X, table, **PARAMS)))


def test_large_values_beside_the_columns_lie_in_the_graph_once():
    big = np.zeros((40, 90))
    x = da.from_array(X, chunks=(12, 10))
    plan = plan_centers(spec_of(x), n_clusters=1, machine=MACHINE)
    out = map_columns(
        x, lambda block, table, other: block[:1] * 0.0 + table[0, 0], (big, None), rows=1, plan=plan
    )
    assert any("values" in key for key in out.dask.layers)
    assert not out.compute().any()


def test_names_tell_graphs_apart():
    x = da.from_array(X, chunks=(12, 30))
    names = {
        lower(x)[0].name,
        lower(x, table=X[:2].astype(float))[0].name,
        lower(x, table=X[1:3].astype(float))[0].name,
        lower(x.rechunk((6, 30)))[0].name,
    }
    assert len(names) == 4
    assert lower(x)[0].name == lower(x)[0].name
    labels = np.arange(12) % 3
    assert sums(x, labels)[0].name != sums(x, labels[::-1].copy())[0].name


def test_tasks_show_their_kernel():
    (layer,) = [
        la
        for la in lower(da.from_array(X, chunks=(12, 30)))[0].dask.layers.values()
        if getattr(la, "step", None) and la.step.name == "spanwise-gram"
    ]
    task = next(iter(dict(layer).values()))
    assert kernel_of(task.func) is gram


def test_one_read_and_a_tree():
    plan = plan_gram(SPEC, machine=MACHINE).plan
    assert [s.name for s in plan.steps] == ["spanwise-gram", "spanwise-gram-merge"]
    assert [s.tasks for s in plan.steps] == [20, 5 + 2 + 1]
    assert plan.steps[0].bytes_in == SPEC.nbytes
    assert plan.steps[0].passes == 1
    assert SPLIT_EVERY == 4


def test_plan_says_that_sample_chunks_are_joined():
    spec = ArraySpec(((100,) * 5, (1000,) * 20), "float32", 4)
    whole, cut = (plan_gram(s, machine=MACHINE).plan.steps[0] for s in (SPEC, spec))
    assert "the 5 sample chunks" in cut.reason
    assert "sample chunks" not in whole.reason
    assert cut.tasks == whole.tasks
    assert cut.peak_bytes == whole.peak_bytes + 2 * 500 * 1000 * 4
    assert (
        "the 5 sample chunks" in plan_centers(spec, n_clusters=3, machine=MACHINE).steps[0].reason
    )


def test_peak_grows_with_what_is_held():
    peak = plan_gram(SPEC, machine=MACHINE).plan.peak_bytes
    double = ArraySpec(SPEC.chunks, "float64", 8)
    assert plan_gram(SPEC, machine=Machine(threads=4, memory=2**30)).plan.peak_bytes > peak
    assert plan_gram(double, machine=MACHINE).plan.peak_bytes > peak
    assert plan_gram(SPEC, anchors=100, machine=MACHINE).plan.peak_bytes > peak
    one = ArraySpec(((500,), (20_000,)), "float32", 4)
    assert plan_gram(one, machine=MACHINE).tree.tasks == 1


def test_peak_bounds_what_a_task_allocates():
    import tracemalloc

    n, d = 300, 4096
    x = np.random.default_rng(0).standard_normal((n, d))
    spec = ArraySpec(((n,), (d,)), "float64", 8)
    plan = plan_gram(spec, machine=Machine(threads=1, memory=2**30)).plan
    tracemalloc.start()
    try:
        gram(x, None, digits=digits_of("float64", d), pilots=(0, 1, 2))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.3 * plan.steps[0].peak_bytes < peak + x.nbytes <= plan.steps[0].peak_bytes


def test_too_large_chunks_are_refused_with_a_way_out():
    spec = ArraySpec(((500,), (100_000,) * 4), "float32", 4)
    machine = Machine(threads=1, memory=150 * 2**20)
    plan = plan_gram(spec, machine=machine).plan
    with pytest.raises(MemoryBudgetError, match=r"x\.rechunk\(\{1: "):
        plan.check(remedies=gram_remedies(spec, anchors=0, machine=machine))


@pytest.mark.parametrize(
    ("n", "d", "k", "pays"),
    [
        (500, 10**6, 4, True),
        (2000, 10**5, 10, True),
        (3000, 10**6, 4, False),
        (10**6, 100, 4, False),
        (500, 2000, 4, False),
        (500, 10**6, 1, False),
        (500, 10**6, 200, False),
    ],
)
def test_products_pay_for_few_long_rows(n, d, k, pays):
    assert gram_pays(n, d, k) is pays
