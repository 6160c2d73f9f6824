"""The other half of a Hermitian spectrum."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.hermitian import mirror
from spanwise.testing import xp_assert_close


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    data=st.data(),
)
def test_the_mirror_image_completes_the_spectrum_of_real_data(shape, data):
    axes = data.draw(st.permutations(range(len(shape))).flatmap(
        lambda p: st.integers(1, len(p)).map(lambda k: tuple(p[:k]))
    ))  # fmt: skip
    axis, others = axes[0], axes[1:]
    x = np.random.default_rng(0).standard_normal(shape)
    whole = scipy.fft.fftn(x, axes=axes)
    n = shape[axis]
    lines = np.take(whole, range(1, n - n // 2), axis=axis)
    got = mirror(lines, axis=axis, others=others)
    np.testing.assert_allclose(got, np.take(whole, range(n // 2 + 1, n), axis=axis), atol=1e-12)


@pytest.mark.parametrize("others", [(), (2,), (0, 2)])
def test_blocks_of_every_library_are_mirrored(others, xp):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((4, 3, 5)) + 1j * rng.standard_normal((4, 3, 5))).astype("complex64")
    want = np.conj(np.flip(x, axis=1))
    for other in others:
        want = np.take(want, -np.arange(x.shape[other]), axis=other)
    xp_assert_close(mirror(xp.concrete_array(x), axis=1, others=others), xp.concrete_array(want))


def test_mirroring_twice_gives_the_block_back():
    x = np.arange(24).reshape(2, 3, 4) * (1 + 2j)
    once = mirror(x, axis=0, others=(2,))
    np.testing.assert_array_equal(mirror(once, axis=0, others=(2,)), x)


def test_blocks_of_any_layout_are_mirrored():
    x = (np.arange(24).reshape(2, 3, 4) * (1 + 2j)).astype(">c8")
    want = mirror(x.astype("c8"), axis=2, others=(0,))
    for block in (x, np.asfortranarray(x), x[::-1][::-1]):
        got = mirror(block, axis=2, others=(0,))
        assert got.dtype == np.complex64
        assert got.dtype.isnative
        np.testing.assert_array_equal(got, want)


def test_empty_blocks_stay_empty():
    assert mirror(np.zeros((3, 0, 2), "c8"), axis=1, others=(0, 2)).shape == (3, 0, 2)
