import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.fft as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, UnsupportedError
from spanwise.labels.fft import pad, unpad
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings

COORDINATES = {
    "rising": 0.1 * np.arange(1, 8),
    "falling": 10 - 0.25 * np.arange(7),
    "integers": 3 - 2 * np.arange(7),
    "datetime64": np.datetime64("2000-01-01", "ns") + np.arange(7) * np.timedelta64(6, "h"),
    "cftime": xr.date_range(
        "1860-06-01", periods=7, freq="360D", calendar="360_day", use_cftime=True
    ).values,
}


def field(coordinate="rising", dtype="float64"):
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(dtype)
    coords = {"x": ("x", COORDINATES[coordinate]), "y": ("y", np.arange(5.0), {"units": "m"})}
    return xr.DataArray(values, dims=("y", "x"), coords=coords, name="h", attrs={"units": "K"})


@pytest.mark.parametrize("coordinate", COORDINATES)
def test_coordinates_go_on_at_both_ends(coordinate):
    data = field(coordinate)
    out = pad(data, x=(2, 3))
    step = data.x.values[1] - data.x.values[0]
    first = data.x.values[0]
    expected = np.array([first + (i - 2) * step for i in range(12)])
    assert out.x.dtype == data.x.dtype
    np.testing.assert_array_equal(out.x.values[2:9], data.x.values)  # to the last bit
    if np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_allclose(out.x.values, expected, atol=1e-12)
    else:
        np.testing.assert_array_equal(out.x.values, expected)
    assert out.x.attrs["pad_width"] == [2, 3]
    xr.testing.assert_identical(unpad(out), data)


@pytest.mark.parametrize("mode", ["constant", "edge", "linear_ramp"])
@given(st.data())
def test_values_are_numpys_in_any_chunks(mode, draw):
    data = field()
    widths = {"y": draw.draw(st.tuples(st.integers(0, 4), st.integers(0, 4))), "x": (2, 0)}
    values = draw.draw(st.sampled_from([0, 1.5, {"y": (1.0, -2.0), "x": 3.0}]))
    by_axis = [values[d] if isinstance(values, dict) else values for d in ("y", "x")]
    numpys = {"constant": {"constant_values": by_axis}, "linear_ramp": {"end_values": by_axis}}
    pairs = [np.broadcast_to(v, 2) for v in by_axis]
    numpys = {name: dict.fromkeys(how, pairs) for name, how in numpys.items()}
    expected = np.pad(data.values, [widths["y"], widths["x"]], mode, **numpys.get(mode, {}))
    how = dict.fromkeys(numpys.get(mode, {}), values)
    np.testing.assert_allclose(pad(data, widths, mode, **how).values, expected)
    chunks = draw.draw(chunkings(data.shape))
    lazy = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    with raise_if_computes():
        out = pad(lazy, widths, mode, **how)
    assert out.data.numblocks == lazy.data.numblocks
    with dask.config.set(scheduler="sync"):
        np.testing.assert_allclose(out.values, expected)


@pytest.mark.parametrize("mode", ["maximum", "mean", "minimum", "reflect", "symmetric", "wrap"])
def test_the_other_modes_are_numpys(mode):
    data = field()
    expected = np.pad(data.values, [(1, 2), (3, 0)], mode)
    for array in (data, data.chunk(x=4)):
        np.testing.assert_allclose(pad(array, y=(1, 2), x=(3, 0), mode=mode), expected)
    expected = np.pad(data.values, [(0, 0), (2, 2)], "reflect", reflect_type="odd")
    np.testing.assert_allclose(pad(data, x=2, mode="reflect", reflect_type="odd"), expected)
    expected = np.pad(data.values, [(0, 0), (2, 2)], "median", stat_length=3)
    np.testing.assert_allclose(pad(data, x=2, mode="median", stat_length={"x": 3}), expected)
    with pytest.raises(UnsupportedError, match="median"):
        pad(data.chunk(), x=2, mode="median")


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "int16"])
def test_the_library_and_the_type_are_kept(backend, dtype):
    container = ArrayBackend(backend)
    data = field(dtype="float32").astype(dtype)
    lazy = data.copy(data=container.asarray(data.values))
    for mode in ("constant", "edge", "linear_ramp"):
        out = pad(lazy, x=(1, 2), mode=mode)
        assert out.dtype == dtype
        expected = np.pad(data.values, [(0, 0), (1, 2)], mode)
        np.testing.assert_allclose(container.to_numpy(out.data), expected, rtol=1e-6, atol=1)
    if "hostfree" in backend:
        with pytest.raises(UnsupportedError, match="'constant', 'edge', 'linear_ramp'"):
            pad(lazy, x=1, mode="wrap")


def test_a_padded_chunk_and_its_transform_are_one_task():
    lazy = field().chunk(y=2)
    out = labelled.fft(pad(lazy, x=(4, 5)), "x")
    (optimised,) = dask.optimize(out.data)
    assert len(optimised.__dask_graph__()) <= 2 * 3


def test_what_was_added_is_taken_away_behind_a_round_trip():
    data = field("datetime64")
    spectrum = labelled.rfft(pad(data, x=(4, 5)), "x")
    back = labelled.irfft(spectrum, "freq_x")
    assert back.x.attrs["pad_width"] == [4, 5]
    xr.testing.assert_allclose(unpad(back), data)
    assert "pad_width" not in unpad(back).x.attrs


def test_datasets_and_further_coordinates():
    data = field().assign_coords(station=("x", np.arange(7.0)), level=2.0)
    ds = xr.Dataset({"a": data, "b": ("y", np.arange(5.0)), "c": ("z", [1.0])})
    out = pad(ds, x=1)
    xr.testing.assert_identical(out.a, pad(data, x=1).rename("a"))
    xr.testing.assert_identical(out.b, ds.b)
    assert np.isnan(out.station[[0, -1]]).all()
    assert out.level == 2.0
    xr.testing.assert_identical(unpad(out), ds)


def test_dimensions_without_a_coordinate_are_padded_too():
    data = xr.DataArray(np.ones((2, 3)), dims=("y", "x"))
    out = pad(data, {"x": (1, 0)})
    assert out.shape == (2, 4)
    xr.testing.assert_identical(unpad(out, x=(1, 0)), data)
    with pytest.raises(ArgumentError, match="no coordinate has the attribute"):
        unpad(out)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (pad, "name a dimension"),
        (lambda d: pad(d, z=1), "dim='z'"),
        (lambda d: pad(d, x=-1), "pad_width=-1"),
        (lambda d: pad(d, x=(1, 2, 3)), "pad_width="),
        (lambda d: pad(d, x=1.5), "pad_width=1.5"),
        (lambda d: pad(d, x=1, mode="mirror"), "mode='mirror'.*'reflect'"),
        (lambda d: pad(d, x=1, constant_values=1j), "the data is real"),
        (lambda d: pad(d.astype(int), x=1, constant_values=0.5), "astype"),
        (lambda d: pad(d, x=1, constant_values=(1, 2, 3)), "a number, or two"),
        (lambda d: pad(d.isel(x=[0, 1, 3]), x=1), "not evenly spaced"),
        (lambda d: unpad(d, x=4), "7 samples"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        call(field())
    with pytest.raises(ArrayTypeError):
        pad(np.ones(3), x=1)
