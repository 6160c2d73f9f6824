import warnings

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
import spanwise.labels.signal as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings

KM = {"units": "km"}


def field(nt=2, ny=15, nx=18, dtype="float64"):
    values = np.random.default_rng(0).normal(size=(nt, ny, nx)).astype(dtype)
    return xr.DataArray(
        values,
        {
            "time": np.arange(nt),
            "y": ("y", 2.0 * np.arange(ny), KM),
            "x": ("x", 10 - 0.5 * np.arange(nx), KM),
            "month": ("time", np.arange(nt) + 1),
        },
        ("time", "y", "x"),
        name="eta",
        attrs={"units": "m", "long_name": "height", "standard_name": "sea_surface_height"},
    )


def test_values_and_coordinates_are_those_of_the_function_on_arrays():
    out = labelled.isotropic_power_spectrum(field(), ("y", "x"), nfactor=3)
    how = {"sampling": (2.0, 0.5), "nfactor": 3}
    np.testing.assert_array_equal(
        out, sw.signal.isotropic_power_spectrum(field().values, axes=(1, 2), **how)
    )
    bins = sw.signal.isotropic_bins((15, 18), **how)
    assert out.dims == ("time", "freq_r")
    np.testing.assert_array_equal(out.freq_r, bins.frequency)
    np.testing.assert_array_equal(out.modes, bins.modes)
    assert out.freq_r.spacing == bins.width
    assert out.month.dims == ("time",)
    assert out.name == "eta"


@given(st.data())
def test_parseval_holds_whatever_the_chunking(draw):
    data = field()
    cut = data.chunk(dict(zip(data.dims, draw.draw(chunkings(data.shape)), strict=True)))
    with raise_if_computes():
        out = labelled.isotropic_power_spectrum(cut, ["x", "y"], truncate=False)
    with dask.config.set(scheduler="sync"):
        total = (out.sum("freq_r") * out.freq_r.spacing).values
    np.testing.assert_allclose(total, (data**2).mean(("y", "x")).values)


@pytest.mark.parametrize(
    ("scaling", "units", "name"),
    [
        ("density", "m^2 km", "isotropic power spectral density of height"),
        ("spectrum", "m^2", "isotropic power spectrum of height"),
    ],
)
def test_units_and_names_follow_the_scaling(scaling, units, name):
    out = labelled.isotropic_power_spectrum(field(), ("y", "x"), scaling=scaling)
    assert out.attrs == {"units": units, "long_name": name}
    assert out.freq_r.units == "1/km"
    plain = labelled.isotropic_power_spectrum(field(), ("y", "x"), keep_attrs=False)
    assert plain.attrs == {}


@pytest.mark.parametrize("units", [("degrees_north", "degrees_east"), ("degree", "degrees")])
def test_degrees_north_and_east_are_one_unit(units):
    data = field()
    data.y.attrs["units"], data.x.attrs["units"] = units
    out = labelled.isotropic_power_spectrum(data, ("y", "x"))
    assert (out.units, out.freq_r.units) == ("m^2 degrees", "1/degrees")
    spectrum = labelled.power_spectrum(data, ("y", "x"))
    assert labelled.isotropize(spectrum, ("freq_y", "freq_x")).freq_r.units == "1/degrees"


def test_dimensions_of_different_units_have_no_distance():
    data = field()
    data.y.attrs["units"] = "m"
    with pytest.raises(ArgumentError, match="'y' in m, 'x' in km"):
        labelled.isotropic_power_spectrum(data, ("y", "x"))
    with pytest.raises(ArgumentError, match="one unit"):
        labelled.isotropize(labelled.power_spectrum(data, ("y", "x")), ("freq_y", "freq_x"))


def test_without_all_units_the_result_states_none():
    data = field()
    del data.y.attrs["units"]
    out = labelled.isotropic_power_spectrum(data, ("y", "x"))
    assert "units" not in out.attrs
    assert "units" not in out.freq_r.attrs


@pytest.mark.parametrize("how", [{}, {"shift": False}, {"real_dim": "x"}, {"real_dim": "y"}])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("chunks", [None, {"time": 1}, {"y": 4, "x": 5}])
def test_a_spectrum_made_isotropic_is_the_isotropic_spectrum(how, scaling, chunks):
    data = field() if chunks is None else field().chunk(chunks)
    spectrum = labelled.power_spectrum(data, ("y", "x"), scaling=scaling, **how)
    with raise_if_computes():
        out = labelled.isotropize(spectrum, ("freq_y", "freq_x"), scaling=scaling)
    expected = labelled.isotropic_power_spectrum(data, ("y", "x"), scaling=scaling)
    xr.testing.assert_allclose(out.compute(), expected.compute())
    assert out.units == expected.units
    assert out.freq_r.units == expected.freq_r.units


def test_spectra_of_three_dimensions_may_be_cut_along_frequencies():
    data = xr.DataArray(np.random.default_rng(0).normal(size=(6, 7, 8)), dims=("z", "y", "x"))
    spectrum = labelled.power_spectrum(data, ...).chunk(freq_z=2, freq_y=3, freq_x=5)
    out = labelled.isotropize(spectrum, ..., truncate=False)
    expected = labelled.isotropic_power_spectrum(data, ..., truncate=False)
    xr.testing.assert_allclose(out.compute(), expected)


def test_complex_spectra_stay_complex():
    data = field()
    spectrum = labelled.power_spectrum(data, ("y", "x")) * (1 + 2j)
    out = labelled.isotropize(spectrum, ("freq_y", "freq_x"))
    expected = labelled.isotropic_power_spectrum(data, ("y", "x"))
    np.testing.assert_allclose(out, expected * (1 + 2j))


def test_a_dataset_is_its_variables():
    data = field()
    ds = data.to_dataset().assign(line=data.isel(y=0, drop=True), number=("time", [1, 2]))
    with pytest.warns(UserWarning, match=r"'line' do not have all of the dimensions 'y', 'x'"):
        out = labelled.isotropic_power_spectrum(ds, ("y", "x"))
    xr.testing.assert_identical(out.eta, labelled.isotropic_power_spectrum(data, ("y", "x")))
    xr.testing.assert_identical(out.number, ds.number)
    assert "line" not in out


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_single_precision_and_library_are_kept(backend):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    expected = labelled.isotropic_power_spectrum(field(), ("y", "x")).values
    whole = labelled.isotropic_power_spectrum(lazy, ("y", "x"))
    spectrum = labelled.power_spectrum(lazy, ("y", "x"))
    for out in (whole, labelled.isotropize(spectrum, ("freq_y", "freq_x"))):
        assert out.dtype == "float32"
        np.testing.assert_allclose(container.to_numpy(out.data), expected, rtol=1e-4)


def test_results_go_to_zarr_and_back(tmp_path):
    pytest.importorskip("zarr")
    out = labelled.isotropic_power_spectrum(field().chunk(time=1), ("y", "x"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out.to_zarr(tmp_path / "a.zarr")
        back = xr.open_zarr(tmp_path / "a.zarr").eta
    xr.testing.assert_allclose(back, out)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"dim": "x"}, "two or three"),
        ({"dim": ("x", "z")}, "dim='z'"),
        ({"dim": ("y", "x"), "scaling": "power"}, "scaling='power'"),
        ({"dim": ("y", "x"), "nfactor": -1}, "nfactor=-1"),
        ({"dim": None}, "name those to transform"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        labelled.isotropic_power_spectrum(field(), **kwargs)


def test_two_samples_have_no_frequency_of_both_signs():
    with pytest.raises(ArgumentError, match="2, 18 samples"):
        labelled.isotropic_power_spectrum(field().isel(time=0, y=slice(2)))


def test_what_is_no_spectrum_is_refused():
    with pytest.raises(ArgumentError, match="no frequencies of a transform"):
        labelled.isotropize(field().assign_coords(x=3 + np.arange(18.0)), ("y", "x"))
    with pytest.raises(ArrayTypeError, match="xarray"):
        labelled.isotropize(np.ones((4, 4)))


def test_a_taken_name_asks_for_another_prefix():
    data = field().assign_coords(freq_r=1)
    with pytest.raises(ArgumentError, match="prefix="):
        labelled.isotropic_power_spectrum(data, ("y", "x"))
    assert "k_r" in labelled.isotropic_power_spectrum(data, ("y", "x"), prefix="k_").dims


def test_windows_trends_and_corrections_are_passed_on():
    data = field() + xr.DataArray(np.arange(15.0), dims="y")
    how = {"detrend": "linear", "window_correction": True}
    out = labelled.isotropic_power_spectrum(data, ("x", "y"), window={"y": "hann"}, **how)
    expected = sw.signal.isotropic_power_spectrum(
        data.values, axes=(1, 2), sampling=(2.0, 0.5), window=["hann", None], **how
    )
    np.testing.assert_allclose(out, expected)


def test_missing_data_is_refused_when_it_is_met_or_filled():
    data = field()
    data[1, 3, 4] = np.nan
    lazy = labelled.isotropic_power_spectrum(data.chunk(time=1), ("y", "x"))
    assert np.isfinite(lazy.isel(time=0).compute()).all()
    with pytest.raises(NonFiniteError, match="fill="):
        lazy.compute()
    with pytest.raises(NonFiniteError, match="'eta'"):
        labelled.isotropic_power_spectrum(data, ("y", "x"))
    filled = labelled.isotropic_power_spectrum(data, ("y", "x"), fill=0.0)
    xr.testing.assert_allclose(
        filled, labelled.isotropic_power_spectrum(data.fillna(0.0), ("y", "x"))
    )


def test_chunks_become_segments():
    data = field(ny=16, nx=18).chunk(y=8, x=9)
    out = labelled.isotropic_power_spectrum(data, ("y", "x"), chunks_to_segments=True)
    assert dict(out.sizes) == {"time": 2, "y_segment": 2, "x_segment": 2, "freq_r": out.freq_r.size}
    part = labelled.isotropic_power_spectrum(data.isel(y=slice(8), x=slice(9, 18)), ("y", "x"))
    np.testing.assert_allclose(out[:, 0, 1], part)


@pytest.mark.parametrize("chunks", [None, {"time": 1}, {"y": 4, "x": 5}])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_cross_spectra_are_those_of_arrays_with_the_labels_of_both(chunks, scaling):
    one = field()
    other = (one.isel(time=1, drop=True) + 1).rename("theta")
    other.attrs = {"units": "K", "long_name": "warmth"}
    pair = (one, other) if chunks is None else (one.chunk(chunks), other.chunk(y=5))
    with raise_if_computes():
        out = labelled.isotropic_cross_spectrum(*pair, ("y", "x"), scaling=scaling, window="hann")
    expected = sw.signal.isotropic_cross_spectrum(
        one.values,
        other.values,
        axes=(1, 2),
        sampling=(2.0, 0.5),
        scaling=scaling,
        window="hann",
    )
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-9)
    assert out.dims == ("time", "freq_r")
    assert out.name == "eta_theta_isotropic_cross_spectrum"
    assert out.units == ("m K km" if scaling == "density" else "m K")
    assert out.month.dims == ("time",)
    what = "spectral density" if scaling == "density" else "spectrum"
    assert out.long_name == f"isotropic cross {what} of height and warmth"


def test_a_cross_spectrum_made_isotropic_is_the_isotropic_cross_spectrum():
    one, other = field(), field()[::-1].assign_coords(time=[0, 1]) ** 2
    cross = labelled.cross_spectrum(one, other, ("y", "x"))
    out = labelled.isotropize(cross, ("freq_y", "freq_x"))
    expected = labelled.isotropic_cross_spectrum(one, other, ("y", "x"))
    np.testing.assert_allclose(out.real, expected, atol=1e-12)
    np.testing.assert_allclose(out.imag, 0, atol=1e-12)


def test_cross_spectra_of_datasets_are_those_of_their_variables():
    one = xr.Dataset({"a": field(), "b": 2 * field(), "line": ("x", np.arange(18.0))})
    with pytest.warns(UserWarning, match="'line'"):
        out = labelled.isotropic_cross_spectrum(one, field(), ("y", "x"))
    assert set(out.data_vars) == {"a", "b"}
    np.testing.assert_allclose(out.b, 2 * out.a)


def test_cross_spectra_need_the_same_samples():
    with pytest.raises(ArgumentError, match="coordinates differ"):
        labelled.isotropic_cross_spectrum(field(), field().isel(y=slice(9)), ("y", "x"))
    with pytest.raises(ArrayTypeError, match="xarray"):
        labelled.isotropic_cross_spectrum(field(), np.ones(4), ("y", "x"))
