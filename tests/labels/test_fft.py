import warnings

import cftime
import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.fft as labelled
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings

COORDINATES = {
    "rising": lambda n: -3 + 0.25 * np.arange(n),
    "falling": lambda n: 10 - 0.1 * np.arange(n),
    "integers": lambda n: 7 + 2 * np.arange(n),
    "float32": lambda n: (5 * np.arange(n) / 9 - 5).astype("float32"),
    "datetime64": lambda n: (
        np.datetime64("2000-01-01T06", "ns") + np.arange(n) * np.timedelta64(6, "h")
    ),
    "timedelta64": lambda n: np.arange(n) * np.timedelta64(90, "s").astype("timedelta64[ns]"),
    "cftime": lambda n: (
        xr.date_range(
            "1860-06-01", periods=n, freq="360D", calendar="360_day", use_cftime=True
        ).values
    ),
    "falling times": lambda n: np.datetime64("2000-01-01", "s") - np.arange(n) * 60,
}


def field(n=8, m=5, coordinate="rising", dtype="float64", chunks=None):
    values = np.random.default_rng(0).normal(size=(m, n)).astype(dtype)
    out = xr.DataArray(
        values,
        dims=("y", "x"),
        coords={
            "x": ("x", COORDINATES[coordinate](n), {"units": "m", "standard_name": "distance"}),
            "y": ("y", 2.5 * np.arange(m) - 3, {"units": "m"}),
            "height": 2.0,
        },
        name="h",
        attrs={
            "units": "K",
            "long_name": "heat",
            "standard_name": "air_temperature",
            "source": "s",
        },
    )
    if coordinate in ("datetime64", "timedelta64", "cftime", "falling times"):
        out.x.attrs = {"standard_name": "time"}
    return out if chunks is None else out.chunk(chunks)


def seconds(coordinate):
    """Coordinates as numbers, by another route than the code under test."""
    values = coordinate.values
    if values.dtype.kind == "M":
        return (values - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    if values.dtype.kind == "m":
        return values / np.timedelta64(1, "s")
    if values.dtype == object:
        return cftime.date2num(values, "seconds since 1970-01-01", values[0].calendar)
    return values


def integral(data, dims):
    """The sum d sum x exp(-2 pi i f t) that the transform stands for, at shifted frequencies."""
    out = data.transpose(..., *dims).values.astype(complex)
    for axis, dim in enumerate(dims, start=data.ndim - len(dims)):
        t = seconds(data[dim])
        n, step = t.size, abs((t[-1] - t[0]) / (t.size - 1))
        f = np.fft.fftshift(np.fft.fftfreq(n, step))
        t0 = t[0]  # times since 1970 are large: exp(-2 pi i f t) by its parts
        matrix = np.exp(-2j * np.pi * np.outer(f, t - t0))
        turn = np.exp(-2j * np.pi * np.rint(f * n * step) * ((t0 / (n * step)) % 1))
        out = np.moveaxis(np.tensordot(matrix, out, axes=(1, axis)), 0, axis)
        out *= (step * turn).reshape([-1 if a == axis else 1 for a in range(out.ndim)])
    return out


@pytest.mark.parametrize("coordinate", COORDINATES)
@pytest.mark.parametrize("n", [8, 9])
def test_the_transform_approximates_the_fourier_integral(coordinate, n):
    data = field(n, coordinate=coordinate)
    out = labelled.fft(data, "x")
    assert out.dims == ("y", "freq_x")
    tol = 1e-5 if coordinate == "float32" else 1e-9  # the coordinate itself is rounded
    np.testing.assert_allclose(out.values, integral(data, ["x"]), rtol=tol, atol=tol)
    both = labelled.fft2(data, ("x", "y"))
    assert both.dims == ("freq_y", "freq_x")
    np.testing.assert_allclose(both.values, integral(data, ["y", "x"]), rtol=tol, atol=tol)


@pytest.mark.parametrize("coordinate", COORDINATES)
@pytest.mark.parametrize("n", [2, 7, 8])
@pytest.mark.parametrize(("forward", "inverse"), [("fft", "ifft"), ("rfft", "irfft")])
def test_the_inverse_restores_data_and_coordinates(coordinate, n, forward, inverse):
    data = field(n, coordinate=coordinate)
    spectrum = getattr(labelled, forward)(data, "x")
    back = getattr(labelled, inverse)(spectrum, "freq_x")
    xr.testing.assert_identical(back.coords.to_dataset(), data.coords.to_dataset())
    assert back.x.dtype == data.x.dtype
    assert back.sizes == data.sizes
    np.testing.assert_allclose(back.values, data.values, atol=1e-12)
    assert (back - data).size == data.size


@pytest.mark.parametrize("true_phase", [True, False])
@pytest.mark.parametrize("true_amplitude", [True, False])
@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize("coordinate", ["rising", "falling", "float32"])
def test_the_inverse_knows_how_the_forward_transform_was_made(
    true_phase, true_amplitude, shift, coordinate
):
    data = field(9, coordinate=coordinate)
    how = {"true_phase": true_phase, "true_amplitude": true_amplitude, "shift": shift}
    for names in (("fftn", "ifftn"), ("rfftn", "irfftn")):
        spectrum = getattr(labelled, names[0])(data, ("y", "x"), **how)
        back = getattr(labelled, names[1])(spectrum, ("freq_y", "freq_x"))
        xr.testing.assert_allclose(back.real, data)
        assert back.units == "K"


def test_plain_transforms_are_scipys():
    data = field(9, coordinate="falling")
    plain = {"true_phase": False, "true_amplitude": False, "shift": False}
    np.testing.assert_allclose(labelled.fft(data, "x", **plain), scipy.fft.fft(data.values))
    np.testing.assert_allclose(labelled.rfft(data, "x", **plain), scipy.fft.rfft(data.values))
    np.testing.assert_allclose(
        labelled.fft2(data, ("x", "y"), norm="ortho", **plain),
        scipy.fft.fft2(data.values, norm="ortho"),
    )
    np.testing.assert_allclose(
        labelled.rfft2(data, ("x", "y"), **plain), scipy.fft.rfftn(data.values, axes=(1, 0))
    )


def test_frequencies_are_those_of_fftfreq_with_their_units():
    out = labelled.rfftn(field(9), ("y", "x"))
    np.testing.assert_allclose(out.freq_y, np.fft.fftshift(np.fft.fftfreq(5, 2.5)))
    np.testing.assert_allclose(out.freq_x, np.fft.rfftfreq(9, 0.25))
    attrs = out.freq_x.attrs
    assert attrs["units"] == "1/m"
    assert attrs["long_name"] == "frequency along distance"
    assert attrs["length"] == 9
    assert attrs["spacing"] == pytest.approx(1 / (9 * 0.25))
    assert attrs["direct_lag"] == pytest.approx(-3 + 4 * 0.25)
    assert out.height == 2.0


def test_times_count_in_seconds():
    out = labelled.fft(field(coordinate="datetime64"), "x")
    assert out.freq_x.units == "1/s"
    assert out.freq_x.spacing == pytest.approx(1 / (8 * 6 * 3600))
    assert out.units == "K s"


def test_dimensions_without_coordinates_count_samples():
    data = xr.DataArray(np.random.default_rng(0).normal(size=(3, 7)), dims=("y", "x"))
    out = labelled.fft(data, "x")
    np.testing.assert_allclose(out, scipy.fft.fftshift(scipy.fft.fft(data.values), axes=1))
    assert "units" not in out.freq_x.attrs
    back = labelled.ifft(out, "freq_x")
    assert "x" not in back.coords
    np.testing.assert_allclose(back, data, atol=1e-14)


@pytest.mark.parametrize("coordinate", ["rising", "falling"])
@pytest.mark.parametrize("n", [5, 8, 12])
def test_cropping_and_padding_act_at_the_end(coordinate, n):
    data = field(8, coordinate=coordinate)
    x = data.x.values[0] + (data.x.values[1] - data.x.values[0]) * np.arange(n)
    expected = data.isel(x=slice(n)).pad(x=(0, max(0, n - 8)), constant_values=0)
    expected = expected.assign_coords(x=x)
    out = labelled.fft(data, "x", n=n)
    np.testing.assert_allclose(out, integral(expected, ["x"]), atol=1e-12)
    back = labelled.ifft(out, "freq_x")
    np.testing.assert_allclose(back.x, x, atol=1e-14)
    np.testing.assert_allclose(back, expected, atol=1e-12)


def test_lengths_are_given_by_dimension():
    out = labelled.rfft2(field(8, 5), ("y", "x"), n={"x": 11})
    assert dict(out.sizes) == {"freq_y": 5, "freq_x": 6}
    assert labelled.irfft2(out, ("freq_y", "freq_x"), n={"freq_x": 10}).sizes["x"] == 10


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", "complex64"), ("int16", "complex128"), ("f8", "complex128")]
)
def test_precision_and_library_are_kept(backend, dtype, expected):
    container = ArrayBackend(backend)
    data = field(9, coordinate="falling")
    rounded = data.copy(data=(100 * data.values).astype(dtype))
    lazy = rounded.copy(data=container.asarray(rounded.values))
    out = labelled.fft2(lazy, ("y", "x"))
    back = labelled.irfft(labelled.rfft(lazy, "x"), "freq_x")
    assert out.dtype == expected
    assert back.dtype == np.dtype(expected).type(0).real.dtype
    rtol = 1e-4 if dtype == "float32" else 1e-10
    expected_values = labelled.fft2(rounded.astype("float64"), ("y", "x")).values
    scale = np.abs(expected_values).max()
    np.testing.assert_allclose(container.to_numpy(out.data), expected_values, atol=rtol * scale)
    np.testing.assert_allclose(container.to_numpy(back.data), rounded.values, atol=rtol * 300)


@given(st.data())
def test_results_do_not_depend_on_the_chunking(draw):
    data = field(9, 6, coordinate="falling")
    chunks = draw.draw(chunkings(data.shape))
    cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    forward = draw.draw(st.sampled_from(["fftn", "rfftn"]))
    dims = draw.draw(st.sampled_from([("x",), ("y", "x"), ("x", "y")]))
    with raise_if_computes():
        out = getattr(labelled, forward)(cut, dims)
        back = getattr(labelled, f"i{forward}")(out, [f"freq_{d}" for d in dims])
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_allclose(out, getattr(labelled, forward)(data, dims))
        np.testing.assert_allclose(back.values, data.values, atol=1e-12)


def tasks_per_chunk(data):
    (optimised,) = dask.optimize(data.data)
    return len(optimised.__dask_graph__()) / data.data.npartitions


def test_one_task_per_chunk_along_whole_dimensions():
    x = da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32")
    data = xr.DataArray(x, dims=("t", "y", "x"), coords={"y": 60.0 - np.arange(16)})
    spectrum = labelled.fft2(data, ("y", "x"))
    assert tasks_per_chunk(spectrum) == 1
    assert tasks_per_chunk(labelled.ifft2(spectrum, ("freq_y", "freq_x"))) == 1


def test_units_are_multiplied_and_other_attributes_of_the_values_dropped():
    out = labelled.fft2(field(), ("y", "x"))
    assert out.name == "h"
    assert out.attrs == {
        "units": "K m^2",
        "long_name": "Fourier transform of heat",
        "source": "s",
    }
    back = labelled.ifft2(out, ("freq_y", "freq_x"))
    assert back.attrs == {"units": "K", "long_name": "heat", "source": "s"}
    assert labelled.fft(field(), "x", true_amplitude=False).units == "K"


def test_units_are_left_out_where_one_is_unknown():
    data = field()
    del data.x.attrs["units"]
    assert "units" not in labelled.fft(data, "x").attrs
    assert labelled.fft(data, "y").units == "K m"


def test_keep_attrs_is_the_argument_or_xarrays_option():
    assert labelled.fft(field(), "x", keep_attrs=False).attrs == {}
    with xr.set_options(keep_attrs=False):
        assert labelled.fft(field(), "x").attrs == {}
        assert labelled.fft(field(), "x", keep_attrs=True).units == "K m"


def test_unnamed_data_stays_unnamed():
    assert labelled.fft(field(chunks={"y": 2}).rename(None), "x").name is None


def test_extra_coordinates_along_a_transformed_dimension_are_dropped_by_name():
    data = field().assign_coords(depth=("x", np.zeros(8)), station=("y", list("abcde")))
    with pytest.warns(UserWarning, match="'depth'") as caught:
        out = labelled.fft(data, "x")
    assert caught[0].filename == __file__
    assert set(out.coords) == {"freq_x", "y", "height", "station"}


@pytest.mark.parametrize(
    "coordinate", [[0.0, 1.0, 2.1, 3.0], [0.0, 0.0, 0.0, 0.0], [0.0, np.nan, 2.0, 3.0]]
)
def test_uneven_coordinates_are_refused_with_the_remedy(coordinate):
    data = xr.DataArray(np.ones(4), dims="x", coords={"x": coordinate})
    with pytest.raises(ArgumentError, match=r"'x'.*not evenly spaced.*da\.interp"):
        labelled.fft(data)


def test_months_are_even_within_a_larger_tolerance_and_come_back_exactly():
    months = xr.date_range("2001-01-01", periods=24, freq="MS")
    data = xr.DataArray(np.arange(24.0), dims="time", coords={"time": months})
    with pytest.raises(ArgumentError, match=r"spacing_tol=0\.001"):
        labelled.fft(data)
    back = labelled.ifft(labelled.fft(data, spacing_tol=0.1))
    assert back.time.equals(data.time)


def test_spectra_of_other_origin_are_centred_on_zero_or_on_lag():
    f = np.fft.fftshift(np.fft.fftfreq(9, 0.5))
    spectrum = xr.DataArray(np.ones(9), dims="freq_x", coords={"freq_x": ("freq_x", f)})
    out = labelled.ifft(spectrum)
    np.testing.assert_allclose(out.x, 0.5 * (np.arange(9) - 4), atol=1e-15)
    expected = np.zeros(9)
    expected[4] = 2.0  # a flat spectrum is an impulse at 0, of unit integral
    np.testing.assert_allclose(out, expected, atol=1e-14)
    moved = labelled.ifft(spectrum, lag=3.0)
    np.testing.assert_allclose(moved.x, out.x + 3.0)
    # The samples repeat after 9 * 0.5, so that the impulse at 0 is seen at 4.5.
    np.testing.assert_allclose(moved.sel(x=4.5), 2.0)
    assert labelled.ifft(spectrum, lag={"freq_x": 3.0}).identical(moved)
    assert labelled.ifft(spectrum, lag=[3.0]).identical(moved)
    with pytest.raises(ArgumentError, match="one for each of"):
        labelled.ifft(spectrum, lag=[3.0, None])
    with pytest.raises(ArgumentError, match="'x' is not transformed"):
        labelled.ifft(spectrum, lag={"x": 3.0})


@pytest.mark.parametrize("coordinate", COORDINATES)
@pytest.mark.parametrize("real_dim", [None, "x", "y"])
@pytest.mark.parametrize("chunks", [None, {"x": 3, "y": 2}])
def test_round_trips_over_two_dimensions_restore_what_was_there(coordinate, real_dim, chunks):
    data = field(9, 5, coordinate)
    ds = data.to_dataset(name="a").assign(b=("w", [1.0, 2.0]))
    ds = ds.assign_coords(area=(("z", "w"), np.ones((2, 2))))
    ds = ds if chunks is None else ds.chunk(chunks)
    spectrum = labelled.fft(ds, ("y", "x"), real_dim=real_dim)
    back = labelled.ifft(
        spectrum, ("freq_y", "freq_x"), real_dim=None if real_dim is None else f"freq_{real_dim}"
    )
    xr.testing.assert_identical(back.coords.to_dataset(), ds.coords.to_dataset())
    assert back.a.dims == ("y", "x")
    np.testing.assert_allclose(back.a.values, data.values, atol=1e-12)
    xr.testing.assert_identical(back.b, ds.b)


def test_a_shift_of_the_coordinate_is_a_phase_and_lag_a_shift_back():
    data = field(9, 5)
    spectrum = labelled.fft2(data)
    centre = {"freq_y": float(data.y[2]), "freq_x": float(data.x[4])}
    back = labelled.ifft2(spectrum, ("freq_y", "freq_x"), lag=centre)
    xr.testing.assert_allclose(back.real.drop_attrs(), data.drop_attrs())
    same = labelled.ifft2(spectrum, ("freq_y", "freq_x"), lag=[centre["freq_y"], None])
    xr.testing.assert_allclose(same.real.drop_attrs(), data.drop_attrs())


def test_attributes_that_outlived_a_change_of_the_coordinate_are_not_trusted():
    spectrum = labelled.fft(field(9), "x")
    in_cycles_per_km = ("freq_x", 1000 * spectrum.freq_x.values, spectrum.freq_x.attrs)
    out = labelled.ifft(spectrum.assign_coords(freq_x=in_cycles_per_km), "freq_x")
    np.testing.assert_allclose(np.diff(out.x), 0.25e-3)


def test_a_padded_spectrum_interpolates():
    x = np.arange(8) / 8
    wave = xr.DataArray(np.cos(2 * np.pi * x), dims="x", coords={"x": x})
    spectrum = labelled.fft(wave)
    f = np.fft.fftshift(np.fft.fftfreq(16, 1 / 16))
    fine = spectrum.pad(freq_x=4, constant_values=0)
    fine = fine.assign_coords(freq_x=("freq_x", f, spectrum.freq_x.attrs))
    out = labelled.ifft(fine)
    np.testing.assert_allclose(out.x, np.arange(16) / 16, atol=1e-15)
    np.testing.assert_allclose(out.real, np.cos(2 * np.pi * out.x), atol=1e-14)


def test_frequencies_survive_files(tmp_path):
    data = field(9, coordinate="datetime64").to_dataset()
    spectrum = labelled.rfft(data, "x")
    parts = xr.Dataset({"re": spectrum.h.real, "im": spectrum.h.imag})
    parts.to_netcdf(tmp_path / "spectrum.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "spectrum.nc", engine="netcdf4") as loaded:
        back = labelled.irfft(loaded.re + 1j * loaded.im, "freq_x")
    assert back.x.equals(data.x)
    np.testing.assert_allclose(back, data.h, atol=1e-12)


@pytest.mark.parametrize("n", [6, 7])
def test_shifts_move_coordinates_with_the_data(n):
    data = labelled.fft(field(n, chunks={"y": 2, "x": 4}), "x", shift=False)
    with raise_if_computes():
        shifted = labelled.fftshift(data, "freq_x")
        back = labelled.ifftshift(shifted, "freq_x")
    xr.testing.assert_allclose(shifted, labelled.fft(field(n), "x"))
    assert shifted.freq_x.attrs == data.freq_x.attrs
    xr.testing.assert_identical(back, data)
    xr.testing.assert_identical(
        labelled.fftshift(data.to_dataset(name="a"), "freq_x").a, shifted.rename("a")
    )


def test_prefix_names_the_frequencies():
    out = labelled.fft(field(), "x", prefix="k_")
    assert out.dims == ("y", "k_x")
    assert labelled.ifft(out, "k_x", prefix="k_").dims == ("y", "x")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (labelled.fft, r"name those to transform.*dim='x'"),
        (lambda d: labelled.fft(d, "lat"), "dim='lat'.*'y', 'x'"),
        (lambda d: labelled.ifft(labelled.fft(d, "x"), "x"), "did you mean dim='freq_x'"),
        (lambda d: labelled.fft2(d, "x"), "expected 2 dimensions"),
        (lambda d: labelled.fft(d, ()), "at least one"),
        (lambda d: labelled.fft(d, ("x", "x")), "once"),
        (lambda d: labelled.fft(d, "x", n={"y": 3}), "'y' is not transformed"),
        (lambda d: labelled.fft(d, "x", n=0), "positive number of points"),
        (lambda d: labelled.fftn(d, n=4), "name each"),
        (lambda d: labelled.fft(d, "x", prefix=""), "prefix=''"),
        (lambda d: labelled.fft(d, "x", norm="unit"), "norm='unit'"),
        (lambda d: labelled.ifft(d, "x"), "no frequencies"),
        (lambda d: labelled.irfft(labelled.fft(d, "x"), "freq_x"), "no frequencies"),
        (lambda d: labelled.irfft2(labelled.rfft2(d), n={"freq_y": 3}), "halved dimension only"),
        (lambda d: labelled.fft(d.isel(x=[0]), "x"), "one sample has no spacing"),
        (lambda d: labelled.fft(d.isel(x=[]), "x"), "no samples"),
        (lambda d: labelled.fft(d.assign_coords(x=list("abcdefgh")), "x"), "numbers or times"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        call(field())


def test_stacked_dimensions_are_to_be_unstacked():
    stacked = field().stack(z=("y", "x"))
    with pytest.raises(ArgumentError, match=r"\.unstack\('z'\)"):
        labelled.fft(stacked, "z")


def test_graphs_are_named_by_what_they_do():
    data = field(chunks={"y": 2})
    assert labelled.fft(data, "x").data.name == labelled.fft(data, "x").data.name
    moved = data.assign_coords(x=data.x + 0.1)
    assert labelled.fft(moved, "x").data.name != labelled.fft(data, "x").data.name


def test_a_sample_alone_is_transformed_where_nothing_needs_its_spacing():
    data = field().isel(x=[0]).drop_vars("x")
    np.testing.assert_allclose(labelled.fft(data, "x"), data)


def test_arrays_and_complex_data_are_told_what_to_call():
    with pytest.raises(ArrayTypeError, match=r"spanwise\.fft\.fft\(x, axes"):
        labelled.fft(np.ones(4))
    with pytest.raises(ArrayTypeError, match="complex"):
        labelled.rfft(labelled.fft(field(), "x"), "freq_x")


def test_nothing_warns_on_plain_data():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labelled.ifft(labelled.fft(field(chunks={"x": 3}), "x"), "freq_x")
