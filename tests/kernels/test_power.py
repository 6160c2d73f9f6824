"""The power spectrum of a block, of which half is computed where the data are real."""

import pickle

import numpy as np
import pytest
from scipy.signal import get_window

from spanwise.kernels.detrend import detrend
from spanwise.kernels.power import power
from spanwise.kernels.slabs import slabs
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def values(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return (10 * x + 3).astype(dtype)


def by_hand(x, axes, scale):
    return scale * np.abs(np.fft.fftn(x.astype(np.complex128), axes=axes)) ** 2


@pytest.mark.parametrize("axes", [(0,), (2,), (0, 2), (2, 0), (1, 2, 0)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 1, 6), (2, 2, 2), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int16"])
def test_the_half_that_is_filled_in_is_that_of_the_whole_transform(xp, dtype, shape, axes):
    x = values(shape, dtype)
    want = by_hand(x, axes, 0.5)
    single = dtype in ("float32", "complex64")
    got = power(xp.asarray(x), axes=axes, scale=0.5, half=False)
    atol = (1e-5 if single else 1e-12) * want.max()
    xp_assert_close(got, xp.asarray(want.astype("f4" if single else "f8")), rtol=0, atol=atol)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_half_a_spectrum_counts_both_signs(xp, n):
    x = values((3, n), "float64")
    half = power(xp.asarray(x), axes=(1,), scale=1.0, half=True)
    whole = by_hand(x, (1,), 1.0)
    assert half.shape == (3, n // 2 + 1)
    np.testing.assert_allclose(xp.to_numpy(half).sum(axis=1), whole.sum(axis=1))


@pytest.mark.parametrize("half", [False, True])
def test_detrended_blocks_have_no_power_at_zero(xp, half):
    x = values((2, 6, 8), "float64")
    got = power(xp.asarray(x), axes=(2, 1), scale=1.0, half=half, detrend="constant")
    assert float(np.abs(xp.to_numpy(got)[:, 0, 0]).max()) < 1e-20


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("half", [False, True])
def test_large_blocks_are_worked_on_part_by_part_as_at_once(dtype, half):
    if half and dtype == "complex64":
        return
    x = values((700, 1501), dtype).reshape(700, 1, 1501)
    x = np.repeat(x, 2, axis=1)
    assert len(slabs(x, (2,))) > 1
    got = power(x, axes=(2,), scale=1.0, half=half, detrend="constant")
    for i in (0, 350, 699):
        want = power(x[i], axes=(1,), scale=1.0, half=half, detrend="constant")
        np.testing.assert_array_equal(got[i], want)


def test_empty_batches_stay_empty(xp):
    x = xp.asarray(np.zeros((0, 8)))
    assert power(x, axes=(1,), scale=1.0, half=False).shape == (0, 8)
    assert power(x, axes=(1,), scale=1.0, half=True).shape == (0, 5)


def test_the_input_is_not_overwritten():
    x = values((4, 6), "complex128")
    before = x.copy()
    power(x, axes=(0, 1), scale=2.0, half=False, detrend="constant")
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(64, 64, 1024), (1, 64, 65536), (512, 2048)])
@pytest.mark.parametrize("axis", [0, 1])
def test_slabs_cover_a_block_once(shape, axis):
    count = np.zeros(shape, "float64")
    for part in slabs(count, (axis,)):
        count[part] += 1
        assert count[part].shape[axis] == shape[axis]
    assert (count == 1).all()


def test_blocks_whose_parts_lie_scattered_stay_whole():
    assert slabs(np.zeros((512, 512, 32)), (0, 1)) == [(slice(None),) * 3]


@pytest.mark.parametrize("axes", [(1,), (0, 2), (2, 1)])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trend_window_and_centre_are_part_of_it(xp, dtype, half, axes):
    x = values((4, 5, 6), dtype)
    plain = detrend(x, axes=axes, type="linear")
    for axis in axes:
        shape = [-1 if a == axis else 1 for a in range(3)]
        plain = plain * get_window("hann", x.shape[axis]).astype(dtype).reshape(shape)
    want = power(plain, axes=axes, scale=2.0, half=half)
    want = np.fft.fftshift(want, axes=axes[:-1] if half else axes)
    how = {"detrend": "linear", "windows": ("hann",) * len(axes), "shift": True}
    got = power(xp.asarray(x), axes=axes, scale=2.0, half=half, **how)
    xp_assert_close(
        got, xp.asarray(want), rtol=0, atol=want.max() * (1e-6 if "32" in dtype else 1e-13)
    )


def test_the_kernel_travels_by_name():
    assert pickle.loads(pickle.dumps(power)) is power
