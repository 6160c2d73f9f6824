"""Isotropic spectra and power laws whose tasks run on a device."""

import numpy as np
import pytest
import xarray as xr

import spanwise as sw
import spanwise.labels.signal as labelled


def field():
    values = np.random.default_rng(0).normal(size=(4, 24, 30)).astype("float32")
    return xr.DataArray(values, dims=("t", "y", "x"), name="h")


@pytest.mark.parametrize("chunks", [{"t": 2}, {"t": 2, "y": 8}])
def test_rings_are_added_up_on_the_device(device, chunks):
    data, dims = field(), ("y", "x")
    how = {"detrend": "linear", "window": "hann"}
    lazy = labelled.isotropic_power_spectrum(data.chunk(chunks), dims, **how)
    expected = labelled.isotropic_power_spectrum(data, dims, **how)
    xr.testing.assert_allclose(lazy.compute(), expected, rtol=1e-4)
    lazy = labelled.isotropic_cross_spectrum(data.chunk(chunks), data[::-1].chunk(chunks), dims)
    expected = labelled.isotropic_cross_spectrum(data, data[::-1], dims)
    xr.testing.assert_allclose(lazy.compute(), expected, rtol=1e-3, atol=1e-4)
    devices = {row.device for row in sw.explain(lazy.data).rows if row.kernel == "rings_of"}
    assert devices == {"gpu"}


def test_spectra_that_stay_cut_are_added_up_on_the_device(device):
    power = labelled.power_spectrum(field(), ("y", "x"))
    rings = labelled.isotropize(power.chunk(freq_y=7, freq_x=11), ("freq_y", "freq_x"))
    expected = labelled.isotropize(power, ("freq_y", "freq_x"))
    xr.testing.assert_allclose(rings.compute(), expected, rtol=1e-4)
    fit = labelled.fit_loglog(power.isel(freq_y=12).chunk(freq_x=7), "freq_x").compute()
    expected = labelled.fit_loglog(power.isel(freq_y=12), "freq_x")
    xr.testing.assert_allclose(fit, expected, rtol=1e-4)
