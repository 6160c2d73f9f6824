"""A band of frequencies of one block."""

import math
import pickle
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.reduce import add
from spanwise.kernels.zoom import Band, phases, rotation, scratch_bytes, segment_length, zoom

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")

LONG = 8 * np.arctan(np.longdouble(1))


def band(points, first=Fraction(1, 7), step=Fraction(3, 1009)):
    return Band(first, step, points)


def by_hand(x, band, start=0):
    """The definition, in long double, on the last axis."""
    j = np.arange(start, start + x.shape[-1])
    whole = math.lcm(band.first.denominator, band.step.denominator)
    first, step = int(band.first * whole), int(band.step * whole)
    turns = np.outer(first + step * np.arange(band.points), j) % whole
    return x @ np.exp(-1j * LONG * (turns / np.longdouble(whole))).T


@given(st.integers(0, 2**62), st.fractions(min_value=-5, max_value=5, max_denominator=10**20))
def test_phases_are_exact(count, turn):
    (units,) = phases(np.array([count]), turn).tolist()
    error = (Fraction(units, 2**64) - count * turn) % 1
    assert min(error, 1 - error) < Fraction(4, 2**64)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "clongdouble"])
def test_rotations_have_the_digits_of_their_type(dtype):
    units = np.random.default_rng(0).integers(0, 2**64, 100, dtype=np.uint64)
    got = rotation(units, dtype)
    want = np.exp(-1j * LONG * (units.astype(np.int64).astype("longdouble") / 2**64))
    assert got.dtype == dtype
    assert np.abs(got - want).max() < 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("points", [1, 64, 65, 300])
@pytest.mark.parametrize("samples", [1, 2, 1024, 1500, 2048, 2500])
def test_segments_add_up_to_the_definition(points, samples):
    x = np.random.default_rng(samples).standard_normal((2, samples))
    got = zoom(x, 12345, axis=1, band=band(points))
    want = by_hand(x, band(points), 12345)
    assert np.abs(got - want).max() < 1e-14 * samples + 1e-13 * np.abs(want).max()


@pytest.mark.parametrize("shape", [(3, 2100, 2), (2100,), (1, 5, 1)])
@pytest.mark.parametrize("points", [7, 80])
def test_parts_of_an_axis_add_up_to_the_whole(xp, shape, points):
    axis = len(shape) // 2
    x = np.random.default_rng(0).standard_normal(shape)
    cut = shape[axis] // 3
    parts = np.split(x, [cut], axis)
    shares = [
        zoom(xp.asarray(part), start, axis=axis, band=band(points))
        for part, start in zip(parts, (0, cut), strict=True)
    ]
    want = zoom(x, 0, axis=axis, band=band(points))
    np.testing.assert_allclose(xp.to_numpy(add(shares)), want, atol=1e-11)


def test_long_blocks_are_worked_on_part_by_part():
    x = np.random.default_rng(0).standard_normal((3, 300, 700)).astype("float32")
    for points in (5, 200):
        got = zoom(x, 3, axis=1, band=band(points))
        want = by_hand(np.moveaxis(x[:, :, 600:], 1, -1), band(points), 3)
        assert np.abs(np.moveaxis(got[:, :, 600:], 1, -1) - want).max() < 1e-4


def test_add_overwrites_nothing():
    parts = [np.full(3, i, float) for i in (1, 2, 4)]
    np.testing.assert_array_equal(add(parts), 7)
    np.testing.assert_array_equal(parts, [[1] * 3, [2] * 3, [4] * 3])
    assert add(parts[:1]) is parts[0]


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 10**5])
def test_segments_are_no_shorter_than_asked_and_cover_the_block(samples):
    for points in (1, 64, 65, 1000):
        length = segment_length(samples, points)
        assert 0 < length <= samples
        assert length >= min(samples, 1024)
        assert length < max(2 * 4 * points, 2049)


def test_scratch_stays_bounded_however_many_lines_there_are():
    few, many = (scratch_bytes(4096, 100, n, 8, device=False) for n in (10**3, 10**6))
    assert few == many


def test_the_kernel_and_its_band_travel_by_name_and_value():
    assert pickle.loads(pickle.dumps(zoom)) is zoom
    assert pickle.loads(pickle.dumps(band(3))) == band(3)


@pytest.mark.parametrize("shape", [(2**19,), (32, 2**13), (4096,)])
@pytest.mark.parametrize("points", [8, 64, 100, 1024, 2**15])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_no_more_memory_is_taken_than_the_plan_says(shape, points, dtype):
    x = np.ones(shape, dtype)
    zoom(x, 0, axis=x.ndim - 1, band=band(points + 1))  # imports what it needs
    tracemalloc.start()
    y = zoom(x, 0, axis=x.ndim - 1, band=band(points, step=Fraction(1, x.size)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    lines = x.size // shape[-1]
    # Small arrays and Python's own objects are in no plan.
    planned = scratch_bytes(shape[-1], points, lines, y.itemsize, device=False) + 2**16
    assert peak - y.nbytes <= planned
