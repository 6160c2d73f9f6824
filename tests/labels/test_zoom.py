"""The transform at a band of frequencies, and the Hankel transform, by dimension."""

import numpy as np
import pytest
import scipy.fft
import xarray as xr

import spanwise.labels.fft as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes


def field(coordinate=None, n=12, dtype="float64"):
    values = np.random.default_rng(0).normal(size=(3, n)).astype(dtype)
    x = 3 + 0.25 * np.arange(n) if coordinate is None else coordinate
    coords = {"x": ("x", x, {"units": "m"}), "level": 2}
    return xr.DataArray(values, dims=("y", "x"), coords=coords, name="h", attrs={"units": "K"})


@pytest.mark.parametrize("x", [3 + 0.25 * np.arange(12), 9 - 0.5 * np.arange(12)])
@pytest.mark.parametrize("endpoint", [False, True])
def test_a_band_approximates_the_fourier_integral(x, endpoint):
    data = field(x)
    out = labelled.zoom_fft(data, (0.2, 1.1), 7, dim="x", endpoint=endpoint)
    f = np.linspace(0.2, 1.1, 7, endpoint=endpoint)
    step = abs(x[1] - x[0])
    expected = step * data.values @ np.exp(-2j * np.pi * np.outer(x, f))
    np.testing.assert_allclose(out.values, expected, atol=1e-12)
    np.testing.assert_allclose(out.freq_x, f)
    assert (out.units, out.freq_x.units, out.level) == ("K m", "1/m", 2)


def test_the_frequencies_of_fft_give_its_numbers():
    data = field()
    whole = labelled.fft(data, "x")
    part = whole.isel(freq_x=slice(7, 10))
    ends = (float(part.freq_x[0]), float(part.freq_x[-1]))
    xr.testing.assert_allclose(labelled.zoom_fft(data, ends, 3, dim="x", endpoint=True), part)


def test_phases_of_times_are_exact():
    t = np.datetime64("2024-05-01", "ns") + np.arange(48) * np.timedelta64(30, "m")
    seconds = (t - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    data = xr.DataArray(np.cos(2 * np.pi * seconds / 43200), dims="time", coords={"time": t})
    out = labelled.zoom_fft(data, (0.0, 2 / 43200), 3, endpoint=True)
    # A cosine of phase 0 in 1970 has a real transform.
    np.testing.assert_allclose(out[1] / 86400, 0.5, atol=1e-12)
    plain = labelled.zoom_fft(data, 2 / 43200, 2, true_phase=False, true_amplitude=False)
    np.testing.assert_allclose(plain[0], data.sum(), atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_a_band_keeps_library_and_precision(backend):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    with raise_if_computes():
        out = labelled.zoom_fft(lazy, 0.5, 4, dim="x")
    assert out.dtype == "complex64"
    expected = labelled.zoom_fft(data.astype("float64"), 0.5, 4, dim="x")
    np.testing.assert_allclose(container.to_numpy(out.data), expected, atol=1e-5)


def test_bands_do_not_depend_on_the_chunking():
    data = field()
    expected = labelled.zoom_fft(data, 0.5, 4, dim="x")
    for chunks in ({"x": 5}, {"y": 1}, {"x": 1, "y": 2}):
        xr.testing.assert_allclose(
            labelled.zoom_fft(data.chunk(chunks), 0.5, 4, dim="x").compute(), expected
        )
    ds = data.to_dataset(name="a").chunk(x=5)
    xr.testing.assert_allclose(labelled.zoom_fft(ds, 0.5, 4, dim="x").a.compute(), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((1, 2, 3), 4), ArgumentError, "a pair"),
        (((0, np.inf), 4), NonFiniteError, "finite"),
        ((0.5, 0), ArgumentError, "m=0"),
    ],
)
def test_wrong_bands_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        labelled.zoom_fft(field(), *arguments, dim="x")


def logarithmic(n=32, dtype="float64"):
    r = np.logspace(-3, 1, n)
    values = (r * np.exp(-(r**2) / 2) * np.arange(1, 4)[:, None]).astype(dtype)
    coords = {"r": ("r", r, {"units": "m", "long_name": "radius"}), "y": [1, 2, 3]}
    return xr.DataArray(values, dims=("y", "r"), coords=coords, attrs={"units": "K"})


@pytest.mark.parametrize("bias", [0.0, 0.2])
def test_a_hankel_transform_is_scipys_and_comes_back(bias):
    data = logarithmic()
    dln = np.log(data.r.values[1] / data.r.values[0])
    how = {"mu": 0.5, "offset": 0.1, "bias": bias}
    out = labelled.fht(data, "r", **how)
    np.testing.assert_allclose(out, scipy.fft.fht(data.values, dln, **how), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(out.k_r, np.exp(0.1) / data.r.values[::-1])
    assert (out.k_r.units, out.k_r.long_name, out.units) == ("1/m", "wave number along radius", "K")
    back = labelled.ifht(out, "k_r")
    np.testing.assert_allclose(back.values, data.values, atol=1e-9)
    np.testing.assert_allclose(back.r, data.r)
    assert back.r.units == "m"


@pytest.mark.parametrize("chunks", [{"y": 1}, {"r": 10}])
def test_a_hankel_transform_runs_along_any_axis_and_chunks(chunks):
    data = logarithmic().transpose("r", "y")
    with raise_if_computes():
        out = labelled.fht(data.chunk(chunks), "r", mu=0)
    assert out.dims == ("k_r", "y")
    xr.testing.assert_allclose(out.compute(), labelled.fht(data, "r", mu=0))


def test_wrong_hankel_coordinates_are_named():
    data = logarithmic()
    for r in (np.linspace(1, 2, 32), -data.r.values, data.r.values[::-1]):
        with pytest.raises(ArgumentError, match="even in the logarithm"):
            labelled.fht(data.assign_coords(r=r), "r", mu=0)
    with pytest.raises(ArgumentError, match="even in the logarithm"):
        labelled.fht(data.drop_vars("r"), "r", mu=0)
    with pytest.raises(ArgumentError, match="mu=None"):
        labelled.ifht(data, "r")
    with pytest.raises(ArrayTypeError, match="real"):
        labelled.fht(data + 1j, "r", mu=0)
    data[1, 3] = np.nan
    with pytest.raises(NonFiniteError, match="1 of 3 lines"):
        labelled.fht(data, "r", mu=0)
