import pickle
import warnings
from functools import partial

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.cluster.vq as reference
from hypothesis import given, settings
from hypothesis import strategies as st

import spanwise as sw
from spanwise.cluster import _vq_lloyd, vq
from spanwise.errors import ArgumentError, MemoryBudgetError, NonFiniteError
from spanwise.graph.cluster import plan_fit
from spanwise.kernels.transfer import to_host
from spanwise.testing import CountingSource, hostfree_namespace, raise_if_computes

MINITS = ("random", "points", "++")
DTYPES = pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-5), (np.float64, 1e-12)])
EMPTY = "One of the clusters is empty. Re-run kmeans with a different initialization."

pytestmark = pytest.mark.filterwarnings("ignore:One of the clusters is empty")


def blobs(dtype=np.float64, d=3):
    rng = np.random.default_rng(0)
    means = np.array([0, 2, 5, 9])[:, None, None]
    return (means + rng.normal(0, 0.3, (4, 60, d))).reshape(-1, d).astype(dtype)


def close(found, expected, rtol=1e-12):
    np.testing.assert_allclose(to_host(found[0]), expected[0], rtol=rtol, atol=rtol)
    labels = found[1].compute() if isinstance(found[1], da.Array) else found[1]
    np.testing.assert_array_equal(to_host(labels), expected[1])


@DTYPES
@pytest.mark.parametrize("minit", MINITS)
def test_from_the_same_generator_the_result_is_scipys_on_every_container(xp, minit, dtype, rtol):
    x = blobs(dtype)
    array = xp.asarray(x)
    found = vq.kmeans2(array, 4, minit=minit, rng=5)
    concrete = array._meta if xp.is_lazy else array
    assert type(found[0]) is type(concrete)
    assert type(found[1]) is type(array)
    assert to_host(found[0]).dtype == dtype
    assert xp.to_numpy(found[1]).dtype == np.int32
    close(found, reference.kmeans2(x, 4, minit=minit, rng=5), rtol)


@pytest.mark.parametrize("minit", MINITS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_as_many_steps_as_asked_for_are_made(minit, steps):
    x = np.random.default_rng(1).standard_normal((500, 2))
    for seed in range(5):
        expected = reference.kmeans2(x, 6, steps, minit=minit, rng=seed)
        close(vq.kmeans2(x, 6, steps, minit=minit, rng=seed), expected)


def test_codes_given_are_where_it_starts(xp):
    x = blobs()
    expected = reference.kmeans2(x, x[::70])
    for codes in (x[::70], x[::70].tolist(), xp.asarray(x[::70])):
        close(vq.kmeans2(xp.asarray(x), codes), expected)
    close(
        vq.kmeans2(xp.asarray(x), x[:1], minit="matrix"),
        reference.kmeans2(x, x[:1], minit="matrix"),
    )


def test_labels_are_those_before_the_last_step():
    x = np.array([[0.0], [1.0], [2.0], [10.0]])
    start = np.array([[0.0], [1.0]])
    _, labels = vq.kmeans2(x, start, 1)
    np.testing.assert_array_equal(labels, [0, 1, 1, 1])
    close(vq.kmeans2(x, start, 1), reference.kmeans2(x, start, 1))


@pytest.mark.parametrize("minit", MINITS)
@pytest.mark.parametrize("chunks", [240, (7, 100, 133), (0, 240), (1, 0, 1, 238)])
def test_one_dimension_is_one_feature(chunks, minit):
    x = blobs()[:, 0]
    expected = reference.kmeans2(x, 4, minit=minit, rng=1)
    for data in (x, da.from_array(x, chunks=(chunks,))):
        found = vq.kmeans2(data, 4, minit=minit, rng=1)
        assert found[0].shape == (4,)
        close(found, expected)
    close(vq.kmeans2(x, x[:3]), reference.kmeans2(x, x[:3]))


@DTYPES
def test_with_fewer_rows_than_features_the_normal_distribution_is_scipys(xp, dtype, rtol):
    x = np.random.default_rng(0).standard_normal((12, 30)).astype(dtype)
    found = vq.kmeans2(xp.asarray(x), 3, rng=2)
    close(found, reference.kmeans2(x, 3, rng=2), 10 * rtol)


def test_signs_that_a_device_gives_singular_vectors_do_not_count(monkeypatch):
    """cuSOLVER's are others than LAPACK's."""

    def svd(x, full_matrices=True):
        u, scales, v = plain(x, full_matrices=full_matrices)
        return -u, scales, -v

    plain = hostfree_namespace.linalg.svd
    monkeypatch.setattr(hostfree_namespace.linalg, "svd", svd)
    x = np.random.default_rng(0).standard_normal((12, 30))
    found = vq.kmeans2(sw.to_device(x, library="hostfree"), 3, rng=2)
    close(found, reference.kmeans2(x, 3, rng=2), 1e-11)


def test_the_normal_distribution_has_the_mean_and_covariance_of_the_data():
    x = np.random.default_rng(0).standard_normal((200, 3)) @ np.array(
        [[1.0, 0, 0], [2, 1, 0], [0, 1, 3]]
    )
    for data, atol in ((x + 5, 0.15), (x[:, :1], 0.1), (x.reshape(-1, 100)[:, :20], 0.4)):
        codes, _ = vq.kmeans2(da.from_array(data, chunks=(50, 2)), 100_000, 1, rng=0)
        # Codes that no row is nearest to stay where they were drawn: nearly all of them.
        np.testing.assert_allclose(codes.mean(axis=0), data.mean(axis=0), atol=atol)
        np.testing.assert_allclose(np.cov(codes.T), np.cov(data.T), atol=2 * atol)


@settings(deadline=None, max_examples=40)
@given(
    minit=st.sampled_from(MINITS),
    cuts=st.lists(st.integers(0, 90), max_size=6),
    columns=st.sampled_from([(3,), (2, 1), (1, 1, 1)]),
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 1e6]),
)
def test_the_result_does_not_depend_on_the_chunks(minit, cuts, columns, seed, offset):
    x = offset + np.random.default_rng(seed).standard_normal((90, 3))
    edges = [0, *sorted(cuts), 90]
    lazy = da.from_array(x, chunks=(tuple(np.diff(edges).tolist()), columns))
    found = vq.kmeans2(lazy, 5, 3, minit=minit, rng=seed)
    close(found, vq.kmeans2(x, 5, 3, minit=minit, rng=seed), 1e-9)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12), d=st.integers(1, 6))
def test_k_means_plus_plus_draws_the_rows_that_scipy_draws(seed, k, d):
    x = np.random.default_rng(seed).standard_normal((40, d))
    close(
        vq.kmeans2(x, k, 1, minit="++", rng=seed),
        reference.kmeans2(x, k, 1, minit="++", rng=seed),
        1e-10,
    )


def test_k_means_plus_plus_goes_on_where_rows_are_fewer_than_codes():
    x = np.repeat([[1.0, 2.0], [3.0, 4.0]], 5, axis=0)
    with np.errstate(invalid="ignore"):
        expected = reference.kmeans2(x, 4, minit="++", rng=0)
    for data in (x, da.from_array(x, chunks=((0, 3, 7), 2))):
        close(vq.kmeans2(data, 4, minit="++", rng=0), expected)


def test_codes_without_observations_stay_and_each_step_warns():
    x = blobs()
    start = np.concatenate([x[:2], [[1e3] * 3]])
    expected = reference.kmeans2(x, start, 4)
    for data in (x, da.from_array(x, chunks=(50, 2))):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = vq.kmeans2(data, start, 4)
        assert [(str(w.message), w.category, w.filename) for w in caught] == [
            (EMPTY, UserWarning, __file__)
        ] * 4
        close(found, expected)
        np.testing.assert_array_equal(found[0][2], 1e3)


@pytest.mark.parametrize(
    "error", [vq.ClusterError, reference.ClusterError, sw.errors.SpanwiseError]
)
def test_codes_without_observations_raise_if_asked_to(error):
    x = blobs()
    start = np.concatenate([x[:2], [[1e3] * 3]])
    for data in (x, da.from_array(x, chunks=(50, 2))):
        with pytest.raises(error, match="One of the clusters is empty"):
            vq.kmeans2(data, start, missing="raise")
    vq.kmeans2(x, x[::60], missing="raise")


def test_the_error_of_an_empty_cluster_survives_pickling():
    error = pickle.loads(pickle.dumps(vq.ClusterError("empty")))
    assert type(error) is vq.ClusterError
    assert error.args == ("empty",)
    with pytest.raises(AttributeError, match="nothing"):
        vq.nothing  # noqa: B018


def test_integers_are_float64():
    x = np.round(10 * blobs()).astype(np.int16)
    for minit in MINITS:
        expected = reference.kmeans2(x.astype(float), 4, minit=minit, rng=0)
        found = vq.kmeans2(x, 4, minit=minit, rng=0)
        assert found[0].dtype == np.float64
        close(found, expected)


def test_far_from_zero_single_precision_gives_the_labels_of_double():
    x = (1e4 + blobs(d=6)).astype(np.float32)
    for minit in MINITS:
        expected = reference.kmeans2(x.astype(np.float64), 4, minit=minit, rng=3)[1]
        np.testing.assert_array_equal(vq.kmeans2(x, 4, minit=minit, rng=3)[1], expected)


def test_labels_of_a_dask_array_are_lazy():
    x = blobs()
    source = CountingSource(x, chunks=(50, 3))
    _, labels = vq.kmeans2(source.array, x[::60])
    source.reset()
    assert labels.chunks == (source.array.chunks[0],)
    assert source.total_reads == 0
    with raise_if_computes():
        labels = labels + 1
    labels.compute()
    assert set(source.reads.values()) == {1}


@pytest.mark.parametrize("chunks", [(50, 3), ((100, 0, 139, 1), (2, 1))])
@pytest.mark.parametrize(("minit", "before"), [("random", 1), ("points", 1), ("++", 4)])
def test_reads_are_as_the_docstring_says(minit, before, chunks, monkeypatch):
    x = np.random.default_rng(7).standard_normal((240, 3))
    source = CountingSource(x, chunks=chunks)
    with dask.config.set(scheduler="threads", num_workers=2):
        vq.kmeans2(source.array, 4, 3, minit=minit, rng=0)
        assert set(source.reads.values()) == {1}
        source.reset()
        monkeypatch.setattr(_vq_lloyd, "plan_fit", partial(plan_fit, may_cache=False))
        vq.kmeans2(source.array, 4, 3, minit=minit, rng=0)
    reads = list(source.reads.values())
    columns = source.array.numblocks[1]
    again = (4 - 1) * columns if minit == "++" else 0
    assert min(reads) >= before + 3
    assert sum(reads) == (before + 3) * len(reads) + again
    assert source.peak_live_chunks <= 2 * 2 * columns


def test_steps_of_codes_at_rest_read_nothing():
    x = blobs()
    source = CountingSource(x, chunks=(50, 3))
    found = vq.kmeans2(source.array, x[::60], 500)
    assert source.passes < 10
    close(found, reference.kmeans2(x, x[::60], 500))


def test_a_covariance_beyond_the_budget_is_refused_before_it_is_read():
    source = CountingSource(np.zeros((2000, 600)), chunks=(100, 600))
    with sw.set_options(memory="3MB"), pytest.raises(MemoryBudgetError, match="kmeans2"):
        vq.kmeans2(source.array, 2)
    assert source.total_reads == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("minit", [*MINITS, "matrix"])
def test_what_is_not_finite_raises(minit, value):
    x = blobs()
    start = x[::60].copy() if minit == "matrix" else 4
    x[100, 1] = value
    for data in (x, da.from_array(x, chunks=(50, 3))):
        with pytest.raises(NonFiniteError):
            vq.kmeans2(data, start, minit=minit, rng=0)
    with pytest.raises(NonFiniteError, match="k holds"):
        vq.kmeans2(x[:3], x[99:102])


def test_unchecked_data_spoil_only_what_they_touch():
    x = blobs()
    x[100, 1] = np.nan
    for data in (x, da.from_array(x, chunks=(50, 3))):
        codes, labels = vq.kmeans2(data, blobs()[::60], 1, check_finite=False)
        assert np.isfinite(codes).all(axis=1).sum() >= 3
        assert np.asarray(labels).max() == 3


def test_data_without_a_covariance_name_the_other_starts():
    x = np.c_[np.ones(240), blobs()]
    with pytest.raises(ArgumentError, match="minit='points'"):
        vq.kmeans2(x, 3)
    with pytest.raises(ArgumentError, match="1 observation"):
        vq.kmeans2(x[:1], 1)
    np.testing.assert_array_equal(vq.kmeans2(np.ones(5), 1)[0], [1.0])


@pytest.mark.parametrize("k", [np.array(4), np.array([4]), 4.0])
def test_a_count_may_be_an_array_of_one_element(k):
    x = blobs()
    close(vq.kmeans2(x, k, rng=0), vq.kmeans2(x, 4, rng=0))


def test_a_count_that_is_no_integer_is_cut_off():
    with pytest.warns(UserWarning, match=r"k was not an integer, was converted\."):
        close(vq.kmeans2(blobs(), 4.5, rng=0), vq.kmeans2(blobs(), 4, rng=0))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"k": 0}, "k=0"),
        ({"k": 0.5}, "k=0.5"),
        ({"k": "4"}, "k='4'"),
        ({"k": []}, "at least 1"),
        ({"k": np.inf}, "k=inf"),
        ({"k": 241, "minit": "points"}, "240 rows"),
        ({"k": np.zeros((2, 4))}, "features of data"),
        ({"k": np.zeros(4)}, "dimensions"),
        ({"k": 4, "minit": "matrix"}, "dimensions"),
        ({"k": 4, "iter": 0}, "iter=0"),
        ({"k": 4, "minit": "best"}, "minit='best'"),
        ({"k": 4, "missing": "drop"}, "missing='drop'"),
    ],
)
def test_wrong_arguments(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        vq.kmeans2(blobs(), **arguments)


def test_data_of_more_than_two_dimensions_or_none_are_refused():
    for data in (np.zeros((2, 2, 2)), np.zeros((0, 2)), np.zeros(0)):
        with pytest.raises(ArgumentError, match="data has shape"):
            vq.kmeans2(data, 1)
