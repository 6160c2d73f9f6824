"""Filters by dimension: masks of NumPy's transforms, by hand, are the oracle."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise.labels.signal as labelled
import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import (
    ArrayBackend,
    HostFree,
    raise_if_computes,
    register_with_dask,
)
from spanwise.testing.strategies import chunkings

register_with_dask()

ATTRS = {"units": "K", "long_name": "temperature", "standard_name": "air_temperature"}


def field(n=24, m=10, dtype="float64", falling=True, **chunks):
    rng = np.random.default_rng(0)
    values = 10 * rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal((m, n))
    x = 0.25 * np.arange(n)
    out = xr.DataArray(
        values.astype(dtype),
        dims=("y", "x"),
        coords={
            "x": ("x", 10 - x if falling else x, {"units": "km"}),
            "y": ("y", 2.0 * np.arange(m), {"units": "km"}),
            "lon": (("y", "x"), np.ones((m, n))),
            "station": 7,
        },
        name="t",
        attrs=ATTRS | {"valid_range": [180.0, 330.0]},
    )
    return out.chunk(chunks) if chunks else out


def by_hand(values, mask, axes):
    """Multiply the whole spectrum by a mask along some axes, which broadcasts."""
    out = scipy.fft.ifftn(scipy.fft.fftn(values, axes=axes) * mask, axes=axes)
    return out if values.dtype.kind == "c" else out.real


def fx(n=24):
    return scipy.fft.fftfreq(n, 0.25)


def fy(m=10):
    return scipy.fft.fftfreq(m, 2.0)[:, None]


def edge(f, at, width):
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((abs(f) - at) / width + 0.5, 0, 1))


# Bands


@pytest.mark.parametrize(
    ("band", "mask"),
    [
        ({"pass_band": (0.5, 1.0)}, lambda f: (abs(f) >= 0.5) & (abs(f) <= 1)),
        ({"pass_band": (None, 1.0)}, lambda f: abs(f) <= 1),
        ({"pass_band": (0.5, None)}, lambda f: abs(f) >= 0.5),
        ({"stop_band": (0.5, 1.0)}, lambda f: (abs(f) < 0.5) | (abs(f) > 1)),
        ({"stop_band": (None, 1.0)}, lambda f: abs(f) > 1),
        (
            {"pass_band": (0.5, 1.2), "roll_off": 0.4},
            lambda f: edge(f, 0.5, 0.4) * (1 - edge(f, 1.2, 0.4)),
        ),
        ({"stop_band": (0.8, None), "roll_off": 0.4}, lambda f: 1 - edge(f, 0.8, 0.4)),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "complex128", "float32", "int32"])
def test_a_band_is_a_mask_of_the_spectrum(band, mask, dtype):
    data = field(dtype=dtype)
    out = labelled.filter_frequencies(data, "x", **band)
    want = by_hand(data.values, mask(np.round(fx(), 12)), (1,))
    np.testing.assert_allclose(out, want, atol=1e-4 if dtype == "float32" else 1e-12)
    assert out.dtype == (dtype if dtype != "int32" else "float64")


@pytest.mark.parametrize("n", [10, 30, 49, 300, 1001])
@pytest.mark.parametrize("spacing", [0.1, 1 / 3, 7e-3, 1.1e5])
def test_both_ends_belong_to_the_band_whatever_the_rounding(n, spacing):
    data = xr.DataArray(np.random.default_rng(0).normal(size=n), {"x": spacing * np.arange(n)})
    for k in (1, 2, 3, n // 3):
        line = labelled.filter_frequencies(data, "x", pass_band=(k / (n * spacing),) * 2)
        f = scipy.fft.fftfreq(n) * n
        np.testing.assert_allclose(
            line, by_hand(data.values, abs(abs(f) - k) < 0.5, (0,)), atol=1e-12
        )
        rest = labelled.filter_frequencies(data, "x", stop_band=(k / (n * spacing),) * 2)
        np.testing.assert_allclose(line + rest, data, atol=1e-12)


def test_one_band_of_several_dimensions_is_round():
    data = field()
    out = labelled.filter_frequencies(data, ("x", "y"), pass_band=(0.1, 0.9))
    f = np.hypot(fx(), fy())
    np.testing.assert_allclose(
        out, by_hand(data.values, (f >= 0.1) & (f <= 0.9), (0, 1)), atol=1e-12
    )


@pytest.mark.parametrize("dim", [None, ("y", "x"), ("x", "y")])
def test_a_mapping_has_a_band_for_each_dimension(dim):
    data = field()
    bands = {"x": (0.5, None), "y": (None, 0.12)}
    mask = (abs(fx()) >= 0.5) & (abs(fy()) <= 0.12)
    kept = labelled.filter_frequencies(data, dim, pass_band=bands)
    np.testing.assert_allclose(kept, by_hand(data.values, mask, (0, 1)), atol=1e-12)
    rest = labelled.filter_frequencies(data, dim, stop_band=bands)
    np.testing.assert_allclose(kept + rest, data, atol=1e-12)
    soft = labelled.filter_frequencies(data, dim, pass_band=bands, roll_off={"x": 0.6})
    mask = edge(fx(), 0.5, 0.6) * (abs(fy()) <= 0.12)
    np.testing.assert_allclose(soft, by_hand(data.values, mask, (0, 1)), atol=1e-12)


def test_the_mean_goes_where_the_band_says():
    data = field() + 100
    for kept in ({"pass_band": (None, 1)}, {"pass_band": (0, 1)}, {"stop_band": (0.5, 1)}):
        out = labelled.filter_frequencies(data, "x", **kept)
        np.testing.assert_allclose(out.mean("x"), data.mean("x"))
    for taken in ({"pass_band": (0.5, 1)}, {"stop_band": (None, 0.3)}, {"stop_band": (0, 0.3)}):
        out = labelled.filter_frequencies(data, "x", **taken)
        np.testing.assert_allclose(out.mean("x"), 0, atol=1e-11)


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_times_count_in_seconds_and_spans_are_periods(unit):
    time = xr.date_range("2001-01-01", periods=240, freq="6h").values.astype(f"datetime64[{unit}]")
    days = np.arange(240) / 4
    slow = np.sin(2 * np.pi * days / 20)
    data = xr.DataArray(slow + np.cos(2 * np.pi * days), {"time": time})
    day = np.timedelta64(1, "D")
    for band in ((30 * day, 10 * day), (1 / (30 * 86400), 1 / (10 * 86400))):
        out = labelled.filter_frequencies(data, "time", pass_band=band)
        np.testing.assert_allclose(out, slow, atol=1e-12)
    import datetime

    out = labelled.filter_frequencies(data, "time", stop_band=(datetime.timedelta(days=2), None))
    np.testing.assert_allclose(out, slow, atol=1e-12)


def test_cftime_coordinates_come_back_as_they_were():
    pytest.importorskip("cftime")
    time = xr.date_range("2001-01-01", periods=60, freq="1D", calendar="noleap", use_cftime=True)
    data = xr.DataArray(np.random.default_rng(0).normal(size=60), {"time": time})
    out = labelled.filter_frequencies(data, pass_band=(np.timedelta64(20, "D"), None))
    assert out.time.identical(data.time)


# Labels


def test_labels_stay():
    data = field()
    out = labelled.filter_frequencies(data, ("x", "y"), pass_band=(None, 1))
    assert out.attrs == ATTRS
    xr.testing.assert_identical(out.coords.to_dataset(), data.coords.to_dataset())
    assert (out.name, out.dims) == (data.name, data.dims)
    assert labelled.filter_frequencies(data, "x", pass_band=(None, 1), keep_attrs=False).attrs == {}
    assert labelled.filter_frequencies(data.rename(None), "x", pass_band=(None, 1)).name is None
    data.encoding["dtype"] = "int16"
    assert labelled.filter_frequencies(data, "x", pass_band=(None, 1)).encoding == {}


def test_a_dataset_is_its_variables():
    ds = field().to_dataset().assign(c=("y", np.arange(10.0)), z=("k", [1, 2]), text="word")
    out = labelled.filter_frequencies(ds, ("y", "x"), pass_band=(None, 0.2))
    xr.testing.assert_identical(
        out.t, labelled.filter_frequencies(ds.t, ("y", "x"), pass_band=(None, 0.2))
    )
    xr.testing.assert_identical(
        out.c, labelled.filter_frequencies(ds.c, "y", pass_band=(None, 0.2))
    )
    assert out.z.identical(ds.z)
    bands = {"y": (None, 0.2), "x": (0.5, 1)}
    out = labelled.filter_frequencies(ds, pass_band=bands)
    xr.testing.assert_identical(
        out.c, labelled.filter_frequencies(ds.c, "y", pass_band=(None, 0.2))
    )


def test_the_accessor_has_the_method():
    data = field()
    want = labelled.filter_frequencies(data, "x", pass_band=(0.5, 1))
    assert data.spanwise.signal.filter_frequencies("x", pass_band=(0.5, 1)).identical(want)
    ds = data.to_dataset()
    assert ds.spanwise.signal.filter_frequencies("x", pass_band=(0.5, 1)).t.identical(want)


# Responses


def test_functions_are_asked_for_labelled_frequencies():
    seen = []

    def response(f_x, f_y):
        seen.append((f_x, f_y))
        return 1 / (1 + f_x**2 + 2 * f_y**2)

    data = field()
    out = labelled.filter_frequencies(data, ("x", "y"), response=response)
    mask = 1 / (1 + fx() ** 2 + 2 * fy() ** 2)
    np.testing.assert_allclose(out, by_hand(data.values, mask, (0, 1)), atol=1e-12)
    ((f_x, f_y),) = seen
    assert (f_x.name, f_x.dims, f_x.units) == ("freq_x", ("freq_x",), "1/km")
    assert (f_y.name, f_y.dims) == ("freq_y", ("freq_y",))


@pytest.mark.parametrize("give", [lambda h: h, lambda h: h.T, lambda h: h.values, lambda h: 2.0])
def test_what_functions_give_may_be_labelled_in_any_order(give):
    data = field()
    mask = xr.DataArray(1 / (1 + 3 * fx() ** 2 + 2 * fy() ** 2))
    got = labelled.filter_frequencies(
        data, ("y", "x"), response=lambda f_y, f_x: give(1 / (1 + 2 * f_y**2 + 3 * f_x**2))
    )
    mask = 2.0 if np.ndim(give(mask)) == 0 else mask.values
    np.testing.assert_allclose(got, by_hand(data.values, mask, (0, 1)), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("falling", [True, False])
def test_delays_count_along_the_coordinate(dtype, falling):
    data = field(25, dtype=dtype, falling=falling)

    def delay(f):
        return np.exp(-2j * np.pi * f * 0.5)

    want = data.roll(x=-2 if falling else 2, roll_coords=False)
    out = labelled.filter_frequencies(data, "x", response=delay)
    np.testing.assert_allclose(out, want, atol=1e-12)
    f = scipy.fft.fftfreq(25, 0.25)
    tables = [delay(f), xr.DataArray(delay(f), {"freq_x": f}).sortby("freq_x")]
    if dtype == "float64":
        half = scipy.fft.rfftfreq(25, 0.25)
        tables += [delay(half), xr.DataArray(delay(half), {"freq_x": half})[::-1]]
    for table in tables:
        out = labelled.filter_frequencies(data, "x", response=table)
        np.testing.assert_allclose(out, want, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_tables_are_matched_by_their_frequencies(dtype):
    data = field(dtype=dtype)
    mask = 1 / (1 + fx() ** 2) + abs(fy())
    mask[fy()[:, 0] < 0] = mask[:0:-1][:5][::-1] * 0  # not even
    mask = 1 / (1 + fx() ** 2) + abs(fy())
    table = xr.DataArray(mask, {"freq_y": fy()[:, 0], "freq_x": fx()}, dims=("freq_y", "freq_x"))
    want = by_hand(data.values, mask, (0, 1))
    rng = np.random.default_rng(1)
    shuffled = table.isel(freq_y=rng.permutation(10), freq_x=rng.permutation(24))
    variants = [table, table.T, table.sortby(["freq_x", "freq_y"]), shuffled]
    positive = table.assign_coords(freq_x=np.where(fx() == -2, 2, fx()))
    variants.append(positive)
    if dtype == "float64":
        variants.append(positive.sel(freq_x=positive.freq_x >= 0))
        variants.append(table.assign_coords(freq_y=abs(table.freq_y)).isel(freq_y=slice(0, 6)))
    for variant in variants:
        for dim in (("y", "x"), ("x", "y")):
            out = labelled.filter_frequencies(data, dim, response=variant)
            np.testing.assert_allclose(out, want, atol=1e-11)


def test_a_table_along_one_of_two_dimensions_holds_for_all_of_the_other():
    data = field()
    mask = 1 / (1 + fx() ** 2)
    table = xr.DataArray(mask, {"freq_x": fx()})
    out = labelled.filter_frequencies(data, ("y", "x"), response=table)
    np.testing.assert_allclose(out, by_hand(data.values, mask, (1,)), atol=1e-12)


def test_the_frequencies_of_a_transform_match():
    data = field().drop_vars("lon").chunk(y=3)
    spectrum = data.spanwise.fft.fft("x")
    mask = np.exp(-(spectrum.freq_x**2))
    out = labelled.filter_frequencies(data, "x", response=mask)
    want = (spectrum * mask).spanwise.fft.ifft("freq_x").real
    np.testing.assert_allclose(out, want, atol=1e-12)


# Trends and missing data


def test_a_low_pass_keeps_the_trend_and_a_high_pass_takes_it_away():
    x = 0.25 * np.arange(200)
    wave = np.sin(2 * np.pi * x / 2.5)
    data = xr.DataArray(280 + 3 * x + wave, {"x": x}, attrs={"units": "K"})
    for container in (data, data.chunk(x=60)):
        low = labelled.filter_frequencies(container, "x", pass_band=(None, 0.21), detrend="linear")
        np.testing.assert_allclose(low, 280 + 3 * x, atol=0.2)
        high = labelled.filter_frequencies(container, "x", pass_band=(0.21, None), detrend="linear")
        np.testing.assert_allclose(high, wave, atol=0.2)
        np.testing.assert_allclose(low + high, data, atol=1e-10)
        plain = labelled.filter_frequencies(container, "x", pass_band=(0.21, None))
        assert abs(plain - wave).max() > 10


@pytest.mark.parametrize("chunks", [None, {"x": 7}, {"y": 3}])
def test_missing_values_are_refused_or_filled(chunks):
    data = field(falling=False)
    data[2, 3] = np.nan
    cut = data if chunks is None else data.chunk(chunks)
    with pytest.raises(NonFiniteError, match=r"'t'.*'x'.*fill="):
        labelled.filter_frequencies(cut, "x", pass_band=(None, 1)).compute()
    filled = labelled.filter_frequencies(cut, "x", pass_band=(None, 1), fill="interp")
    want = labelled.filter_frequencies(data.interpolate_na("x"), "x", pass_band=(None, 1))
    np.testing.assert_allclose(filled, want, atol=1e-12)
    with pytest.raises(ArgumentError, match="fill='mean'"):
        labelled.filter_frequencies(cut, "x", pass_band=(None, 1), fill="mean")


# Cost and containers


@given(st.data())
def test_the_result_depends_on_no_chunking(draw):
    data = field()
    dims = draw.draw(st.sampled_from([("x",), ("y",), ("y", "x"), ("x", "y")]))
    how = draw.draw(
        st.sampled_from(
            [
                {"pass_band": (0.1, 0.2), "roll_off": 0.05},
                {"response": lambda *f: 1 / (1 + f[0] ** 2)},
                {"response": xr.DataArray(1 / (1 + fx() ** 2), {"freq_x": fx()})},
            ]
        )
    )
    if "x" not in dims and isinstance(how.get("response"), xr.DataArray):
        return
    chunks = draw.draw(chunkings(data.shape))
    want = labelled.filter_frequencies(data, dims, **how)
    with raise_if_computes():
        cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
        out = labelled.filter_frequencies(cut, dims, **how)
    np.testing.assert_allclose(out.compute(scheduler="sync"), want, atol=1e-11)


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
@pytest.mark.parametrize(
    "how",
    [
        {"pass_band": (0.1, 0.9), "roll_off": 0.1},
        {"stop_band": {"y": (0.1, None), "x": (0.5, None)}},
        {"response": lambda f, g: 1 / (1 + f**2 + g**2)},
    ],
)
def test_single_precision_and_library_are_kept(backend, how):
    container = ArrayBackend(backend)
    data = field(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    out = labelled.filter_frequencies(lazy, ("y", "x"), **how)
    assert out.dtype == "float32"
    want = labelled.filter_frequencies(field(), ("y", "x"), **how)
    np.testing.assert_allclose(container.to_numpy(out.data), want, atol=1e-4)
    if "hostfree" in backend:
        assert isinstance(getattr(out.data, "_meta", out.data), HostFree)


@pytest.mark.parametrize(
    "how",
    [
        {"pass_band": (0.1, 0.2), "roll_off": 0.05},
        {"response": lambda f: f * 0 + 1},
        {"response": np.ones(16)},
    ],
)
def test_one_task_per_chunk_along_whole_dimensions(how):
    x = xr.DataArray(da.zeros((8, 9, 16), chunks=(2, (4, 5), 16), dtype="f4"), dims=("t", "y", "x"))
    out = labelled.filter_frequencies(x, "x", **how)
    # A response that is an array is one value for all.
    tables = isinstance(how.get("response"), np.ndarray)
    assert len(dask.optimize(out.data)[0].__dask_graph__()) == 8 + tables
    assert out.data.chunks == x.data.chunks


def test_the_dimension_that_is_whole_is_halved():
    x = xr.DataArray(da.zeros((8, 12), chunks=(8, 3)), dims=("y", "x"))
    out = labelled.filter_frequencies(x, ("y", "x"), pass_band=(None, 0.2))
    plans = [v for v in out.data.dask.layers.values() if hasattr(v, "plan")]
    assert sum("exchange" in layer.step.pattern for layer in plans) <= 2


# Refusals


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "neither given"),
        ({"pass_band": (0, 1), "stop_band": (0, 1)}, "pass_band and stop_band given"),
        ({"pass_band": 1.0}, r"pass_band=1.0: expected a pair"),
        ({"pass_band": (1, 2, 3)}, "expected a pair"),
        ({"pass_band": (None, None)}, "both ends are open"),
        ({"pass_band": (1.0, 0.5)}, "above its upper end"),
        ({"pass_band": (-1.0, 0.5)}, "not below 0"),
        ({"pass_band": (np.nan, 0.5)}, "finite number"),
        ({"pass_band": ("low", 0.5)}, "finite number"),
        ({"pass_band": (da.ones(()), 1.5)}, "number in memory"),
        ({"pass_band": (10, 20)}, "no frequency of the data.*end at 2"),
        ({"pass_band": (0.51, 0.52)}, "no frequency of the data"),
        ({"pass_band": (np.timedelta64(1, "D"), None)}, "'x' is no time"),
        ({"pass_band": (0.1, 1), "roll_off": 0.3}, "roll_off=0.2 at most"),
        ({"pass_band": (0.5, 0.6), "roll_off": 0.3}, "roll_off=0.1 at most"),
        ({"pass_band": (0.5, 0.6), "roll_off": -1}, "not below 0"),
        ({"pass_band": (0.5, 0.6), "roll_off": {"x": 1}}, "one band for all"),
        ({"pass_band": {"y": (0.1, None)}}, "other dimensions than dim"),
        ({"response": np.ones(5)}, r"\(5,\); expected \(24,\)"),
        ({"response": "low"}, "response"),
        ({"response": xr.DataArray(np.ones(24), dims="freq_x")}, "no coordinate 'freq_x'"),
        ({"response": xr.DataArray(np.ones(24), dims="x")}, "some of .'freq_x',"),
        ({"response": xr.DataArray(np.ones(24), {"freq_x": np.arange(24)})}, "lacks"),
        ({"response": xr.DataArray(np.ones(13), {"freq_x": -0.1 * np.arange(13)})}, "lacks"),
        ({"response": lambda f: xr.DataArray(np.ones(3), dims="z")}, "some of .'freq_x',"),
        ({"response": lambda f: np.ones(3)}, "does not broadcast"),
    ],
)
def test_wrong_arguments_are_named(options, match):
    with pytest.raises((ArgumentError, ArrayTypeError), match=match):
        labelled.filter_frequencies(field(), "x", **options)


def test_bands_of_unlike_dimensions_are_refused():
    data = field().assign_coords(y=("y", np.arange(10.0), {"units": "s"}))
    with pytest.raises(ArgumentError, match=r"different units.*'y': \(low, high\)"):
        labelled.filter_frequencies(data, ("x", "y"), pass_band=(0.5, 1))
    labelled.filter_frequencies(data, pass_band={"x": (0.5, 1), "y": (None, 0.2)})
    time = data.assign_coords(y=xr.date_range("2000", periods=10))
    with pytest.raises(ArgumentError, match="different units"):
        labelled.filter_frequencies(time.drop_vars("x"), ("x", "y"), pass_band=(None, 1))
    edges_meet = {"pass_band": (0.5, 0.6), "roll_off": 0.1}
    labelled.filter_frequencies(data.drop_vars("x"), "x", pass_band=(0.1, 0.4), roll_off=0.2)
    labelled.filter_frequencies(data, "x", **edges_meet)
    with pytest.raises(ArgumentError, match="period must be positive"):
        labelled.filter_frequencies(time, "y", pass_band=(np.timedelta64(-1, "D"), None))


def test_arrays_and_lazy_responses_are_refused():
    with pytest.raises(ArrayTypeError, match="takes an xarray DataArray"):
        labelled.filter_frequencies(np.ones(4), pass_band=(0, 1))
    lazy = xr.DataArray(da.ones(24), {"freq_x": fx()})
    with pytest.raises(ArrayTypeError, match=r"response\.compute"):
        labelled.filter_frequencies(field(), "x", response=lazy)
    halved = xr.DataArray(
        np.ones((6, 13)),
        {"freq_y": np.arange(6) / 20, "freq_x": np.arange(13) / 6},
        dims=("freq_y", "freq_x"),
    )
    with pytest.raises(ArgumentError, match="one dimension may be halved"):
        labelled.filter_frequencies(field(), ("y", "x"), response=halved)
    with pytest.raises(ArgumentError, match="lacks"):
        labelled.filter_frequencies(field(dtype="complex128"), ("y", "x"), response=halved)
