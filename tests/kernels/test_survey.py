import itertools
import math

import numpy as np
import pytest
from hypothesis import given

from spanwise.errors import ArgumentError, NonFiniteError
from spanwise.kernels.draws import sample_of
from spanwise.kernels.numpy.loops import is_installed
from spanwise.kernels.survey import deviations, merge_surveys, survey, whiten
from spanwise.testing.strategies import chunkings

SIZE = 20


def rows(n=200, d=3, dtype=np.float64):
    return np.random.default_rng(0).normal(5, 2, (n, d)).astype(dtype)


def surveyed(x, chunks=None, weights=None, **options):
    starts = np.cumsum([0, *(chunks or (len(x),))])
    params = {"size": SIZE, "threshold": math.inf, "seed": 1, "spread": True} | options
    parts = [
        survey(x[a:b], None if weights is None else weights[a:b], int(a), None, **params)
        for a, b in itertools.pairwise(starts)
    ]
    return merge_surveys(parts, size=params["size"])


@given(chunkings((200,), max_blocks=6, allow_empty=True))
def test_nothing_but_the_variance_depends_on_the_chunking(chunks):
    x, weights = rows(), np.random.default_rng(1).integers(0, 4, 200).astype(float)
    whole, parts = surveyed(x, weights=weights), surveyed(x, chunks[0], weights)
    np.testing.assert_array_equal(parts.draws.index, whole.draws.index)
    np.testing.assert_array_equal(parts.draws.rows, whole.draws.rows)
    np.testing.assert_array_equal(parts.mean, whole.mean)
    assert parts.weight == whole.weight
    np.testing.assert_array_equal(parts.low, whole.low)
    np.testing.assert_array_equal(parts.high, whole.high)
    np.testing.assert_allclose(parts.variance, whole.variance, rtol=1e-13)
    assert parts.count == whole.count == (weights > 0).sum()


def test_moments_are_those_of_repeated_rows():
    x, weights = rows(), np.random.default_rng(1).integers(0, 4, 200)
    repeated = np.repeat(x, weights, axis=0)
    got = surveyed(x, weights=weights.astype(float))
    np.testing.assert_allclose(got.mean, repeated.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(got.variance, repeated.var(axis=0), rtol=1e-13)


def test_single_precision_far_from_zero_keeps_its_variance():
    x = (5e6 + 1e3 * np.random.default_rng(0).standard_normal((1000, 2))).astype(np.float32)
    got = surveyed(x, (300, 300, 400))
    np.testing.assert_allclose(got.variance, x.astype(float).var(axis=0), rtol=1e-12)


def test_a_constant_has_no_variance_at_all():
    got = surveyed(np.full((200, 2), 0.1), (70, 130))
    assert (got.variance == 0).all()
    np.testing.assert_allclose(got.mean, 0.1, rtol=1e-9)
    assert (got.shift(np.float64) == 0.1).all()


def test_rows_that_hold_nan_are_left_out_on_request():
    x = rows()
    x[::3, 1] = np.nan
    kept = ~np.isnan(x).any(axis=1)
    got = surveyed(x, (90, 110), skipna=True)
    assert got.count == kept.sum()
    np.testing.assert_allclose(got.mean, x[kept].mean(axis=0), rtol=1e-9)
    assert kept[got.draws.index].all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_raises(value):
    x = rows()
    x[150, 1] = value
    with pytest.raises(NonFiniteError, match="NaN" if np.isnan(value) else "infinity"):
        surveyed(x)
    assert surveyed(x, check=False).count == 200


def test_infinity_raises_even_where_nan_is_skipped():
    x = rows()
    x[3] = np.nan
    x[150, 1] = -np.inf
    with pytest.raises(NonFiniteError, match="infinity"):
        surveyed(x, skipna=True)


def test_values_too_large_to_add_are_finite():
    assert surveyed(np.full((10, 1), 1e308)).count == 10


@pytest.mark.parametrize(("value", "error"), [(-1.0, ArgumentError), (np.nan, NonFiniteError)])
def test_weights_out_of_range_raise(value, error):
    weights = np.ones(200)
    weights[7] = value
    with pytest.raises(error, match="sample_weight"):
        surveyed(rows(), weights=weights)


def test_a_sample_of_all_rows_keeps_their_weights():
    x, weights = rows(15), np.arange(15.0)
    sample, stands_for = sample_of(
        surveyed(x, (4, 11), weights).draws, size=SIZE, threshold=math.inf
    )
    np.testing.assert_array_equal(sample, x[1:])
    np.testing.assert_array_equal(stands_for, weights[1:])


def test_sampled_weights_estimate_the_total_without_bias():
    x = rows(400, 1)
    weights = np.random.default_rng(2).lognormal(0, 1, 400)
    totals = []
    for seed in range(200):
        draws = surveyed(x, weights=weights, seed=seed).draws
        totals.append(sample_of(draws, size=SIZE, threshold=math.inf)[1].sum())
    error = np.std(totals) / np.sqrt(200)
    assert abs(np.mean(totals) - weights.sum()) < 4 * error


def test_a_threshold_changes_nothing_but_what_is_carried():
    x = rows(2000)
    free = sample_of(surveyed(x).draws, size=SIZE, threshold=math.inf)
    cut = sample_of(surveyed(x, threshold=0.05).draws, size=SIZE, threshold=0.05)
    np.testing.assert_array_equal(cut[0], free[0])
    np.testing.assert_allclose(cut[1], free[1])


def test_rows_can_be_fetched_by_their_numbers():
    x = rows()
    take = np.array([3, 4, 120, 199])
    parts = [
        survey(x[a:b], None, a, take, size=4, threshold=0.0, seed=0)
        for a, b in ((0, 110), (110, 200))
    ]
    merged = merge_surveys(parts, size=4)
    np.testing.assert_array_equal(merged.draws.rows, x[take])


def test_every_library_gives_the_same_survey(xp):
    if xp.is_lazy:
        pytest.skip("kernels run on concrete blocks")
    x, weights = rows(), np.random.default_rng(1).random(200)
    expected = surveyed(x, weights=weights)
    got = survey(xp.asarray(x), weights, 0, None, size=SIZE, threshold=math.inf, seed=1)
    np.testing.assert_allclose(got.mean, expected.mean, rtol=1e-13)
    np.testing.assert_array_equal(np.sort(got.draws.smallest(SIZE + 1).index), expected.draws.index)


def test_deviations_warn_of_constants_and_leave_them_alone():
    moments = surveyed(np.c_[np.ones(5), np.arange(5.0)])
    with pytest.warns(RuntimeWarning, match="standard deviation zero"):
        scales = deviations(moments, warn=True)
    assert scales[0] == 1
    np.testing.assert_allclose(scales[1], np.sqrt(2))
    deviations(moments, warn=False)


def test_whiten_divides_the_columns_of_a_chunk_by_their_own_scales():
    x = np.ones((2, 2), np.float32)
    out = whiten(x, 1, np.array([1.0, 2.0, 4.0]))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, [[0.5, 0.25]] * 2)


@pytest.mark.skipif(not is_installed(), reason="Numba is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_compiled_loops_change_no_bit_of_a_survey(dtype, weighted, holes, sign, monkeypatch):
    x = sign * np.abs(rows(3000, 5, dtype)) * np.float64(10.0) ** np.arange(5).astype(dtype)
    x = x.astype(dtype)
    weights = np.random.default_rng(1).random(3000) if weighted else None
    if holes:
        x[::7, 2] = np.nan
        x[3] = np.nan
    if weighted:
        weights[::5] = 0
    found = []
    for off in (False, True):
        if off:
            monkeypatch.setattr("spanwise.kernels.numpy.loops.loops", lambda: None)
        found.append(surveyed(x, (1000, 0, 2000), weights, skipna=holes, spread=False))
    ours, plain = found
    for name in ("count", "weight", "heaviest"):
        assert getattr(ours, name) == getattr(plain, name)
    for name in ("mean", "low", "high"):
        assert getattr(ours, name).tobytes() == getattr(plain, name).tobytes()
    assert ours.draws.rows.tobytes() == plain.draws.rows.tobytes()


@pytest.mark.parametrize("skipna", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_raises_beside_weights_too(value, weighted, skipna):
    x = rows()
    x[7] = np.nan if skipna else 0
    x[100, 1] = value
    weights = np.ones(200) if weighted else None
    if skipna and np.isnan(value):
        assert surveyed(x, weights=weights, skipna=True, spread=False).count == 198
        return
    with pytest.raises(NonFiniteError, match="NaN" if np.isnan(value) else "infinity"):
        surveyed(x, weights=weights, skipna=skipna, spread=False)
