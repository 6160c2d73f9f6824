import numpy as np
import pytest
import xarray as xr

from spanwise.errors import ArgumentError
from spanwise.labels.align import aligned
from spanwise.testing import raise_if_computes

DATA = xr.DataArray(np.zeros((2, 3)), dims=("y", "x"), coords={"x": [10, 20, 30]})


def test_labels_decide_whatever_their_order():
    other = xr.DataArray(np.arange(4.0), dims="x", coords={"x": [30, 20, 5, 10]})
    np.testing.assert_array_equal(aligned(other, DATA, name="w"), [3, 1, 0])
    with raise_if_computes():
        lazy = aligned(other.chunk(x=2), DATA, name="w")
    np.testing.assert_array_equal(lazy, [3, 1, 0])


def test_equal_labels_are_left_alone():
    assert aligned(DATA, DATA, name="w") is DATA


def test_without_labels_lengths_decide():
    assert aligned(DATA.drop_vars("x"), DATA, name="w").sizes == DATA.sizes
    with pytest.raises(ArgumentError, match="w has 2 points along 'x', and the data 3"):
        aligned(DATA.drop_vars("x").isel(x=slice(2)), DATA, name="w")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (DATA.isel(x=[0, 2]), "w has no value at x=20: 1 of 3 labels of the data"),
        (DATA.rename(y="z"), "w has the dimension 'z', which the data has not"),
        (DATA.assign_coords(x=[10, 10, 20]), "'x' with labels that come more than once"),
    ],
)
def test_what_does_not_fit_is_named(other, message):
    with pytest.raises(ArgumentError, match=message):
        aligned(other, DATA, name="w")
