import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.signal as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings


def field(n=9, m=6, dtype="float64", **chunks):
    values = np.random.default_rng(0).normal(size=(m, n)).astype(dtype)
    out = xr.DataArray(
        values,
        dims=("y", "x"),
        coords={
            "x": ("x", 10 - 0.25 * np.arange(n), {"units": "km"}),
            "y": ("y", 2.0 * np.arange(m), {"units": "km"}),
        },
        name="eta",
        attrs={"units": "m", "long_name": "height", "standard_name": "sea_surface_height"},
    )
    return out.chunk(chunks) if chunks else out


def parseval(power, dims):
    return (power.sum(dims) * np.prod([power[d].spacing for d in dims])).values


@pytest.mark.parametrize("n", [8, 9])
def test_one_sided_density_is_scipys_periodogram(n):
    data = field(n)
    out = labelled.power_spectrum(data, "x", real_dim="x")
    f, expected = scipy.signal.periodogram(data.values, fs=4.0, detrend=False)
    np.testing.assert_allclose(out.freq_x, f)
    np.testing.assert_allclose(out, expected)
    assert out.dims == ("y", "freq_x")


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("real_dim", [None, "x", "y"])
@given(st.data())
def test_parseval_holds_whatever_the_chunking(scaling, real_dim, draw):
    data = field()
    chunks = draw.draw(chunkings(data.shape))
    cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    with raise_if_computes():
        out = labelled.power_spectrum(cut, ("x", "y"), scaling=scaling, real_dim=real_dim)
    assert out.dims == ("freq_y", "freq_x")
    with dask.config.set(scheduler="sync"):
        is_density = scaling == "density"
        total = parseval(out, ("freq_y", "freq_x")) if is_density else out.sum().values
        np.testing.assert_allclose(total, (data**2).mean().values)


def test_two_sided_spectra_are_shifted_and_symmetric():
    out = labelled.power_spectrum(field(9), "x")
    f = out.freq_x
    np.testing.assert_allclose(f, np.fft.fftshift(np.fft.fftfreq(9, 0.25)))
    np.testing.assert_allclose(out.values, out.values[:, ::-1])
    plain = labelled.power_spectrum(field(9), "x", shift=False)
    np.testing.assert_allclose(plain.sel(freq_x=f.values), out)


def test_the_mean_is_taken_away_on_demand():
    data = field(9) + 7
    out = labelled.power_spectrum(data, ("y", "x"), detrend="constant", scaling="spectrum")
    np.testing.assert_allclose(out.sum(), ((data - data.mean()) ** 2).mean())
    np.testing.assert_allclose(out.sel(freq_x=0, freq_y=0), 0, atol=1e-25)


@pytest.mark.parametrize(
    ("dims", "scaling", "units", "name"),
    [
        ("x", "density", "m^2 km", "power spectral density of height"),
        (("y", "x"), "density", "m^2 km^2", "power spectral density of height"),
        (("y", "x"), "spectrum", "m^2", "power spectrum of height"),
    ],
)
def test_units_and_names_follow_the_scaling(dims, scaling, units, name):
    out = labelled.power_spectrum(field(), dims, scaling=scaling)
    assert out.attrs == {"units": units, "long_name": name}
    assert out.name == "eta"
    assert out.freq_x.units == "1/km"
    assert labelled.power_spectrum(field(), dims, keep_attrs=False).attrs == {}


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_single_precision_and_library_are_kept(backend):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    out = labelled.power_spectrum(lazy, ("y", "x"))
    assert out.dtype == "float32"
    expected = labelled.power_spectrum(field(), ("y", "x")).values
    np.testing.assert_allclose(container.to_numpy(out.data), expected, rtol=1e-3, atol=1e-5)


def test_one_task_per_chunk_along_whole_dimensions():
    x = xr.DataArray(da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="f4"), dims=("t", "y", "x"))
    out = labelled.power_spectrum(x, ("y", "x"), detrend="constant")
    assert len(dask.optimize(out.data)[0].__dask_graph__()) == 4


def test_a_dataset_is_its_variables():
    ds = field().to_dataset().assign(c=("y", np.arange(6.0)), text="t")
    out = labelled.power_spectrum(ds, ("y", "x"), real_dim="x")
    xr.testing.assert_identical(out.eta, labelled.power_spectrum(ds.eta, ("y", "x"), real_dim="x"))
    xr.testing.assert_identical(out.c, labelled.power_spectrum(ds.c, "y"))
    assert out.text == "t"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "name those to transform"),
        ({"dim": "z"}, "dim='z'"),
        ({"dim": "x", "real_dim": "z"}, "dim='z'"),
        ({"dim": "x", "scaling": "power"}, "scaling='power'"),
        ({"dim": "x", "detrend": "cubic"}, "detrend='cubic'"),
        ({"dim": "x", "spacing_tol": 1e-20}, "not evenly spaced"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    data = field().assign_coords(x=np.linspace(0, 1, 9) + 1e-6 * np.sin(np.arange(9)))
    with pytest.raises(ArgumentError, match=message):
        labelled.power_spectrum(data, **kwargs)


def test_arrays_and_complex_data_are_refused():
    with pytest.raises(ArrayTypeError, match="xarray"):
        labelled.power_spectrum(np.ones(4))
    with pytest.raises(ArrayTypeError, match="complex"):
        labelled.power_spectrum(field() * 1j, "x", real_dim="x")


def test_results_plot_with_their_names_and_units():
    plt = pytest.importorskip("matplotlib.pyplot")
    try:
        labelled.power_spectrum(field(), "x", real_dim="x").isel(y=0).plot()
        axes = plt.gca()
        assert "[1/km]" in axes.get_xlabel()
        assert "m^2 km" in axes.get_ylabel()
    finally:
        plt.close("all")


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_windows_and_their_correction_are_those_of_the_formulas(scaling):
    data = field(9, 8) + 3
    w = {d: scipy.signal.get_window(n, data.sizes[d]) for d, n in (("y", "hann"), ("x", "hamming"))}
    windowed = (data.values - data.values.mean()) * w["y"][:, None] * w["x"]
    power = np.fft.fftshift(np.abs(np.fft.fftn(windowed)) ** 2) / 72**2
    product = w["y"][:, None] * w["x"]
    loss = product.mean() ** 2
    if scaling == "density":
        power *= 8 * 2.0 * 9 * 0.25
        loss = (product**2).mean()
    window = {"y": "hann", "x": "hamming"}
    kwargs = {"window": window, "scaling": scaling, "detrend": "constant"}
    out = labelled.power_spectrum(data, ("x", "y"), **kwargs)
    np.testing.assert_allclose(out, power, atol=1e-14)
    out = labelled.power_spectrum(data, ("x", "y"), window_correction=True, **kwargs)
    np.testing.assert_allclose(out, power / loss, atol=1e-14)


def test_a_window_may_be_of_one_dimension_only():
    data = field(9, 8)
    out = labelled.power_spectrum(data, ("y", "x"), window={"x": ("kaiser", 4.0)})
    window = xr.DataArray(scipy.signal.get_window(("kaiser", 4.0), 9), dims="x")
    xr.testing.assert_allclose(out, labelled.power_spectrum(data * window, ("y", "x")))


@pytest.mark.parametrize("real_dim", [None, "x"])
def test_chunks_are_segments_on_demand(real_dim):
    data = field(12).chunk(x=4)
    kwargs = {"real_dim": real_dim, "window": "hann", "detrend": "linear"}
    with raise_if_computes():
        out = labelled.power_spectrum(data, "x", chunks_to_segments=True, **kwargs)
    assert out.dims == ("y", "x_segment", "freq_x")
    np.testing.assert_array_equal(out.x_segment, [0, 1, 2])
    for i in range(3):
        want = labelled.power_spectrum(data.isel(x=slice(4 * i, 4 * i + 4)), "x", **kwargs)
        xr.testing.assert_allclose(out.isel(x_segment=i, drop=True), want)
    with pytest.raises(ArgumentError, match="divides the dimension"):
        labelled.power_spectrum(field(12).chunk(x=5), "x", chunks_to_segments=True)
    with pytest.raises(ArgumentError, match="no chunks"):
        labelled.power_spectrum(field(12), "x", chunks_to_segments=True)


@pytest.mark.parametrize("detrend", [None, "constant", "linear"])
@pytest.mark.parametrize("chunks", [{}, {"y": 2}, {"x": 3}])
def test_missing_values_are_refused_by_the_task_that_meets_them(chunks, detrend):
    data = field(9)
    data[1, 2] = np.nan
    lazy = data.chunk(**chunks) if chunks else data.chunk()
    with raise_if_computes():
        out = labelled.power_spectrum(lazy, ("x", "y"), detrend=detrend)
    with pytest.raises(NonFiniteError, match=r"eta.*fill"):
        out.compute()
    with pytest.raises(NonFiniteError, match=r"eta.*fill"):
        labelled.power_spectrum(data, ("x", "y"), detrend=detrend)
    with raise_if_computes():
        filled = labelled.power_spectrum(lazy, ("x", "y"), detrend=detrend, fill=0.0)
    want = labelled.power_spectrum(data.fillna(0.0), ("x", "y"), detrend=detrend)
    xr.testing.assert_allclose(filled.compute(), want)


def test_all_of_it_is_one_task_per_chunk():
    x = xr.DataArray(da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="f4"), dims=("t", "y", "x"))
    out = labelled.power_spectrum(
        x, ("y", "x"), window="hann", window_correction=True, detrend="linear"
    )
    assert len(dask.optimize(out.data)[0].__dask_graph__()) == 4


def test_windows_of_other_dimensions_and_corrections_of_none_are_refused():
    with pytest.raises(ArgumentError, match="'y' is not transformed"):
        labelled.power_spectrum(field(), "x", window={"y": "hann"})
    with pytest.raises(ArgumentError, match="no window to correct for"):
        labelled.power_spectrum(field(), "x", window_correction=True)
