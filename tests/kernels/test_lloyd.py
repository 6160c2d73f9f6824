import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from spanwise.errors import NonFiniteError
from spanwise.kernels.exact import grid_of
from spanwise.kernels.lloyd import Books, assign, distances, lloyd, nearest, rows_per_block
from spanwise.kernels.lloyd_pass import merge_passes
from spanwise.kernels.numpy import lloyd as numpy_lloyd
from spanwise.testing import HostFree


def problem(n=300, d=5, k=7, dtype=np.float64, offset=0.0):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, d)) + offset).astype(dtype)
    centers = (rng.standard_normal((k, d)) + offset).astype(dtype)
    return x, centers, books_of(x, centers.astype(np.float64))


def books_of(x, *centers, weight=None):
    """Books of centres about the mean of the rows, with a grid for their sums."""
    shift = x.mean(axis=0, dtype=np.float64).astype(np.float32 if x.dtype == np.float32 else float)
    largest = np.abs(x - shift.astype(float)).max(axis=0)
    grid = grid_of(largest, len(x), weight, fine=shift.dtype == np.float64)
    return Books(shift, tuple(c - shift for c in centers), grid)


def naive(x, centers, weights=None):
    squared = cdist(x.astype(np.float64), centers.astype(np.float64), "sqeuclidean")
    labels = squared.argmin(axis=1)
    weights = np.ones(len(x)) if weights is None else weights
    hot = (labels[:, None] == np.arange(len(centers))) * weights[:, None]
    return labels, squared.min(axis=1), hot.T @ x.astype(np.float64), hot.sum(axis=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_sums_are_those_of_the_definition(dtype, k):
    x, _, books = problem(k=k, dtype=np.float64)
    x = (20 * x).astype(dtype)
    books = books_of(x, books.centers[0] + books.shift)
    labels, squared, sums, weights = naive(x, books.centers[0] + books.shift)
    (run,) = lloyd(x, None, 0, books, measure="squared").runs
    np.testing.assert_array_equal(run.weights, weights)
    moved = run.sums + run.weights[:, None] * books.shift
    np.testing.assert_allclose(moved, sums, rtol=1e-6 if dtype == np.float32 else 1e-12, atol=1e-4)
    assert run.measure == pytest.approx(squared.sum(), rel=1e-6 if dtype == np.float32 else 1e-12)
    np.testing.assert_array_equal(nearest(x, books)[0], labels)


def test_weights_count_rows_as_often():
    x, _, books = problem()
    weights = np.random.default_rng(1).integers(0, 3, len(x))
    heavy = replace(books, grid=books.grid.weighing(2.0))
    (run,) = lloyd(x, weights.astype(float), 0, heavy, measure="distance").runs
    (twice,) = lloyd(np.repeat(x, weights, axis=0), None, 0, books, measure="distance").runs
    np.testing.assert_array_equal(run.sums, twice.sums)
    np.testing.assert_array_equal(run.weights, twice.weights)
    assert run.measure == pytest.approx(twice.measure, rel=1e-15)


@given(st.lists(st.integers(0, 300), max_size=4))
def test_parts_add_up_to_the_whole(cuts):
    x, _, books = problem()
    edges = [0, *sorted(cuts), 300]
    parts = [lloyd(x[a:b], None, a, books, measure="squared") for a, b in itertools.pairwise(edges)]
    (got,), (whole,) = merge_passes(parts).runs, lloyd(x, None, 0, books, measure="squared").runs
    np.testing.assert_array_equal(got.sums, whole.sums)
    np.testing.assert_array_equal(got.weights, whole.weights)
    assert got.measure == whole.measure


def test_several_sets_of_centres_share_one_sweep():
    x, _, books = problem()
    sets = (books.centers[0], books.centers[0][:3])
    both = lloyd(x, None, 0, replace(books, centers=sets)).runs
    for run, centers in zip(both, sets, strict=True):
        (alone,) = lloyd(x, None, 0, replace(books, centers=(centers,))).runs
        np.testing.assert_array_equal(run.sums, alone.sums)


def test_rows_that_hold_nan_are_rows_that_are_not_there():
    x, _, books = problem()
    holes = x.copy()
    holes[::4, 2] = np.nan
    skipping = replace(books, grid=books.grid.weighing(1.0))
    (got,) = lloyd(holes, None, 0, skipping, measure="squared", skipna=True).runs
    (dropped,) = lloyd(x[np.arange(300) % 4 > 0], None, 0, books, measure="squared").runs
    np.testing.assert_array_equal(got.sums, dropped.sums)
    assert got.measure == dropped.measure
    labels = nearest(holes, books, missing="skip")[0]
    assert (labels[::4] == -1).all()
    assert (labels[np.arange(300) % 4 > 0] >= 0).all()
    for kernel in (nearest, assign, distances):
        with pytest.raises(NonFiniteError, match="NaN"):
            kernel(holes, books)


def test_first_of_equally_near_centres_wins():
    x = np.zeros((5, 1))
    for k in (3, 40):
        centers = np.where(np.arange(k) % 2, 1.0, -1.0)[:, None]
        assert (nearest(x, Books(np.zeros(1), (centers,)))[0] == 0).all()


@pytest.mark.parametrize(("offset", "scale"), [(5e6, 1e3), (101325.0, 500.0), (280.0, 1.0)])
def test_single_precision_far_from_zero_is_labelled_as_in_double(offset, scale):
    rng = np.random.default_rng(0)
    x = (offset + scale * rng.standard_normal((20_000, 4))).astype(np.float32)
    centers = x[:8]
    squared = cdist(x.astype(np.float64), centers.astype(np.float64), "sqeuclidean")
    shift = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    labels = nearest(x, Books(shift, (centers.astype(np.float64) - shift,)))[0]
    wrong = labels != squared.argmin(axis=1)
    gap = squared[wrong, labels[wrong]] / squared[wrong].min(axis=1) - 1
    assert (gap < 1e-5).all()
    assert wrong.mean() < 1e-4


def test_clusters_without_rows_get_candidates_from_every_part():
    x, _, books = problem(k=4)
    centers = np.concatenate([books.centers[0], np.full((2, 5), 1e6)])
    books = replace(books, centers=(centers,))
    labels, squared, _, _ = naive(x, centers + books.shift)
    parts = [lloyd(x[a : a + 100], None, a, books, farthest=True) for a in (0, 100, 200)]
    far = merge_passes(parts).runs[0].far
    expected = np.argsort(-squared, kind="stable")[:2]
    np.testing.assert_array_equal(far.index, expected)
    np.testing.assert_allclose(far.distances, squared[expected])
    np.testing.assert_array_equal(far.labels, labels[expected])
    np.testing.assert_allclose(far.rows + books.shift, x[expected])


def test_rows_without_weight_are_no_candidates():
    x, _, books = problem(k=2)
    books = replace(
        books,
        centers=(np.concatenate([books.centers[0], np.full((1, 5), 1e6)]),),
        grid=books.grid.weighing(1.0),
    )
    weights = np.ones(300)
    _, squared, _, _ = naive(x, books.centers[0] + books.shift)
    farthest = int(squared.argmax())
    weights[farthest] = 0
    assert lloyd(x, weights, 0, books, farthest=True).runs[0].far.index[0] != farthest


def test_assign_gives_distances_from_differences():
    x, centers, books = problem(dtype=np.float32, offset=1000.0)
    labels, distance = assign(x, books)
    expected = cdist(x.astype(float), centers.astype(float))
    assert labels.dtype == np.int32
    assert distance.dtype == np.float32
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(distances(x, books), expected, rtol=1e-6)


def test_no_rows_give_no_results():
    x, _, books = problem()
    empty = x[:0]
    assert assign(empty, books)[0].shape == (0,)
    assert nearest(empty, books)[0].dtype == np.int32
    assert distances(empty, books).shape == (0, 7)
    (run,) = lloyd(empty, None, 0, books, measure="squared").runs
    assert run.measure == 0
    assert not run.weights.any()


def test_blocks_of_any_length_give_the_same_labels(monkeypatch):
    x, _, books = problem()
    whole = nearest(x, books)[0]
    monkeypatch.setattr("spanwise.kernels.lloyd.rows_per_block", lambda *_, **__: 13)
    np.testing.assert_array_equal(nearest(x, books)[0], whole)
    (run,) = lloyd(x, None, 0, books).runs
    np.testing.assert_array_equal(run.weights, np.bincount(whole, minlength=7))


def test_few_and_many_centres_are_compared_alike(monkeypatch):
    x, _, books = problem()
    few = nearest(x, books)[0]
    monkeypatch.setattr(numpy_lloyd, "loops", lambda: None)
    np.testing.assert_array_equal(nearest(x, books)[0], few)
    monkeypatch.setattr(numpy_lloyd, "_FEW_CENTERS", 0)
    np.testing.assert_array_equal(nearest(x, books)[0], few)


@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-20, 1e15, 1e19, 1e30, 1e37])
@pytest.mark.parametrize("compiled", [True, False])
def test_scores_beyond_single_precision_do_not_decide(scale, compiled, monkeypatch):
    """Squares of such numbers are infinite, or have few digits, or none."""
    if not compiled:
        monkeypatch.setattr(numpy_lloyd, "loops", lambda: None)
    rng = np.random.default_rng(0)
    x = (scale * rng.integers(-2, 3, (2000, 4))).astype(np.float32)
    centers = x[rng.integers(0, len(x), 70)].astype(float)
    squared = sum((x[:, [f]].astype(float) - centers[:, f]) ** 2 for f in range(4))
    labels = nearest(x, Books(np.zeros(4, np.float32), (centers,)))[0]
    np.testing.assert_array_equal(labels, squared.argmin(axis=1))


@pytest.mark.parametrize("compiled", [True, False])
def test_rows_with_infinity_are_as_near_to_every_centre(compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(numpy_lloyd, "loops", lambda: None)
    x = np.random.default_rng(1).standard_normal((50, 3))
    x[3, 0] = x[7, 2] = np.inf
    labels, distance = assign(x, Books(np.zeros(3), (x[10:20],)), missing="ignore")
    assert (labels[[3, 7]] == 0).all()
    assert np.isposinf(distance[[3, 7]]).all()


@pytest.mark.parametrize(("d", "k"), [(1, 1), (4, 8), (128, 1024), (10**6, 4)])
def test_blocks_stay_small(d, k):
    rows = rows_per_block(d, k, 4)
    assert 8 <= rows <= 16384
    assert rows * 8 * d <= 2**27


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_library_agrees(xp, dtype):
    if xp.is_lazy:
        pytest.skip("kernels run on concrete blocks")
    x, _, books = problem(dtype=dtype)
    books = replace(
        books,
        centers=(books.centers[0], np.full((2, 5), [[0.0], [1e6]])),
        grid=books.grid.weighing(1.0),
    )
    weights = np.random.default_rng(1).random(300)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    how = {"measure": "squared", "farthest": True}
    ours = lloyd(x, weights, 0, books, **how).runs
    theirs = lloyd(xp.asarray(x), weights, 0, books, **how).runs
    for got, expected in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(got.sums, expected.sums)
        np.testing.assert_array_equal(got.weights, expected.weights)
        assert got.measure == pytest.approx(expected.measure, rel=rtol)
        np.testing.assert_array_equal(got.far.index, expected.far.index)
    labels, distance = assign(xp.asarray(x), books)
    np.testing.assert_array_equal(xp.to_numpy(labels), assign(x, books)[0])
    np.testing.assert_allclose(xp.to_numpy(distance), assign(x, books)[1], rtol=rtol)
    np.testing.assert_allclose(
        xp.to_numpy(distances(xp.asarray(x), books)), distances(x, books), rtol=rtol
    )


def test_nan_is_skipped_in_every_library(xp):
    if xp.is_lazy:
        pytest.skip("kernels run on concrete blocks")
    x, _, books = problem()
    x[5, 1] = np.nan
    books = replace(books, grid=books.grid.weighing(1.0))
    (got,) = lloyd(xp.asarray(x), None, 0, books, skipna=True).runs
    assert got.weights.sum() == 299
    assert xp.to_numpy(nearest(xp.asarray(x), books, missing="skip")[0])[5] == -1


def test_results_and_kernels_travel():
    x, _, books = problem()
    result = lloyd(x, None, 0, books)
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.runs[0].sums, result.runs[0].sums)
    assert pickle.loads(pickle.dumps(lloyd)) is lloyd


@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_of_devices_that_hold_more_rows_than_add_exactly_give_the_same_bits(
    weighted, monkeypatch
):
    monkeypatch.setattr("spanwise.kernels.lloyd_engines.ROWS_AT_ONCE", 64)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 3)).astype("float32")
    weight = rng.random(300) if weighted else None
    centers = rng.standard_normal((4, 3))
    grid = grid_of(np.full(3, 8.0), 300, 1.0 if weighted else None, fine=False)
    books = Books(np.zeros(3, "float32"), (centers,), grid)
    (want,) = lloyd(x, weight, 0, books).runs
    there = HostFree.copy_from_host(x)
    (got,) = lloyd(there, weight, 0, books).runs
    np.testing.assert_array_equal(got.totals, want.totals)
    np.testing.assert_array_equal(got.masses, want.masses)
