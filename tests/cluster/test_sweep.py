import math

import dask.array as da
import numpy as np
import pytest
import sklearn.metrics
from sklearn.datasets import load_iris

from spanwise.cluster import KMeans, kmeans_sweep
from spanwise.errors import ArgumentError, NonFiniteError
from spanwise.testing import CountingSource


def blobs(n=30_000, k=4, d=3):
    rng = np.random.default_rng(0)
    means = 12 * rng.standard_normal((k, d))
    return (means[rng.integers(k, size=n)] + rng.standard_normal((n, d))).astype(np.float32)


def no_room_to_cache(x, k):
    """A budget for centres of all sweeps together, and not a byte for the rows beside them."""
    plan = KMeans(k, random_state=0).fit(da.from_array(x, chunks=(5000, 3))).plan_
    return max(step.peak_bytes for step in plan.steps[1:]) - x.nbytes


def test_all_numbers_of_clusters_share_every_read():
    x = blobs()
    source = CountingSource(x, chunks=(5000, 3))
    found = kmeans_sweep(source.array, range(1, 7), rng=0, memory=no_room_to_cache(x, 21))
    assert 1 < max(source.reads.values()) <= 4
    assert found.k.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.k[found.bic.argmin()] == 4
    assert np.nanmin(found.davies_bouldin) > 0
    assert (np.diff(found.inertia) < 0).all()
    assert math.isnan(found.davies_bouldin[0])
    assert "Davies-Bouldin" in repr(found)
    again = kmeans_sweep(da.from_array(x, chunks=(777, 2)), range(1, 7), rng=0)
    for ours, theirs in zip(found.centers, again.centers, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found.davies_bouldin, again.davies_bouldin)


def test_figures_are_those_of_their_definitions():
    x = load_iris().data
    found = kmeans_sweep(x, (2, 3, 5), rng=0)
    for k, centers, inertia, index in zip(
        found.k, found.centers, found.inertia, found.davies_bouldin, strict=True
    ):
        model = KMeans(int(k), init=centers, max_iter=1).fit(x)
        labels = model.predict(x)
        assert inertia == pytest.approx(((x - centers[labels]) ** 2).sum())
        expected = sklearn.metrics.davies_bouldin_score(x, labels)
        assert index == pytest.approx(expected, rel=1e-3)


def test_weights_count_rows_as_often():
    x = load_iris().data
    weights = np.random.default_rng(0).integers(1, 4, len(x))
    weighted = kmeans_sweep(x, (3,), sample_weight=weights.astype(float), rng=0)
    repeated = kmeans_sweep(np.repeat(x, weights, axis=0), (3,), rng=0)
    assert weighted.inertia[0] == pytest.approx(repeated.inertia[0], rel=1e-3)
    assert weighted.bic[0] == pytest.approx(repeated.bic[0], rel=1e-3)


def test_containers_are_kept(xp):
    x = xp.asarray(load_iris().data)
    (centers,) = kmeans_sweep(x, (3,), rng=0).centers
    assert type(centers) is type(x._meta if isinstance(x, da.Array) else x)


@pytest.mark.parametrize("ks", [(), (0,), (2.5,), (2, 151)])
def test_wrong_numbers_of_clusters(ks):
    with pytest.raises(ArgumentError, match=r"ks=|n_clusters=151"):
        kmeans_sweep(load_iris().data, ks)


def test_wrong_data_and_options():
    x = load_iris().data.copy()
    with pytest.raises(ArgumentError, match="max_passes=1"):
        kmeans_sweep(x, max_passes=1)
    x[3, 1] = np.nan
    with pytest.raises(NonFiniteError, match="NaN"):
        kmeans_sweep(x)
    assert np.isfinite(kmeans_sweep(x, skipna=True, rng=0).inertia).all()
