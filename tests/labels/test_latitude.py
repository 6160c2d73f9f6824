import numpy as np
import pytest
import xarray as xr

from spanwise.errors import ArgumentError
from spanwise.labels.latitude import area_weights, latitude_of
from spanwise.testing import raise_if_computes

DEGREES = np.array([-90.0, -30.0, 0.0, 60.0])
COSINES = np.cos(np.deg2rad(DEGREES)).clip(0)


def data(name, values=DEGREES, attrs=None, dim="y"):
    return xr.DataArray(np.zeros(4), dims=dim, coords={name: (dim, values, attrs or {})})


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("lat", {}),
        ("Latitude", {}),
        ("nav_lat", {}),
        ("y", {"units": "degrees_north"}),
        ("y", {"units": "degree_N"}),
        ("phi", {"standard_name": "latitude"}),
        ("rlat", {"standard_name": "grid_latitude", "units": "degrees"}),
    ],
)
def test_latitude_is_found_by_what_cf_says_or_by_name(name, attrs):
    obj = data(name, attrs=attrs).assign_coords(depth=("y", DEGREES))
    assert latitude_of(obj).name == name
    np.testing.assert_allclose(area_weights(obj), COSINES, atol=1e-15)


def test_attributes_come_before_names_and_a_rotated_pole_before_the_true_one():
    obj = data("lat").assign_coords(phi=("y", DEGREES, {"standard_name": "latitude"}))
    assert latitude_of(obj).name == "phi"
    obj = obj.assign_coords(rlat=("y", DEGREES, {"standard_name": "grid_latitude"}))
    assert latitude_of(obj).name == "rlat"


def test_one_dimension_comes_before_two():
    obj = xr.DataArray(np.zeros((4, 3)), dims=("lat", "x"), coords={"lat": DEGREES})
    obj = obj.assign_coords(nav_lat=(("lat", "x"), np.zeros((4, 3))))
    assert latitude_of(obj).name == "lat"


def test_latitude_of_two_dimensions_stays_lazy():
    grid = np.linspace(-80, 80, 12).reshape(4, 3)
    obj = xr.DataArray(np.zeros((4, 3)), dims=("y", "x"))
    obj = obj.assign_coords(nav_lat=xr.DataArray(grid, dims=("y", "x")).chunk(x=1))
    with raise_if_computes():
        weights = area_weights(obj)
    assert weights.chunks is not None
    np.testing.assert_allclose(weights, np.cos(np.deg2rad(grid)))


def test_radians_are_understood():
    obj = data("lat", np.deg2rad(DEGREES), {"standard_name": "latitude", "units": "radians"})
    np.testing.assert_allclose(area_weights(obj), COSINES, atol=1e-15)


def test_a_latitude_just_beyond_the_pole_has_no_area():
    weights = area_weights(data("lat", np.array([-90.0001, 0, 0, 90.0001])))
    assert weights.min() == 0
    assert weights.dtype == "float64"
    assert area_weights(data("lat", DEGREES.astype("float32"))).dtype == "float64"


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (data("depth"), "no coordinate is a latitude.*'depth'"),
        (xr.DataArray(np.zeros(2), dims="x"), "no coordinate is a latitude.*none"),
        (data("lat", 1e5 * DEGREES, {"units": "m"}), "9e\\+06 in units of 'm'.*areas"),
        (data("lat").assign_coords(nav_lat=("y", DEGREES)), "several latitudes, 'lat', 'nav_lat'"),
        (data("lat").isel(y=0), "no coordinate is a latitude"),
    ],
)
def test_what_is_no_latitude_is_refused(obj, message):
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        area_weights(obj)
