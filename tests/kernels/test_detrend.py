"""Trends are least-squares fits, in blocks that hold the axes whole and in parts of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.signal

from spanwise.kernels.detrend import detrend, remove_trend, trend_sums
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def values(shape, dtype="float64", mean=0.0):
    rng = np.random.default_rng(0)
    x = mean + rng.normal(size=shape)
    for axis, n in enumerate(shape):
        x += np.moveaxis(0.3 * (axis + 1) * np.arange(n) * np.ones(n), -1, 0).reshape(
            [n if a == axis else 1 for a in range(len(shape))]
        )
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def fitted(x, axes, type):
    """The residual of a fit by a solver that knows nothing of centred coordinates."""
    x = np.moveaxis(x, axes, range(len(axes)))
    shape = x.shape[: len(axes)]
    columns = [np.ones(shape)]
    if type == "linear":
        columns += list(np.indices(shape).astype(float))
    design = np.stack([c.ravel() for c in columns], axis=1)
    flat = x.reshape(math.prod(shape), -1)
    fit, *_ = np.linalg.lstsq(design, flat, rcond=None)
    return np.moveaxis((flat - design @ fit).reshape(x.shape), range(len(axes)), axes)


@pytest.mark.parametrize("axes", [(0,), (2,), (0, 2), (2, 1), (1, 2, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("type", ["constant", "linear"])
def test_what_is_left_is_the_residual_of_a_least_squares_fit(xp, type, dtype, axes):
    x = values((4, 5, 7), dtype)
    want = fitted(x.astype("complex128" if "c" in dtype else "float64"), axes, type).astype(dtype)
    atol = 2e-6 if dtype in ("float32", "complex64") else 1e-13
    got = detrend(xp.asarray(x), axes=axes, type=type)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=10 * atol)


@pytest.mark.parametrize("type", ["constant", "linear"])
def test_single_precision_is_accurate_with_a_large_mean(xp, type):
    x = values((3, 4096), "float32", mean=1e5)
    want = scipy.signal.detrend(x.astype("f8"), type=type, axis=1)
    got = xp.to_numpy(detrend(xp.asarray(x), axes=(1,), type=type))
    assert got.dtype == np.float32
    # One rounding of values of the size of the trend, not of the mean.
    assert np.abs(got - want).max() < 5e-4
    assert np.abs(got.mean(axis=1, dtype="f8")).max() < 5e-5


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("type", ["constant", "linear"])
def test_axes_of_one_and_two_samples_are_served(xp, n, type):
    x = values((n, 3))
    want = fitted(x, (0,), type)
    got = detrend(xp.asarray(x), axes=(0,), type=type)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-13)


def test_integers_become_double(xp):
    x = np.arange(12).reshape(3, 4)
    got = detrend(xp.asarray(x), axes=(0, 1), type="linear")
    xp_assert_close(got, xp.asarray(np.zeros((3, 4))), rtol=0, atol=1e-13)


def test_blocks_without_elements_stay(xp):
    for shape, axes in [((0, 3), (0,)), ((0, 3), (1,))]:
        got = detrend(xp.asarray(np.zeros(shape)), axes=axes, type="linear")
        assert tuple(got.shape) == shape


@pytest.mark.parametrize("type", ["constant", "linear"])
def test_slabs_give_what_the_whole_does(type):
    x = values((300, 16, 1024), "float32").astype("float32")
    got = detrend(x, axes=(2,), type=type)
    for i in (0, 150, 299):
        np.testing.assert_array_equal(got[i], detrend(x[i], axes=(1,), type=type))


@pytest.mark.parametrize("breaks", [(), (4,), (1, 4, 9), (1, 4, 7, 10), (3, 6, 9), (5, 5)])
def test_segments_have_trends_of_their_own(xp, breaks):
    x = values((3, 11))
    want = scipy.signal.detrend(x, axis=1, bp=list(breaks) or 0)
    got = detrend(xp.asarray(x), axes=(1,), type="linear", breaks=breaks)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-12)


@pytest.mark.parametrize("type", ["constant", "linear"])
@pytest.mark.parametrize(
    ("axes", "breaks"), [((0,), ()), ((1,), (3, 6)), ((1,), (3, 7, 8)), ((0, 1), ()), ((1, 0), ())]
)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_parts_have_the_trend_of_the_whole(xp, dtype, axes, breaks, type):
    x = values((6, 10), dtype)
    params = {
        "axes": axes,
        "lengths": tuple(x.shape[a] for a in axes),
        "type": type,
        "breaks": breaks,
    }
    blocks = {
        (i, j): xp.asarray(x[i : i + 4, j : j + 5]) for i, j in itertools.product((0, 4), (0, 5))
    }
    # Blocks along an axis that is not in axes have sums of their own.
    groups = {}
    for (i, j), block in blocks.items():
        starts = [(i, j)[a] for a in axes]
        row = tuple(v for a, v in enumerate((i, j)) if a not in axes)
        share = trend_sums(block, *starts, **params)
        groups[row] = share if row not in groups else groups[row] + share
    want = detrend(x, axes=axes, type=type, breaks=breaks)
    atol = 1e-5 if dtype == "float32" else 1e-12
    for (i, j), block in blocks.items():
        starts = [(i, j)[a] for a in axes]
        row = tuple(v for a, v in enumerate((i, j)) if a not in axes)
        got = remove_trend(block, groups[row], *starts, **params)
        expected = want[i : i + 4, j : j + 5]
        xp_assert_close(got, xp.asarray(expected), rtol=0, atol=atol)
