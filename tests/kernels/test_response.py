"""A response applied to a part of a spectrum, whatever the order of its frequencies."""

import pickle

import numpy as np
import pytest
import scipy.fft

from spanwise.errors import ArgumentError
from spanwise.kernels.response import FrequencyAxis, apply_response, filter_block
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def spectrum(shape=(5, 8), dtype="complex64"):
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def response(f, g):
    return np.exp(-f) / (2 + g)


NATURAL = (FrequencyAxis(1, 14, 0.5, half=True), FrequencyAxis(0, 5, 2.0))


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_frequencies_are_scipys(n):
    whole, half = FrequencyAxis(0, n, 0.3), FrequencyAxis(0, n, 0.3, half=True)
    np.testing.assert_array_equal(whole.frequencies(0, n), scipy.fft.fftfreq(n, 0.3))
    np.testing.assert_array_equal(half.frequencies(0, n // 2 + 1), scipy.fft.rfftfreq(n, 0.3))
    if n > 2:
        np.testing.assert_array_equal(whole.frequencies(2, 1), scipy.fft.fftfreq(n, 0.3)[2:3])


@pytest.mark.parametrize("half", [False, True])
def test_decimated_blocks_hold_every_pth_frequency(half):
    axis = FrequencyAxis(0, 24, 1.0, half=half, step=4)
    natural = scipy.fft.rfftfreq(24) if half else scipy.fft.fftfreq(24)
    for k in range(4):
        want = natural[k::4]
        np.testing.assert_array_equal(axis.frequencies(k, len(want)), want)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_the_factor_has_the_precision_of_the_block_and_lies_along_its_axes(xp, dtype):
    x = spectrum(dtype=dtype)
    h = response(scipy.fft.rfftfreq(14, 0.5)[:, None], scipy.fft.fftfreq(5, 2.0)).T
    out = apply_response(xp.asarray(x), 0, 0, axes=NATURAL, response=lambda f, g: 2 - f * g)
    f, g = scipy.fft.rfftfreq(14, 0.5), scipy.fft.fftfreq(5, 2.0)[:, None]
    rtol = 1e-5 if dtype == "complex64" else 1e-13
    xp_assert_close(out, xp.asarray((x * (2 - f * g)).astype(dtype)), rtol=rtol)
    out = apply_response(xp.asarray(x), h.T, axes=NATURAL, response=None)
    xp_assert_close(out, xp.asarray((x * h).astype(dtype)), rtol=rtol)


def test_parts_are_multiplied_as_the_whole():
    x = spectrum()
    whole = apply_response(x, 0, 0, axes=NATURAL, response=response)
    part = apply_response(x[2:, 3:7], 3, 2, axes=NATURAL, response=response)
    np.testing.assert_array_equal(part, whole[2:, 3:7])


@pytest.mark.parametrize("value", [2, 0.5, 1j, True, np.float32(3), np.ones((1, 1)), np.ones(5)])
def test_whatever_broadcasts_is_taken(value):
    x = spectrum()
    out = apply_response(x, 0, 0, axes=NATURAL, response=lambda f, g: value)
    np.testing.assert_allclose(out, x * np.asarray(value).reshape(-1, 1), rtol=1e-6)
    assert out.dtype == x.dtype


def test_what_does_not_broadcast_is_named():
    with pytest.raises(ArgumentError, match=r"\(3,\).*\(8, 5\)"):
        apply_response(spectrum(), 0, 0, axes=NATURAL, response=lambda f, g: np.ones(3))


def test_blocks_are_overwritten_only_where_that_is_allowed():
    x = spectrum()
    before = x.copy()
    apply_response(x, 0, 0, axes=NATURAL, response=response)
    np.testing.assert_array_equal(x, before)
    out = apply_response(x, 0, 0, axes=NATURAL, response=response, overwrite=True)
    assert out is x


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_whole_blocks_go_forward_and_back(xp, dtype):
    x = spectrum((3, 9, 4), "complex128").astype("complex64")
    x = x if dtype == "complex64" else x.real.astype(dtype)
    axes = (FrequencyAxis(2, 4, 1.0), FrequencyAxis(1, 9, 1.0, half=dtype != "complex64"))
    out = filter_block(xp.asarray(x), axes=axes, response=lambda f, g: 1.0)
    xp_assert_close(out, xp.asarray(x), atol=1e-5)


def test_kernels_travel_by_name():
    for kernel in (apply_response, filter_block):
        assert pickle.loads(pickle.dumps(kernel)) is kernel
