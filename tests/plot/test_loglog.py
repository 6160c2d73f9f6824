import numpy as np
import pytest
import scipy.stats
import xarray as xr

import spanwise.plot
import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.plot import loglog_spectrum
from spanwise.testing import ArrayBackend

F = np.arange(33) / 64


def spectrum(rows=None, units="1/s", **attrs):
    values = np.random.default_rng(0).lognormal(size=(rows or 1, F.size)) * (F + 0.01) ** -2
    out = xr.DataArray(
        values,
        {"freq_time": ("freq_time", F, {"units": units, "long_name": "frequency along time"})},
        ("site", "freq_time"),
        attrs={"units": "K^2 s", "long_name": "power spectral density of temperature"} | attrs,
    )
    return out.isel(site=0) if rows is None else out


def drawn(ax):
    ax.figure.canvas.draw()
    return ax


def band(ax):
    """Lower and upper end of the band at each frequency."""
    (collection,) = ax.collections
    points = collection.get_paths()[0].vertices
    return np.array([[p(points[points[:, 0] == f, 1]) for f in F[1:]] for p in (np.min, np.max)])


def test_labels_and_units_are_those_of_the_spectrum():
    ax = drawn(loglog_spectrum(spectrum()))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == "frequency along time (s⁻¹)"
    assert ax.get_ylabel().replace("\n", " ") == "power spectral density of temperature (K² s)"
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), F[1:])


@pytest.mark.parametrize(
    ("given", "attrs", "dof"),
    [
        (8, {}, 8),
        (np.arange(1, 34), {}, np.arange(2, 34)),
        (None, {"degrees_of_freedom": 12.5}, 12.5),
        (None, {"segments": 5}, 10),
        (4, {"segments": 5}, 4),
    ],
)
def test_the_band_is_that_of_chi_squared(given, attrs, dof):
    da = spectrum(**attrs)
    ax = loglog_spectrum(da, dof=given, confidence=0.9)
    low, high = band(ax)
    values = da.values[1:]
    np.testing.assert_allclose(low, values * dof / scipy.stats.chi2.ppf(0.95, dof))
    np.testing.assert_allclose(high, values * dof / scipy.stats.chi2.ppf(0.05, dof))
    assert "90 % confidence" in ax.get_legend_handles_labels()[1]


def test_the_band_holds_the_spectrum_of_noise_as_often_as_it_says():
    rng = np.random.default_rng(0)
    f = np.fft.rfftfreq(4096)
    power = np.mean(np.abs(np.fft.rfft(rng.normal(size=(6, 4096)))) ** 2, axis=0) / 4096
    da = xr.DataArray(power[1:-1], {"freq_x": f[1:-1]})
    ax = loglog_spectrum(da, dof=12, confidence=0.8)
    points = ax.collections[0].get_paths()[0].vertices
    inside = [
        points[points[:, 0] == x, 1].min() < 1 < points[points[:, 0] == x, 1].max()
        for x in f[1:-1:8]
    ]
    assert 0.72 < np.mean(inside) < 0.88


def test_isotropic_spectra_know_their_degrees_of_freedom():
    x = xr.DataArray(np.random.default_rng(0).normal(size=(64, 64)), dims=("y", "x"))
    p = x.spanwise.signal.isotropic_power_spectrum()
    ax = p.spanwise.plot.loglog_spectrum()
    points = ax.collections[0].get_paths()[0].vertices
    ends = points[points[:, 0] == p.freq_r.values[0], 1]
    dof = p.modes.values[0]
    expected = float(p[0]) * dof / scipy.stats.chi2.ppf([0.975, 0.025], dof)
    np.testing.assert_allclose((ends.min(), ends.max()), expected)


@pytest.mark.parametrize("how", [{"confidence": None, "dof": 4}, {}])
def test_without_degrees_of_freedom_or_on_demand_there_is_no_band(how):
    assert not loglog_spectrum(spectrum(), **how).collections


def test_a_second_dimension_gives_a_line_for_each_value():
    da = spectrum(3).assign_coords(site=["Rome", "Oslo", "Lima"])
    ax = drawn(loglog_spectrum(da))
    assert [line.get_label() for line in ax.lines] == ["Rome", "Oslo", "Lima"]
    assert loglog_spectrum(spectrum(2)).lines[1].get_label() == "site = 1"
    assert loglog_spectrum(spectrum(2).transpose()).lines[1].get_label() == "site = 1"
    with pytest.raises(ArgumentError, match="21 spectra along 'site'"):
        loglog_spectrum(spectrum(21))


def test_a_fit_is_drawn_with_its_slope():
    da = xr.DataArray(3 * np.maximum(F, 1e-9) ** -2.5, {"freq_x": F})
    ax = drawn(loglog_spectrum(da, fit=(0.05, 0.4), slopes=(-5 / 3, -3)))
    _, fit, first, second = ax.lines
    assert fit.get_label() == "fit: slope -2.50"
    for line, slope in ((first, -5 / 3), (second, -3)):
        x, y = line.get_data()
        assert np.diff(np.log(y))[0] / np.diff(np.log(x))[0] == pytest.approx(slope)
        assert (y > np.interp(x, F[1:], da.values[1:])).all()
    assert {text.get_text() for text in ax.texts} == {"$f^{-5/3}$", "$f^{-3}$"}
    assert loglog_spectrum(da, fit=True, slopes=-2).lines[1].get_label() == "fit: slope -2.50"


@pytest.mark.parametrize(
    ("units", "label"),
    [("1/s", "period (s)"), ("1/km", "wavelength (km)"), ("1/days", "period (days)")],
)
def test_periods_and_wavelengths_are_marked_on_top(units, label):
    ax = drawn(loglog_spectrum(spectrum(units=units)))
    (top,) = ax.child_axes
    assert top.get_xlabel() == label
    assert not loglog_spectrum(spectrum(units=units), inverse=False).child_axes
    assert not loglog_spectrum(spectrum(units="1")).child_axes


def test_long_periods_are_marked_in_days():
    da = spectrum()
    da = da.assign_coords(freq_time=da.freq_time.copy(data=F / 86400))
    (top,) = drawn(loglog_spectrum(da)).child_axes
    assert top.get_xlabel() == "period (days)"


def test_negative_frequencies_and_zeros_leave_gaps():
    x = xr.DataArray(np.random.default_rng(0).normal(size=64), dims="x")
    p = x.spanwise.signal.power_spectrum().copy()
    p[40] = 0.0
    x, y = drawn(loglog_spectrum(p)).lines[0].get_data()
    assert (x > 0).all()
    assert np.isnan(y).sum() == 1


def test_it_draws_on_axes_that_are_given_and_passes_keywords_on():
    import matplotlib.pyplot as plt

    _, (left, right) = plt.subplots(1, 2)
    assert loglog_spectrum(spectrum(), right, color="red") is right
    assert right.lines[0].get_color() == "red"
    assert not left.lines


def test_lazy_spectra_are_computed():
    ax = loglog_spectrum(spectrum().chunk(freq_time=5))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), spectrum().values[1:])


@pytest.mark.parametrize(
    ("obj", "kwargs", "message"),
    [
        (spectrum(), {"confidence": 2}, "confidence=2"),
        (spectrum(), {"dof": 0}, "dof=0"),
        (spectrum(), {"dof": [1, 2]}, r"dof=\[1, 2\]"),
        (spectrum(), {"dim": "time"}, "dim='time'"),
        (spectrum().to_dataset(name="p"), {}, "one variable"),
        (spectrum().expand_dims(a=2, b=2), {}, "expected 1 or 2"),
        (spectrum().isel(freq_time=[0]), {}, "none of its frequencies"),
        (xr.DataArray(np.ones((2, 2)), dims=("a", "b")), {}, "dim=None"),
    ],
)
def test_wrong_arguments_are_named(obj, kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        loglog_spectrum(obj, **kwargs)


def test_arrays_without_labels_and_complex_spectra_are_refused():
    with pytest.raises(ArrayTypeError, match=r"abs\(obj\)"):
        loglog_spectrum(spectrum() * 1j)
    with pytest.raises(ArrayTypeError, match="xarray"):
        loglog_spectrum(np.ones(4))


def test_spectra_on_a_device_are_drawn():
    container = ArrayBackend("dask:hostfree")
    da = spectrum()
    ax = loglog_spectrum(da.copy(data=container.asarray(da.values)), dof=4)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), da.values[1:])
