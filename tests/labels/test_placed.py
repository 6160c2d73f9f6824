"""Labelled transforms whose tasks run on a device."""

import numpy as np
import pytest
import xarray as xr

import spanwise as sw
import spanwise.labels.fft as labelled
from spanwise.errors import NonFiniteError
from spanwise.labels.missing import fill_missing


def field():
    values = np.random.default_rng(0).normal(size=(4, 12, 15)).astype("float32")
    values[1, 3:5, 7:12] = np.nan
    coords = {"y": 6.0 - 0.5 * np.arange(12), "x": 3 + 0.25 * np.arange(15)}
    return xr.DataArray(values, dims=("t", "y", "x"), coords=coords, name="h")


@pytest.mark.parametrize("chunks", [{"t": 2}, {"t": 2, "y": 4}])
def test_everything_about_a_transform_runs_on_the_device(device, chunks):
    data, dims, fdims = field(), ("y", "x"), ("freq_y", "freq_x")
    how = {"fill": "interp", "detrend": "linear", "window": "hann"}
    lazy = labelled.fft(data.chunk(chunks), dims, **how)
    expected = labelled.fft(data, dims, **how)
    xr.testing.assert_allclose(lazy.compute(), expected, atol=1e-4)
    back = labelled.ifft(labelled.fft(data.chunk(chunks), dims, fill=0.0), fdims)
    np.testing.assert_allclose(back.compute(), data.fillna(0.0), atol=1e-5)
    with pytest.raises(NonFiniteError, match="'h'"):
        labelled.fft(data.chunk(chunks), dims).compute()


def test_gaps_of_a_long_line_are_filled_on_the_device(device):
    line = xr.DataArray(np.tile(field().values[1, 3], 100), dims="x")
    with sw.set_options(memory="30 kB"):
        lazy = fill_missing(line.chunk(x=100), ("x",), "interp")
    assert lazy.chunks == ((100,) * 15,)
    expected = fill_missing(line, ("x",), "interp")
    xr.testing.assert_allclose(lazy.compute(), expected)
