"""Taking trends away by dimension name."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.labels.signal import detrend
from spanwise.testing import raise_if_computes
from spanwise.testing.strategies import chunkings


def field(dtype="float64"):
    values = np.random.default_rng(0).normal(size=(4, 6, 9)).astype(dtype)
    coords = {"x": 0.5 * np.arange(9), "mask": ("x", np.arange(9) > 3)}
    return xr.DataArray(
        values, dims=("t", "y", "x"), coords=coords, name="eta", attrs={"units": "m"}
    )


@pytest.mark.parametrize("type", ["linear", "constant"])
def test_one_dimension_is_scipys_and_labels_stay(type):
    data = field("float32")
    out = detrend(data, "y", type)
    np.testing.assert_allclose(out, scipy.signal.detrend(data.values, 1, type), atol=1e-5)
    assert out.dtype == np.float32
    xr.testing.assert_identical(out.copy(data=data.data), data)
    assert detrend(data, "y", type, keep_attrs=False).attrs == {}


@given(st.data())
def test_result_does_not_depend_on_chunking(draw):
    data = field()
    cut = data.chunk(dict(zip(data.dims, draw.draw(chunkings(data.shape)), strict=True)))
    dims = draw.draw(st.sampled_from([("x",), ("y", "x"), ("x", "t")]))
    with raise_if_computes():
        out = detrend(cut, dims)
    assert out.chunks == cut.chunks
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_allclose(out.compute(), detrend(data, dims))


def test_a_plane_is_its_own_trend():
    plane = field() * 0 + 3 + xr.DataArray(np.arange(6.0), dims="y") - 2 * field().x
    np.testing.assert_allclose(detrend(plane, ("x", "y")), 0, atol=1e-12)
    assert abs(detrend(plane, "x")).max() < 1e-12 < abs(detrend(plane, ("x",), "constant")).max()


def test_a_dataset_is_its_variables():
    ds = xr.Dataset({"a": field(), "b": ("y", np.arange(6.0)), "c": ((), 1)}, attrs={"title": "t"})
    out = ds.spanwise.signal.detrend(("x", "y"))
    xr.testing.assert_identical(out.a.variable, detrend(ds.a, ("x", "y")).variable)
    np.testing.assert_allclose(out.b, 0, atol=1e-12)
    assert (int(out.c), out.attrs) == (1, {"title": "t"})


def test_wrong_arguments_are_named():
    with pytest.raises(ArgumentError, match="type='cubic'"):
        detrend(field(), "x", "cubic")
    with pytest.raises(ArgumentError, match="dim='z'"):
        detrend(field(), "z")
    uneven = field().assign_coords(x=np.arange(9.0) ** 2)
    with pytest.raises(ArgumentError, match="not evenly spaced"):
        detrend(uneven, "x")
    assert detrend(uneven, "x", "constant").shape == uneven.shape
    with pytest.raises(ArrayTypeError, match="xarray"):
        detrend(field().values)
