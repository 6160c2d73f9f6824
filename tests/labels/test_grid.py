from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.labels.grid import Grid, fit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "values",
    [
        np.arange(7),
        np.linspace(-89.75, 89.75, 360),
        np.linspace(0, 1, 11),
        np.round(0.1 * np.arange(1000), 1),
        np.arange(50) / 12,
        np.linspace(60, 15, 37),
        -0.125 - 0.25 * np.arange(720),
    ],
    ids=range(7),
)
def test_coordinates_as_they_occur_come_back_to_the_last_bit(values, dtype):
    values = values.astype(dtype)
    np.testing.assert_array_equal(fit(values).values(values.size, dtype), values)


def test_rounding_errors_of_arange_come_back_too():
    values = np.arange(-3, 5, 0.3)
    np.testing.assert_array_equal(fit(values).values(values.size, "float64"), values)


@pytest.mark.parametrize("dtype", ["int64", "int16", "uint8"])
def test_integers_come_back(dtype):
    for values in (np.arange(3, 30, 3), np.arange(30, 3, -3)):
        typed = values.astype(dtype)
        np.testing.assert_array_equal(fit(typed).values(typed.size, dtype), typed)


def test_ticks_beyond_the_integers_of_a_float_come_back():
    ticks = 1_700_000_000_000_000_001 + 3_600_000_000_000 * np.arange(5)
    np.testing.assert_array_equal(fit(ticks).values(5, "int64"), ticks)


def test_uneven_integers_keep_both_ends():
    values = np.array([0, 31, 59, 90])
    np.testing.assert_array_equal(fit(values).values(4, "int64"), [0, 30, 60, 90])


def test_uneven_floats_keep_both_ends_within_rounding():
    values = np.array([0.0, 1.0001, 1.9999, 3.0])
    out = fit(values).values(4, "float64")
    np.testing.assert_allclose(out[[0, -1]], [0, 3], atol=1e-15)


@given(
    a=st.integers(-(10**6), 10**6),
    p=st.integers(-(10**4), 10**4).filter(bool),
    q=st.sampled_from([1, 2, 3, 7, 10, 12, 60, 100, 1000]),
    n=st.integers(2, 50),
)
def test_every_fraction_of_a_common_denominator_comes_back(a, p, q, n):
    values = (a + p * np.arange(n)) / q
    grid = fit(values)
    np.testing.assert_array_equal(grid.values(n, "float64"), values)


def test_first_and_step_are_exact():
    grid = Grid(1, 3, 10)
    assert (grid.exact_first, grid.exact_step) == (Fraction(1, 10), Fraction(3, 10))
