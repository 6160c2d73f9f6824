import dask
import dask.array as da
import numpy as np
import pytest
import sklearn.cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from spanwise import set_options
from spanwise.cluster import KMeans, kmeans_sweep
from spanwise.cluster._gram import centers_of, gram_of
from spanwise.cluster._gram_lloyd import gram_kmeans, plus_plus
from spanwise.errors import ArgumentError, MemoryBudgetError, NonFiniteError
from spanwise.kernels.seeding import greedy_kmeans_plusplus
from spanwise.kernels.transfer import LOG, to_host
from spanwise.schedulers import MixedCluster, placement
from spanwise.testing import CountingSource, raise_if_computes
from spanwise.testing.strategies import chunkings

N, D = 30, 64
WIDE = load_digits().data.T.copy()
"""64 pixels as samples, 1797 images as features."""


def regimes(dtype=np.float64, n=N, d=D, k=3, offset=0.0, scale=1.0):
    rng = np.random.default_rng(0)
    means = 2.0 * rng.standard_normal((k, d))
    return (offset + scale * (means[np.arange(n) % k] + rng.standard_normal((n, d)))).astype(dtype)


def theirs(x, init, weights=None, **options):
    model = sklearn.cluster.KMeans(len(init), init=init, n_init=1, **options)
    return model.fit(x, sample_weight=weights)


def fit(x, k=3, weights=None, *, skipna=False, **options):
    """Fit and centres."""
    gram = gram_of(x, weights, skipna=skipna)
    found = gram_kmeans(gram, k, **options)
    return found, centers_of(x, [found.members], weights, [k])[0]


def same(a, b):
    np.testing.assert_array_equal(a[0].labels, b[0].labels)
    np.testing.assert_array_equal(to_host(a[1]), to_host(b[1]))
    assert a[0].inertia == b[0].inertia
    assert a[0].n_iter == b[0].n_iter


@pytest.mark.parametrize("k", [2, 5, 12])
@pytest.mark.parametrize("x", [WIDE, load_digits().data[:300]], ids=["wide", "tall"])
@pytest.mark.parametrize("max_iter", [1, 3, 300])
def test_as_scikit_learn_from_the_same_centres(x, k, max_iter):
    rows = np.random.default_rng(k).choice(len(x), k, replace=False)
    model = theirs(x, x[rows], max_iter=max_iter)
    found = gram_kmeans(gram_of(x), k, rows=rows, max_iter=max_iter)
    np.testing.assert_array_equal(found.labels, model.labels_)
    assert found.n_iter == model.n_iter_
    assert found.inertia == pytest.approx(model.inertia_, rel=1e-12)
    centers = centers_of(x, [found.members], None, [k])[0]
    np.testing.assert_allclose(centers, model.cluster_centers_, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("tol", [0.0, 1e-2, 1e-1])
def test_tolerance_means_what_it_means_in_scikit_learn(tol):
    x = load_digits().data[:400]
    model = theirs(x, x[:8], tol=tol)
    found = gram_kmeans(gram_of(x), 8, rows=np.arange(8), tol=tol)
    assert found.n_iter == model.n_iter_
    np.testing.assert_array_equal(found.labels, model.labels_)


def test_weighted_rows_are_as_in_scikit_learn():
    x, weights = WIDE, np.random.default_rng(0).random(len(WIDE))
    weights[::9] = 0
    model = theirs(x, x[1:5], weights)
    found = gram_kmeans(gram_of(x, weights), 4, rows=np.arange(1, 5))
    np.testing.assert_array_equal(found.labels, model.labels_)
    assert found.inertia == pytest.approx(model.inertia_, rel=1e-12)
    centers = centers_of(x, [found.members], weights, [4])[0]
    np.testing.assert_allclose(centers, model.cluster_centers_, rtol=1e-12, atol=1e-13)


def test_centres_that_are_no_rows_take_part_as_anchors():
    init = WIDE[:3] + np.random.default_rng(0).standard_normal((3, WIDE.shape[1]))
    for x in (WIDE, da.from_array(WIDE, chunks=(20, 500))):
        gram = gram_of(x, anchors=init)
        found = gram_kmeans(gram, 3, rows=gram.anchors)
        np.testing.assert_array_equal(found.labels, theirs(WIDE, init).labels_)
        assert len(found.labels) == len(WIDE)


def test_labels_to_begin_from_are_means_to_begin_from():
    labels = np.arange(len(WIDE)) % 4
    means = np.stack([WIDE[labels == c].mean(axis=0) for c in range(4)])
    found = gram_kmeans(gram_of(WIDE), 4, labels=labels)
    np.testing.assert_array_equal(found.labels, theirs(WIDE, means).labels_)


def test_empty_clusters_take_the_farthest_rows_as_in_scikit_learn():
    x = regimes(k=2)
    init = np.concatenate([x[:2], np.full((2, D), 1e3)])
    model = theirs(x, init)
    gram = gram_of(x, anchors=init)
    found = gram_kmeans(gram, 4, rows=gram.anchors)
    np.testing.assert_array_equal(found.labels, model.labels_)
    assert found.inertia == pytest.approx(model.inertia_, rel=1e-12)
    assert found.occupied == 4


def test_duplicates_leave_clusters_without_a_row():
    x = np.repeat(regimes(n=3), 4, axis=0)
    found, centers = fit(x, 5, seed=1)
    assert found.occupied == 3
    assert found.inertia == pytest.approx(0, abs=1e-9)
    assert np.isfinite(centers).all()


@pytest.mark.parametrize("samples", [N, 7])
def test_one_read_for_every_number_of_clusters_and_one_for_the_centres(samples):
    source = CountingSource(regimes(), chunks=(samples, 9))
    with raise_if_computes():
        assert source.total_reads == 0
    gram = gram_of(source.array)
    assert set(source.reads.values()) == {1}
    with raise_if_computes():
        fits = [gram_kmeans(gram, k, n_init=5) for k in range(2, 9)]
    assert set(source.reads.values()) == {1}
    inertias = [f.inertia for f in fits]
    assert inertias == sorted(inertias, reverse=True)
    source.reset()
    centers_of(source.array, [fits[1].members], None, [3])[0]
    assert set(source.reads.values()) == {1}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64])
@given(data=st.data(), spread=st.sampled_from([0, 3, 30]), weighted=st.booleans())
@settings(max_examples=12)
def test_no_bit_depends_on_chunks_or_memory_order(dtype, data, spread, weighted):
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    scales = 10.0 ** rng.uniform(-spread, spread, D)
    x = regimes() * (100 if np.dtype(dtype).kind == "i" else scales)
    x = x.astype(dtype)
    weights = rng.random(N) if weighted else None
    chunks = data.draw(chunkings((N, D), allow_empty=True))
    order = data.draw(st.sampled_from([np.ascontiguousarray, np.asfortranarray]))
    lazy = da.from_array(order(x), chunks=chunks)
    with dask.config.set(scheduler="synchronous"):
        got, whole = gram_of(lazy, weights), gram_of(x, weights)
        np.testing.assert_array_equal(got.matrix, whole.matrix)
        assert got.exponent == whole.exponent
        same(fit(lazy, weights=weights, n_init=2), fit(x, weights=weights, n_init=2))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_bit_depends_on_threads(workers):
    x = regimes(n=120, d=300)
    with dask.config.set(scheduler="threads", num_workers=workers):
        together = fit(da.from_array(x, chunks=(50, 37)), 4, n_init=3)
    with threadpool_limits(workers):
        same(fit(x, 4, n_init=3), together)
    same(together, fit(np.asfortranarray(x), 4, n_init=3))


def test_a_cluster_of_workers_gives_the_same_bits():
    x = da.from_array(regimes(), chunks=(11, 9))
    alone = fit(x)
    with MixedCluster(cpu=2, gpu=0, processes=False):
        same(fit(x), alone)


@pytest.mark.parametrize("samples", [N, 11])
def test_a_device_gives_the_same_bits(samples):
    x, weights = regimes(), np.random.default_rng(0).random(N)
    lazy = da.from_array(x, chunks=(samples, 9))
    init = x[:3] + 1.0
    expected = gram_of(x, weights, anchors=init)
    found = gram_kmeans(expected, 3, rows=expected.anchors)
    cluster = MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False)
    with cluster, placement("gpu", device="hostfree"):
        got = gram_of(lazy, weights, anchors=init)
        copies = LOG.to_device.copies
        centers = centers_of(lazy, [found.members], weights, [3])[0]
        assert LOG.to_device.copies >= copies + lazy.numblocks[1]
    np.testing.assert_array_equal(got.matrix, expected.matrix)
    np.testing.assert_array_equal(centers, centers_of(x, [found.members], weights, [3])[0])
    assert isinstance(centers, np.ndarray)


def test_containers_give_the_same_bits(xp):
    x, weights = regimes(np.float32), np.random.default_rng(0).random(N)
    here = xp.asarray(x)
    got, expected = fit(here, weights=weights), fit(x, weights=weights)
    same(got, expected)
    assert got[1].dtype == np.float32
    model = KMeans(3, method="gram", random_state=0).fit(here, sample_weight=weights)
    concrete = here._meta if isinstance(here, da.Array) else here
    assert type(model.cluster_centers_) is type(concrete)
    assert type(model.labels_) is type(here)
    np.testing.assert_array_equal(xp.to_numpy(model.labels_), xp.to_numpy(model.predict(here)))


def test_a_fit_reads_twice_and_its_labels_not_at_all(tmp_path):
    source = CountingSource(regimes(np.float32), chunks=(N, 16))
    told = []
    options = {"method": "gram", "random_state": 0, "checkpoint": tmp_path / "fit"}
    model = KMeans(3, **options, callback=lambda *state: told.append(state)).fit(source.array)
    model.labels_.compute()
    assert set(source.reads.values()) == {2}
    assert told == [(model.n_iter_, model.inertia_, 0.0)]
    source.reset()
    again = KMeans(3, **options).fit(source.array)
    assert set(source.reads.values()) == {1}
    np.testing.assert_array_equal(again.cluster_centers_, model.cluster_centers_)
    lloyd = KMeans(3, random_state=0).fit(source.array)
    assert model.inertia_ <= 1.01 * lloyd.inertia_


def test_a_sweep_shares_both_reads():
    source = CountingSource(regimes(np.float32), chunks=(N, 16))
    found = kmeans_sweep(source.array, (2, 3, 4), method="gram", rng=0)
    assert set(source.reads.values()) == {2}
    other = kmeans_sweep(source.array, (2, 3, 4), method="lloyd", rng=0)
    np.testing.assert_allclose(found.inertia, other.inertia, rtol=3e-2)


def test_weights_may_be_of_any_library(xp):
    x, weights = regimes(), np.random.default_rng(0).random(N)
    same(fit(x, weights=xp.asarray(weights)), fit(x, weights=weights))


@pytest.mark.parametrize("lazy", [False, True])
def test_weight_two_is_the_row_twice(lazy):
    x = regimes()
    weights = np.where(np.arange(N) % 3, 1, 2)
    twice = np.repeat(x, weights, axis=0)
    if lazy:
        x, twice = da.from_array(x, chunks=(11, 9)), da.from_array(twice, chunks=(8, 20))
    one, centers = fit(x, weights=weights)
    two, others = fit(twice)
    np.testing.assert_array_equal(np.repeat(one.labels, weights), two.labels)
    np.testing.assert_array_equal(centers, others)
    assert one.inertia == pytest.approx(two.inertia, rel=1e-12)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_row_that_holds_nan_is_a_row_that_is_not_there(lazy):
    x = regimes(n=40)
    keep = np.arange(40) % 7 > 0
    holes = x.copy()
    holes[~keep, np.arange((~keep).sum()) * 10] = np.nan
    if lazy:
        holes = da.from_array(holes, chunks=(15, 9))
    got, centers = fit(holes, skipna=True, labels=np.arange(40) % 3)
    expected, others = fit(x[keep], labels=(np.arange(40) % 3)[keep])
    np.testing.assert_array_equal(got.labels[keep], expected.labels)
    assert (got.labels[~keep] == -1).all()
    np.testing.assert_array_equal(centers, others)
    assert got.inertia == pytest.approx(expected.inertia, rel=1e-12)
    with pytest.raises(NonFiniteError, match="NaN"):
        gram_of(holes)


def test_rows_of_no_weight_are_labelled_and_change_no_bit():
    x = regimes()
    weights = np.where(np.arange(N) % 5, 1.0, 0.0)
    garbage = x.copy()
    garbage[weights == 0] = 9.96921e36
    clean, dirty = fit(x, weights=weights), fit(garbage, weights=weights)
    keep = weights > 0
    np.testing.assert_array_equal(clean[0].labels[keep], dirty[0].labels[keep])
    np.testing.assert_array_equal(clean[1], dirty[1])
    assert clean[0].inertia == dirty[0].inertia
    gone = fit(x[keep])
    np.testing.assert_array_equal(gone[0].labels, clean[0].labels[keep])
    np.testing.assert_array_equal(gone[1], clean[1])
    assert (clean[0].labels >= 0).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_always_raises(value):
    x = regimes()
    x[3, 3] = value
    for rows in (x, da.from_array(x, chunks=(10, 10))):
        with pytest.raises(NonFiniteError, match="infinity"):
            gram_of(rows, skipna=True)


def test_single_precision_far_from_zero_is_labelled_as_in_double():
    x = regimes(np.float32, n=60, d=2000, offset=101325, scale=100)
    assert x.std() < 500
    model = theirs(x.astype(float), x[:3].astype(float))
    found, centers = fit(x, rows=np.arange(3))
    np.testing.assert_array_equal(found.labels, model.labels_)
    assert found.inertia == pytest.approx(model.inertia_, rel=1e-9)
    np.testing.assert_array_equal(centers, model.cluster_centers_.astype(np.float32))


@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e100])
def test_scale_changes_nothing_but_the_scale(scale):
    x = regimes()
    one, other = fit(x)[0], fit(scale * x)[0]
    np.testing.assert_array_equal(one.labels, other.labels)
    assert other.inertia / scale / scale == pytest.approx(one.inertia, rel=1e-9)


def test_seeding_draws_as_that_of_rows():
    x, weights = regimes(n=80), np.random.default_rng(0).random(80)
    for seed in range(5):
        mean = np.average(x, axis=0, weights=weights)
        expected = greedy_kmeans_plusplus(x - mean, weights, 6, np.random.default_rng([seed, 0]))
        got = plus_plus(gram_of(x, weights), 6, np.random.default_rng([seed, 0]))
        np.testing.assert_array_equal(got, expected)


def test_the_best_of_several_runs_is_given():
    gram = gram_of(load_digits().data[:200])
    runs = [gram_kmeans(gram, 10, n_init=i).inertia for i in (1, 4, 10)]
    assert runs == sorted(runs, reverse=True)
    assert gram_kmeans(gram, 10, seed=3).inertia == gram_kmeans(gram, 10, seed=3).inertia


def test_first_of_equally_near_centres_wins():
    x = np.array([[0, 4], [4, 0], [2, 2], [101, 99], [0, 4]])
    for rows in ([0, 1], [1, 0]):
        found = gram_kmeans(gram_of(x[:3]), 2, rows=np.array(rows), max_iter=1)
        assert found.members[2] == 0
    assert gram_kmeans(gram_of(x), 2, rows=np.array([4, 0]), max_iter=1).members[0] == 0


def test_rows_of_one_label_have_their_mean():
    x = regimes()
    np.testing.assert_allclose(
        centers_of(x, [np.zeros(N, int)], None, [1])[0][0], x.mean(axis=0), rtol=1e-13, atol=1e-15
    )


def test_one_cluster_is_the_mean():
    found, _ = fit(WIDE, 1)
    assert found.inertia == pytest.approx(((WIDE - WIDE.mean(axis=0)) ** 2).sum(), rel=1e-12)


def test_arguments_that_do_not_fit_are_named():
    x = regimes()
    gram = gram_of(x)
    with pytest.raises(ArgumentError, match="n_clusters=31"):
        gram_kmeans(gram, 31)
    with pytest.raises(ArgumentError, match="rows"):
        gram_kmeans(gram, 3, rows=np.array([0, 1, N]))
    with pytest.raises(ArgumentError, match="labels"):
        gram_kmeans(gram, 3, labels=np.full(N, 3))
    with pytest.raises(ArgumentError, match=r"sample_weight has shape \(4,\)"):
        gram_of(x, np.ones(4))
    with pytest.raises(ArgumentError, match="negative"):
        gram_of(x, -np.ones(N))
    with pytest.raises(ArgumentError, match="no row"):
        gram_of(x, np.zeros(N))
    with pytest.raises(ArgumentError, match="no row"):
        gram_of(np.full((4, 3), np.nan), skipna=True)


def test_more_than_the_budget_is_refused_before_anything_is_read():
    source = CountingSource(regimes(n=200, d=400), chunks=(200, 100))
    with set_options(memory="1MiB"), pytest.raises(MemoryBudgetError, match="Raise the budget"):
        gram_of(source.array)
    assert source.total_reads == 0
