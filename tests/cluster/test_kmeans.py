import logging
import pickle

import dask
import dask.array as da
import numpy as np
import pytest
import sklearn.base
import sklearn.cluster
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from spanwise import set_options
from spanwise.cluster import KMeans, vq
from spanwise.cluster._estimator import NotFittedError
from spanwise.errors import (
    ArgumentError,
    ArgumentTypeError,
    ArrayTypeError,
    MemoryBudgetError,
    NonFiniteError,
    UnknownChunksError,
)
from spanwise.kernels.transfer import to_host
from spanwise.testing import CountingSource, raise_if_computes

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def blobs(dtype=np.float64, n=600, d=3, k=4):
    rng = np.random.default_rng(0)
    means = 10 * rng.standard_normal((k, d))
    order = rng.permutation(n) % k
    return (means[order] + rng.normal(0, 0.5, (n, d))).astype(dtype)


def overlapping(n=3000, d=4):
    return np.random.default_rng(1).standard_normal((n, d))


def sorted_rows(centers):
    centers = to_host(centers)
    return centers[np.lexsort(centers.T)]


def theirs(x, init, weights=None, **options):
    model = sklearn.cluster.KMeans(len(init), init=init, n_init=1, **options)
    return model.fit(x, sample_weight=weights)


@DTYPES
def test_container_in_container_out(xp, dtype):
    x = xp.asarray(blobs(dtype))
    model = KMeans(4, random_state=0).fit(x)
    concrete = x._meta if isinstance(x, da.Array) else x
    assert type(model.cluster_centers_) is type(concrete)
    assert to_host(model.cluster_centers_).dtype == dtype
    for labels in (model.labels_, model.predict(x)):
        assert type(labels) is type(x)
        assert xp.to_numpy(labels).dtype == np.int32
    assert type(model.transform(x)) is type(x)
    assert xp.to_numpy(model.transform(x)).dtype == dtype
    expected = KMeans(4, random_state=0).fit(blobs(dtype))
    np.testing.assert_array_equal(xp.to_numpy(model.labels_), expected.labels_)
    np.testing.assert_allclose(
        to_host(model.cluster_centers_), expected.cluster_centers_, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        xp.to_numpy(model.transform(x)), expected.transform(blobs(dtype)), rtol=1e-5
    )
    assert model.inertia_ == pytest.approx(expected.inertia_, rel=1e-6)
    assert model.score(x) == pytest.approx(-expected.inertia_, rel=1e-6)
    assert isinstance(model.inertia_, float)


@DTYPES
@pytest.mark.parametrize("k", [1, 3, 40])
def test_from_the_same_start_it_is_scikit_learns(dtype, k):
    x = overlapping().astype(dtype)
    ours, expected = KMeans(k, init=x[:k]).fit(x), theirs(x, x[:k])
    assert ours.n_iter_ == expected.n_iter_
    rtol = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(
        ours.cluster_centers_, expected.cluster_centers_, rtol=rtol, atol=rtol
    )
    assert ours.inertia_ == pytest.approx(expected.inertia_, rel=1e-5)
    assert (ours.labels_ == expected.labels_).mean() > 0.999


def test_weights_are_scikit_learns():
    x, weights = overlapping(), np.random.default_rng(2).integers(0, 4, 3000).astype(float)
    ours, expected = (
        KMeans(5, init=x[:5], tol=0).fit(x, sample_weight=weights),
        theirs(x, x[:5], weights, tol=0),
    )
    np.testing.assert_allclose(
        ours.cluster_centers_, expected.cluster_centers_, rtol=1e-9, atol=1e-9
    )
    assert ours.inertia_ == pytest.approx(expected.inertia_)
    assert ours.score(x, sample_weight=weights) == pytest.approx(
        expected.score(x, sample_weight=weights)
    )


@pytest.mark.parametrize("max_iter", [1, 3])
def test_after_max_iter_labels_and_inertia_are_those_of_the_centres(max_iter):
    x = overlapping()
    for data in (x, da.from_array(x, chunks=(700, 3))):
        ours, expected = (
            KMeans(6, init=x[:6], max_iter=max_iter).fit(data),
            theirs(x, x[:6], max_iter=max_iter),
        )
        assert ours.n_iter_ == max_iter
        assert ours.inertia_ == pytest.approx(expected.inertia_)
        np.testing.assert_array_equal(ours.labels_, expected.labels_)


def test_empty_clusters_get_the_farthest_rows_as_in_scikit_learn():
    x = blobs()
    init = np.concatenate([x[:2], [[1e4] * 3, [1e5] * 3]])
    expected = theirs(x, init)
    for data in (x, da.from_array(x, chunks=(130, 3)), da.from_array(x, chunks=((1, 1, 598), 3))):
        ours = KMeans(4, init=init).fit(data)
        np.testing.assert_allclose(
            sorted_rows(ours.cluster_centers_), sorted_rows(expected.cluster_centers_), rtol=1e-9
        )
        assert ours.inertia_ == pytest.approx(expected.inertia_)


def test_equal_rows_warn_of_fewer_clusters():
    x = np.repeat([[0.0, 1.0], [2.0, 3.0]], 10, axis=0)
    for data in (x, da.from_array(x, chunks=(7, 2))):
        with pytest.warns(ConvergenceWarning, match="2 distinct clusters"):
            model = KMeans(3, random_state=0).fit(data)
        assert model.inertia_ == 0


IRIS = {
    2: 152.347951760358,
    3: 78.851441426146,
    4: 57.228473214286,
    5: 46.446182051282,
    6: 39.039987245023,
    7: 34.298229665072,
    8: 29.988943950786,
    9: 27.786092417308,
    10: 25.834054819972,
}
"""Proved: D. Aloise, P. Hansen, L. Liberti, "An improved column generation algorithm for minimum
sum-of-squares clustering", Math. Program. 131, 2012."""


@pytest.mark.parametrize(("k", "least"), IRIS.items())
def test_known_optima_of_iris(k, least):
    x = load_iris().data
    best = min(KMeans(k, random_state=s, n_init=20, tol=0).fit(x).inertia_ for s in range(3))
    assert least * (1 - 1e-12) <= best <= least * (1 + (1e-9 if k < 6 else 6e-3))


def test_best_known_inertia_of_scaled_digits():
    x = scale(load_digits().data)
    best = min(KMeans(10, random_state=s, n_init=8).fit(x).inertia_ for s in range(3))
    # scikit-learn's best of 30 starts
    assert best == pytest.approx(69405.498, rel=1e-3)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_quality_is_scikit_learns(init):
    x = load_digits().data
    ours, expected = (
        np.mean([kind(10, init=init, n_init=2, random_state=s).fit(x).inertia_ for s in range(4)])
        for kind in (KMeans, sklearn.cluster.KMeans)
    )
    assert ours < 1.01 * expected


def test_a_sample_of_the_rows_is_enough_to_start_from():
    x = overlapping(40_000, 2).astype(np.float32)
    ours = np.mean([KMeans(6, random_state=s).fit(x).inertia_ for s in range(3)])
    expected = np.mean(
        [sklearn.cluster.KMeans(6, random_state=s).fit(x).inertia_ for s in range(3)]
    )
    assert ours < 1.01 * expected


@pytest.mark.parametrize("chunks", [(2000, 3), ((25_000,), (3,)), ((1, 0, 9999, 15_000), (2, 1))])
def test_a_fit_reads_four_times_or_once_where_the_budget_has_room(chunks):
    x = overlapping(25_000, 3)
    source = CountingSource(x, chunks=chunks)
    with dask.config.set(scheduler="threads", num_workers=2):
        cached = KMeans(5, random_state=0).fit(source.array)
        assert set(source.reads.values()) <= {1}
        assert cached.plan_.steps[0].pattern == "cached"
        needed = max(step.peak_bytes for step in cached.plan_.steps[1:])
        source.reset()
        model = KMeans(5, random_state=0, memory=needed - 1).fit(source.array)
        assert max(source.reads.values()) <= 4
        assert all(step.pattern == "reduce" for step in model.plan_.steps)
        assert source.peak_live_chunks <= 2 * 2 * source.array.numblocks[1]
    np.testing.assert_array_equal(model.cluster_centers_, cached.cluster_centers_)
    assert model.inertia_ == cached.inertia_
    in_memory = KMeans(5, random_state=0).fit(x)
    np.testing.assert_array_equal(model.cluster_centers_, in_memory.cluster_centers_)


def test_passes_are_as_many_as_allowed():
    x = overlapping(25_000, 3)
    source = CountingSource(x, chunks=(5000, 3))
    plan = KMeans(5, random_state=0).fit(source.array).plan_
    small = max(step.peak_bytes for step in plan.steps[1:]) - 1
    inertias = []
    for passes in (2, 3, 4, 7):
        source.reset()
        options = {"max_passes": passes, "memory": small, "tol": 0}
        model = KMeans(5, random_state=0, **options).fit(source.array)
        assert set(source.reads.values()) == {passes}
        assert model.inertia_ == pytest.approx(-model.score(x), rel=1e-12)
        inertias.append(model.inertia_)
    assert inertias == sorted(inertias, reverse=True)


def test_rows_that_fit_the_sample_are_read_once():
    x = overlapping(600, 3)
    source = CountingSource(x, chunks=(100, 3))
    for options in ({"random_state": 0}, {"init": x[:5], "tol": 0}):
        source.reset()
        model = KMeans(5, **options).fit(source.array)
        assert set(source.reads.values()) == {1}
    source.reset()
    model.score(source.array)
    dask.compute(model.labels_)
    assert set(source.reads.values()) == {2}


def test_a_chunk_is_read_and_summed_in_one_task():
    source = CountingSource(overlapping(600, 3), chunks=(100, 3))
    tasks = []

    class Count(dask.callbacks.Callback):
        def _start(self, dsk):
            tasks.append(sum(type(task).__name__ == "Task" for task in dsk.values()))

    with Count():
        KMeans(5, random_state=0).fit(source.array, sample_weight=None)
    assert set(tasks) == {6 + 1}


@pytest.mark.parametrize("chunks", [(100, 3), (100, 2)])
def test_planned_tasks_are_those_of_the_graph(chunks):
    x = da.from_array(overlapping(600, 3), chunks=chunks)
    model = KMeans(5, random_state=0).fit(x)
    for lazy in (model.labels_, model.transform(x), vq.whiten(x), *vq.vq(x, x[:3].compute())):
        planned = [layer for layer in lazy.dask.layers.values() if hasattr(layer, "step")]
        assert planned
        assert all(len(layer) == layer.step.tasks for layer in planned)


def test_predict_transform_and_labels_are_lazy():
    x = da.from_array(blobs(), chunks=(100, 2))
    model = KMeans(4, random_state=0).fit(x)
    with raise_if_computes():
        model.predict(x)
        model.transform(x)
        assert model.labels_.chunks == (x.chunks[0],)
    assert model.transform(x).chunks == (x.chunks[0], (4,))


@pytest.mark.parametrize("dask_weights", [False, True])
def test_weights_may_be_numpy_or_dask(dask_weights):
    x, weights = overlapping(), np.random.default_rng(2).random(3000)
    given = da.from_array(weights, chunks=1234) if dask_weights else weights
    expected = KMeans(5, random_state=0).fit(x, sample_weight=weights)
    lazy = da.from_array(x, chunks=(700, 4))
    model = KMeans(5, random_state=0).fit(lazy, sample_weight=given)
    np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, atol=1e-12)
    assert model.score(lazy, sample_weight=given) == pytest.approx(-expected.inertia_)


def test_rows_that_hold_nan_are_left_out_on_request():
    x = blobs()
    x[::5, 1] = np.nan
    kept = ~np.isnan(x).any(axis=1)
    init = x[kept][:4]
    expected = KMeans(4, init=init).fit(x[kept])
    for data in (x, da.from_array(x, chunks=(70, 2))):
        model = KMeans(4, init=init, skipna=True).fit(data)
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, rtol=1e-12)
        assert model.inertia_ == pytest.approx(expected.inertia_)
        labels = np.asarray(model.labels_)
        np.testing.assert_array_equal(labels[kept], expected.labels_)
        assert (labels[~kept] == -1).all()
        assert np.isnan(np.asarray(model.transform(data))[~kept]).all()
        assert model.score(data) == pytest.approx(-expected.inertia_)


def test_nan_raises_from_the_read_that_fits():
    x = blobs()
    x[100, 1] = np.nan
    source = CountingSource(x, chunks=(100, 3))
    with pytest.raises(NonFiniteError, match="skipna=True"):
        KMeans(4).fit(source.array)
    assert max(source.reads.values()) == 1
    model = KMeans(4).fit(blobs())
    with pytest.raises(NonFiniteError, match="NaN"):
        model.predict(source.array).compute()
    with pytest.raises(NonFiniteError, match="NaN"):
        model.score(source.array)
    with pytest.raises(NonFiniteError, match="infinity"):
        KMeans(4, skipna=True).fit(np.where(np.isnan(x), np.inf, x))


@pytest.mark.parametrize(("offset", "scale"), [(5e6, 1e3), (101325.0, 500.0), (280.0, 1.0)])
def test_single_precision_far_from_zero_loses_no_cluster(offset, scale):
    unit = blobs(n=4000)
    x = (offset + scale * unit / 10).astype(np.float32)
    model = KMeans(4, random_state=0).fit(x)
    truth = KMeans(4, random_state=0).fit(x.astype(np.float64))
    np.testing.assert_array_equal(model.labels_, truth.labels_)
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    assert model.inertia_ == pytest.approx(truth.inertia_, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, bool, np.float16])
def test_other_numbers_are_float64(dtype):
    x = (blobs() > 0 if dtype is bool else np.abs(blobs())).astype(dtype)
    for data in (x, da.from_array(x, chunks=(100, 2))):
        model = KMeans(2, random_state=0).fit(data)
        assert model.cluster_centers_.dtype == np.float64
        expected = KMeans(2, random_state=0).fit(x.astype(np.float64))
        np.testing.assert_allclose(model.cluster_centers_, expected.cluster_centers_, atol=1e-12)


def test_random_states_of_every_kind_are_seeds():
    x = overlapping(500)
    for make in (
        lambda: 3,
        lambda: np.int64(3),
        lambda: np.random.default_rng(3),
        lambda: np.random.RandomState(3),
    ):
        a, b = (KMeans(5, random_state=make()).fit(x).cluster_centers_ for _ in range(2))
        np.testing.assert_array_equal(a, b)
    KMeans(5).fit(x)


def test_a_callable_starts_the_iteration():
    x = blobs()
    calls = []

    def init(rows, k, random_state):
        calls.append(random_state)
        return rows[:k]

    model = KMeans(4, init=init, n_init=2, random_state=0).fit(da.from_array(x, chunks=(100, 3)))
    assert len(calls) == 2
    assert model.cluster_centers_.shape == (4, 3)
    with pytest.raises(ArgumentError, match="init"):
        KMeans(4, init=lambda rows, k: rows[: k - 1]).fit(x)


def test_it_is_an_estimator():
    model = KMeans(5, tol=0.1, skipna=True)
    assert sklearn.base.clone(model).get_params() == model.get_params()
    assert model.set_params(n_clusters=7).n_clusters == 7
    assert repr(model) == "KMeans(n_clusters=7, tol=0.1, skipna=True)"
    with pytest.raises(ArgumentError, match="'clusters'"):
        model.set_params(clusters=3)
    ours = KMeans().get_params()
    theirs = sklearn.cluster.KMeans().get_params()
    assert {name: ours[name] for name in theirs} == theirs


def test_fit_predict_and_fit_transform_are_fit_and_then():
    x = blobs()
    model = KMeans(4, random_state=0)
    np.testing.assert_array_equal(model.fit_predict(x), model.labels_)
    np.testing.assert_array_equal(model.fit_transform(x), model.transform(x))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.labels_)


def test_verbose_logs_each_iteration(caplog):
    caplog.handler.setLevel(logging.INFO)
    KMeans(4, random_state=0).fit(blobs())
    assert not caplog.text
    KMeans(4, random_state=0, verbose=1).fit(blobs())
    assert "iteration 1" in caplog.text


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n_clusters": 0}, "n_clusters=0"),
        ({"n_clusters": 2.5}, "n_clusters=2.5"),
        ({"n_clusters": 601}, "n_samples=600 should be >= n_clusters=601"),
        ({"max_iter": 0}, "max_iter=0"),
        ({"n_init": 0}, "n_init=0"),
        ({"tol": -1}, "tol=-1"),
        ({"init": "best"}, "init='best'"),
        ({"init": np.zeros((3, 3))}, r"\(4, 3\)"),
        ({"init": np.full((4, 3), np.nan)}, "init holds NaN"),
        ({"algorithm": "full"}, "algorithm='full'"),
        ({"random_state": -1}, "random_state=-1"),
        ({"method": "fast"}, "method='fast'"),
        ({"max_passes": 1}, "max_passes=1"),
        ({"memory": "much"}, "memory='much'"),
        ({"callback": 3}, "callback=3"),
        ({"checkpoint": 3}, "checkpoint=3"),
        ({"checkpoint": "/nowhere/at/all"}, "folder that exists"),
    ],
)
def test_wrong_parameters(parameters, match):
    with pytest.raises(ArgumentError, match=match):
        KMeans(**({"n_clusters": 4} | parameters)).fit(blobs())


def test_wrong_data():
    x = blobs()
    with pytest.raises(ArgumentError, match=r"reshape\(-1, 1\)"):
        KMeans(2).fit(x[:, 0])
    with pytest.raises(ArgumentError, match="sample_weight has shape"):
        KMeans(2).fit(x, sample_weight=np.ones(3))
    with pytest.raises(ArgumentError, match="negative"):
        KMeans(2).fit(x, sample_weight=-np.ones(600))
    with pytest.raises(ArgumentError, match="sample_weight is zero for all rows"):
        KMeans(2).fit(x, sample_weight=np.zeros(600))
    with pytest.raises(ArgumentError, match="n_samples=1"):
        KMeans(2, skipna=True).fit(np.where(np.arange(600)[:, None] > 0, np.nan, x))
    with pytest.raises(ArgumentTypeError, match="complex"):
        KMeans(2).fit(x + 0j)
    with pytest.raises(ArrayTypeError, match=r"sample_weight\.compute"):
        KMeans(2).fit(x, sample_weight=da.ones(600))
    lazy = da.from_array(x, chunks=(100, 3))
    with pytest.raises(UnknownChunksError, match="compute_chunk_sizes"):
        KMeans(2).fit(lazy[lazy[:, 0] > 0])
    with pytest.raises(NotFittedError, match="not fitted"):
        KMeans(2).predict(x)
    with pytest.raises(ArgumentError, match="expecting 3 features"):
        KMeans(2).fit(x).predict(x[:, :2])


def test_over_the_budget_a_fit_is_refused():
    x = da.ones((10**6, 4), chunks=(10**5, 4))
    refused = pytest.raises(MemoryBudgetError, match="rechunk")
    with set_options(memory="1MiB"), raise_if_computes(), refused:
        KMeans(2).fit(x)


def test_data_are_not_changed():
    x = blobs()
    before = x.copy()
    x.flags.writeable = False
    KMeans(4, random_state=0).fit(x, sample_weight=np.ones(600))
    KMeans(4, random_state=0).fit(da.from_array(x, chunks=(100, 3)))
    np.testing.assert_array_equal(x, before)
