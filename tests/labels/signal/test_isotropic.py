import warnings

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
import spanwise.labels.signal as labelled
from spanwise.errors import ArgumentError, ArrayTypeError
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
