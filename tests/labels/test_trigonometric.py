"""Cosine, sine and Hermitian transforms by dimension."""

import dask
import numpy as np
import pytest
import scipy.fft
import xarray as xr

import spanwise.labels.fft as labelled
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import ArrayBackend, raise_if_computes

KINDS = [(kind, type_) for kind in ("dct", "dst") for type_ in (1, 2, 3, 4)]


def field(n=9, dtype="float64", x=None):
    values = np.random.default_rng(0).normal(size=(4, n)).astype(dtype)
    coords = {
        "x": ("x", 3 + 0.25 * np.arange(n) if x is None else x, {"units": "m"}),
        "y": ("y", 10.0 - np.arange(4), {"units": "m"}),
        "level": 2,
    }
    attrs = {"units": "K", "long_name": "heat", "standard_name": "s"}
    return xr.DataArray(values, dims=("y", "x"), coords=coords, name="h", attrs=attrs)


@pytest.mark.parametrize(("kind", "type_"), KINDS)
@pytest.mark.parametrize("norm", [None, "ortho"])
def test_the_numbers_are_scipys(kind, type_, norm):
    data = field()
    out = getattr(labelled, kind)(data, "x", type=type_, norm=norm)
    expected = getattr(scipy.fft, kind)(data.values, type=type_, norm=norm)
    np.testing.assert_allclose(out.values, expected)
    assert out.dims == ("y", "freq_x")
    both = getattr(labelled, f"{kind}n")(data, type=type_, norm=norm, orthogonalize=False)
    expected = getattr(scipy.fft, f"{kind}n")(
        data.values, type=type_, norm=norm, orthogonalize=False
    )
    np.testing.assert_allclose(both.values, expected)


@pytest.mark.parametrize(("kind", "type_"), KINDS)
def test_the_coordinate_is_the_frequency_of_the_wave_that_fits(kind, type_):
    n, d = 9, 0.25
    wave = np.cos if kind == "dct" else np.sin
    before = {("dct", 1): 0, ("dct", 3): 0, ("dst", 1): 1, ("dst", 3): 1}.get((kind, type_), 0.5)
    zeros = field(n)
    f = getattr(labelled, kind)(zeros, "x", type=type_).freq_x
    t = (np.arange(n) + before) * d
    for k in (1, 4, n - 2):
        impulse = np.zeros(n)
        impulse[k] = 1.0
        # A spectrum of one point is a wave of that frequency.
        basis = getattr(scipy.fft, f"i{kind}")(impulse, type=type_)
        expected = wave(2 * np.pi * float(f[k]) * t)
        inner = slice(1, -1)  # types 1 and 3 weigh the ends otherwise
        np.testing.assert_allclose(
            basis[inner] / basis[2], (expected / expected[2])[inner], atol=1e-9
        )


@pytest.mark.parametrize(("kind", "type_"), KINDS)
@pytest.mark.parametrize(
    "x",
    [
        3 + 0.25 * np.arange(9),
        10 - 0.1 * np.arange(9),
        np.datetime64("2001-01-01", "ns") + np.arange(9) * np.timedelta64(6, "h"),
    ],
    ids=["rising", "falling", "times"],
)
def test_the_inverse_restores_data_coordinates_and_attributes(kind, type_, x):
    data = field(x=x)
    spectrum = getattr(labelled, kind)(data, "x", type=type_)
    assert spectrum.attrs == {
        "units": "K",
        "long_name": f"{'cosine' if kind == 'dct' else 'sine'} transform of heat",
    }
    back = getattr(labelled, f"i{kind}")(spectrum, "freq_x")
    np.testing.assert_allclose(back.values, data.values, atol=1e-12)
    xr.testing.assert_identical(back.coords.to_dataset(), data.coords.to_dataset())
    assert back.attrs == {"units": "K", "long_name": "heat"}


def test_spectra_of_other_origin_count_samples_from_0():
    f = np.arange(8) / (2 * 8 * 0.5)
    spectrum = xr.DataArray(np.ones(8), dims="freq_x", coords={"freq_x": ("freq_x", f)})
    np.testing.assert_allclose(labelled.idct(spectrum).x, 0.5 * np.arange(8))
    with pytest.raises(ArgumentError, match="no frequencies of a dct of type 2"):
        labelled.idct(spectrum.isel(freq_x=slice(None, None, -1)))


def test_an_inverse_of_another_kind_is_told_the_right_one():
    spectrum = labelled.dct(field(), "x")
    with pytest.raises(ArgumentError, match="call idct"):
        labelled.idst(spectrum, "freq_x")
    for inverse in (labelled.ifft, labelled.irfft):
        with pytest.raises(ArgumentError, match="call idct"):
            inverse(spectrum, "freq_x")
    for type_ in (1, 2, 3, 4):
        with pytest.raises(ArgumentError, match=f"no frequencies of a dst of type {type_}"):
            labelled.idst(labelled.fft(field(), "x"), "freq_x", type=type_)


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_waves_keep_library_and_precision(backend):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    out = labelled.dctn(lazy)
    assert out.dtype == "float32"
    expected = scipy.fft.dctn(data.values.astype("float64"))
    np.testing.assert_allclose(container.to_numpy(out.data), expected, rtol=1e-4, atol=1e-4)
    back = container.to_numpy(labelled.idctn(out).data)
    np.testing.assert_allclose(back, data.values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chunks", [{"y": 2}, {"x": 4}, {"y": 1, "x": 2}])
def test_waves_do_not_depend_on_the_chunking_and_are_lazy(chunks):
    data = field()
    with raise_if_computes():
        out = labelled.dstn(data.chunk(chunks), type=3, n={"x": 11})
        back = labelled.idstn(out)
    xr.testing.assert_allclose(out.compute(), labelled.dstn(data, type=3, n={"x": 11}))
    np.testing.assert_allclose(back.isel(x=slice(9)), data, atol=1e-12)
    if "x" not in chunks:
        lazy = labelled.dct(data.chunk(chunks), "x")
        (optimised,) = dask.optimize(lazy.data)
        assert len(optimised.__dask_graph__()) <= 2 * lazy.data.npartitions


def test_half_a_hermitian_signal_has_a_real_spectrum():
    half = field(6).astype(complex) * np.exp(1j * np.arange(6))
    out = labelled.hfft(half, "x", shift=False, true_amplitude=False)
    np.testing.assert_allclose(out, scipy.fft.hfft(half.values), atol=1e-12)
    np.testing.assert_allclose(out.freq_x, np.fft.fftfreq(10, 0.25))
    scaled = labelled.hfft(half, "x")
    np.testing.assert_allclose(scaled, 0.25 * np.fft.fftshift(out.values, axes=1), atol=1e-12)
    assert scaled.units == "K m"
    many = labelled.hfftn(half, ("y", "x"), shift=False, true_amplitude=False)
    np.testing.assert_allclose(many, scipy.fft.hfftn(half.values), atol=1e-12)


@pytest.mark.parametrize("n", [None, 10, 11])
@pytest.mark.parametrize("names", [("hfft", "ihfft"), ("hfft2", "ihfft2"), ("hfftn", "ihfftn")])
@pytest.mark.parametrize("chunks", [{}, {"y": 2}, {"x": 4}])
def test_half_a_hermitian_signal_comes_back(n, names, chunks):
    half = field(6).astype(complex) * np.exp(1j * np.arange(6))
    half[:, 0] = half[:, 0].real
    half[:, 5] = half[:, 5].real if n != 11 else half[:, 5]
    dims, fdims = ("x", "freq_x") if names[0] == "hfft" else (("y", "x"), ("freq_y", "freq_x"))
    if names[0] != "hfft":
        # The value at the centre (and, of even lengths, at the end) is Hermitian along y.
        values = half.values
        for column in (0, 5) if n != 11 else (0,):
            line = values[:, column].real
            values[:, column] = scipy.fft.ifft(scipy.fft.fft(line).real)
        half = half.copy(data=values)
    lazy = half.chunk(chunks) if chunks else half
    length = None if n is None else {"x": n}
    spectrum = getattr(labelled, names[0])(lazy, dims, n=length)
    assert spectrum.dtype == "float64"
    back = getattr(labelled, names[1])(spectrum, fdims)
    np.testing.assert_allclose(back.values, half.values, atol=1e-12)
    np.testing.assert_array_equal(back.x, half.x)
    assert back.units == "K"


def test_real_spectra_of_other_origin_give_samples_from_0():
    f = np.fft.fftshift(np.fft.fftfreq(8, 0.5))
    spectrum = xr.DataArray(np.ones(8), dims="freq_x", coords={"freq_x": ("freq_x", f)})
    out = labelled.ihfft(spectrum)
    np.testing.assert_allclose(out.x, 0.5 * np.arange(5))
    np.testing.assert_allclose(out, [2.0, 0, 0, 0, 0], atol=1e-14)
    with pytest.raises(ArrayTypeError, match="real"):
        labelled.ihfft(spectrum + 1j)
