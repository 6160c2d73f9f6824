import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spanwise.kernels.exact import (
    Bins,
    binned,
    binned_by,
    bins_of_count,
    grid_of,
    merge_bins,
    no_bins,
    rounded,
)

NUMBERS = st.floats(-1e100, 1e100, allow_nan=False)
ROWS = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=NUMBERS)


@given(
    ROWS, st.lists(st.integers(0, 40), max_size=4), st.permutations(range(40)), st.integers(2, 4)
)
def test_sums_of_bins_depend_on_no_order_and_no_pieces(x, cuts, order, bins):
    whole = binned(x, bins=bins)
    shuffled = x[[i for i in order if i < len(x)]]
    edges = [0, *sorted(min(c, len(x)) for c in cuts), len(x)]
    parts = [binned(shuffled[a:b], bins=bins) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(merge_bins(parts).value, whole.value)
    np.testing.assert_array_equal(merge_bins(parts).parts, whole.parts)


@given(ROWS)
def test_three_bins_are_right_to_the_last_bits_of_the_largest_value(x):
    """Each value is cut off by as much at most, and the sum is rounded."""
    for column, got in zip(x.T, binned(x).value, strict=True):
        exact = sum((Fraction(v) for v in column.tolist()), Fraction(0))
        assert abs(Fraction(got) - exact) <= Fraction(np.abs(column).max()) * len(x) * Fraction(
            2, 2**52
        ) + Fraction(1, 10**290)


def test_bins_by_label_are_those_of_the_rows_of_each_label():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal(500) * 10.0 ** rng.integers(-9, 9, 500), rng.integers(0, 4, 500)
    got = binned_by(x, labels, 5).value
    expected = [math.fsum(x[labels == j]) for j in range(5)]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert got[4] == 0


def test_what_is_not_finite_is_no_number():
    got = merge_bins([binned(np.array([[1.0, np.inf], [2.0, 1.0]])), binned(np.ones((3, 2)))])
    np.testing.assert_array_equal(got.value, [6.0, np.nan])
    assert np.isnan(binned(np.array([[np.nan]])).value).all()
    assert np.isnan(binned(np.array([[1e300]])).value).all()


def test_columns_may_lie_along_either_axis():
    x = np.random.default_rng(0).standard_normal((50, 3))
    np.testing.assert_array_equal(binned(x.T, axis=1).parts, binned(x).parts)
    np.testing.assert_array_equal(bins_of_count(7).parts, binned(np.ones((7, 1))).parts)


def test_nothing_adds_up_to_nothing():
    assert isinstance(no_bins(2, 3), Bins)
    np.testing.assert_array_equal(binned(np.empty((0, 2))).value, [0, 0])
    merged = merge_bins([no_bins(1, 3), binned(np.array([[0.5]]))])
    np.testing.assert_array_equal(merged.value, [0.5])


@given(st.floats(-(2.0**40), 2.0**40), st.integers(-20, 20))
def test_rounding_gives_the_nearest_multiple(x, exponent):
    unit = 2.0**exponent
    if abs(x) < 2.0**51 * unit:
        assert rounded(np.array(x), unit) == np.rint(x / unit) * unit


@pytest.mark.parametrize("rows", [1, 100, 2**16, 2**16 + 1, 10**9, 10**12])
def test_a_grid_leaves_room_for_all_rows(rows):
    grid = grid_of(np.array([3.7, 1e-200, 0.0, 1e200]), rows, None, fine=False)
    assert (np.array([3.7, 1e-200, 0.0, 1e200]) <= 2.0**grid.bits * grid.units).all()
    assert min(rows, 2**16) * 2**grid.bits <= 2**53
    assert rows * 2**grid.bits < 2**63
    assert grid.bits >= 22


def test_two_levels_hold_what_weights_leave():
    grid = grid_of(np.array([1.0]), 100, 3.0, fine=False)
    assert grid.weight == 4.0
    totals = np.array([[[3]], [[5]]])
    assert grid.rows(totals)[0, 0] == 3 * grid.levels[0][0] + 5 * grid.levels[1][0]
    assert grid.levels[1][0] == grid.levels[0][0] * 2.0**-grid.bits
    assert grid.weighing(None).weight_levels == (1.0,)


def test_every_library_gives_the_same_bins(xp):
    if xp.is_lazy:
        pytest.skip("kernels run on concrete blocks")
    x = np.random.default_rng(0).standard_normal((300, 3)) * [1.0, 1e9, 1e-9]
    np.testing.assert_array_equal(binned(xp.asarray(x)).value, binned(x).value)
