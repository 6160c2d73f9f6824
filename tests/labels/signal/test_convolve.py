import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.signal as labelled
import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings


def field(n=19, m=6, dtype="float64"):
    values = np.random.default_rng(0).normal(size=(m, n)).astype(dtype)
    return xr.DataArray(
        values,
        {
            "x": ("x", 0.5 * np.arange(n), {"units": "m"}),
            "y": np.arange(m),
            "lon": (("y", "x"), values * 0),
        },
        dims=("y", "x"),
        name="eta",
        attrs={"units": "K", "standard_name": "t"},
    )


def weights(*shape):
    return np.random.default_rng(1).normal(size=shape)


@given(st.data())
def test_equals_scipy_with_its_labels_in_any_chunks(draw):
    data = field()
    chunks = draw.draw(chunkings(data.shape))
    cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    k = draw.draw(st.integers(1, 8))
    with raise_if_computes():
        out = labelled.fftconvolve(cut, weights(k), "x")
    assert out.dims == data.dims
    assert out.data.chunks == cut.data.chunks
    xr.testing.assert_identical(out.coords.to_dataset().compute(), data.coords.to_dataset())
    assert out.name == "eta"
    assert out.attrs == data.attrs
    want = scipy.signal.fftconvolve(data.values, weights(k)[None], "same", axes=1)
    np.testing.assert_allclose(out.compute(scheduler="sync"), want, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 19])
@pytest.mark.parametrize("chunks", [None, {"x": 5}])
def test_valid_keeps_the_coordinates_of_what_it_keeps(k, chunks):
    data = field() if chunks is None else field().chunk(chunks)
    same = labelled.fftconvolve(data, weights(k), "x")
    valid = labelled.fftconvolve(data, weights(k), "x", mode="valid")
    assert valid.sizes["x"] == 19 - k + 1
    xr.testing.assert_allclose(valid, same.sel(x=valid.x))
    want = scipy.signal.fftconvolve(field().values, weights(k)[None], "valid", axes=1)
    np.testing.assert_allclose(valid, want, atol=1e-12)


def test_kernels_of_several_dimensions_in_any_order():
    data, w = field(), weights(3, 4)
    want = scipy.signal.fftconvolve(data.values, w, "same")
    kernel = xr.DataArray(w, dims=("y", "x"))
    for out in (
        labelled.fftconvolve(data, w, ("y", "x")),
        labelled.fftconvolve(data, w.T, ("x", "y")),
        labelled.fftconvolve(data, kernel),
        labelled.fftconvolve(data, kernel.T, ("y", "x")),
        labelled.fftconvolve(data.chunk(x=7, y=2), kernel.chunk(x=2)),
    ):
        np.testing.assert_allclose(out, want, atol=1e-12)


def test_other_dimensions_multiply():
    data, w = field(), weights(6, 5)
    kernel = xr.DataArray(w, {"y": np.arange(6)}, dims=("y", "x"))
    want = scipy.signal.fftconvolve(data.values, w, "same", axes=1)
    for container in (data, data.chunk(x=7, y=2)):
        np.testing.assert_allclose(labelled.fftconvolve(container, kernel.T, "x"), want, atol=1e-12)
    with pytest.raises(ArgumentError, match="other coordinates along 'y'"):
        labelled.fftconvolve(data, kernel.assign_coords(y=np.arange(6) + 1), "x")
    with pytest.raises(ArgumentError, match="add 'y' to dim"):
        labelled.fftconvolve(data, xr.DataArray(weights(5, 5), dims=("y", "x")), "x")


def test_a_kernel_lies_along_the_coordinate():
    data = field()
    kernel = xr.DataArray(weights(5), {"x": 0.5 * np.arange(5)})
    want = labelled.fftconvolve(data, kernel)
    turned = labelled.fftconvolve(data.isel(x=slice(None, None, -1)), kernel)
    xr.testing.assert_allclose(turned.sortby("x"), want)
    with pytest.raises(ArgumentError, match=r"spacing of 0\.6 along 'x'"):
        labelled.fftconvolve(data, kernel.assign_coords(x=0.6 * np.arange(5)))


def test_units_of_the_kernel_multiply():
    kernel = xr.DataArray(weights(5), dims="x", attrs={"units": "s"})
    assert labelled.fftconvolve(field(), kernel).attrs == {"units": "K s"}
    assert labelled.fftconvolve(field(), kernel, keep_attrs=False).attrs == {}


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_single_precision_and_library_are_kept(backend):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    w = weights(3, 4).astype("float32")
    lazy = data.copy(data=container.asarray(data.values))
    want = scipy.signal.fftconvolve(data.values, w, "same")
    for kernel in (w, container.concrete_array(w)):
        out = labelled.fftconvolve(lazy, kernel, ("y", "x"))
        assert out.dtype == "float32"
        np.testing.assert_allclose(container.to_numpy(out.data), want, atol=1e-5)


def test_one_task_per_chunk_along_whole_dimensions():
    x = xr.DataArray(da.zeros((8, 16), chunks=(2, 16), dtype="f4"), dims=("y", "x"))
    out = labelled.fftconvolve(x, np.ones(3), "x")
    assert len(dask.optimize(out.data)[0].__dask_graph__()) == 4


@pytest.mark.parametrize("chunks", [None, {"x": 5}, {"y": 2}])
@pytest.mark.parametrize("k", [3, 60])
def test_missing_values_are_refused_or_filled(chunks, k):
    data = field()
    data[2, 3] = np.nan
    kernel = weights(k)
    cut = data if chunks is None else data.chunk(chunks)
    with pytest.raises(NonFiniteError, match=r"'eta'.*'x'.*fill="):
        labelled.fftconvolve(cut, kernel, "x").compute()
    filled = labelled.fftconvolve(cut, kernel, "x", fill="interp")
    want = labelled.fftconvolve(data.interpolate_na("x"), kernel, "x")
    np.testing.assert_allclose(filled, want, atol=1e-12)


def test_a_dataset_is_its_variables_and_the_accessor_has_the_method():
    ds = field().to_dataset().assign(c=("x", np.arange(19.0)), n=3)
    out = labelled.fftconvolve(ds, weights(3), "x")
    xr.testing.assert_identical(out.eta, labelled.fftconvolve(ds.eta, weights(3), "x"))
    xr.testing.assert_identical(out.c, labelled.fftconvolve(ds.c, weights(3), "x"))
    assert out.n == 3
    out = labelled.fftconvolve(ds, weights(3, 3), ("y", "x"))
    xr.testing.assert_identical(out.c, ds.c)
    assert ds.spanwise.signal.fftconvolve(weights(3, 3), ("y", "x")).identical(out)


@pytest.mark.parametrize(
    ("kernel", "options", "match"),
    [
        (np.ones(3), {}, "name those"),
        (np.ones(3), {"dim": "z"}, "dim='z'"),
        (np.ones(3), {"dim": ("x", "y")}, "kernel has 1 axes; expected 2"),
        (np.ones(3), {"dim": "x", "mode": "full"}, "mode='full'.*pad"),
        (np.ones(30), {"dim": "x", "mode": "valid"}, "mode='valid'"),
        (xr.DataArray(np.ones(3), dims="z"), {"dim": "x"}, "not .'x'."),
        (xr.DataArray(np.ones((3, 2)), dims=("x", "z")), {"dim": "x"}, "dimension 'z'"),
    ],
)
def test_wrong_arguments_are_named(kernel, options, match):
    with pytest.raises(ArgumentError, match=match):
        labelled.fftconvolve(field(), kernel, **options)


def test_arrays_are_refused():
    with pytest.raises(ArrayTypeError, match="takes an xarray DataArray"):
        labelled.fftconvolve(np.ones(4), np.ones(2))
