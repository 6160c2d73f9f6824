import numpy as np
import pytest
import xarray as xr

import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError
from spanwise.plot import spectrogram

F = np.arange(9) / 16


def power(times=None, dtype="float64"):
    values = np.random.default_rng(0).lognormal(size=(9, 12)).astype(dtype)
    coords = {
        "freq_time": ("freq_time", F, {"units": "1/s", "long_name": "frequency"}),
        "time": np.arange(12.0) if times is None else times,
    }
    attrs = {"units": "V^2 s", "long_name": "power"}
    return xr.DataArray(values, coords, ("freq_time", "time"), attrs=attrs)


def mesh(ax):
    ax.figure.canvas.draw()
    (found,) = ax.collections
    return found


def test_power_is_drawn_with_frequencies_upwards():
    ax = power().transpose().spanwise.plot.spectrogram()
    np.testing.assert_allclose(mesh(ax).get_array(), power().values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "frequency (s⁻¹)")
    assert ax.figure.axes[1].get_ylabel() == "power (V² s)"


def test_colours_reach_down_by_decades_or_between_given_bounds():
    greatest = power().values.max()
    norm = mesh(spectrogram(power(), decades=2)).norm
    assert (norm.vmin, norm.vmax) == pytest.approx((greatest / 100, greatest))
    norm = mesh(spectrogram(power(), vmin=0.1, vmax=10, colorbar=False)).norm
    assert (norm.vmin, norm.vmax) == (0.1, 10)


def test_complex_transforms_are_drawn_as_power():
    ax = spectrogram(power().astype(complex) * 1j)
    np.testing.assert_allclose(mesh(ax).get_array(), power().values ** 2)


def test_logarithmic_frequencies_leave_zero_out():
    ax = spectrogram(power(), yscale="log")
    assert mesh(ax).get_array().shape == (8, 12)
    assert ax.get_yscale() == "log"


def test_zero_power_has_the_colour_of_the_least():
    da = power()
    da[3, 4] = 0
    found = mesh(spectrogram(da))
    assert not np.ma.getmaskarray(found.get_array()).any()


@pytest.mark.parametrize("kind", ["datetime64", "cftime"])
def test_times_are_drawn_as_dates(kind):
    times = xr.date_range("2000-01-01", periods=12, freq="MS", use_cftime=kind == "cftime")
    ax = spectrogram(power(times))
    mesh(ax)
    low, high = ax.get_xlim()
    if kind == "cftime":
        assert 1999.5 < low < high < 2001.5
    else:
        assert 10900 < low < high < 11350


@pytest.mark.parametrize(
    ("obj", "kwargs", "message"),
    [
        (power(), {"yscale": "mel"}, "yscale='mel'"),
        (power(), {"decades": 0}, "decades=0"),
        (power() * 0, {}, "no power to draw"),
        (power().isel(time=0), {}, "expected 2"),
    ],
)
def test_wrong_arguments_are_named(obj, kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        spectrogram(obj, **kwargs)
