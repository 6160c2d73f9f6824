import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanwise.cluster import KMeans, vq
from spanwise.schedulers import MixedCluster
from spanwise.testing.strategies import chunkings

N, D, K = 240, 3, 4


def blobs(dtype=np.float64):
    rng = np.random.default_rng(0)
    means = 8 * rng.standard_normal((K, D))
    return (means[rng.permutation(N) % K] + rng.normal(0, 0.5, (N, D))).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@given(chunks=chunkings((N, D), max_blocks=5, allow_empty=True), k=st.integers(1, 9))
@settings(max_examples=8)
def test_the_fit_does_not_depend_on_the_chunking(dtype, tolerance, chunks, k):
    x = blobs(dtype)
    whole = KMeans(k, random_state=0).fit(x)
    cut = KMeans(k, random_state=0).fit(da.from_array(x, chunks=chunks))
    error = np.linalg.norm(cut.cluster_centers_ - whole.cluster_centers_)
    assert error <= tolerance * np.linalg.norm(whole.cluster_centers_)
    assert cut.inertia_ == pytest.approx(whole.inertia_, rel=tolerance)
    np.testing.assert_array_equal(cut.labels_, whole.labels_)


@given(st.permutations(range(K)))
@settings(max_examples=5)
def test_permuted_rows_are_permuted_labels(order):
    x = blobs()
    shuffled = np.random.default_rng(sum(i * n for i, n in enumerate(order))).permutation(N)
    a, b = KMeans(K, init=x[:K]).fit(x), KMeans(K, init=x[:K]).fit(x[shuffled])
    np.testing.assert_array_equal(b.labels_, a.labels_[shuffled])
    np.testing.assert_allclose(b.cluster_centers_, a.cluster_centers_, rtol=1e-12)


@given(st.lists(st.integers(0, 3), min_size=N, max_size=N))
@settings(max_examples=5)
def test_a_weight_counts_as_often_as_the_row(weights):
    x, init = blobs(), blobs()[:K]
    weights = np.array(weights)
    weights[:K] = 1
    a = KMeans(K, init=init, tol=0).fit(x, sample_weight=weights)
    b = KMeans(K, init=init, tol=0).fit(np.repeat(x, weights, axis=0))
    np.testing.assert_allclose(a.cluster_centers_, b.cluster_centers_, rtol=1e-11)
    assert a.inertia_ == pytest.approx(b.inertia_)


@given(st.integers(1, 8))
@settings(max_examples=8)
def test_inertia_never_rises(steps):
    x = np.random.default_rng(3).standard_normal((500, 3))
    before, after = (
        KMeans(6, init=x[:6], max_iter=n, tol=0).fit(x).inertia_ for n in (steps, steps + 1)
    )
    assert after <= before * (1 + 1e-14)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
@settings(max_examples=8)
def test_offset_and_scale_move_the_centres_along(offset, scale):
    x = blobs()
    a = KMeans(K, init=x[:K]).fit(x)
    b = KMeans(K, init=scale * x[:K] + offset).fit(scale * x + offset)
    np.testing.assert_array_equal(a.labels_, b.labels_)
    expected = scale * a.cluster_centers_ + offset
    np.testing.assert_allclose(b.cluster_centers_, expected, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_change_nothing(workers):
    x = da.from_array(blobs(np.float32), chunks=(17, 3))
    with dask.config.set(scheduler="synchronous"):
        alone = KMeans(K, random_state=0).fit(x)
    with dask.config.set(scheduler="threads", num_workers=workers):
        together = KMeans(K, random_state=0).fit(x)
    np.testing.assert_array_equal(together.cluster_centers_, alone.cluster_centers_)
    assert together.inertia_ == alone.inertia_


def test_memory_order_changes_nothing():
    x = blobs()
    a, b = KMeans(K, random_state=0).fit(x), KMeans(K, random_state=0).fit(np.asfortranarray(x))
    np.testing.assert_array_equal(a.cluster_centers_, b.cluster_centers_)


@given(chunkings((N, D), allow_empty=True))
@settings(max_examples=8)
def test_vector_quantization_does_not_depend_on_the_chunking(chunks):
    x = blobs()
    lazy = da.from_array(x, chunks=chunks)
    np.testing.assert_allclose(vq.whiten(lazy), vq.whiten(x), rtol=1e-12)
    book, distortion = vq.kmeans(lazy, K, iter=3, rng=0)
    expected = vq.kmeans(x, K, iter=3, rng=0)
    np.testing.assert_allclose(book, expected[0], rtol=1e-12)
    assert distortion == pytest.approx(expected[1], rel=1e-12)
    codes, distances = dask.compute(*vq.vq(lazy, book))
    np.testing.assert_array_equal(codes, vq.vq(x, book)[0])
    np.testing.assert_array_equal(distances, vq.vq(x, book)[1])


def test_a_cluster_of_workers_gives_the_same_bits():
    x = da.from_array(blobs(), chunks=(50, 3))
    alone = KMeans(K, random_state=0).fit(x)
    with MixedCluster(cpu=2, gpu=0, processes=False):
        together = KMeans(K, random_state=0).fit(x)
        labels = together.labels_.compute()
    np.testing.assert_array_equal(together.cluster_centers_, alone.cluster_centers_)
    np.testing.assert_array_equal(labels, alone.labels_)
