import math

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.convolve import convolve, scratch_bytes, tiling
from spanwise.testing import xp_assert_close


@given(st.data())
def test_any_part_of_the_full_convolution(draw):
    n, k = draw.draw(st.integers(1, 50)), draw.draw(st.integers(1, 50))
    start = draw.draw(st.integers(0, n + k - 2))
    length = draw.draw(st.integers(0, n + k - 1 - start))
    rng = np.random.default_rng(0)
    x, taps = rng.standard_normal(n), rng.standard_normal(k)
    want = np.convolve(x, taps)[start : start + length]
    for kernel in (convolve, convolve.generic):
        assert kernel is not None
        got = kernel(x, taps, axes=(0,), starts=(start,), lengths=(length,))
        np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize("shape", [(200,), (60, 5), (5, 60)])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_a_device_takes_long_blocks_in_parts(xp, monkeypatch, shape, k):
    monkeypatch.setattr("spanwise.kernels.convolve._MOST_POINTS", 90)
    rng = np.random.default_rng(0)
    x, taps = rng.standard_normal(shape), rng.standard_normal([k] * len(shape))
    axes = tuple(range(len(shape)))
    full = scipy.signal.convolve(x, taps)
    starts, lengths = tuple(n // 2 for n in (k,) * len(shape)), tuple(shape)
    want = full[tuple(slice(s, s + n) for s, n in zip(starts, lengths, strict=True))]
    assert convolve.generic is not None
    got = convolve.generic(
        xp.concrete_array(x), xp.concrete_array(taps), axes=axes, starts=starts, lengths=lengths
    )
    xp_assert_close(got, xp.concrete_array(want), rtol=0, atol=1e-12)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_many_tiles_are_one(axes, dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 300, 60)).astype(dtype)
    taps = rng.standard_normal([5 if a in axes else 1 for a in range(3)]).astype(dtype)
    got = convolve(x, taps, axes=axes)
    want = scipy.signal.fftconvolve(x, taps, "valid", axes=axes)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, atol=1e-3 if dtype == "float32" else 1e-11)


def test_taps_of_each_row():
    rng = np.random.default_rng(0)
    x, taps = rng.standard_normal((300, 2000)), rng.standard_normal((300, 9))
    got = convolve(x, taps, axes=(1,))
    np.testing.assert_allclose(got, scipy.signal.fftconvolve(x, taps, "valid", axes=1), atol=1e-11)


@given(
    st.lists(st.tuples(st.integers(1, 3000), st.integers(1, 200)), min_size=1, max_size=3),
    st.integers(1, 500),
)
def test_tiles_cover_the_result_and_fit_their_transform(axes, free):
    lengths, taps = zip(*axes, strict=True)
    shape = (*(n + k - 1 for n, k in axes), free)
    how = tiling(shape, lengths, taps, range(len(axes)))
    for n, k, points, step in zip(lengths, taps, how.points, how.steps, strict=True):
        assert 1 <= step <= n
        assert points >= step + k - 1
    assert 1 <= how.rows[-1] <= free
    assert how.batch >= 1


@pytest.mark.parametrize("taps", [2, 65, 4097])
def test_memory_does_not_grow_with_the_block(taps):
    small, large = (tiling((n,), (n - taps + 1,), (taps,), (0,)) for n in (2**20, 2**28))
    assert scratch_bytes(large, 4) <= max(2 * scratch_bytes(small, 4), 2**24)
    assert math.prod(large.rows) * large.batch <= 2**20


def test_a_batch_fills_the_lanes():
    how = tiling((2**22,), (2**22 - 4096,), (4097,), (0,))
    assert how.batch % 8 == 0
