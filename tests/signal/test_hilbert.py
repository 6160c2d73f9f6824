"""Analytic signals; SciPy's are the oracle."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError, AxisError
from spanwise.testing import (
    HostFree,
    raise_if_computes,
    register_with_dask,
    xp_assert_close,
)
from spanwise.testing.strategies import chunkings

register_with_dask()


def values(shape, dtype="float64"):
    return (10 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def hilbert2(x, points, axes):
    """As SciPy 1.17: before, it took images only and kept the highest frequency."""
    n = [x.shape[a] for a in axes] if points is None else np.broadcast_to(points, 2)
    first, second = (np.where(k == 0, 1, np.where(2 * k < k.size, 2, 0)) for k in map(np.arange, n))
    front = np.moveaxis(x, axes, (-2, -1))
    front = front.astype("float64" if x.dtype.kind == "i" else x.dtype)
    spectrum = scipy.fft.fft2(front, n) * np.outer(first, second).astype(front.dtype)
    return np.moveaxis(scipy.fft.ifft2(spectrum), (-2, -1), axes)


def layers(y):
    names = y.dask._toposort_layers()
    return [y.dask.layers[n] for n in names if hasattr(y.dask.layers[n], "plan")]


def exchanges(y):
    return sum("exchange" in layer.step.pattern for layer in layers(y))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("points", [None, 1, 4, 5, 6, 7, 12, 13])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_equals_scipy_on_every_container(xp, axis, points, dtype):
    x = values((5, 6, 7), dtype)
    want = scipy.signal.hilbert(x, points, axis)
    got = sw.signal.hilbert(xp.asarray(x), points, axis)
    assert want.dtype == ("complex64" if dtype == "float32" else "complex128")
    atol = 1e-5 if dtype == "float32" else 1e-12
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=atol * np.abs(want).max())


@pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17), reason="SciPy before 1.17"
)
@pytest.mark.parametrize("points", [None, 6, (3, 4), (2, 1)])
def test_images_equal_scipys(points):
    x = values((5, 6, 7))
    want = scipy.signal.hilbert2(x, points, (2, 0))
    np.testing.assert_allclose(sw.signal.hilbert2(x, points, (2, 0)), want, atol=1e-12)


@pytest.mark.parametrize("points", [None, 6, 1, (3, 4), (9, 8), (2, 1)])
@pytest.mark.parametrize("axes", [(-2, -1), (0, 1), (2, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_images_are_right_on_every_container(xp, axes, points, dtype):
    x = values((5, 6, 7), dtype)
    want = hilbert2(x, points, axes)
    got = sw.signal.hilbert2(xp.asarray(x), points, axes)
    atol = 1e-5 if dtype == "float32" else 1e-12
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=atol * np.abs(want).max())


@given(st.data())
def test_the_result_depends_on_no_chunking(draw):
    shape = draw.draw(st.sampled_from([(9,), (8,), (4, 7), (5, 6, 4), (1, 3, 8)]))
    axis = draw.draw(st.integers(0, len(shape) - 1))
    points = draw.draw(st.one_of(st.none(), st.integers(1, 12)))
    dtype = draw.draw(st.sampled_from(["float32", "float64"]))
    x = values(shape, dtype)
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    with raise_if_computes():
        got = sw.signal.hilbert(lazy, points, axis)
    want = scipy.signal.hilbert(x, points, axis)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    computed = got.compute(scheduler="sync")
    assert computed.dtype == want.dtype
    atol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(computed, want, rtol=0, atol=atol * np.abs(x).max())


@given(st.data())
def test_images_depend_on_no_chunking(draw):
    shape = draw.draw(st.sampled_from([(4, 7), (5, 6, 4), (1, 3, 8)]))
    axes = tuple(draw.draw(st.permutations(range(len(shape)))))[:2]
    points = draw.draw(st.one_of(st.none(), st.tuples(st.integers(1, 9), st.integers(1, 9))))
    x = values(shape)
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    with raise_if_computes():
        got = sw.signal.hilbert2(lazy, points, axes)
    want = hilbert2(x, points, axes)
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, atol=1e-11)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_the_real_part_is_the_data(n):
    x = values((3, n), "float32")
    for container in (np.asarray, lambda x: da.from_array(x, chunks=(2, n))):
        got = np.asarray(sw.signal.hilbert(container(x)))
        np.testing.assert_array_equal(got.real, x)
        assert got.dtype == np.complex64


@pytest.mark.parametrize("shape", [(700, 3, 1500), (1500, 3, 700)])
def test_large_blocks_are_done_part_by_part_as_at_once(shape):
    x = values(shape, "float32")
    axis = shape.index(1500)
    got = sw.signal.hilbert(x, axis=axis)
    want = scipy.signal.hilbert(np.take(x, 2, axis=1), axis=0 if axis == 0 else 1)
    np.testing.assert_allclose(np.take(got, 2, axis=1), want, atol=1e-4)


def test_the_input_is_never_overwritten():
    x = values((6, 8))
    before = x.copy()
    sw.signal.hilbert(x)
    lazy = da.from_array(x, chunks=(2, 8))
    untouched, _ = dask.compute(lazy, sw.signal.hilbert(lazy))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(untouched, before)


def test_nothing_stays_nothing_and_long_double_long_double():
    assert sw.signal.hilbert(np.zeros((0, 4))).shape == (0, 4)
    x = values(20, "longdouble")
    got = sw.signal.hilbert(x)
    assert got.dtype == np.clongdouble
    np.testing.assert_array_equal(got.real, x)


def test_whole_axes_take_one_task_per_chunk():
    x = da.zeros((8, 16), chunks=(2, 16), dtype="float32")
    y = sw.signal.hilbert(x)
    (layer,) = layers(y)
    assert layer.step.tasks == len(layer) == 4
    assert y.chunks == x.chunks
    images = da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32")
    y = sw.signal.hilbert2(images)
    assert len(dask.optimize(y)[0].__dask_graph__()) == 4


def test_a_cut_axis_takes_one_exchange():
    x = da.from_array(values((16, 12), "float32"), chunks=(4, 12))
    y = sw.signal.hilbert(x, axis=0)
    assert exchanges(y) == 1
    assert all(len(layer) == layer.step.tasks for layer in layers(y))


@pytest.mark.parametrize("points", [None, 2**20 - 2**16])
def test_a_long_line_takes_two_exchanges_on_each_way(points):
    x = values(2**20)
    with sw.set_options(memory="48MiB"), raise_if_computes():
        y = sw.signal.hilbert(da.from_array(x, chunks=2**16), points)
    assert exchanges(y) == 4
    np.testing.assert_allclose(y.compute(), scipy.signal.hilbert(x, points), atol=1e-10)


def test_a_long_line_of_a_prime_length_is_gathered():
    x = values(262_147)
    with sw.set_options(memory="24MiB"), dask.config.set(num_workers=2):
        y = sw.signal.hilbert(da.from_array(x, chunks=2**16))
    np.testing.assert_allclose(y.compute(), scipy.signal.hilbert(x), atol=1e-9)


def test_the_library_of_the_chunks_is_kept():
    x = values((6, 8))
    lazy = da.from_array(HostFree.copy_from_host(x), chunks=(2, 3), asarray=False)
    y = sw.signal.hilbert(lazy)
    assert type(y._meta) is HostFree
    got = y.compute(scheduler="sync")
    np.testing.assert_allclose(got.copy_to_host(), scipy.signal.hilbert(x), atol=1e-12)


@pytest.mark.parametrize("container", [np.asarray, lambda x: da.from_array(x, chunks=2)])
def test_wrong_arguments_are_refused(container):
    x = container(np.ones((4, 5)))
    for function in (sw.signal.hilbert, sw.signal.hilbert2):
        with pytest.raises(ArgumentError, match="x must be real"):
            function(x + 1j)
        with pytest.raises(ArgumentError, match="N must be positive"):
            function(x, 0)
        with pytest.raises(ArgumentError, match="expected an integer"):
            function(x, 2.5)
    with pytest.raises(AxisError, match="axis 2"):
        sw.signal.hilbert(x, axis=2)
    with pytest.raises(ArgumentError, match="length 2"):
        sw.signal.hilbert2(x, axes=(0,))
    with pytest.raises(ArgumentError, match="unique"):
        sw.signal.hilbert2(x, axes=(0, -2))
    with pytest.raises(ArgumentError, match=r"N=\(1, 2, 3\)"):
        sw.signal.hilbert2(x, (1, 2, 3))
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"x\.spanwise\.signal\.hilbert\("):
        sw.signal.hilbert(xr.DataArray(np.ones(4)))
