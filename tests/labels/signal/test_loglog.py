import dask
import numpy as np
import pytest
import xarray as xr

import spanwise as sw
import spanwise.labels.signal as labelled
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import raise_if_computes

F = np.linspace(0.0, 0.5, 33)


def spectra():
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(F.size, 3))
    return xr.DataArray(
        values,
        {"freq_x": ("freq_x", F, {"units": "1/km"}), "site": list("abc")},
        ("freq_x", "site"),
        name="p",
        attrs={"units": "K^2 km", "long_name": "power"},
    )


def test_values_are_those_of_the_function_on_arrays_and_labels_those_of_the_spectrum():
    out = labelled.fit_loglog(spectra(), "freq_x", limits=(0.1, 0.4))
    fit = sw.signal.fit_loglog(F, spectra().values, axis=0, limits=(0.1, 0.4))
    np.testing.assert_array_equal(out.slope, fit.slope)
    np.testing.assert_array_equal(out.intercept, fit.intercept)
    np.testing.assert_array_equal(out.fit, fit.y_fit)
    assert out.slope.dims == ("site",)
    assert out.fit.dims == ("freq_x", "site")
    assert out.fit.attrs == {"units": "K^2 km", "long_name": "power law of power"}
    assert out.slope.attrs == {"long_name": "spectral slope of power", "limits": [0.1, 0.4]}
    assert labelled.fit_loglog(spectra(), "freq_x", keep_attrs=False).slope.attrs == {}


@pytest.mark.parametrize("chunks", [{"site": 1}, {"freq_x": 10}, {"freq_x": 7, "site": 2}])
def test_nothing_computes_and_result_does_not_depend_on_chunking(chunks):
    with raise_if_computes():
        out = labelled.fit_loglog(spectra().chunk(chunks), "freq_x")
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_allclose(out.compute(), labelled.fit_loglog(spectra(), "freq_x"))


def test_a_dataset_is_its_variables():
    ds = spectra().to_dataset().assign(q=2 * spectra(), other=("site", [1, 2, 3]))
    with pytest.warns(UserWarning, match="'other' have no spectrum"):
        out = labelled.fit_loglog(ds, "freq_x")
    xr.testing.assert_identical(
        out.p_slope.rename("slope"), labelled.fit_loglog(ds.p, "freq_x").slope
    )
    np.testing.assert_allclose(out.q_intercept, out.p_intercept + 1)
    assert set(out.data_vars) == {
        f"{v}_{part}" for v in "pq" for part in ("fit", "slope", "intercept")
    }


def test_an_isotropic_spectrum_of_a_power_law_has_its_slope():
    n = 256
    f = np.fft.fftfreq(n)
    r = np.hypot(f[:, None], f)
    r[0, 0] = np.inf
    phase = np.random.default_rng(0).uniform(size=(n, n))
    # Amplitudes of r^-2 have power r^-4, and rings of it r^-3.
    x = np.fft.ifft2(r**-2 * np.exp(2j * np.pi * phase))
    p = labelled.isotropic_power_spectrum(xr.DataArray(x, dims=("y", "x")))
    fit = labelled.fit_loglog(p, limits=(0.05, 0.4))
    assert float(fit.slope) == pytest.approx(-3, abs=0.01)


def test_dimensions_without_numbers_are_refused():
    with pytest.raises(ArgumentError, match="no coordinate of numbers"):
        labelled.fit_loglog(spectra(), "site")
    with pytest.raises(ArgumentError, match="no coordinate of numbers"):
        labelled.fit_loglog(spectra().drop_vars("freq_x"), "freq_x")
    with pytest.raises(ArgumentError, match="1 dimensions"):
        labelled.fit_loglog(spectra(), ...)
    with pytest.raises(ArrayTypeError, match="real numbers"):
        labelled.fit_loglog(spectra() * 1j, "freq_x")
