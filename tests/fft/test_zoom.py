"""The transform at a band of frequencies; SciPy's, and the whole transform, are the oracles."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import (
    ArgumentError,
    ArrayTypeError,
    AxisError,
    MemoryBudgetError,
    NonFiniteError,
    UnknownChunksError,
)
from spanwise.testing import raise_if_computes, xp_assert_close
from spanwise.testing.strategies import chunkings

DTYPES = ("float32", "float64", "complex64", "complex128", "int16", "uint8", "bool")


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    elif np.dtype(dtype).kind in "iu":
        x = np.abs(x) * 30
    elif dtype == "bool":
        x = x > 0
    return x.astype(dtype)


def error(got, want):
    """Largest difference, relative to the largest value."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    return float(np.abs(got - want).max(initial=0) / (np.abs(want).max(initial=0) or 1.0))


def steps(y):
    return [layer.step for layer in y.dask.layers.values() if hasattr(layer, "step")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 9, 80])
def test_equals_scipys_on_every_container_in_the_precision_of_fft(xp, dtype, m):
    x = values((4, 30), dtype)
    want = scipy.signal.zoom_fft(x.astype("complex128"), (0.2, 0.5), m)
    expected = scipy.fft.fft(x).dtype
    got = sw.fft.zoom_fft(xp.asarray(x), (0.2, 0.5), m)
    tolerance = 1e-6 if expected == "complex64" else 1e-13
    limit = np.abs(want).max()
    xp_assert_close(got, xp.asarray(want.astype(expected)), rtol=0, atol=4 * tolerance * limit)


@pytest.mark.parametrize(
    ("fn", "m", "options"),
    [
        (2, None, {}),
        (0.5, 7, {}),
        ((0.9, 0.1), 12, {}),
        ((-0.3, 0.3), 12, {"endpoint": True}),
        (np.array([5.0, 27.0]), 40, {"fs": 102.0}),
        ((1, 3), 100, {"fs": -10}),
        ((0.1, 7.7), 33, {}),
    ],
)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_bands_are_scipys(fn, m, options, axis):
    x = values((20, 3, 21), "complex128")
    want = scipy.signal.zoom_fft(x, fn, m, axis=axis, **options)
    assert error(sw.fft.zoom_fft(x, fn, m, axis=axis, **options), want) < 1e-12
    lazy = da.from_array(x, chunks=(7, 2, 8))
    with raise_if_computes():
        lazy = sw.fft.zoom_fft(lazy, fn, m, axis=axis, **options)
    assert (lazy.shape, lazy.dtype) == (want.shape, want.dtype)
    assert error(lazy.compute(scheduler="sync"), want) < 1e-12


def test_half_precision_becomes_single():
    x = values((4, 30), "float16")
    got = sw.fft.zoom_fft(x, 0.5, 9)
    assert got.dtype == "complex64"
    assert error(got, scipy.signal.zoom_fft(x.astype("float64"), 0.5, 9)) < 1e-6


def test_long_double_is_as_accurate_as_itself():
    x = values(3000, "longdouble")
    got = sw.fft.zoom_fft(x, (0.25, 0.5), 96)
    assert got.dtype == np.clongdouble
    turns = np.outer(np.arange(3000), np.arange(96) + 96) % 768 / np.longdouble(768)
    want = x @ np.exp(-8j * np.arctan(np.longdouble(1)) * turns)
    assert error(got, want) < 100 * np.finfo(np.longdouble).eps


@pytest.mark.parametrize("m", [16, 4096, 2**20])
def test_no_digit_of_a_phase_is_lost_in_long_axes(m):
    n = 2**22
    x = values(n)
    want = scipy.fft.fft(x)[3 * n // 8 :][:m]
    band = (0.75, 0.75 + 2 * m / n)
    assert error(sw.fft.zoom_fft(x, band, m), want) < 1e-14
    lazy = da.from_array(x, chunks=999_999)
    assert error(sw.fft.zoom_fft(lazy, band, m).compute(), want) < 1e-14


@given(st.data())
def test_the_band_depends_on_no_chunking(draw):
    shape = draw.draw(st.sampled_from([(1,), (7,), (64,), (5, 40), (4, 1, 130)]))
    axis = draw.draw(st.integers(0, len(shape) - 1))
    m = draw.draw(st.sampled_from([None, 1, 3, 70, 200]))
    x = values(shape, draw.draw(st.sampled_from(["float32", "float64", "complex128"])))
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    got = sw.fft.zoom_fft(lazy, (0.1, 1.3), m, axis=axis)
    computed = got.compute(scheduler="sync")
    assert computed.shape == got.shape
    assert computed.dtype == got.dtype
    tolerance = 2e-6 if x.dtype == "float32" else 1e-12
    assert error(computed, scipy.signal.zoom_fft(x, (0.1, 1.3), m, axis=axis)) < tolerance


@given(st.integers(1, 200), st.data())
def test_bins_that_coincide_are_those_of_fft(n, draw):
    first = draw.draw(st.integers(0, n - 1))
    m = draw.draw(st.integers(1, n - first))
    x = values((2, n), "complex128", n)
    got = sw.fft.zoom_fft(x, (first, first + m), m, fs=n)
    np.testing.assert_allclose(got, scipy.fft.fft(x)[:, first : first + m], atol=1e-12 * n)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_the_transform_is_linear(a, b):
    x, y = values((2, 150), seed=1), values((2, 150), seed=2)
    parts = (sw.fft.zoom_fft(v, (0.3, 0.4), 90) for v in (x, y))
    combined = sum(c * part for c, part in zip((a, b), parts, strict=True))
    got = sw.fft.zoom_fft(a * x + b * y, (0.3, 0.4), 90)
    np.testing.assert_allclose(got, combined, atol=1e-11)


@pytest.mark.parametrize("chunks", [((0, 5, 0, 1, 14), 3), ((20,), 1), ((1,) * 20, (0, 2, 1))])
def test_empty_and_single_chunks_add_their_shares(chunks):
    x = values((20, 3))
    lazy = da.from_array(x, chunks=chunks)
    want = scipy.signal.zoom_fft(x, 0.5, 4, axis=0)
    assert error(sw.fft.zoom_fft(lazy, 0.5, 4, axis=0).compute(), want) < 1e-13


@pytest.mark.parametrize("m", [3, 100])
def test_empty_batches_stay_empty(xp, m):
    got = sw.fft.zoom_fft(xp.asarray(values((0, 8))), 0.5, m)
    assert got.shape == (0, m)


@pytest.mark.parametrize("m", [3, 100])
def test_nan_stays_in_its_line(m):
    x = values((4, 50))
    x[1, 7] = np.nan
    got = sw.fft.zoom_fft(da.from_array(x, chunks=(2, 13)), 0.5, m).compute()
    assert np.isnan(got[1]).all()
    assert not np.isnan(got[[0, 2, 3]]).any()


def test_one_frequency_with_endpoint_is_the_first():
    x = values(9)
    got = sw.fft.zoom_fft(x, (0.5, 0.7), 1, endpoint=True)
    np.testing.assert_allclose(got, scipy.signal.zoom_fft(x, (0.5, 0.7), 1))


def test_the_input_is_never_overwritten():
    x = values((6, 500), "complex128")
    before = x.copy()
    for m in (5, 100):
        sw.fft.zoom_fft(x, 0.5, m, axis=0)
        sw.fft.zoom_fft(da.from_array(x, chunks=(3, 100)), 0.5, m).compute()
    np.testing.assert_array_equal(x, before)


def test_few_frequencies_move_no_samples():
    x = da.zeros((8, 4096), chunks=(8, 128))
    patterns = [step.pattern for step in steps(sw.fft.zoom_fft(x, 0.5, 16))]
    assert sorted(patterns) == ["blockwise", "reduce"]


def test_many_frequencies_make_the_axis_whole():
    x = da.from_array(values((8, 4096)), chunks=(8, 128))
    y = sw.fft.zoom_fft(x, 0.5, 4096)
    assert any("exchange" in step.pattern for step in steps(y))
    assert error(y.compute(), scipy.signal.zoom_fft(np.asarray(x), 0.5, 4096)) < 1e-10


def test_whole_axes_take_one_task_per_chunk_and_know_where_they_begin():
    x = da.zeros((8, 64), chunks=(2, 64), dtype="float32")
    y = sw.fft.zoom_fft(x, 0.5, 16)
    (step,) = steps(y)
    assert (step.tasks, step.pattern, step.kernel) == (4, "blockwise", "zoom_fft")
    assert y.chunks == ((2,) * 4, (16,))


def test_a_plan_over_the_budget_is_refused_with_remedies():
    x = da.zeros(2**22, chunks=2**18)
    with sw.set_options(memory="8 MiB"), pytest.raises(MemoryBudgetError, match="m="):
        sw.fft.zoom_fft(x, 2)


@pytest.mark.parametrize("container", [np.asarray, lambda x: da.from_array(x, chunks=2)])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((0.5, 0), {}, ArgumentError, "m=0"),
        ((0.5, -3), {}, ValueError, "m=-3"),
        ((0.5, 2.0), {}, ValueError, "m=2.0"),
        (((0.1, 0.2, 0.3),), {}, ValueError, "fn="),
        (((),), {}, ValueError, "fn="),
        (("a",), {}, ValueError, "fn='a'"),
        ((1j,), {}, TypeError, "fn=1j"),
        ((np.nan,), {}, NonFiniteError, "fn=nan"),
        ((0.5,), {"fs": 0}, ArgumentError, "fs=0"),
        ((0.5,), {"axis": 2}, AxisError, "axis 2"),
        ((0.5,), {"axis": 2}, IndexError, "axis 2"),
        ((0.5,), {"axis": 0.5}, TypeError, "axis=0.5"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(container, arguments, options, error, match):
    with pytest.raises(error, match=match):
        sw.fft.zoom_fft(container(np.ones((3, 4))), *arguments, **options)


def test_no_samples_and_no_axes_are_refused():
    with pytest.raises(ValueError, match="0 samples"):
        sw.fft.zoom_fft(np.ones((3, 0)), 0.5)
    with pytest.raises(IndexError, match="axis -1"):
        sw.fft.zoom_fft(np.float64(3), 0.5)


def test_unknown_chunks_and_labels_are_told_what_to_type():
    x = da.from_array(values(10), chunks=4)
    with pytest.raises(UnknownChunksError, match="compute_chunk_sizes"):
        sw.fft.zoom_fft(x[x > 0], 0.5)
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"spanwise\.fft\.zoom_fft"):
        sw.fft.zoom_fft(xr.DataArray(np.ones(4)), 0.5)
