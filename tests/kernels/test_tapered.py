"""A block less its trend, times a window, transformed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from spanwise.kernels.tapered import apply_window, transformed
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def values(shape=(3, 5, 8), dtype="float64"):
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape) + 2 + 0.1 * np.arange(shape[-1])).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trend_window_and_transform_come_in_this_order(xp, dtype):
    x = values(dtype=dtype)
    window = scipy.signal.get_window("hann", 8)
    want = np.fft.rfft(scipy.signal.detrend(x) * window).astype(
        "complex64" if dtype == "float32" else "complex128"
    )
    got = transformed(xp.asarray(x), (2,), detrend="linear", windows=("hann",), engine="scipy")
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-5 if dtype == "float32" else 1e-12)


def test_axes_have_windows_of_their_own_or_none(xp):
    x = values()
    want = np.fft.rfftn(x * np.arange(5.0)[:, None], axes=(2, 1))
    windows = (None, np.arange(5.0))
    got = transformed(xp.asarray(x), (2, 1), detrend=None, windows=windows, engine="scipy")
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-12)


def test_all_frequencies_of_real_data_come_where_they_are_asked_for(xp):
    x = values()
    got = transformed(xp.asarray(x), (1,), detrend=None, windows=(), engine="scipy", real=False)
    xp_assert_close(got, xp.asarray(np.fft.fft(x, axis=1)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("detrend", [None, "constant"])
def test_the_input_is_not_overwritten(detrend):
    x = values(dtype="complex128")
    before = x.copy()
    transformed(x, (0, 2), detrend=detrend, windows=("hann", None), engine="scipy")
    np.testing.assert_array_equal(x, before)


def test_parts_of_an_axis_get_their_part_of_the_window(xp):
    x = values((3, 16))
    want = x * scipy.signal.get_window("hann", 16)
    parts = [
        apply_window(xp.asarray(x[:, a:b]), a, axes=(1,), points=(16,), windows=("hann",))
        for a, b in ((0, 5), (5, 6), (6, 16))
    ]
    for part, (a, b) in zip(parts, ((0, 5), (5, 6), (6, 16)), strict=True):
        xp_assert_close(part, xp.asarray(want[:, a:b]), rtol=0, atol=1e-14)
