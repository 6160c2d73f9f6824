"""The cross spectrum of two blocks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from spanwise.kernels.cross import angle, cross, cross_product
from spanwise.kernels.slabs import slabs
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def pair(shape, dtypes=("float64", "float64")):
    rng = np.random.default_rng(0)
    out = []
    for dtype in dtypes:
        z = rng.normal(size=shape)
        z = z + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else z
        out.append((10 * z).astype(dtype))
    return out


def by_hand(x, y, axes):
    x, y = (np.fft.fftn(z.astype("complex128"), axes=axes) for z in (x, y))
    return x * y.conj()


@pytest.mark.parametrize("axes", [(0,), (2,), (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 1, 6)])
@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("float32", "float32"), "complex64"),
        (("float64", "complex64"), "complex128"),
        (("complex64", "float32"), "complex64"),
        (("int16", "float32"), "complex128"),
    ],
)
def test_it_is_the_product_of_one_transform_and_the_conjugate_of_the_other(
    xp, dtypes, expected, shape, axes
):
    x, y = pair(shape, dtypes)
    want = np.fft.fftshift(0.5 * by_hand(x, y, axes), axes=axes)
    got = cross(xp.asarray(x), xp.asarray(y), axes=axes, scale=0.5, half=False, shift=True)
    atol = (1e-5 if "32" in "".join(dtypes) or "64" in dtypes[1] else 1e-12) * np.abs(want).max()
    xp_assert_close(got, xp.asarray(want.astype(expected)), rtol=0, atol=atol)


def test_half_of_it_counts_both_signs(xp):
    x, y = pair((3, 8))
    got = cross(xp.asarray(x), xp.asarray(y), axes=(1,), scale=1.0, half=True)
    want = by_hand(x, y, (1,))[:, :5]
    want[:, 1:4] *= 2
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-10)


def test_large_blocks_are_worked_on_part_by_part_beside_one_row_or_many():
    x, y = pair((700, 1, 1501), ("float32", "float32"))
    x = np.repeat(x, 2, axis=1)
    assert len(slabs(x, (2,))) > 1
    for other in (np.repeat(y, 2, axis=1), y, y[:1]):
        got = cross(x, other, axes=(2,), scale=1.0, half=False, detrend="constant")
        assert got.shape == x.shape
        for i in (0, 350, 699):
            row = other[i if len(other) > 1 else 0]
            want = cross(x[i], row, axes=(1,), scale=1.0, half=False, detrend="constant")
            np.testing.assert_allclose(got[i], want, rtol=1e-6, atol=1e-2)


def test_blocks_without_elements_stay(xp):
    x = xp.asarray(np.zeros((0, 8), "float32"))
    got = cross(x, x, axes=(1,), scale=1.0, half=True)
    assert tuple(got.shape) == (0, 5)
    assert str(got.dtype).endswith("complex64")


def test_parts_of_two_spectra_are_multiplied_as_the_whole():
    x, y = pair((4, 9), ("complex128", "complex128"))
    params = {"axes": (0, 1), "scale": 0.5, "half": 16, "zero_mean": True}
    whole = cross_product(x, y, 0, 0, **params)
    parts = [cross_product(x[:, a:b], y[:, a:b], 0, a, **params) for a, b in ((0, 3), (3, 9))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    assert whole[0, 0] == 0


def test_the_phase_is_numpys_angle(xp):
    (z,) = pair((4, 5), ("complex64",))
    xp_assert_close(angle(xp.asarray(z)), xp.asarray(np.angle(z)), rtol=1e-6)


def test_the_kernels_travel_by_name():
    for kernel in (cross, cross_product, angle):
        assert pickle.loads(pickle.dumps(kernel)) is kernel
