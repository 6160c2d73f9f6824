"""Cross spectra and phases by dimension name."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.signal as labelled
import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings


def pair(n=9, m=6, dtype="float64", **coords):
    values = np.random.default_rng(0).normal(size=(2, m, n)).astype(dtype)
    coords = {
        "x": ("x", 10 + 0.25 * np.arange(n), {"units": "km"}),
        "y": ("y", 2.0 * np.arange(m), {"units": "km"}),
    } | coords
    u, v = (xr.DataArray(z, dims=("y", "x"), coords=coords) for z in values)
    u.attrs = {"units": "m", "long_name": "height", "source": "model", "rank": 1}
    v.attrs = {"units": "K", "long_name": "warmth", "source": "model", "rank": 2}
    return u.rename("u"), v.rename("v")


def by_hand(u, v):
    return np.fft.fftshift(np.fft.fftn(u.values) * np.fft.fftn(v.values).conj()) / u.size


def test_it_is_the_product_of_one_transform_and_the_conjugate_of_the_other():
    u, v = pair()
    out = labelled.cross_spectrum(u, v, ("x", "y"))
    np.testing.assert_allclose(out, by_hand(u, v) * 0.25 * 2.0)
    np.testing.assert_allclose(
        labelled.cross_spectrum(u, v, ("x", "y"), scaling="spectrum"), by_hand(u, v) / u.size
    )
    np.testing.assert_allclose(out.freq_x, np.fft.fftshift(np.fft.fftfreq(9, 0.25)))
    assert out.dims == ("freq_y", "freq_x")


def test_an_array_with_itself_gives_its_power_spectrum():
    u, _ = pair()
    kwargs = {"window": "hann", "detrend": "linear", "window_correction": True, "real_dim": "x"}
    out = labelled.cross_spectrum(u, u, ("x", "y"), **kwargs)
    np.testing.assert_allclose(out, labelled.power_spectrum(u, ("x", "y"), **kwargs), atol=1e-14)


@given(st.data())
def test_result_does_not_depend_on_the_chunks_of_either(draw):
    u, v = pair()
    cut = [z.chunk(dict(zip(z.dims, draw.draw(chunkings(z.shape)), strict=True))) for z in (u, v)]
    kwargs = {
        "dim": draw.draw(st.sampled_from([("x",), ("y",), ("y", "x")])),
        "window": draw.draw(st.sampled_from([None, "hann"])),
        "detrend": draw.draw(st.sampled_from([None, "linear"])),
    }
    with raise_if_computes():
        out = labelled.cross_spectrum(*cut, **kwargs)
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_allclose(out.compute(), labelled.cross_spectrum(u, v, **kwargs))


@pytest.mark.parametrize("dims", [("x",), ("y", "x")])
@pytest.mark.parametrize("window", [None, "hann", {"x": "hann"}])
@pytest.mark.parametrize("real_dim", [None, "x"])
def test_phases_count_along_the_coordinates_where_they_decrease(real_dim, window, dims):
    u, v = pair()
    down = {d: slice(None, None, -1) for d in ("x",)}
    symmetric = window is None
    kwargs = {"window": window, "real_dim": real_dim, "dim": dims}
    want = labelled.cross_spectrum(u, v, **kwargs)
    got = labelled.cross_spectrum(u.isel(down), v.isel(down), **kwargs)
    if symmetric:
        xr.testing.assert_allclose(got, want)
    # A window is in the order of the data, and a periodic one is not symmetric.
    by_order = labelled.cross_spectrum(u.isel(down), v.isel(down), true_phase=False, **kwargs)
    if real_dim is None and dims == ("x",):
        mirrored = by_order.sel(freq_x=-by_order.freq_x, method="nearest").values
        np.testing.assert_allclose(got.values, mirrored, atol=1e-13)


def test_names_units_and_attributes_are_of_both():
    u, v = pair()
    out = labelled.cross_spectrum(u, v, ("x", "y"))
    assert out.name == "u_v_cross_spectrum"
    assert out.attrs == {
        "source": "model",
        "units": "m K km^2",
        "long_name": "cross spectral density of height and warmth",
    }
    out = labelled.cross_spectrum(u, v, ("x", "y"), scaling="spectrum")
    assert (out.units, out.long_name) == ("m K", "cross spectrum of height and warmth")
    phase = labelled.cross_phase(u, v, ("x", "y"))
    assert phase.name == "u_v_phase"
    assert (phase.units, phase.long_name) == ("radian", "phase of height relative to warmth")
    assert labelled.cross_phase(u, v, "x", keep_attrs=False).attrs == {}
    assert labelled.cross_spectrum(u.rename(None), v, "x").name is None


def test_the_phase_is_the_angle_of_the_cross_spectrum():
    u, v = pair()
    cross = labelled.cross_spectrum(u, v, ("x", "y"))
    phase = labelled.cross_phase(u, v, ("x", "y"))
    np.testing.assert_allclose(phase, np.angle(cross), atol=1e-12)


def test_other_dimensions_are_joined_and_broadcast_as_in_arithmetic():
    u, v = pair(x=np.arange(9.0), y=np.arange(6.0))
    time = xr.DataArray([1.0, 2.0, 3.0], dims="time", coords={"time": [3, 4, 5]})
    first = (u * time).assign_coords(depth=5.0)
    second = v.isel(y=slice(1, None)).assign_coords(mask=("y", np.arange(5)), depth=6.0)
    out = labelled.cross_spectrum(second, first.transpose("time", "x", "y"), "x")
    assert out.dims == ("y", "freq_x", "time")
    np.testing.assert_array_equal(out.y, np.arange(1.0, 6.0))
    assert set(out.coords) == {"y", "time", "mask", "freq_x"}
    want = labelled.cross_spectrum(second, u.isel(y=slice(1, None)), "x") * time
    np.testing.assert_allclose(out.transpose(*want.dims), want)


def test_coordinates_that_differ_along_transformed_dimensions_are_refused():
    u, v = pair()
    for other in (
        v.assign_coords(x=v.x + 0.1),
        v.isel(x=slice(None, -1)),
        v.assign_coords(x=xr.date_range("2000", periods=9).values),
    ):
        with pytest.raises(ArgumentError, match=r"dim='x'.*join=\"inner\""):
            labelled.cross_spectrum(u, other, "x")
    with pytest.raises(ArgumentError, match="not a dimension of other"):
        labelled.cross_spectrum(u, v.isel(y=0), ("x", "y"))


def test_one_of_the_two_may_lack_a_coordinate():
    u, v = pair()
    want = labelled.cross_spectrum(u, v, "x")
    for one, other in ((u.drop_vars("x"), v), (u, v.drop_vars("x"))):
        out = labelled.cross_spectrum(one, other, "x")
        np.testing.assert_allclose(out, want)
        np.testing.assert_allclose(out.freq_x, want.freq_x)


def test_segments_are_the_chunks_of_the_first():
    u, v = pair(12)
    out = labelled.cross_spectrum(u.chunk(x=4), v.chunk(x=6), "x", chunks_to_segments=True)
    assert out.dims == ("y", "x_segment", "freq_x")
    for i in range(3):
        part = {"x": slice(4 * i, 4 * i + 4)}
        want = labelled.cross_spectrum(u.isel(part), v.isel(part), "x")
        np.testing.assert_allclose(out.isel(x_segment=i), want)


@pytest.mark.parametrize("which", [0, 1])
def test_missing_values_of_either_are_refused_at_compute(which):
    arrays = pair()
    arrays[which][1, 2] = np.nan
    lazy = [z.chunk(y=2) for z in arrays]
    for function in (labelled.cross_spectrum, labelled.cross_phase):
        with raise_if_computes():
            out = function(*lazy, "x")
        with pytest.raises(NonFiniteError, match=r"fill"):
            out.compute()
        want = function(*(z.fillna(0.0) for z in arrays), "x")
        xr.testing.assert_allclose(function(*lazy, "x", fill=0.0).compute(), want)


def test_variables_of_datasets_go_together_by_name():
    u, v = pair()
    one = xr.Dataset({"a": u, "b": v, "only": u}, attrs={"title": "one"})
    two = xr.Dataset({"a": v, "b": u})
    out = labelled.cross_spectrum(one, two, "x")
    assert set(out) == {"a", "b"}
    assert out.attrs == {"title": "one"}
    want = labelled.cross_spectrum(u.rename("a"), v.rename("a"), "x")
    xr.testing.assert_identical(out.a, want.rename("a"))
    out = labelled.cross_phase(one, v, "x")
    assert set(out) == {"a", "b", "only"}
    xr.testing.assert_identical(out.b.variable, labelled.cross_phase(v, v, "x").variable)
    with pytest.warns(UserWarning, match="'text'"):
        out = labelled.cross_spectrum(one.assign(text="t"), two.assign(text="t"), "x")
    assert set(out) == {"a", "b"}


def test_the_accessor_has_them():
    u, v = pair()
    xr.testing.assert_identical(
        u.spanwise.signal.cross_spectrum(v, "x"), labelled.cross_spectrum(u, v, "x")
    )
    xr.testing.assert_identical(
        u.spanwise.signal.cross_phase(v, dim="x"), labelled.cross_phase(u, v, "x")
    )


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_single_precision_and_library_are_kept(backend):
    container = ArrayBackend(backend)
    arrays = pair(dtype="float32")
    lazy = [z.copy(data=container.asarray(z.values)) for z in arrays]
    out = labelled.cross_spectrum(*lazy, ("y", "x"), window="hann", detrend="linear")
    assert out.dtype == "complex64"
    want = labelled.cross_spectrum(*pair(), ("y", "x"), window="hann", detrend="linear")
    np.testing.assert_allclose(container.to_numpy(out.data), want, rtol=1e-3, atol=1e-4)
    assert labelled.cross_phase(*lazy, "x").dtype == "float32"


def test_pairs_of_chunks_take_one_task():
    u, v = (
        xr.DataArray(da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="f4"), dims=("t", "y", "x"))
        for _ in range(2)
    )
    for function in (labelled.cross_spectrum, labelled.cross_phase):
        out = function(u, v + 1, ("y", "x"), window="hann", detrend="linear")
        assert len(dask.optimize(out.data)[0].__dask_graph__()) == 4


def test_arrays_are_refused():
    u, _ = pair()
    with pytest.raises(ArrayTypeError, match="xarray"):
        labelled.cross_spectrum(u, u.values, "x")
