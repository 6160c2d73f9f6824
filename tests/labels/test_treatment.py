"""What labelled transforms do beside the transform: trends, windows, halves, segments, NaN."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
import spanwise.labels.fft as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings

PLAIN = {"true_phase": False, "true_amplitude": False, "shift": False}


def field(shape=(6, 9), dtype="float64", falling=False):
    """Noise on a slope, of a mean that is large beside it."""
    rng = np.random.default_rng(0)
    y, x = np.arange(shape[0]), np.arange(shape[1])
    values = 20 + 0.5 * y[:, None] - 0.3 * x + rng.normal(size=shape)
    step = -0.25 if falling else 0.25
    coords = {"x": ("x", 3 + step * x, {"units": "m"}), "y": ("y", 2.5 * y, {"units": "m"})}
    return xr.DataArray(
        values.astype(dtype), dims=("y", "x"), coords=coords, name="h", attrs={"units": "K"}
    )


def without_trend(values):
    """The residual of the plane that fits best, by lstsq."""
    y, x = np.indices(values.shape).reshape(2, -1)
    terms = np.stack([np.ones(values.size), y, x], axis=1)
    fit, *_ = np.linalg.lstsq(terms, values.ravel(), rcond=None)
    return values - (terms @ fit).reshape(values.shape)


@pytest.mark.parametrize("falling", [False, True])
def test_the_mean_is_taken_over_all_dimensions_named(falling):
    data = field(falling=falling)
    expected = data - data.mean()
    xr.testing.assert_allclose(
        labelled.fftn(data, detrend="constant"), labelled.fftn(expected), atol=1e-10
    )
    xr.testing.assert_allclose(
        labelled.fft(data, "x", detrend="constant"), labelled.fft(data - data.mean("x"), "x")
    )


def test_a_linear_trend_is_the_least_squares_plane():
    data = field()
    expected = labelled.fftn(data.copy(data=without_trend(data.values)))
    xr.testing.assert_allclose(labelled.fftn(data, detrend="linear"), expected, atol=1e-10)
    line = data.copy(data=scipy.signal.detrend(data.values, axis=0))
    xr.testing.assert_allclose(
        labelled.rfft(data, "y", detrend="linear"), labelled.rfft(line, "y"), atol=1e-10
    )


WINDOWS = ["hann", ("kaiser", 3.0), ("tukey", 0.5), 8.6, "parzen", ("gaussian", 2.0)]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("falling", [False, True])
def test_every_window_of_scipy_multiplies_the_samples_in_their_order(window, falling):
    data = field(falling=falling)
    w = scipy.signal.get_window(window, 9)
    expected = labelled.fft(data * w, "x")
    xr.testing.assert_allclose(labelled.fft(data, "x", window=window), expected)
    both = data * w * scipy.signal.get_window(window, 6)[:, None]
    xr.testing.assert_allclose(labelled.fft2(data, window=window), labelled.fft2(both))


def test_windows_are_given_by_dimension():
    data = field()
    w = np.linspace(0, 1, 6)
    out = labelled.fft2(data, window={"y": w})
    xr.testing.assert_allclose(out, labelled.fft2(data * w[:, None]))
    with pytest.raises(ArgumentError, match=r"(?s)window=.*'y' is not transformed"):
        labelled.fft(data, "x", window={"y": "hann"})


def test_cropping_comes_before_trends_and_windows_and_padding_behind_them():
    data = field()
    how = {"detrend": "linear", "window": "hann"}
    for n in (5, 12):
        crop = data.isel(x=slice(n))
        taper = scipy.signal.get_window("hann", crop.sizes["x"])
        treated = crop.copy(data=scipy.signal.detrend(crop.values) * taper)
        expected = labelled.fft(treated, "x", n=n)
        xr.testing.assert_allclose(labelled.fft(data, "x", n=n, **how), expected, atol=1e-10)


def test_the_correction_keeps_the_height_of_peaks():
    x = np.arange(64) / 64
    wave = xr.DataArray(3 * np.cos(2 * np.pi * 8 * x), dims="x", coords={"x": x})
    for window in ("hann", ("kaiser", 5.0)):
        out = labelled.fft(wave, window=window, window_correction=True)
        np.testing.assert_allclose(abs(out).sel(freq_x=8), 1.5, rtol=1e-3)
    with pytest.raises(ArgumentError, match="there is no window to correct for"):
        labelled.fft(wave, window_correction=True)
    with pytest.raises(ArgumentError, match="mean of window"):
        labelled.fft(wave, window=np.sin(2 * np.pi * x) * 0, window_correction=True)


@given(st.data())
def test_results_do_not_depend_on_the_chunking(draw):
    data = field(falling=draw.draw(st.booleans()))
    chunks = draw.draw(chunkings(data.shape))
    cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    how = {
        "detrend": draw.draw(st.sampled_from([None, "constant", "linear"])),
        "window": draw.draw(st.sampled_from([None, "hann", {"x": ("kaiser", 2.0)}])),
        "fill": draw.draw(st.sampled_from([None, "interp", 0.0])),
        "real_dim": draw.draw(st.sampled_from([None, "x", "y"])),
    }
    dims = draw.draw(st.sampled_from([("x",), ("y", "x"), ("x", "y")]))
    if how["window"] is not None and how["real_dim"] == "y":
        dims = ("y", "x")
    with raise_if_computes():
        out = labelled.fft(cut, dims, **how)
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_allclose(out, labelled.fft(data, dims, **how), atol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_single_precision_and_the_library_are_kept(backend):
    container = ArrayBackend(backend)
    data = field((64, 96), "float32", falling=True)
    lazy = data.copy(data=container.asarray(data.values))
    how = {"detrend": "linear", "window": "hann", "fill": 0.0}
    out = labelled.fft2(lazy, **how)
    back = labelled.ifft2(labelled.fft2(lazy, real_dim="x"), real_dim="freq_x")
    assert out.dtype == "complex64"
    assert back.dtype == "float32"
    expected = labelled.fft2(data.astype("float64"), **how).values
    scale = np.abs(expected).max()
    np.testing.assert_allclose(container.to_numpy(out.data), expected, atol=2e-6 * scale)
    np.testing.assert_allclose(container.to_numpy(back.data), data.values, atol=2e-5)


@pytest.mark.parametrize("real_dim", ["x", "y"])
@pytest.mark.parametrize("n", [8, 9])
def test_half_a_spectrum_lies_along_any_dimension_which_keeps_its_place(real_dim, n):
    data = field((n - 1, n))
    half = labelled.fft(data, ("y", "x"), real_dim=real_dim)
    assert half.dims == ("freq_y", "freq_x")
    full = labelled.fft(data, ("y", "x"))
    kept = full.sel({f"freq_{real_dim}": half[f"freq_{real_dim}"][:-1]}, method="nearest")
    np.testing.assert_allclose(half.isel({f"freq_{real_dim}": slice(-1)}), kept, atol=1e-10)
    back = labelled.ifft(half, ("freq_y", "freq_x"), real_dim=f"freq_{real_dim}")
    xr.testing.assert_allclose(back, data)
    assert back.dtype == data.dtype


def test_real_dim_joins_the_dimensions():
    data = field()
    one = labelled.fft(data, real_dim="y")
    xr.testing.assert_identical(one, labelled.rfft(data, "y"))
    both = labelled.fft(data, "x", real_dim="y")
    xr.testing.assert_identical(both, labelled.rfftn(data, ("x", "y")))
    with pytest.raises(ArgumentError, match="dim='z'"):
        labelled.fft(data, "x", real_dim="z")
    with pytest.raises(ArrayTypeError, match="real"):
        labelled.fft(data + 1j, real_dim="y")


def test_chunks_become_segments():
    data = field((6, 12))
    lazy = data.chunk(x=4)
    with raise_if_computes():
        out = labelled.fft(lazy, "x", chunks_to_segments=True, detrend="constant", window="hann")
    assert dict(out.sizes) == {"y": 6, "x_segment": 3, "freq_x": 4}
    (optimised,) = dask.optimize(out.data)
    assert len(optimised.__dask_graph__()) <= 2 * 3
    for i in range(3):
        part = data.isel(x=slice(4 * i, 4 * i + 4)).assign_coords(x=data.x[:4])
        expected = labelled.fft(part, "x", detrend="constant", window="hann")
        xr.testing.assert_allclose(out.isel(x_segment=i, drop=True).compute(), expected)
    back = labelled.ifft(labelled.fft(lazy, "x", chunks_to_segments=True), "freq_x")
    np.testing.assert_allclose(back.x, data.x[:4])
    np.testing.assert_allclose(back.values.reshape(6, 12), data.values)


def test_segments_of_several_dimensions_lie_before_them():
    data = field((6, 12)).chunk(y=2, x=6)
    out = labelled.fft2(data, chunks_to_segments=True)
    assert out.dims == ("y_segment", "freq_y", "x_segment", "freq_x")
    assert out.shape == (3, 2, 2, 6)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [(None, "no chunks.*da.chunk"), ({"x": 5}, "lengths \\(5, 5, 2\\).*divides")],
)
def test_segments_need_chunks_of_one_length(chunks, message):
    data = field((6, 12))
    data = data if chunks is None else data.chunk(chunks)
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        labelled.fft(data, "x", chunks_to_segments=True)


@pytest.mark.parametrize("chunks", [None, {"y": 2}, {"x": 4}])
@pytest.mark.parametrize("function", ["fft", "rfft", "dct", "zoom_fft", "hfft"])
def test_missing_values_are_an_error_of_the_task_that_meets_them(chunks, function):
    data = field()
    data[2, 3] = np.nan
    data = data if chunks is None else data.chunk(chunks)
    arguments = {"fn": 0.5, "m": 4, "dim": "x"} if function == "zoom_fft" else {"dim": "x"}
    call = getattr(labelled, function)
    with pytest.raises(NonFiniteError, match=r"'h'.*along 'x'.*fill=\"interp\".*dropna\('x'\)"):
        call(data, **arguments).compute()
    filled = data.compute().fillna(0.0)
    expected = call(filled, **arguments)
    xr.testing.assert_allclose(call(data, fill=0.0, **arguments).compute(), expected, atol=1e-9)
    filled[2, 3] = (filled[2, 2] + filled[2, 4]) / 2
    expected = call(filled, **arguments)
    got = call(data, fill="interp", **arguments).compute()
    xr.testing.assert_allclose(got, expected, atol=1e-9)


def test_other_lines_than_those_with_missing_values_can_be_computed():
    data = field().chunk(y=1)
    data = data.where(data.y > 0)
    spectrum = labelled.fft(data, "x")
    assert np.isfinite(spectrum.isel(y=3).compute()).all()
    with pytest.raises(NonFiniteError):
        spectrum.isel(y=0).compute()


def test_missing_frequencies_and_infinite_samples_are_errors_too():
    spectrum = labelled.fft(field(), "x")
    spectrum[1, 2] = np.nan
    with pytest.raises(NonFiniteError, match=r"along 'freq_x'.*fillna"):
        labelled.ifft(spectrum, "freq_x")
    data = field()
    data[0, 0] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(NonFiniteError, match="infinity"):
        labelled.fft(data, "x", fill="interp")


def test_a_line_without_any_value_cannot_be_interpolated_along_it():
    data = field()
    data[2] = np.nan
    with pytest.raises(NonFiniteError, match="1 of 6 lines"):
        labelled.fft(data, "x", fill="interp")
    expected = data.copy()
    expected[2] = (data[1] + data[3]) / 2
    out = labelled.fft(data, ("x", "y"), fill="interp")
    xr.testing.assert_allclose(out, labelled.fft(expected, ("x", "y")))


def tasks_per_chunk(array):
    (optimised,) = dask.optimize(array.data)
    return len(optimised.__dask_graph__()) / array.data.npartitions


def test_two_tasks_per_chunk_at_most_with_everything_asked_for():
    x = da.random.default_rng(0).normal(size=(8, 16, 16), chunks=(2, 16, 16)).astype("float32")
    data = xr.DataArray(x, dims=("t", "y", "x"), coords={"y": 60.0 - np.arange(16)})
    dims, fdims = ("y", "x"), ("freq_y", "freq_x")
    forward = labelled.fft(data, dims, detrend="linear", window="hann", fill="interp")
    assert tasks_per_chunk(forward) <= 2
    assert tasks_per_chunk(labelled.ifft(forward, fdims)) <= 2
    half = labelled.fft(data, dims, real_dim="x")
    assert tasks_per_chunk(labelled.ifft(half, fdims, real_dim="freq_x")) <= 2
    text = str(sw.explain(forward))
    for step in ("fill-missing", "detrend", "window", "fftn", "phase"):
        assert f"spanwise-{step}" in text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"detrend": "quadratic"}, "detrend='quadratic'"),
        ({"window": "hanning window"}, "hanning window"),
        ({"window": [1.0, 2.0]}, "9 real numbers"),
        ({"fill": "nearest"}, "fill='nearest'"),
        ({"fill": 1j}, "the data is real"),
    ],
)
def test_wrong_treatments_are_named_at_the_call(how, message):
    with pytest.raises(ArgumentError, match=message):
        labelled.fft(field().chunk(), "x", **how)
