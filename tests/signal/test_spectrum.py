import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import CountingSource, raise_if_computes, xp_assert_close
from spanwise.testing.strategies import chunkings


def data(shape=(4, 6, 9), dtype="float32", offset=0.0):
    return (np.random.default_rng(0).normal(size=shape) + offset).astype(dtype)


def density(x, axes, spacings):
    n = np.prod([x.shape[a] for a in axes])
    return np.abs(np.fft.fftn(x, axes=axes)) ** 2 * np.prod(spacings) / n


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int16"])
def test_density_is_the_squared_transform_times_spacing_over_points(xp, dtype):
    x = (10 * data()).astype(dtype)
    out = sw.signal.power_spectrum(xp.asarray(x), axes=(0, 2), sampling=(0.5, 2.0))
    single = dtype in ("float32", "complex64")
    expected = density(x, (0, 2), (0.5, 2.0)).astype("float32" if single else "float64")
    kwargs = {"rtol": 1e-4, "atol": 1e-3} if single else {"rtol": 1e-10}
    xp_assert_close(out, xp.asarray(expected), **kwargs)


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_half_spectra_equal_scipys_periodogram(xp, n, scaling):
    x = data((3, n), "float64")
    out = sw.signal.power_spectrum(xp.asarray(x), axes=1, sampling=0.25, scaling=scaling, half=True)
    _, expected = scipy.signal.periodogram(x, fs=4.0, detrend=False, scaling=scaling)
    xp_assert_close(out, xp.asarray(expected), rtol=1e-12, atol=1e-15)


def test_detrend_equals_scipys_where_axes_are_whole_and_where_they_are_cut(xp):
    x = data((3, 16), "float64", offset=5.0)
    out = sw.signal.power_spectrum(xp.asarray(x), axes=1, detrend="constant", half=True)
    _, expected = scipy.signal.periodogram(x, detrend="constant")
    xp_assert_close(out, xp.asarray(expected), rtol=1e-10, atol=1e-13)
    chunked = da.from_array(x, chunks=(1, 16))
    whole = sw.signal.power_spectrum(chunked, axes=1, detrend="constant", half=True)
    np.testing.assert_allclose(whole.compute(), expected, atol=1e-13)


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("window", ["hann", ("kaiser", 8.0), np.arange(1.0, 17.0)])
def test_windowed_spectra_with_the_correction_equal_scipys_periodogram(xp, window, scaling, n):
    x = data((3, n), "float64", offset=5.0)
    window = window if not isinstance(window, np.ndarray) else np.arange(1.0, n + 1)
    out = sw.signal.power_spectrum(
        xp.asarray(x),
        axes=1,
        sampling=0.25,
        scaling=scaling,
        half=True,
        window=window,
        window_correction=True,
        detrend="linear",
    )
    _, expected = scipy.signal.periodogram(
        x, fs=4.0, window=window, detrend="linear", scaling=scaling
    )
    xp_assert_close(out, xp.asarray(expected), rtol=0, atol=1e-13)


@given(st.data())
def test_result_does_not_depend_on_chunking(draw):
    x = data((5, 6, 7), "float64", offset=3.0)
    kwargs = {
        "axes": draw.draw(st.sampled_from([(0,), (2, 0), (1, 2), (0, 1, 2)])),
        "window": draw.draw(st.sampled_from([None, "hann", ("tukey", 0.3)])),
        "detrend": draw.draw(st.sampled_from([None, "constant", "linear"])),
        "shift": draw.draw(st.booleans()),
        "half": draw.draw(st.booleans()),
    }
    lazy = da.from_array(x, chunks=draw.draw(chunkings(x.shape)))
    want = sw.signal.power_spectrum(x, **kwargs)
    got = sw.signal.power_spectrum(lazy, **kwargs)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("detrend", [None, "constant", "linear"])
@pytest.mark.parametrize("window", [None, "hann", ("kaiser", 6.0)])
@pytest.mark.parametrize("half", [False, True])
def test_a_series_too_long_to_gather_is_transformed_in_its_chunks(half, window, detrend):
    x = data((2**15,), "float64", offset=3.0)
    kwargs = {"axes": 0, "window": window, "detrend": detrend, "half": half, "shift": True}
    want = sw.signal.power_spectrum(x, **kwargs)
    source = CountingSource(x, 2**12)
    with sw.set_options(memory="2MiB"), raise_if_computes():
        got = sw.signal.power_spectrum(source.array, **kwargs)
    assert len(got.chunks[0]) > 1
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-9)
    twice = detrend == "linear" or (detrend == "constant" and window is not None)
    assert source.passes == (2 if twice else 1)


def test_single_precision_stays_accurate_with_a_large_mean():
    x = data((4, 4096), "float32", offset=1e4)
    want = sw.signal.power_spectrum(x.astype("f8"), axes=1, detrend="linear", window="hann")
    for chunks in [(1, 4096), (4, 1000)]:
        lazy = da.from_array(x, chunks=chunks)
        got = sw.signal.power_spectrum(lazy, axes=1, detrend="linear", window="hann")
        assert got.dtype == np.float32
        np.testing.assert_allclose(got.compute(), want, rtol=0, atol=1e-5 * want.max())


def test_cut_axes_are_gathered_once_for_all_of_it():
    source = CountingSource(data((8, 16, 16)), (8, 4, 8))
    with raise_if_computes():
        out = sw.signal.power_spectrum(
            source.array, axes=(1, 2), window="hann", detrend="linear", shift=True
        )
    (layer,) = (v for k, v in out.dask.layers.items() if k.startswith("spanwise"))
    assert layer.step.pattern.startswith("exchange")
    assert layer.step.kernel == "power"
    assert len(layer) == layer.plan.tasks
    out.compute()
    assert source.passes == 1


@pytest.mark.parametrize("window", ["hann", ["hann", None], [None, np.arange(1.0, 10.0)]])
def test_axes_have_one_window_or_one_each(xp, window):
    x = data((3, 9, 9), "float64")
    each = window if isinstance(window, list) else [window] * 2
    tables = [
        np.ones(9) if w is None else w if isinstance(w, np.ndarray) else get_window(w, 9)
        for w in each
    ]
    want = density(x * tables[0][:, None] * tables[1], (1, 2), (1.0, 1.0))
    got = sw.signal.power_spectrum(xp.asarray(x), axes=(1, 2), window=window)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_the_correction_divides_by_the_mean_square_or_the_squared_mean(scaling):
    x = data((8, 9), "float64")
    kwargs = {"axes": (0, 1), "window": ["hann", "hamming"], "scaling": scaling}
    plain = sw.signal.power_spectrum(x, **kwargs)
    corrected = sw.signal.power_spectrum(x, window_correction=True, **kwargs)
    w = get_window("hann", 8)[:, None] * get_window("hamming", 9)
    loss = (w**2).mean() if scaling == "density" else w.mean() ** 2
    np.testing.assert_allclose(corrected, plain / loss, rtol=1e-12)


@pytest.mark.parametrize("half", [False, True])
def test_parseval_holds_of_what_is_transformed(half):
    x = data((8, 9), "float64", offset=2.0)
    w = get_window("hann", 8)[:, None] * get_window("hann", 9)
    left = sw.signal.power_spectrum(
        x, axes=(0, 1), window="hann", detrend="constant", scaling="spectrum", half=half
    )
    np.testing.assert_allclose(left.sum(), ((w * (x - x.mean())) ** 2).mean(), rtol=1e-12)
    density = sw.signal.power_spectrum(
        x, axes=(0, 1), sampling=(0.5, 2.0), window="hann", window_correction=True, half=half
    )
    integral = density.sum() / (8 * 0.5 * 9 * 2.0)
    np.testing.assert_allclose(integral, ((w * x) ** 2).mean() / (w**2).mean(), rtol=1e-12)


@given(st.data())
def test_parseval_holds_whatever_the_chunking(draw):
    x = data((5, 6, 7), "float64")
    chunks = draw.draw(chunkings(x.shape))
    axes = draw.draw(st.sampled_from([(0,), (2, 0), (1, 2), (0, 1, 2)]))
    half = draw.draw(st.booleans())
    out = sw.signal.power_spectrum(
        da.from_array(x, chunks=chunks), axes=axes, scaling="spectrum", half=half
    )
    np.testing.assert_allclose(
        out.sum(axis=axes).compute(scheduler="sync"), (x**2).mean(axis=axes), rtol=1e-12
    )


def test_shift_leaves_the_halved_axis_alone(xp):
    x = data((4, 6), "float64")
    plain = np.abs(np.fft.rfft2(x)) ** 2 / 24
    plain[:, 1:3] *= 2
    out = sw.signal.power_spectrum(xp.asarray(x), axes=(0, 1), half=True, shift=True)
    xp_assert_close(out, xp.asarray(np.fft.fftshift(plain, axes=0)), rtol=1e-12)


def test_nothing_computes_and_whole_axes_take_one_task_per_chunk():
    x = da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32")
    with raise_if_computes():
        out = sw.signal.power_spectrum(x, axes=(1, 2), detrend="constant", shift=True)
    assert out.dtype == "float32"
    from dask import optimize

    assert len(optimize(out)[0].__dask_graph__()) == 4


ODD = [1.0, 0.0, -1.0]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"axes": ()}, "at least one"),
        ({"axes": 0, "scaling": "power"}, "scaling='power'"),
        ({"axes": 0, "detrend": "quadratic"}, "detrend='quadratic'"),
        ({"axes": 0, "sampling": (1.0, 2.0)}, "sampling="),
        ({"axes": 0, "sampling": -1.0}, "positive"),
        ({"axes": (0, 0)}, "unique"),
        ({"axes": 0, "window": "nope"}, "window='nope'"),
        ({"axes": 1, "window": np.ones(2)}, "3 real numbers"),
        ({"axes": 1, "window": ["hann", "hann"]}, "2 windows for 1 axes"),
        ({"axes": 1, "window_correction": True}, "no window"),
        (
            {
                "axes": 1,
                "window": [1.0, 0.0, -1.0],
                "window_correction": True,
                "scaling": "spectrum",
            },
            "no mean",
        ),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        sw.signal.power_spectrum(np.ones((2, 3)), **kwargs)


def test_half_spectra_of_complex_data_are_refused():
    with pytest.raises(ArrayTypeError, match="complex"):
        sw.signal.power_spectrum(np.ones(4, complex), axes=0, half=True)


def test_labelled_data_is_told_the_accessor():
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"spanwise\.signal\.power_spectrum"):
        sw.signal.power_spectrum(xr.DataArray(np.ones(4)), axes=0)


@pytest.mark.parametrize("dtype", ["complex64", "int16"])
@pytest.mark.parametrize("detrend", ["constant", "linear"])
@pytest.mark.parametrize("chunks", [(5, 7), (2, 3), ((0, 3, 2), (1, 0, 6))])
def test_complex_data_integers_and_uneven_or_empty_chunks_are_served(chunks, detrend, dtype):
    real, imaginary = 10 * np.random.default_rng(0).normal(size=(2, 5, 7)) + 3
    x = (real + 1j * imaginary if dtype == "complex64" else real).astype(dtype)
    kwargs = {"axes": (1, 0), "window": "hann", "detrend": detrend, "shift": True}
    wide = "complex128" if dtype == "complex64" else "float64"
    want = sw.signal.power_spectrum(x.astype(wide), **kwargs)
    got = sw.signal.power_spectrum(da.from_array(x, chunks=chunks), **kwargs)
    assert got.dtype == ("float32" if dtype == "complex64" else "float64")
    np.testing.assert_allclose(got.compute(), want, rtol=0, atol=1e-4)


def test_one_sample_has_the_power_of_its_mean():
    x = np.asarray([[3.0], [4.0]])
    np.testing.assert_allclose(sw.signal.power_spectrum(x, axes=1), x**2)
    np.testing.assert_allclose(sw.signal.power_spectrum(x, axes=1, detrend="linear"), 0)
    np.testing.assert_allclose(sw.signal.power_spectrum(x, axes=1, window="hann"), x**2)


def test_missing_values_stay_where_their_line_is():
    x = data((4, 8), "float64")
    x[1, 3] = np.nan
    for chunks in (x.shape, (2, 3)):
        lazy = da.from_array(x, chunks=chunks)
        out = sw.signal.power_spectrum(lazy, axes=1, detrend="linear", window="hann").compute()
        np.testing.assert_array_equal(np.isnan(out).all(axis=1), [False, True, False, False])
        np.testing.assert_array_equal(np.isnan(out).any(axis=1), [False, True, False, False])
