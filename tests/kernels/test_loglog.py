"""Sums for straight lines through points on logarithmic axes, on concrete blocks."""

import pickle

import numpy as np
import pytest

from spanwise.kernels.loglog import abscissa_of, loglog_curve, loglog_line, loglog_sums
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")

X = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
EVERY = abscissa_of(X, np.ones(5, bool))


def test_sums_of_parts_add_up_to_those_of_the_whole(xp):
    y = np.random.default_rng(0).lognormal(size=(2, 5))
    whole = loglog_sums(xp.asarray(y), 0, axis=1, abscissa=EVERY)
    parts = [loglog_sums(xp.asarray(y[:, i : i + 2]), i, axis=1, abscissa=EVERY) for i in (0, 2, 4)]
    xp_assert_close(sum(parts[1:], parts[0]), whole, rtol=1e-12)


def test_sums_of_nothing_are_zero(xp):
    out = loglog_sums(xp.asarray(np.zeros((2, 0))), 5, axis=1, abscissa=EVERY)
    xp_assert_close(out, xp.asarray(np.zeros((2, 5))))


def test_lines_far_from_1_lose_no_digits(xp):
    x = 1e12 * (1 + np.arange(100) / 1000)
    abscissa = abscissa_of(x, np.ones(100, bool))
    sums = loglog_sums(xp.asarray((x / 1e12) ** -2), 0, axis=0, abscissa=abscissa)
    line = loglog_line(sums, axis=0, abscissa=abscissa, precision="float64")
    expected = np.array([-2.0, 2 * np.log2(1e12)])
    xp_assert_close(line, xp.asarray(expected), rtol=1e-10)
    curve = loglog_curve(line, axis=0, abscissa=abscissa, precision="float64")
    xp_assert_close(curve, xp.asarray((x / 1e12) ** -2), rtol=1e-9)


def test_points_at_one_x_have_no_line(xp):
    abscissa = abscissa_of(np.array([3.0, 3.0]), np.ones(2, bool))
    sums = loglog_sums(xp.asarray(np.array([1.0, 2.0])), 0, axis=0, abscissa=abscissa)
    line = loglog_line(sums, axis=0, abscissa=abscissa, precision="float64")
    xp_assert_close(line, xp.asarray(np.array([np.nan, np.nan])))


def test_kernels_travel_by_name():
    for kernel in (loglog_sums, loglog_line, loglog_curve):
        assert pickle.loads(pickle.dumps(kernel)) is kernel
