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


def field(n=9, m=6, dtype="float64", falling=False):
    values = np.random.default_rng(0).normal(size=(m, n)).astype(dtype)
    x = 0.5 * np.arange(n)
    return xr.DataArray(
        values,
        {"x": ("x", -x if falling else x, {"units": "m"}), "lon": (("y", "x"), values * 0)},
        dims=("y", "x"),
        name="eta",
        attrs={"units": "K", "long_name": "wave", "valid_min": 0.0},
    )


@given(st.data())
def test_equals_scipy_with_its_labels_in_any_chunks(draw):
    data = field()
    cut = data.chunk(dict(zip(data.dims, draw.draw(chunkings(data.shape)), strict=True)))
    dim = draw.draw(st.sampled_from(["x", "y"]))
    with raise_if_computes():
        out = labelled.hilbert(cut, dim)
    assert out.dims == data.dims
    xr.testing.assert_identical(out.coords.to_dataset().compute(), data.coords.to_dataset())
    assert out.name == "eta"
    assert out.attrs == {"units": "K", "long_name": "analytic signal of wave"}
    want = scipy.signal.hilbert(data.values, axis=data.get_axis_num(dim))
    np.testing.assert_allclose(out.compute(scheduler="sync"), want, atol=1e-12)


def test_the_phase_grows_along_the_coordinate_whichever_way_it_runs():
    for falling in (False, True):
        data = field(64, falling=falling)
        wave = data.copy(data=np.broadcast_to(np.cos(2 * np.pi * data.x.values / 8), data.shape))
        for container in (wave, wave.chunk(y=2), wave.chunk(x=20)):
            phase = np.unwrap(np.angle(labelled.hilbert(container, "x").sortby("x")), axis=1)
            np.testing.assert_allclose(np.diff(phase, axis=1), 2 * np.pi * 0.5 / 8, atol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
@pytest.mark.parametrize("falling", [True, False])
def test_single_precision_and_library_are_kept(backend, falling):
    container = ArrayBackend(backend)
    data = field(dtype="float32", falling=falling)
    out = labelled.hilbert(data.copy(data=container.asarray(data.values)), "x")
    assert out.dtype == "complex64"
    want = scipy.signal.hilbert(data.values)
    want = want.conj() if falling else want
    np.testing.assert_allclose(container.to_numpy(out.data), want, atol=1e-5)


def test_one_task_per_chunk_along_whole_dimensions():
    x = xr.DataArray(da.zeros((8, 16), chunks=(2, 16), dtype="f4"), dims=("y", "x"))
    out = labelled.hilbert(x, "x")
    assert len(dask.optimize(out.data)[0].__dask_graph__()) == 4


def test_missing_values_are_refused_or_filled():
    data = field()
    data[2, 3] = np.nan
    with pytest.raises(NonFiniteError, match=r"'eta'.*'x'.*fill="):
        labelled.hilbert(data, "x")
    lazy = labelled.hilbert(data.chunk(y=2), "x")
    with pytest.raises(NonFiniteError):
        lazy.compute()
    filled = labelled.hilbert(data, "x", fill="interp")
    want = scipy.signal.hilbert(data.interpolate_na("x").values)
    np.testing.assert_allclose(filled, want, atol=1e-12)


def test_a_dataset_is_its_variables_and_the_accessor_has_the_method():
    ds = field().to_dataset().assign(c=("y", np.arange(6.0)), n=3)
    out = labelled.hilbert(ds, "x")
    xr.testing.assert_identical(out.eta, labelled.hilbert(ds.eta, "x"))
    xr.testing.assert_identical(out.c, ds.c)
    assert ds.spanwise.signal.hilbert("x").identical(out)
    assert ds.eta.spanwise.signal.hilbert("x").identical(out.eta)


def test_wrong_arguments_are_named():
    with pytest.raises(ArgumentError, match="name those"):
        labelled.hilbert(field())
    with pytest.raises(ArgumentError, match="expected 1 dimension"):
        labelled.hilbert(field(), ("x", "y"))
    with pytest.raises(ArgumentError, match="x must be real"):
        labelled.hilbert(field() * 1j, "x")
    with pytest.raises(ArgumentError, match="not evenly spaced"):
        labelled.hilbert(field().assign_coords(x=np.arange(9.0) ** 2), "x")
    with pytest.raises(ArrayTypeError, match="takes an xarray DataArray"):
        labelled.hilbert(np.ones(4))
