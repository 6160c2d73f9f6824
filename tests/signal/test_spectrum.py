import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import raise_if_computes, xp_assert_close
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


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"axes": ()}, "at least one"),
        ({"axes": 0, "scaling": "power"}, "scaling='power'"),
        ({"axes": 0, "detrend": "quadratic"}, "detrend='quadratic'"),
        ({"axes": 0, "sampling": (1.0, 2.0)}, "sampling="),
        ({"axes": 0, "sampling": -1.0}, "positive"),
        ({"axes": (0, 0)}, "unique"),
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
