"""Labelled spectra of segments, harmonics and bands: the values of SciPy, and labels by rule."""

import datetime
from itertools import pairwise

import dask.array as da
import numpy as np
import pytest
import scipy.signal
import xarray as xr

import spanwise.labels.signal as labelled
import spanwise.xarray  # noqa: F401 - registers the accessor
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import raise_if_computes

N = 600
HOURS = np.datetime64("2000-01-01", "ns") + np.arange(N) * np.timedelta64(1, "h")


def record(dtype="float64", seed=0, name="level", **chunks):
    values = np.random.default_rng(seed).normal(5, 2, (3, N))
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.random.default_rng(9).normal(size=(3, N))
    out = xr.DataArray(
        values.astype(dtype),
        dims=("station", "time"),
        coords={"time": HOURS, "station": ["a", "b", "c"], "height": ("station", [1, 2, 3])},
        name=name,
        attrs={"units": "m", "long_name": "sea level", "standard_name": "sea_level", "source": "x"},
    )
    return out.chunk(chunks) if chunks else out


def close(got, want):
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=1e-10 * np.abs(want).max())


@pytest.mark.parametrize("chunks", [{}, {"time": 77}, {"time": 600, "station": 1}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_welch_is_scipys_with_the_rate_of_the_coordinate(dtype, chunks):
    data = record(dtype, **chunks)
    with raise_if_computes():
        p = labelled.welch(data, "time", nperseg=64, detrend="linear")
    f, want = scipy.signal.welch(data.values, 1 / 3600, nperseg=64, detrend="linear")
    assert p.dims == ("station", "freq_time")
    assert p.dtype == dtype
    np.testing.assert_allclose(p.freq_time, f, rtol=1e-14)
    np.testing.assert_allclose(p.values, want, rtol=1e-4 if dtype == "float32" else 1e-10)
    assert p.name == "level"
    segments = (data.sizes["time"] - 64) // 32 + 1
    assert segments < p.attrs.pop("degrees_of_freedom") < 2 * segments
    assert p.attrs == {
        "units": "m^2 s",
        "long_name": "power spectral density of sea level",
        "source": "x",
    }
    assert p.freq_time.units == "1/s"
    assert p.station.values.tolist() == ["a", "b", "c"]
    assert "height" in p.coords


@pytest.mark.parametrize("nfft", [None, 80, 81])
@pytest.mark.parametrize("nperseg", [64, 65])
def test_frequencies_are_those_of_the_points_of_the_transform(nfft, nperseg):
    p = labelled.welch(record(), "time", nperseg=nperseg, nfft=nfft)
    f, _ = scipy.signal.welch(record().values, 1 / 3600, nperseg=nperseg, nfft=nfft)
    np.testing.assert_allclose(p.freq_time, f, rtol=1e-14)
    two = labelled.welch(record(), "time", nperseg=nperseg, nfft=nfft, return_onesided=False)
    assert (np.diff(two.freq_time) > 0).all()
    assert two.freq_time[two.sizes["freq_time"] // 2] == 0
    total = two.sum("freq_time") * two.freq_time.spacing
    close(total, (p.sum("freq_time") * p.freq_time.spacing).values)


def test_windows_with_values_and_medians():
    w = np.hamming(50)
    p = labelled.welch(record(time=77), "time", window=w, average="median", scaling="spectrum")
    _, want = scipy.signal.welch(
        record().values, 1 / 3600, window=w, average="median", scaling="spectrum"
    )
    close(p, want)
    assert p.units == "m^2"
    assert p.long_name == "power spectrum of sea level"


def test_without_a_coordinate_samples_are_counted():
    p = labelled.welch(record().drop_vars("time"), "time", nperseg=64)
    np.testing.assert_allclose(p.freq_time, np.fft.rfftfreq(64))
    assert "units" not in p.attrs


@pytest.mark.parametrize("call", [{}, {"nfft": 700}, {"nfft": 500}, {"window": "hann"}])
@pytest.mark.parametrize("chunks", [{}, {"time": 77}])
def test_periodogram_is_scipys(call, chunks):
    p = labelled.periodogram(record(**chunks), "time", **call)
    f, want = scipy.signal.periodogram(record().values, 1 / 3600, **call)
    np.testing.assert_allclose(p.freq_time, f, rtol=1e-12)
    close(p, want)


@pytest.mark.parametrize("chunks", [{}, {"time": 77}])
def test_cross_spectra_and_coherence_are_scipys(chunks):
    x, y = record(**chunks), record(seed=1, name="wind", **chunks)
    y = (y + x).assign_attrs(units="m s-1", long_name="wind").rename("wind")
    with raise_if_computes():
        c = labelled.csd(x, y, "time", nperseg=64)
        r = labelled.coherence(x, y, "time", nperseg=64)
    args = x.values, y.values, 1 / 3600
    close(c, scipy.signal.csd(*args, nperseg=64)[1])
    close(r, scipy.signal.coherence(*args, nperseg=64)[1])
    assert (c.name, c.units) == ("level_wind_csd", "m^2")
    assert (r.name, r.units) == ("level_wind_coherence", "1")
    assert r.long_name == "coherence of sea level and wind"
    assert c.dims == r.dims == ("station", "freq_time")


def test_other_dimensions_broadcast():
    x, y = record(time=77), record(seed=1, name="index").isel(station=0, drop=True)
    c = labelled.coherence(x, y, "time", nperseg=64)
    want = scipy.signal.coherence(x.values, y.values[None], nperseg=64)[1]
    close(c, want)
    assert labelled.csd(y, x, "time", nperseg=64).dims == ("freq_time", "station")


def test_the_phase_counts_along_the_coordinate_where_it_decreases():
    x, y = record(), record(seed=1)
    want = labelled.csd(x, y, "time", nperseg=60, noverlap=0)
    turned = (v.isel(time=slice(None, None, -1)) for v in (x, y))
    close(labelled.csd(*turned, "time", nperseg=60, noverlap=0), want.values)


def test_coherence_of_a_constant_is_nan_and_of_missing_data_an_error():
    x = record(time=77)
    constant = xr.zeros_like(x) + 1
    assert np.isnan(labelled.coherence(x, constant, "time", nperseg=64)).all()
    gap = x.where(x.time != x.time[5])
    lazy = labelled.coherence(constant, gap, "time", nperseg=64)
    with pytest.raises(NonFiniteError, match="'time'"):
        lazy.compute()
    filled = labelled.coherence(gap, gap * 2, "time", nperseg=64, fill="interp")
    np.testing.assert_allclose(filled, 1)


@pytest.mark.parametrize("function", ["welch", "periodogram", "spectrogram", "stft"])
def test_missing_data_are_refused_when_they_are_met_or_filled(function):
    x = record(time=77).where(lambda v: v.time != v.time[300])
    call = getattr(labelled, function)
    lazy = call(x, "time")
    with pytest.raises(NonFiniteError, match="'level' holds NaN"):
        lazy.compute()
    want = call(x.compute().interpolate_na("time"), "time")
    close(call(x, "time", fill="interp"), want.values)
    assert np.isfinite(call(x, "time", fill=0.0)).all()


@pytest.mark.parametrize("chunks", [{}, {"time": 77}])
@pytest.mark.parametrize("mode", ["psd", "complex", "magnitude"])
def test_spectrograms_have_frequencies_and_middles_of_segments(mode, chunks):
    data = record(**chunks)
    with raise_if_computes():
        s = labelled.spectrogram(data, "time", nperseg=48, mode=mode, scaling="spectrum")
    f, t, want = scipy.signal.spectrogram(
        data.values, 1 / 3600, nperseg=48, mode=mode, scaling="spectrum"
    )
    assert s.dims == ("station", "freq_time", "time")
    np.testing.assert_allclose(s.freq_time, f, rtol=1e-14)
    seconds = (s.time.values - HOURS[0]) / np.timedelta64(1, "s")
    np.testing.assert_allclose(seconds, t)
    close(s, want)
    assert s.units == ("m^2" if mode == "psd" else "m")
    assert "height" in s.coords
    assert labelled.spectrogram(data, "time", nperseg=48).units == "m^2 s"
    assert labelled.spectrogram(data, "time", nperseg=48, mode="angle").units == "radian"


def test_middles_between_two_samples():
    odd = record().assign_coords(time=HOURS.astype("datetime64[s]"))
    odd = odd.assign_coords(time=HOURS[0].astype("datetime64[s]") + np.arange(N))
    s = labelled.spectrogram(odd, "time", nperseg=5, noverlap=0)
    half = s.time.values[0] - HOURS[0].astype("datetime64[ns]")
    assert half == np.timedelta64(2500, "ms")
    counted = labelled.spectrogram(odd.assign_coords(time=np.arange(N)), "time", nperseg=5)
    assert counted.time.values[:2].tolist() == [2.5, 7.5]
    whole = labelled.spectrogram(odd.assign_coords(time=np.arange(N)), "time", nperseg=8)
    assert whole.time.dtype == "int64"
    assert whole.time.values[:2].tolist() == [4, 11]
    down = odd.assign_coords(time=10 - 0.1 * np.arange(N))
    middles = labelled.spectrogram(down, "time", nperseg=8, noverlap=0).time
    np.testing.assert_allclose(middles[:2], [9.6, 8.8])


def test_cftime_has_middles_of_its_calendar():
    cftime = pytest.importorskip("cftime")
    time = xr.date_range("2000-01-01", periods=N, freq="D", calendar="noleap", use_cftime=True)
    s = labelled.spectrogram(record().assign_coords(time=time), "time", nperseg=10, noverlap=0)
    assert s.time.values[0] == cftime.DatetimeNoLeap(2000, 1, 6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("chunks", [{}, {"time": 77}])
@pytest.mark.parametrize(
    "call",
    [
        {"nperseg": 48},
        {"nperseg": 31, "noverlap": 20, "window": ("kaiser", 5.0), "boundary": "even"},
        {"nperseg": 32, "nfft": 41, "scaling": "psd"},
        {"nperseg": 40, "noverlap": 30, "window": "boxcar", "boundary": None},
    ],
)
def test_the_way_back_restores_samples_and_coordinates(call, chunks, dtype):
    data = record(dtype, **chunks).transpose("time", "station")
    with raise_if_computes():
        z = labelled.stft(data, "time", **call)
        back = labelled.istft(z)
    assert z.dims == ("freq_time", "station", "time")
    assert back.dims == data.dims
    assert back.sizes == data.sizes
    assert back.dtype == data.dtype
    assert back.time.equals(data.time)
    assert (back.name, back.attrs.get("long_name", "sea level")) == ("level", "sea level")
    np.testing.assert_allclose(back.values, data.values, rtol=0, atol=1e-4)
    one = np.dtype(dtype).kind != "c"
    scipys = dict(call)
    want = scipy.signal.stft(data.values, 1 / 3600, axis=0, return_onesided=one, **scipys)
    order = slice(None) if one else np.argsort(np.fft.fftfreq(call.get("nfft", call["nperseg"])))
    close(z, want[2][order]) if dtype != "float32" else None
    seconds = (z.time.values - HOURS[0]) / np.timedelta64(1, "s")
    np.testing.assert_allclose(seconds, want[1])


def test_a_window_of_values_has_to_be_given_again():
    w = np.hanning(50)
    z = labelled.stft(record(), "time", window=w, nperseg=50)
    with pytest.raises(ArgumentError, match="give them again"):
        labelled.istft(z)
    close(labelled.istft(z, window=w), record().values)


def test_datasets_are_their_variables():
    ds = xr.Dataset({"a": record(), "b": record(seed=1), "fixed": ("station", [1, 2, 3])})
    for name in ("welch", "periodogram", "spectrogram", "stft"):
        whole = getattr(ds.spanwise.signal, name)("time")
        one = getattr(ds.a.spanwise.signal, name)("time")
        xr.testing.assert_identical(whole["a"], one.rename("a"))
        assert "fixed" in whole
    back = ds.spanwise.signal.stft("time").spanwise.signal.istft()
    close(back["b"], ds["b"].values)
    ds = ds.drop_vars("fixed")
    pairs = ds.spanwise.signal.coherence(ds["a"].rename("other"), "time", nperseg=64)
    assert set(pairs.data_vars) == {"a", "b"}
    both = ds.spanwise.signal.csd(ds, "time", nperseg=64)
    close(both["a"], labelled.welch(ds["a"], "time", nperseg=64).values)


@pytest.mark.parametrize("chunks", [{}, {"time": 77}])
def test_harmonics_have_amplitude_and_phase_at_the_lowest_coordinate(chunks):
    t = np.arange(N)
    wave = 3 * np.cos(2 * np.pi * t / 24 - 1) + np.cos(2 * np.pi * t / 12 + 2)
    data = record().copy(data=np.stack([wave, 2 * wave, 0 * wave]))
    data = data.chunk(chunks) if chunks else data
    day = np.timedelta64(1, "D")
    with raise_if_computes():
        a = labelled.harmonics(data, dim="time", periods=[day, np.timedelta64(12, "h")])
    assert a.dims == ("station", "freq_time")
    close(np.abs(a), np.outer([1, 2, 0], [3, 1]))
    close(np.angle(a[0]), [-1, 2])
    assert a.units == "m"
    assert (a.period_time.values == np.array([24, 12]) * np.timedelta64(1, "h")).all()
    again = labelled.harmonics(data, [1 / 86400, 2 / 86400], "time")
    close(again, a.values)
    assert "period_time" not in again.coords
    by_delta = labelled.harmonics(data, dim="time", periods=datetime.timedelta(days=1))
    close(by_delta[:, 0], a.values[:, 0])
    turned = labelled.harmonics(data.isel(time=slice(None, None, -1)), 1 / 86400, "time")
    close(turned[:, 0], a.values[:, 0])


def test_the_power_of_bands_adds_up_to_the_mean_square():
    data = record(time=77)
    edges = np.array([0, 10.5, 50.5, 300]) / (3600 * N)
    with raise_if_computes():
        bands = [labelled.band_power(data, (a, b), "time") for a, b in pairwise(edges)]
    close(sum(bands), (data**2).mean("time").values)
    assert bands[0].dims == ("station",)
    assert bands[0].units == "m^2"
    assert "time" not in bands[0].coords
    with pytest.raises(NonFiniteError):
        labelled.band_power(data.where(data > 4), (0, edges[1]), "time").compute()


def test_extra_coordinates_are_dropped_with_a_warning():
    data = record().assign_coords(tide=("time", np.arange(N)))
    with pytest.warns(UserWarning, match="'tide'"):
        p = labelled.welch(data, "time", nperseg=64)
    assert "tide" not in p.coords


def test_short_records_say_so_where_the_caller_is():
    with pytest.warns(UserWarning, match="greater than the 100 samples") as caught:
        labelled.welch(record().isel(time=slice(100)), "time")
    assert caught[0].filename == __file__


def test_a_mean_tells_its_degrees_of_freedom():
    x, y = record(), record().rename("other")
    how = {"window": "boxcar", "noverlap": 0, "nperseg": 60}
    assert labelled.welch(x, "time", **how).degrees_of_freedom == 2 * (x.sizes["time"] // 60)
    assert labelled.coherence(x, y, "time", **how).degrees_of_freedom == 2 * (x.sizes["time"] // 60)
    assert "degrees_of_freedom" not in labelled.welch(x, "time", average="median", **how).attrs


def test_attributes_are_left_out_on_request():
    assert labelled.welch(record(), "time", keep_attrs=False).attrs == {}
    assert labelled.spectrogram(record(), "time", mode="angle", keep_attrs=False).attrs == {}


def test_arrays_name_the_accessor():
    import spanwise as sw

    for name in ("welch", "periodogram", "spectrogram", "stft"):
        with pytest.raises(ArrayTypeError, match=rf"x\.spanwise\.signal\.{name}\(dim="):
            getattr(sw.signal, name)(record())


def test_one_task_for_each_chunk():
    data = record().chunk(time=-1, station=1)
    data = data.copy(data=da.ones((3, N), chunks=(1, N)))
    import dask

    for name in ("welch", "spectrogram"):
        out = getattr(data.spanwise.signal, name)("time")
        assert len(dict(dask.optimize(out.data)[0].dask)) == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (labelled.welch, "dim=None"),
        (lambda x: labelled.welch(x, ("station", "time")), "one dimension"),
        (lambda x: labelled.welch(x, "tiem"), "'tiem' is not a dimension"),
        (lambda x: labelled.welch(x, "time", fill="near"), "fill='near'"),
        (lambda x: labelled.welch(x.isel(time=[0, 1, 5, 9]), "time"), "not evenly spaced"),
        (lambda x: labelled.csd(x, x.rename(time="t"), "time"), "both must have it"),
        (labelled.istft, "dimension of segments"),
        (lambda x: labelled.harmonics(x, dim="time"), "one of the two"),
        (lambda x: labelled.harmonics(x, 1, "time", periods=1), "one of the two"),
        (lambda x: labelled.harmonics(x, dim="time", periods=-1), "positive"),
        (
            lambda x: labelled.harmonics(
                x.drop_vars("time"), dim="time", periods=np.timedelta64(1, "D")
            ),
            "holds no times",
        ),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ArgumentError, match=words):
        call(record())
