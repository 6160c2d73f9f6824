import dask
import dask.array as da
import numpy as np
import pytest
import scipy
import scipy.cluster.vq as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from spanwise.cluster import vq
from spanwise.errors import (
    ArgumentError,
    ArgumentTypeError,
    ArrayTypeError,
    NonFiniteError,
    UnknownChunksError,
)
from spanwise.kernels.transfer import to_host
from spanwise.testing import CountingSource, raise_if_computes


def blobs(dtype=np.float64, d=3):
    rng = np.random.default_rng(0)
    means = np.array([0, 2, 5, 9])[:, None, None]
    return (means + rng.normal(0, 0.3, (4, 60, d))).reshape(-1, d).astype(dtype)


DTYPES = pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-5), (np.float64, 1e-12)])


def scipys_best_run(x, k, runs, thresh, seed):
    """SciPy's codes and distortion; the latter with the meaning that it has from 1.18 on."""
    if Version(scipy.__version__) >= Version("1.18"):
        return reference.kmeans(x, k, runs, thresh, rng=seed)
    rng = np.random.default_rng(seed)
    starts = [x[rng.choice(len(x), size=k, replace=False)] for _ in range(runs)]
    # SciPy takes a single number for a count, of which the mean is the code wherever it starts.
    starts = [start if start.size > 1 else 1 for start in starts]
    books = [reference.kmeans(x, start, iter=1, thresh=thresh)[0] for start in starts]
    return min(((b, reference.vq(x, b)[1].mean()) for b in books), key=lambda run: run[1])


def same_container(result, x):
    assert type(result) is type(x)
    if isinstance(x, da.Array):
        assert type(result._meta) is type(x._meta)


@DTYPES
@pytest.mark.parametrize("d", [3, 7])
def test_whiten_is_scipys(xp, dtype, rtol, d):
    x = blobs(dtype, d)
    got = vq.whiten(xp.asarray(x))
    same_container(got, xp.asarray(x))
    out = xp.to_numpy(got)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, reference.whiten(x), rtol=rtol)


@DTYPES
def test_vq_is_scipys(xp, dtype, rtol):
    x = blobs(dtype)
    codes, distances = vq.vq(xp.asarray(x), x[::50])
    same_container(codes, xp.asarray(x))
    expected = reference.vq(x, x[::50])
    assert xp.to_numpy(codes).dtype == np.int32
    assert xp.to_numpy(distances).dtype == dtype
    np.testing.assert_array_equal(xp.to_numpy(codes), expected[0])
    np.testing.assert_allclose(xp.to_numpy(distances), expected[1], rtol=rtol, atol=rtol)


@DTYPES
def test_kmeans_from_the_same_generator_is_scipys(xp, dtype, rtol):
    x = blobs(dtype)
    book, distortion = vq.kmeans(xp.asarray(x), 4, iter=5, rng=3)
    expected = reference.kmeans(x, 4, iter=5, rng=3)
    concrete = xp.asarray(x)
    concrete = concrete._meta if isinstance(concrete, da.Array) else concrete
    assert type(book) is type(concrete)
    book = to_host(book)
    assert book.dtype == dtype
    np.testing.assert_allclose(book, expected[0], rtol=rtol, atol=rtol)
    assert float(distortion) == pytest.approx(float(expected[1]), rel=rtol)


@pytest.mark.parametrize("chunks", [240, (7, 100, 133), (0, 240), (1, 1, 238)])
def test_one_dimension_is_one_feature(chunks):
    x = blobs()[:, 0]
    lazy = da.from_array(x, chunks=(chunks,))
    for obs in (x, lazy):
        np.testing.assert_allclose(np.asarray(vq.whiten(obs)), reference.whiten(x))
        book, distortion = vq.kmeans(obs, 4, iter=3, rng=1)
        expected = reference.kmeans(x, 4, iter=3, rng=1)
        np.testing.assert_allclose(book, expected[0], atol=1e-12)
        assert distortion == pytest.approx(expected[1])
        codes, distances = vq.vq(obs, book)
        np.testing.assert_array_equal(codes, reference.vq(x, expected[0])[0])
        np.testing.assert_allclose(distances, reference.vq(x, expected[0])[1], atol=1e-12)


def test_codes_given_are_where_it_starts():
    x = blobs()
    for guess in (x[:3], x[:3].tolist()):
        book, distortion = vq.kmeans(x, guess)
        expected = reference.kmeans(x, x[:3])
        np.testing.assert_allclose(book, expected[0], rtol=1e-12)
        assert distortion == pytest.approx(expected[1])
    lazy = vq.kmeans(da.from_array(x, chunks=(50, 2)), da.from_array(x[:3], chunks=1))
    np.testing.assert_allclose(lazy[0], expected[0], rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 9),
    d=st.integers(1, 7),
    runs=st.integers(1, 4),
    thresh=st.sampled_from([0.0, 1e-5, 0.1, 1e16]),
)
def test_codes_and_distortion_are_those_of_scipys_best_run(seed, k, d, runs, thresh):
    x = np.random.default_rng(seed).standard_normal((60, d))
    expected = scipys_best_run(x, k, runs, thresh, seed)
    book, distortion = vq.kmeans(x, k, runs, thresh, rng=seed)
    np.testing.assert_allclose(book, expected[0], rtol=1e-10, atol=1e-10)
    # From 5 features on SciPy's distances cancel: those of a code to itself are 1e-8, not 0.
    assert distortion == pytest.approx(expected[1], rel=1e-12 if d < 5 else 1e-6)


def test_codes_without_observations_are_dropped():
    x = blobs()
    guess = np.concatenate([x[:2], [[1e6] * 3]])
    assert vq.kmeans(x, guess)[0].shape == reference.kmeans(x, guess)[0].shape == (2, 3)


def test_a_count_may_be_an_array_of_one_element():
    x = blobs()
    np.testing.assert_array_equal(vq.kmeans(x, np.array([4]), rng=0)[0], vq.kmeans(x, 4, rng=0)[0])


def test_integers_are_float64():
    x = np.round(10 * blobs()).astype(np.int16)
    assert vq.whiten(x).dtype == np.float64
    codes, distances = vq.vq(x, x[::60])
    expected = reference.vq(x.astype(float), x[::60].astype(float))
    np.testing.assert_array_equal(codes, expected[0])
    np.testing.assert_allclose(distances, expected[1])
    assert vq.kmeans(x, 4, rng=0)[0].dtype == np.float64


def test_a_double_code_book_makes_the_distances_double():
    x = blobs(np.float32)
    assert vq.vq(x, x[:3].astype(np.float64))[1].dtype == np.float64
    lazy = vq.vq(da.from_array(x, chunks=(50, 3)), x[:3].astype(np.float64))[1]
    assert lazy.dtype == lazy.compute().dtype == np.float64


def test_constants_stay_and_warn():
    x = np.c_[np.full(240, 0.1), blobs()]
    with pytest.warns(RuntimeWarning, match="standard deviation zero"):
        out = vq.whiten(x)
    np.testing.assert_array_equal(out[:, 0], 0.1)
    vq.whiten(x, check_finite=False)
    lazy = da.from_array(x, chunks=(50, 2))
    np.testing.assert_array_equal(vq.whiten(lazy).compute()[:, 0], 0.1)
    with pytest.warns(RuntimeWarning, match="standard deviation zero"):
        vq.whiten(lazy, check_finite=True).compute(scheduler="sync")


def test_far_from_zero_in_single_precision_the_nearest_code_is_found():
    x = (1e4 + blobs(d=6)).astype(np.float32)
    codes = vq.vq(x, x[::60])[0]
    truth = reference.vq(x.astype(np.float64) - 1e4, x[::60].astype(np.float64) - 1e4)[0]
    np.testing.assert_array_equal(codes, truth)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_raises_when_it_is_read(value):
    x = blobs()
    x[100, 1] = value
    lazy = da.from_array(x, chunks=(50, 3))
    for obs in (x, lazy):
        with pytest.raises(NonFiniteError):
            vq.kmeans(obs, 4)
        with pytest.raises(NonFiniteError):
            dask.compute(vq.vq(obs, x[:3]))
        with pytest.raises(NonFiniteError):
            dask.compute(vq.whiten(obs, check_finite=True))
    with pytest.raises(NonFiniteError, match="code_book"):
        vq.vq(x[:3], x[99:102])
    vq.vq(lazy, x[:3], check_finite=False)[0].compute()


def test_whiten_and_vq_are_lazy():
    x = da.from_array(blobs(), chunks=(50, 2))
    with raise_if_computes():
        vq.whiten(x)
        vq.vq(x, blobs()[:3])


@pytest.mark.parametrize("chunks", [(50, 3), ((100, 0, 139, 1), (2, 1))])
def test_reads_are_as_the_docstrings_say(chunks):
    x = blobs()
    source = CountingSource(x, chunks=chunks)
    whitened = vq.whiten(source.array)
    with dask.config.set(scheduler="threads", num_workers=2):
        np.testing.assert_allclose(whitened.compute(), reference.whiten(x), rtol=1e-12)
        assert set(source.reads.values()) == {2}
        assert source.peak_live_chunks <= 2 * 2 * source.array.numblocks[1]
        source.reset()
        dask.compute(vq.vq(source.array, x[:3]))
        assert set(source.reads.values()) == {1}


def test_runs_share_every_read():
    x = blobs()
    source = CountingSource(x, chunks=(50, 3))
    generator = np.random.default_rng(0)
    alone = []
    for _ in range(5):
        vq.kmeans(source.array, x[generator.choice(240, 4, replace=False)])
        alone.append(max(source.reads.values()))
        source.reset()
    vq.kmeans(source.array, 4, iter=5, rng=0)
    assert set(source.reads.values()) == {max(alone)}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"k_or_guess": 0}, "at least 1"),
        ({"k_or_guess": 2.5}, "integer"),
        ({"k_or_guess": []}, "at least 1"),
        ({"k_or_guess": 241}, "240 rows"),
        ({"k_or_guess": np.zeros((2, 4))}, "features"),
        ({"k_or_guess": np.zeros(4)}, "dimensions"),
        ({"k_or_guess": 4, "iter": 0}, "iter=0"),
        ({"k_or_guess": 4, "thresh": -1.0}, "thresh=-1.0"),
    ],
)
def test_wrong_arguments_of_kmeans(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        vq.kmeans(blobs(), **arguments)


def test_containers_that_are_not_served():
    x = blobs()
    with pytest.raises(ArrayTypeError, match="masked"):
        vq.whiten(np.ma.masked_invalid(x))
    with pytest.raises(ArgumentTypeError, match="complex"):
        vq.vq(x + 1j, x[:2])
    with pytest.raises(ArrayTypeError, match=r"code_book\.compute"):
        vq.vq(x, da.from_array(x[:3]))
    with pytest.raises(ArgumentError, match="shape"):
        vq.whiten(np.zeros((2, 2, 2)))
    unknown = da.from_array(x, chunks=(50, 3))
    with pytest.raises(UnknownChunksError, match="compute_chunk_sizes"):
        vq.kmeans(unknown[unknown[:, 0] > 1], 2)
