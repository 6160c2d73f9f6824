"""Real files: sea-surface temperatures, temperatures of 240 years, a climate index."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError
from spanwise.testing import raise_if_computes

samples = pytest.importorskip("iris_sample_data")
pytest.importorskip("netCDF4")


def load(name):
    return xr.open_dataset(Path(samples.path) / name, chunks={}, engine="netcdf4")


@pytest.fixture
def america():
    """Yearly temperatures of North America, 1860 to 2099, in a calendar of 360 days."""
    with load("E1_north_america.nc") as ds:
        yield ds.air_temperature


@pytest.fixture
def ostia():
    """Monthly sea-surface temperatures along the equator, NaN on land."""
    with load("ostia_monthly.nc") as ds:
        yield ds.surface_temperature


@pytest.mark.slow
def test_temperatures_of_240_years_come_back_from_their_spectrum(america):
    with pytest.warns(UserWarning, match="'forecast_period'"), raise_if_computes():
        spectrum = america.spanwise.fft.rfft("time")
    assert spectrum.dtype == "complex64"
    assert spectrum.units == "K s"
    assert spectrum.freq_time.units == "1/s"
    back = spectrum.spanwise.fft.irfft("freq_time")
    for name in ("time", "latitude", "longitude"):
        assert back[name].variable.identical(america[name].variable)
    assert back.dtype == "float32"
    assert float(abs(back.compute() - america.compute()).max()) < 1e-3
    assert back.units == "K"


def test_a_float32_map_comes_back_on_its_own_coordinates(ostia):
    sea = ostia.isel(time=0).fillna(0).drop_vars("forecast_period")
    out = sea.spanwise.fft.fft2(("latitude", "longitude"))
    back = out.spanwise.fft.ifft2(("freq_latitude", "freq_longitude"))
    assert (back - sea).size == sea.size
    assert float(abs(back - sea).max()) < 1e-3
    assert out.units == "K degrees_north degrees_east"
    assert back.units == "K"


def test_the_annual_cycle_stands_out_of_the_spectrum_of_months(ostia):
    data = ostia.sel(latitude=4.4, longitude=240, method="nearest")
    data = data.drop_vars("forecast_reference_time")
    with pytest.raises(ArgumentError, match="interp"):
        data.spanwise.signal.power_spectrum("time")
    power = data.spanwise.signal.power_spectrum(
        "time", real_dim="time", detrend="constant", spacing_tol=0.1
    )
    years = 1 / float(power.compute().idxmax("freq_time")) / 86400 / 365.25
    assert years == pytest.approx(1, rel=0.15)


def test_provinces_of_the_equatorial_ocean(ostia):
    data = ostia.drop_vars("forecast_reference_time").chunk(time=12)
    cycle = data.groupby("time.month").mean()
    found = cycle.spanwise.cluster.kmeans(4, feature_dim="month", random_state=0)
    assert found.labels.dims == ("latitude", "longitude")
    np.testing.assert_array_equal(found.labels == -1, cycle.isnull().any("month"))
    assert sorted(np.unique(found.labels)) == [-1, 0, 1, 2, 3]
    assert 290 < float(found.centroids.min()) < float(found.centroids.max()) < 310
    assert found.centroids.units == "K"


def test_regimes_of_north_american_years(america):
    anomalies = america - america.mean("time")
    found = anomalies.spanwise.cluster.kmeans(3, sample_dim="time", random_state=0)
    assert found.labels.dims == ("time",)
    assert found.labels.time.identical(america.time)
    assert found.centroids.dims == ("cluster", "latitude", "longitude")
    # Warming orders the regimes in time: the coldest comes first, the warmest last.
    warmth = found.centroids.mean(("latitude", "longitude"))
    middle = found.time.dt.year.groupby(found.labels.compute()).mean()
    np.testing.assert_array_equal(warmth.argsort(), middle.argsort())
