import numpy as np
import pytest
import xarray as xr

import spanwise.labels.fft as labelled


def field():
    return xr.DataArray(
        np.random.default_rng(0).normal(size=(5, 8)),
        dims=("y", "x"),
        coords={"x": 0.5 * np.arange(8), "y": 3.0 - np.arange(5), "height": 2.0},
        attrs={"units": "K"},
    )


def test_a_dataset_is_transformed_variable_by_variable():
    data = field()
    ds = xr.Dataset(
        {
            "a": data,
            "b": data.isel(y=0, drop=True).rename("b"),
            "c": ("y", np.arange(5.0)),
            "d": ("z", [1.0, 2.0]),
        },
        attrs={"title": "t"},
    ).assign_coords(lonely=("z", [3, 4]))
    out = labelled.fft2(ds, ("y", "x"))
    assert out.attrs == {"title": "t"}
    xr.testing.assert_identical(out.a.variable, labelled.fft2(data, ("y", "x")).variable)
    xr.testing.assert_identical(out.b.variable, labelled.fft(ds.b, "x").variable)
    xr.testing.assert_identical(out.c.variable, labelled.fft(ds.c, "y").variable)
    xr.testing.assert_identical(out.d, ds.d)
    assert set(out.coords) == {"freq_x", "freq_y", "height", "lonely"}
    back = labelled.ifft2(out, ("freq_y", "freq_x"))
    xr.testing.assert_allclose(back.a.real, ds.a)


def test_variables_that_are_not_numeric_are_dropped_with_a_warning():
    ds = xr.Dataset({"a": field(), "name": ("x", list("abcdefgh"))})
    with pytest.warns(UserWarning, match="'name'"):
        out = labelled.fft(ds, "x")
    assert set(out.data_vars) == {"a"}


def test_a_halved_dimension_that_a_variable_lacks_leaves_the_others_whole():
    ds = xr.Dataset({"a": field(), "c": ("y", np.arange(5.0))})
    out = labelled.rfft2(ds, ("y", "x"))
    assert dict(out.c.sizes) == {"freq_y": 5}
    assert dict(out.a.sizes) == {"freq_y": 5, "freq_x": 5}
