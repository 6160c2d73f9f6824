import functools
import itertools

import dask
import dask.array as da
import numpy as np
import pytest
import sklearn.cluster
from hypothesis import given, settings
from hypothesis import strategies as st

from spanwise.cluster import KMeans
from spanwise.kernels import lloyd as lloyd_module
from spanwise.kernels.numpy import lloyd as numpy_lloyd
from spanwise.kernels.numpy.loops import is_installed
from spanwise.kernels.transfer import to_device, to_host
from spanwise.testing.strategies import chunkings

N, D, K = 14_000, 5, 6


@functools.cache
def rows(dtype="float32"):
    rng = np.random.default_rng(0)
    means = 2 * rng.standard_normal((K, D))
    x = means[rng.integers(K, size=N)] + rng.standard_normal((N, D))
    return (1000 + x).astype(dtype)


@functools.cache
def weights():
    return np.random.default_rng(1).integers(0, 3, N) * 0.7


def bits(model):
    labels = model.labels_
    labels = labels.compute() if isinstance(labels, da.Array) else labels
    return (
        np.asarray(model.cluster_centers_).tobytes(),
        np.asarray(labels).tobytes(),
        model.inertia_,
    )


@functools.cache
def expected(dtype, weighted, method):
    model = KMeans(K, random_state=0, method=method)
    return bits(model.fit(rows(dtype), sample_weight=weights() if weighted else None))


@pytest.mark.parametrize("method", ["coreset", "lloyd"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@settings(max_examples=4, deadline=None)
@given(chunks=chunkings((N, D), max_blocks=5, allow_empty=True), fortran=st.booleans())
def test_no_chunking_and_no_memory_order_changes_a_bit(dtype, weighted, method, chunks, fortran):
    x = np.asfortranarray(rows(dtype)) if fortran else rows(dtype)
    lazy = da.from_array(x, chunks=chunks)
    model = KMeans(K, random_state=0, method=method)
    got = bits(model.fit(lazy, sample_weight=weights() if weighted else None))
    assert got == expected(dtype, weighted, method)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_number_of_threads_changes_a_bit(threads, monkeypatch):
    monkeypatch.setattr("spanwise.cluster._rows._threads", lambda: threads)
    x = da.from_array(rows(), chunks=(999, 5))
    with dask.config.set(scheduler="threads", num_workers=threads):
        assert bits(KMeans(K, random_state=0).fit(x)) == expected("float32", False, "auto")
    assert bits(KMeans(K, random_state=0).fit(rows())) == expected("float32", False, "auto")


@pytest.mark.parametrize("length", [7, 100, 5000])
def test_no_length_of_blocks_changes_a_bit(length, monkeypatch):
    monkeypatch.setattr(lloyd_module, "rows_per_block", lambda *_, **__: length)
    assert bits(KMeans(K, random_state=0).fit(rows())) == expected("float32", False, "auto")


@pytest.mark.skipif(not is_installed(), reason="Numba is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_compiled_loops_change_no_bit(dtype, weighted, monkeypatch):
    monkeypatch.setattr(numpy_lloyd, "loops", lambda: None)
    model = KMeans(K, random_state=0)
    got = bits(model.fit(rows(dtype), sample_weight=weights() if weighted else None))
    assert got == expected(dtype, weighted, "auto")


@pytest.mark.skipif(not is_installed(), reason="Numba is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [1, 4, 7, 16, 17])
def test_long_rows_with_gaps_and_weights_come_out_alike_without_compiled_loops(
    dtype, k, monkeypatch
):
    rng = np.random.default_rng(k)
    kinds = 9 * rng.standard_normal((k, 70))
    x = (kinds[rng.integers(k, size=1500)] + 20 * rng.standard_normal((1500, 70))).astype(dtype)
    x[::9] = np.nan
    x[5, 3] = np.nan
    found = []
    for sample_weight in (None, np.arange(1500) % 5):
        model = KMeans(k, init=kinds + 5, skipna=True)
        found.append(bits(model.fit(x, sample_weight=sample_weight)))
    monkeypatch.setattr("spanwise.kernels.numpy.loops.loops", lambda: None)
    monkeypatch.setattr(numpy_lloyd, "loops", lambda: None)
    for got, sample_weight in zip(found, (None, np.arange(1500) % 5), strict=True):
        model = KMeans(k, init=kinds + 5, skipna=True).fit(x, sample_weight=sample_weight)
        assert got == bits(model)
        assert (model.labels_ == -1).sum() == 168


def test_devices_give_the_same_labels_and_centres():
    model = KMeans(K, random_state=0).fit(to_device(rows(), library="hostfree"))
    centers, labels, _ = expected("float32", False, "auto")
    assert to_host(model.cluster_centers_).tobytes() == centers
    assert to_host(model.labels_).tobytes() == labels


def test_the_default_is_as_good_as_iterating_to_the_end():
    x = rows()
    ours = [KMeans(K, random_state=s, method="coreset").fit(x).inertia_ for s in range(5)]
    theirs = [sklearn.cluster.KMeans(K, random_state=s).fit(x).inertia_ for s in range(5)]
    assert max(ours) < 1.01 * np.mean(theirs)


def test_a_small_cluster_that_no_sample_holds_is_found_by_the_second_one():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60_000, 2))
    x[31_000:31_005] += 300
    found = KMeans(4, random_state=0, method="coreset").fit(x)
    assert found.cluster_centers_.max() > 250


def test_far_more_rows_than_a_sample_are_told_to_the_callback():
    told = []
    KMeans(K, random_state=0, callback=lambda *state: told.append(state)).fit(rows())
    iterations, inertias, shifts = zip(*told, strict=True)
    assert iterations == (1, 2, 2)
    assert list(inertias) == sorted(inertias, reverse=True)
    assert all(shift >= 0 for shift in shifts)


def test_inertia_never_rises_from_step_to_step():
    told = []
    options = {"method": "lloyd", "tol": 0, "callback": lambda *state: told.append(state[1])}
    KMeans(K, init=rows()[:K], **options).fit(rows())
    assert len(told) > 3
    assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(told[:-1]))
    # The last one is about the centres that are given out, in single precision.
    assert told[-1] <= told[-2] * (1 + 1e-9)


@pytest.mark.parametrize("method", ["lloyd", "coreset"])
def test_laws_of_rows_hold_to_the_last_bit_from_a_given_start(method):
    x = rows("float64")
    init = x[:K]
    fit = functools.partial(KMeans, K, init=init, method=method, max_iter=5)
    if method == "coreset":
        fit = functools.partial(fit, max_passes=2)
    twice = np.concatenate([x, x[:3000]])
    weighted = fit().fit(x, sample_weight=np.where(np.arange(N) < 3000, 2.0, 1.0))
    assert bits(weighted)[0] == bits(fit().fit(twice))[0]
    holes = np.insert(x, [5, 700], np.nan, axis=0)
    assert bits(fit(skipna=True).fit(holes))[0] == bits(fit().fit(x))[0]
    order = np.random.default_rng(2).permutation(N)
    shuffled = fit().fit(x[order])
    plain = fit().fit(x)
    assert bits(shuffled)[0] == bits(plain)[0]
    np.testing.assert_array_equal(shuffled.labels_, plain.labels_[order])


@pytest.mark.parametrize("method", ["auto", "lloyd"])
def test_scale_and_offset_of_the_rows_are_those_of_the_centres(method):
    x = np.round(rows("float64") * 2**12) / 2**12
    fit = functools.partial(KMeans, K, random_state=0, method=method)
    plain, scaled, moved = fit().fit(x), fit().fit(x * 2.0**-70), fit().fit(x + 2.0**20)
    np.testing.assert_array_equal(scaled.labels_, plain.labels_)
    np.testing.assert_array_equal(scaled.cluster_centers_, plain.cluster_centers_ * 2.0**-70)
    assert scaled.inertia_ == plain.inertia_ * 2.0**-140
    np.testing.assert_array_equal(moved.labels_, plain.labels_)
    np.testing.assert_allclose(moved.cluster_centers_ - 2.0**20, plain.cluster_centers_, atol=1e-9)
    assert moved.inertia_ == pytest.approx(plain.inertia_, rel=1e-9)


def test_laws_of_rows_hold_within_the_guarantee_for_the_default():
    x = rows("float64")
    fit = functools.partial(KMeans, K, random_state=0)
    twice = fit().fit(np.concatenate([x, x[:3000]]))
    weighted = fit().fit(x, sample_weight=np.where(np.arange(N) < 3000, 2.0, 1.0))
    assert weighted.inertia_ == pytest.approx(twice.inertia_, rel=0.01)
    holes = fit(skipna=True).fit(np.insert(x, [5, 700], np.nan, axis=0))
    plain = fit().fit(x)
    assert holes.inertia_ == pytest.approx(plain.inertia_, rel=0.01)
    order = np.random.default_rng(2).permutation(N)
    assert fit().fit(x[order]).inertia_ == pytest.approx(plain.inertia_, rel=0.01)
