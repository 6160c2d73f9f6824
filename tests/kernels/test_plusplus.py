import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from spanwise.kernels.plusplus import (
    closest_squares,
    first_beyond,
    plusplus_draw,
    plusplus_masses,
)
from spanwise.kernels.transfer import to_host

X = np.random.default_rng(0).standard_normal((300, 4))
CENTERS = X[[3, 100, 250]]
SQUARES = cdist(CENTERS, X, "sqeuclidean").min(axis=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_are_those_of_the_nearest_centre_in_every_library(xp, dtype):
    x = X.astype(dtype)
    found = closest_squares(xp.concrete_array(x), CENTERS)
    assert type(found) is type(xp.concrete_array(x))
    expected = cdist(CENTERS, x.astype(float), "sqeuclidean").min(axis=0)
    np.testing.assert_allclose(to_host(found), expected, rtol=1e-12, atol=1e-30)


def test_a_centre_is_at_no_distance_from_itself():
    far = 1e9 + X
    assert (closest_squares(far, far[[7, 8]])[[7, 8]] == 0).all()


def test_masses_add_up_over_blocks_and_empty_chunks_have_none():
    many = np.random.default_rng(1).standard_normal((70_000, 4))
    np.testing.assert_allclose(
        plusplus_masses(many, None, 0, CENTERS),
        [cdist(CENTERS, many, "sqeuclidean").min(axis=0).sum()],
        rtol=1e-12,
    )
    np.testing.assert_array_equal(plusplus_masses(X[:0], None, 0, CENTERS), [0.0])


@given(st.floats(0, 1))
def test_the_row_is_the_first_at_which_the_share_is_reached(share):
    ends = np.cumsum(SQUARES)
    target = share * ends[-1]
    expected = min(np.searchsorted(ends, target), 299)
    row = plusplus_draw(X, None, 0, CENTERS, target=target)
    np.testing.assert_array_equal(row, X[expected])


def test_a_target_beyond_the_end_by_rounding_is_the_last_row(xp):
    assert first_beyond(xp.concrete_array(SQUARES), 1e9) == 299
    assert first_beyond(xp.concrete_array(np.zeros(5)), 0.0) == 0
