"""Convolutions; SciPy's are the oracle."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError, MemoryBudgetError
from spanwise.testing import (
    CountingSource,
    HostFree,
    raise_if_computes,
    register_with_dask,
    xp_assert_close,
)
from spanwise.testing.strategies import chunkings

register_with_dask()

FUNCTIONS = ["fftconvolve", "oaconvolve"]


def values(shape, dtype="float64", seed=0):
    x = 10 * np.random.default_rng(seed).standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * np.random.default_rng(seed + 1).standard_normal(shape)
    return x.astype(dtype)


def layers(y):
    names = y.dask._toposort_layers()
    return [y.dask.layers[n] for n in names if hasattr(y.dask.layers[n], "plan")]


def both(in1, in2, mode, axes=None, lazy1=None, lazy2=None):
    """Ours, computed, and SciPy's; chunks make an argument lazy."""
    a = in1 if lazy1 is None else da.from_array(in1, chunks=lazy1)
    b = in2 if lazy2 is None else da.from_array(in2, chunks=lazy2)
    with raise_if_computes():
        got = sw.signal.fftconvolve(a, b, mode, axes)
    if lazy1 is not None or lazy2 is not None:
        assert isinstance(got, da.Array)
        promised = got.shape, got.dtype
        got = got.compute(scheduler="sync")
        assert (got.shape, got.dtype) == promised
    return got, scipy.signal.fftconvolve(in1, in2, mode, axes)


# SciPy's result


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(
    ("shape1", "shape2"),
    [
        ((50,), (7,)),
        ((50,), (6,)),
        ((7,), (50,)),
        ((8,), (8,)),
        ((50,), (1,)),
        ((1,), (5,)),
        ((12, 9), (5, 4)),
        ((5, 4), (12, 9)),
        ((12, 9), (1, 4)),
        ((4, 12, 9), (2, 3, 9)),
    ],
)
def test_equals_scipy_on_every_container(xp, function, mode, shape1, shape2):
    in1, in2 = values(shape1), values(shape2, seed=3)
    want = getattr(scipy.signal, function)(in1, in2, mode)
    got = getattr(sw.signal, function)(xp.asarray(in1), xp.concrete_array(in2), mode)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype1", ["float32", "float64", "complex64", "int16", "bool", "uint8"])
@pytest.mark.parametrize("dtype2", ["float32", "float64", "complex64", "complex128", "int64"])
@pytest.mark.parametrize("lazy", [None, (4, 3)])
def test_dtypes_are_scipys(dtype1, dtype2, lazy):
    in1, in2 = values((10, 9), dtype1), values((3, 4), dtype2, seed=3)
    got, want = both(in1, in2, "same", None, lazy)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * np.abs(want).max())


def test_half_precision_becomes_single_and_long_double_stays():
    half = values(9, "float16")
    assert sw.signal.fftconvolve(half, half).dtype == np.float32
    long = values(9, "longdouble")
    got = sw.signal.fftconvolve(long, long[:3])
    assert got.dtype == np.longdouble
    np.testing.assert_allclose(got, np.convolve(long, long[:3]), rtol=1e-15)


@st.composite
def problems(draw):
    ndim = draw(st.integers(1, 3))
    shape1 = tuple(draw(st.integers(1, 14 - 3 * ndim)) for _ in range(ndim))
    shape2 = tuple(draw(st.integers(1, 14 - 3 * ndim)) for _ in range(ndim))
    axes = draw(st.one_of(st.none(), st.sets(st.integers(0, ndim - 1), min_size=1).map(sorted)))
    if axes is not None:
        free = [a for a in range(ndim) if a not in axes]
        equal = {a: draw(st.sampled_from(["same", "one", "other"])) for a in free}
        shape2 = tuple(
            {"same": shape1[a], "one": 1, "other": n}[equal[a]] if a in free else n
            for a, n in enumerate(shape2)
        )
        shape1 = tuple(1 if equal.get(a) == "other" else n for a, n in enumerate(shape1))
    mode = draw(st.sampled_from(["full", "same", "valid"]))
    chosen = range(ndim) if axes is None else axes
    if mode == "valid":
        pairs = [p for p in ((shape1[a], shape2[a]) for a in chosen) if 1 not in p]
        if not (all(n >= k for n, k in pairs) or all(n <= k for n, k in pairs)):
            mode = "same"
    lazy1 = draw(st.one_of(st.none(), chunkings(shape1)))
    lazy2 = draw(st.one_of(st.none(), chunkings(shape2)))
    return shape1, shape2, axes, mode, lazy1, lazy2


@given(problems())
def test_equals_scipy_for_any_shapes_axes_and_chunks(problem):
    shape1, shape2, axes, mode, lazy1, lazy2 = problem
    got, want = both(values(shape1), values(shape2, seed=3), mode, axes, lazy1, lazy2)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


@given(st.data())
def test_taps_may_be_longer_than_chunks_and_than_the_data(draw):
    n = draw.draw(st.integers(1, 60))
    k = draw.draw(st.integers(1, 90))
    mode = draw.draw(st.sampled_from(["full", "same", "valid"]))
    chunks = draw.draw(chunkings((n,)))
    got, want = both(values(n), values(k, seed=3), mode, None, chunks)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [2, 33, 1000])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_long_blocks_are_convolved_tile_by_tile(k, dtype, mode):
    x, taps = values(300_000, dtype), values(k, dtype, seed=3) / k
    want = scipy.signal.oaconvolve(x, taps, mode)
    atol = (1e-6 if dtype == "float32" else 1e-14) * np.abs(want).max() * 10
    np.testing.assert_allclose(sw.signal.oaconvolve(x, taps, mode), want, rtol=0, atol=atol)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1,), (0,), (2,)])
def test_blocks_of_many_axes_are_convolved_tile_by_tile(axes):
    x = values((90, 70, 80), "float32")
    taps = values(tuple(9 if a in axes else 1 for a in range(3)), "float32", seed=3)
    want = scipy.signal.fftconvolve(x, taps, "same", axes)
    got = sw.signal.fftconvolve(x, taps, "same", axes)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_every_station_has_taps_of_its_own():
    x, taps = values((20, 400)), values((20, 30), seed=3)
    got, want = both(x, taps, "same", 1, (6, 150))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)
    got, want = both(x, taps, "full", 1, (6, 150), (5, 11))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


def test_the_input_is_never_overwritten():
    x, taps = values(100_000, "complex128"), values(50, "complex128", seed=3)
    before = x.copy(), taps.copy()
    sw.signal.oaconvolve(x, taps)
    lazy = da.from_array(x, chunks=40_000)
    untouched, _ = dask.compute(lazy, sw.signal.oaconvolve(lazy, taps))
    np.testing.assert_array_equal(untouched, before[0])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(taps, before[1])


def test_scalars_multiply_and_nothing_gives_nothing():
    assert sw.signal.fftconvolve(3.0, 4.0) == 12
    assert sw.signal.fftconvolve(np.zeros((0, 3)), np.ones((2, 2))).shape == (0,)
    got = sw.signal.fftconvolve(da.zeros((0, 3)), np.ones((2, 2)))
    assert got.compute().shape == got.shape == (0,)
    np.testing.assert_array_equal(sw.signal.fftconvolve([1, 2], [0, 1]), [0, 1, 2])


# Cost


@pytest.mark.parametrize(
    ("mode", "chunks"),
    [("full", (110, 100, 30, 80)), ("same", (100, 100, 30, 70)), ("valid", (90, 100, 30, 60))],
)
def test_the_outer_chunks_grow_and_shrink(mode, chunks):
    x = da.zeros(300, chunks=((100, 100, 30, 70),))
    y = sw.signal.oaconvolve(x, np.ones(21), mode)
    assert y.chunks == (chunks,)


def test_each_chunk_takes_one_task_and_reads_a_halo_only():
    x = da.from_array(values((4, 1000), "float32"), chunks=(2, 250))
    with raise_if_computes():
        y = sw.signal.oaconvolve(x, values((1, 9), "float32"), "same")
    (layer,) = layers(y)
    blocks, slices = 8, 2 * 6
    assert len(layer) == layer.step.tasks == blocks + slices
    assert layer.step.bytes_moved == 2 * 3 * 8 * 2 * 4
    assert layer.step.kernel == "convolve"
    # One task per chunk, and one for each end that another reads.
    assert y.chunks == x.chunks
    assert y.dtype == np.float32


@pytest.mark.parametrize("shape", [(32_000,), (640, 160)])
def test_each_chunk_is_read_once_and_few_wait(shape):
    chunks = 1000 if len(shape) == 1 else (10, 40)
    source = CountingSource(values(shape), chunks=chunks)
    y = sw.signal.oaconvolve(source.array, np.ones((5,) * len(shape)), "same")
    total = y.map_blocks(lambda b: b.sum(keepdims=True), chunks=(1,) * len(shape)).sum()
    total.compute(scheduler="sync")
    assert source.passes == 1
    # Those of a task, and of 256 those that wait for the slices of the next row.
    assert source.peak_live_chunks <= (8 if len(shape) == 1 else 32)


def test_all_axes_of_an_image_are_cut_in_one_step():
    x = da.from_array(values((60, 50)), chunks=(20, 25))
    taps = values((5, 7), seed=3)
    y = sw.signal.fftconvolve(x, taps, "same")
    (layer,) = layers(y)
    assert layer.step.tasks == len(layer)
    assert layer.step.pattern == "halo"
    np.testing.assert_allclose(y, scipy.signal.fftconvolve(x.compute(), taps, "same"), atol=1e-10)


def test_whole_axes_are_one_task_per_chunk_that_dask_fuses():
    x = da.zeros((8, 64), chunks=(2, 64), dtype="float32")
    y = sw.signal.oaconvolve(x + 1, np.ones((1, 5), "float32"), "valid", axes=1)
    (layer,) = layers(y)
    assert len(layer) == layer.step.tasks == 4
    assert len(dask.optimize(y)[0].__dask_graph__()) == 4


def test_two_long_arrays_are_transformed_as_a_whole():
    in1, in2 = values(4000), values(3000, seed=3)
    x, taps = da.from_array(in1, chunks=300), da.from_array(in2, chunks=500)
    for mode in ("full", "same", "valid"):
        y = sw.signal.fftconvolve(x, taps, mode)
        if mode != "valid":  # of which there is so little that chunks may read for it
            assert not any(layer.step.kernel == "convolve" for layer in layers(y))
            assert any("exchange" in layer.step.pattern for layer in layers(y))
        want = scipy.signal.fftconvolve(in1, in2, mode)
        np.testing.assert_allclose(y.compute(), want, rtol=0, atol=1e-9)
    y = sw.signal.fftconvolve(in1, taps, "same")
    np.testing.assert_allclose(y, scipy.signal.fftconvolve(in1, in2, "same"), atol=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_two_long_lines_stay_in_decimated_order_between_the_transforms(dtype):
    in1, in2 = values(2**18, dtype), values(2**17, dtype, seed=3)
    x, taps = da.from_array(in1, chunks=2**14), da.from_array(in2, chunks=2**14)
    with sw.set_options(memory="24MiB"), raise_if_computes():
        y = sw.signal.fftconvolve(x, taps, "same")
    assert sum("exchange" in layer.step.pattern for layer in layers(y)) == 6
    want = scipy.signal.fftconvolve(in1, in2, "same")
    np.testing.assert_allclose(y.compute(), want, rtol=0, atol=1e-12 * np.abs(want).max())


def test_large_taps_are_one_value_of_the_graph():
    taps = values(200_000)
    x = da.from_array(values(400_000), chunks=100_000)
    y = sw.signal.oaconvolve(x, taps, "same")
    held = [v for v in dict(y.dask).values() if getattr(v, "value", None) is taps]
    assert len(held) <= 1
    want = scipy.signal.oaconvolve(x.compute(), taps, "same")
    np.testing.assert_allclose(y, want, rtol=0, atol=1e-11 * np.abs(want).max())


def test_a_budget_too_small_for_a_chunk_is_refused():
    x = da.zeros(1_000_000, chunks=500_000)
    with sw.set_options(memory="1MB"), pytest.raises(MemoryBudgetError, match="smaller chunks"):
        sw.signal.oaconvolve(x, np.ones(5))


def test_taps_differ_in_the_name():
    x = da.ones(100, chunks=30)
    names = {
        sw.signal.oaconvolve(x, taps, mode).name
        for taps in (np.ones(5), np.zeros(5), np.ones(5, "float32"))
        for mode in ("full", "same")
    }
    assert len(names) == 6
    assert sw.signal.oaconvolve(x, np.ones(5)).name in names


@pytest.mark.parametrize("where", ["numpy", "hostfree", "dask"])
def test_taps_go_to_the_library_of_the_chunks(where):
    x = values((20, 30), "float32")
    taps = values((3, 4), "float32", seed=3)
    lazy = da.from_array(HostFree.copy_from_host(x), chunks=(8, 11), asarray=False)
    own = HostFree.copy_from_host(taps)
    given_ = {"numpy": taps, "hostfree": own, "dask": da.from_array(own, chunks=2, asarray=False)}
    y = sw.signal.fftconvolve(lazy, given_[where], "same")
    assert type(y._meta) is HostFree
    got = y.compute(scheduler="sync")
    assert type(got) is HostFree
    assert got.dtype == np.float32
    want = scipy.signal.fftconvolve(x, taps, "same")
    np.testing.assert_allclose(got.copy_to_host(), want, rtol=0, atol=1e-3)


def test_nan_spoils_what_is_near():
    x = values(200_000)
    x[100_000] = np.nan
    y = sw.signal.oaconvolve(x, np.ones(5), "same")
    assert np.isnan(y[100_000])
    assert np.isfinite(y[:50_000]).all()
    assert np.isfinite(y[150_000:]).all()


# Refusals


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("container", [np.asarray, lambda x: da.from_array(x, chunks=2)])
@pytest.mark.parametrize(
    ("in2", "options", "match"),
    [
        (np.ones(3), {}, "same dimensionality"),
        (np.ones((2, 2)), {"mode": "middle"}, "mode='middle'"),
        (np.ones((2, 2)), {"axes": ()}, "axes cannot be empty"),
        (np.ones((2, 2)), {"axes": (0, 0)}, "unique"),
        (np.ones((2, 2)), {"axes": 2}, "axis 2"),
        (np.ones((2, 2)), {"axes": 0}, "incompatible shapes"),
        (np.ones((2, 9)), {"mode": "valid"}, "at least as large"),
    ],
)
def test_scipys_refusals_are_ours(function, container, in2, options, match):
    in1 = np.ones((4, 5))
    with pytest.raises(ValueError):  # noqa: PT011
        getattr(scipy.signal, function)(in1, in2, **options)
    with pytest.raises(ArgumentError, match=match):
        getattr(sw.signal, function)(container(in1), in2, **options)


def test_other_containers_are_refused():
    with pytest.raises(ArrayTypeError, match="in2 is a masked"):
        sw.signal.fftconvolve(np.ones(4), np.ma.masked_array(np.ones(2)))
    host_free = HostFree.copy_from_host(np.ones(4))
    with pytest.raises(ArrayTypeError, match="pass both of one library"):
        sw.signal.fftconvolve(np.ones(4), host_free)
    with pytest.raises(ArrayTypeError, match="pass both of one library"):
        sw.signal.fftconvolve(host_free, da.ones(4))
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"in1\.spanwise\.signal\.fftconvolve"):
        sw.signal.fftconvolve(xr.DataArray(np.ones(4)), np.ones(2))
