import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import NonFiniteError
from spanwise.kernels import gram as kernels
from spanwise.kernels.gram import (
    Digits,
    OnColumns,
    cluster_sums,
    digits_of,
    gram,
    matrix_of,
    merge_products,
    pilot_rows,
    products_bytes,
    weight_of,
    workspace_bytes,
)
from spanwise.kernels.transfer import to_host

N, D = 9, 70
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64])


def wide(seed=0, dtype=np.float64, n=N, d=D, spread=30):
    """Features of very different scales, so that the digits of a row begin anywhere."""
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-spread, spread, d)
    x = rng.standard_normal((n, d)) * scales
    if np.dtype(dtype).kind == "i":
        return rng.integers(np.iinfo(dtype).min // 2, np.iinfo(dtype).max // 2, (n, d), dtype)
    return x.astype(dtype)


def products(x, digits=None, **params):
    digits = digits or digits_of(x.dtype, x.shape[1])
    return gram(x, None, digits=digits, pilots=pilot_rows(None, len(x)), **params)


def pilot_of(x):
    few = np.sort(x[list(pilot_rows(None, len(x)))].astype(float), axis=0)
    return few[len(few) // 2]


def rounded(row, digits):
    """A row to multiples of its last digit: the definition, in rational numbers."""
    top = next(
        t
        for t in itertools.count(-200)
        if max(abs(row)) <= Fraction(2) ** (digits.bits * (t + 1) - 1)
    )
    unit = Fraction(2) ** (digits.bits * (top - digits.count + 1))
    return [round(Fraction(float(v)) / unit) * unit for v in row]


@pytest.mark.parametrize("digits", [Digits(2, 22), Digits(3, 22), Digits(2, 16)])
def test_products_are_those_of_values_rounded_to_their_last_digit(digits):
    x = wide(spread=6)
    matrix, exponent = matrix_of(products(x, digits), digits)
    rows = [rounded(row, digits) for row in x - pilot_of(x)]
    for i, j in itertools.product(range(N), repeat=2):
        exact = sum(a * b for a, b in zip(rows[i], rows[j], strict=True))
        assert math.ldexp(matrix[i, j], 2 * exponent) == float(exact)


@DTYPES
@given(
    cuts=st.lists(st.integers(0, D), max_size=5),
    fortran=st.booleans(),
    split=st.integers(2, 4),
    seed=st.integers(0, 50),
)
def test_parts_merge_to_the_bits_of_the_whole(dtype, cuts, fortran, split, seed):
    x = wide(seed, dtype)
    digits = digits_of(x.dtype, D)
    edges = [0, *sorted(cuts), D]
    order = np.asfortranarray if fortran else np.ascontiguousarray
    parts = [products(order(x[:, a:b]), digits) for a, b in itertools.pairwise(edges)]
    while len(parts) > 1:
        groups = [parts[i : i + split] for i in range(0, len(parts), split)]
        parts = [merge_products(group, digits=digits) for group in groups]
    whole = products(x, digits)
    np.testing.assert_array_equal(parts[0].tops, whole.tops)
    (got, exponent), (expected, other) = matrix_of(parts[0], digits), matrix_of(whole, digits)
    np.testing.assert_array_equal(got, expected)
    assert exponent == other
    np.testing.assert_array_equal(got, got.T)


def test_many_panels_and_spans_are_as_one(monkeypatch):
    x = wide(n=40, d=500, spread=8)
    digits = digits_of(x.dtype, 500)
    expected, _ = matrix_of(products(x, digits), digits)
    monkeypatch.setattr(kernels, "_MOST_FEATURES", 33)
    monkeypatch.setattr(kernels, "_BLOCK_ELEMENTS", 100)
    monkeypatch.setattr(kernels, "PANEL", 7)
    got, _ = matrix_of(
        merge_products([products(x[:, :100], digits), products(x[:, 100:], digits)], digits=digits),
        digits,
    )
    np.testing.assert_array_equal(got, expected)


def test_more_panels_than_one():
    x = np.random.default_rng(0).standard_normal((300, 40))
    digits = digits_of(x.dtype, 40)
    matrix, exponent = matrix_of(products(x, digits), digits)
    y = x - pilot_of(x)
    np.testing.assert_allclose(np.ldexp(matrix, 2 * exponent), y @ y.T, rtol=1e-12, atol=1e-11)
    assert sum(p.nbytes for p in products(x, digits).panels) == products_bytes(300, digits)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2.0**-21), (np.float64, 2.0**-43)])
@pytest.mark.parametrize("scale", [1e-30, 0.51, 1.0, 3e6, 1e30])
def test_the_error_is_that_of_the_last_digit(dtype, tolerance, scale):
    x = (scale * np.random.default_rng(0).uniform(-1, 1, (20, 200))).astype(dtype)
    matrix, exponent = matrix_of(products(x), digits_of(x.dtype, 200))
    y = x.astype(float) - pilot_of(x)
    largest = abs(y).max(axis=1)
    bound = tolerance * np.outer(largest, largest) * 200
    assert (abs(matrix - np.ldexp(y @ y.T, -2 * exponent)) <= np.ldexp(bound, -2 * exponent)).all()


def test_an_offset_takes_no_digits():
    rng = np.random.default_rng(0)
    x = (101325 + 500 * rng.standard_normal((12, 400))).astype(np.float32)
    matrix, exponent = matrix_of(products(x), digits_of(x.dtype, 400))
    y = x.astype(float) - pilot_of(x)
    np.testing.assert_allclose(np.ldexp(matrix, 2 * exponent), y @ y.T, rtol=1e-12, atol=1e-3)


@pytest.mark.parametrize(
    "value", [0.5, 1.0, 2.0**21, -(2.0**21), np.nextafter(2.0**21, 0), 2.0**43]
)
def test_ties_and_edges_of_bins(value):
    digits = Digits(3, 22)
    x = np.array([[0.0, value, value / 2], [0.0, 0.0, 0.0], [0.0, -value / 2, 3.0]])
    parts = [products(x[:, a:b], digits) for a, b in ((0, 1), (1, 2), (2, 3))]
    got, _ = matrix_of(merge_products(parts, digits=digits), digits)
    expected, _ = matrix_of(products(x, digits), digits)
    np.testing.assert_array_equal(got, expected)


def test_constant_rows_and_no_features_are_zeros():
    for x in (np.full((4, 6), 3.25), np.empty((4, 0))):
        digits = Digits(2, 22)
        matrix, exponent = matrix_of(products(x, digits), digits)
        assert not matrix.any()
        assert exponent == 0


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e-300, 1e300])
def test_products_out_of_range_are_scaled(scale):
    x = np.random.default_rng(0).standard_normal((5, 30))
    matrix, exponent = matrix_of(products(scale * x), Digits(3, 22))
    assert np.isfinite(matrix).all()
    expected = (x - pilot_of(x)) @ (x - pilot_of(x)).T
    ratio = matrix / matrix[0, 0]
    np.testing.assert_allclose(ratio, expected / expected[0, 0], rtol=1e-9)
    assert math.log2(matrix[0, 0] / expected[0, 0]) + 2 * exponent == pytest.approx(
        2 * math.log2(scale), rel=1e-9
    )


def test_rows_that_do_not_count_do_not_scale_the_others():
    x = wide(spread=1)
    counted = np.arange(N) < N - 1
    digits = digits_of(x.dtype, D)
    pilots = pilot_rows(counted.astype(float), N)
    garbage = x.copy()
    garbage[-1] = 1e300
    clean, exponent = matrix_of(gram(x, None, digits=digits, pilots=pilots), digits, counted)
    got, other = matrix_of(gram(garbage, None, digits=digits, pilots=pilots), digits, counted)
    assert other == exponent
    np.testing.assert_array_equal(got[:-1, :-1], clean[:-1, :-1])
    assert np.isfinite(got).all()


def test_nan_marks_the_row_and_leaves_the_others():
    x = wide(spread=2)
    holes = x.copy()
    holes[7, 3] = np.nan
    with pytest.raises(NonFiniteError, match="NaN"):
        products(holes)
    got = products(holes, skipna=True)
    np.testing.assert_array_equal(np.flatnonzero(got.missing), [7])
    holes[7, 3] = np.inf
    with pytest.raises(NonFiniteError, match="infinity"):
        products(holes, skipna=True)


def test_nan_in_one_part_does_not_move_the_pilot_of_another():
    x = wide(spread=2)
    x[0, 3], x[4, 60] = np.nan, np.nan
    digits = digits_of(x.dtype, D)
    keep = np.flatnonzero(~np.isnan(x).any(axis=1))
    parts = [products(x[:, a:b], digits, skipna=True) for a, b in ((0, 20), (20, 50), (50, D))]
    got, _ = matrix_of(merge_products(parts, digits=digits), digits)
    expected, _ = matrix_of(products(x, digits, skipna=True), digits)
    inside = np.ix_(keep, keep)
    np.testing.assert_array_equal(got[inside], expected[inside])


def test_differences_that_overflow_are_refused():
    x = np.array([[1.7e308], [-1.7e308], [1.7e308]])
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match="scale it"):
        products(x)


def test_anchors_are_rows_behind_the_others():
    x = wide(spread=3)
    digits = digits_of(x.dtype, D)
    pilots = pilot_rows(None, N)
    together = np.concatenate([x, x[2:5] + 1.0])
    got = gram(x, x[2:5] + 1.0, digits=digits, pilots=pilots)
    expected = gram(together, None, digits=digits, pilots=pilots)
    np.testing.assert_array_equal(matrix_of(got, digits)[0], matrix_of(expected, digits)[0])


@given(d=st.integers(1, 2**40))
def test_sums_of_digits_fit_their_integers(d):
    digits = digits_of("float64", d)
    largest = 2 ** (2 * digits.bits - 2)
    assert d * largest < 2**62
    assert digits.features * largest <= 2**53
    assert digits.bits >= 11


def test_weighted_steps_find_the_middle():
    assert pilot_rows(np.array([0, 0, 3.0, 0]), 4) == (2,)
    np.testing.assert_array_equal(
        np.asarray(pilot_rows(np.repeat(1.0, 40), 40)) // 2, pilot_rows(np.repeat(2.0, 20), 20)
    )


@DTYPES
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_clusters_are_exact(dtype, weighted):
    x = wide(dtype=dtype)
    labels = np.array([0, 1, 0, -1, 2, 2, 0, 1, 1])
    weights = np.array([1, 2, 0.5, 9, 4, 1, 1, 0.25, 8]) if weighted else None
    got = cluster_sums(x, labels, weights, clusters=4)
    parts = (x if weights is None else weights[:, None] * x).astype(float)
    for c, j in itertools.product(range(4), range(D)):
        assert got[c, j] == math.fsum(parts[labels == c, j])


@given(cuts=st.lists(st.integers(0, D), max_size=4), fortran=st.booleans())
def test_sums_of_clusters_do_not_depend_on_the_parts(cuts, fortran):
    x = wide()
    labels, weights = np.arange(N) % 3, np.random.default_rng(0).random(N)
    order = np.asfortranarray if fortran else np.ascontiguousarray
    edges = [0, *sorted(cuts), D]
    parts = [
        cluster_sums(order(x[:, a:b]), labels, weights, clusters=3)
        for a, b in itertools.pairwise(edges)
    ]
    whole = cluster_sums(x, labels, weights, clusters=3)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_rows_left_out_of_the_sums_may_hold_anything():
    x = wide()
    labels = np.where(np.arange(N) == 4, -1, np.arange(N) % 2)
    holes = x.copy()
    holes[4] = np.nan
    np.testing.assert_array_equal(
        cluster_sums(holes, labels, None, clusters=2), cluster_sums(x, labels, None, clusters=2)
    )


@pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")
def test_libraries_agree_to_the_bit(xp):
    x = wide(dtype=np.float32)
    here = xp.concrete_array(x)
    digits, pilots = digits_of(here.dtype, D), pilot_rows(None, N)
    assert digits == digits_of(x.dtype, D)
    got = gram(here, x[:2].astype(float), digits=digits, pilots=pilots)
    expected = gram(x, x[:2].astype(float), digits=digits, pilots=pilots)
    np.testing.assert_array_equal(matrix_of(got, digits)[0], matrix_of(expected, digits)[0])
    labels, weights = np.arange(N) % 3 - 1, np.arange(N) / 4
    sums = cluster_sums(here, labels, weights, clusters=2)
    np.testing.assert_array_equal(sums, cluster_sums(x, labels, weights, clusters=2))


def test_columns_join_the_chunks_above_one_another():
    x = wide()
    run = OnColumns(gram)
    params = {"digits": digits_of(x.dtype, D), "pilots": (0, 1)}
    got = OnColumns(lambda block: gram(block, None, **params))([x[:4], x[4:]])
    np.testing.assert_array_equal(got.tops, gram(x, None, **params).tops)
    assert pickle.loads(pickle.dumps(run)) == run
    assert run.__spanwise_kernel__ is gram


def test_what_a_chunk_needs_grows_with_rows_and_digits():
    two, three = Digits(2, 22), Digits(3, 22)
    assert workspace_bytes(100, 5000, three) > workspace_bytes(100, 5000, two)
    assert workspace_bytes(100, 10**6, two) == workspace_bytes(100, 5000, two)


def test_weight_of_clusters_does_not_depend_on_the_order():
    weights = np.random.default_rng(0).random(50)
    labels = np.arange(50) % 3
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(
        weight_of(labels, weights, 4), weight_of(labels[order], weights[order], 4)
    )


def test_a_device_block_is_not_read_by_the_host():
    from spanwise.testing import HostFree

    x = HostFree.copy_from_host(wide(dtype=np.float32))
    got = gram(x, None, digits=Digits(2, 22), pilots=(0,))
    assert all(isinstance(p, np.ndarray) for p in got.panels)
    assert isinstance(to_host(x), np.ndarray)
