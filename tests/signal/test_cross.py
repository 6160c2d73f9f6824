"""Cross spectra and phases of two arrays."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import HostFree, raise_if_computes, register_with_dask, xp_assert_close
from spanwise.testing.strategies import chunkings

register_with_dask()


def pair(shape=(4, 6, 9), dtype="float64"):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)


def by_hand(x, y, axes, window=None):
    if window is not None:
        for axis in axes:
            w = scipy.signal.get_window(window, x.shape[axis])
            w = w.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
            x, y = x * w, y * w
    return np.fft.fftn(x, axes=axes) * np.fft.fftn(y, axes=axes).conj()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_density_is_the_product_of_transforms_times_spacing_over_points(xp, dtype):
    x, y = pair(dtype=dtype)
    want = by_hand(x, y, (0, 2), "hann") * 0.5 * 2.0 / 36
    single = dtype != "float64"
    got = sw.signal.cross_spectrum(
        xp.asarray(x), xp.asarray(y), axes=(0, 2), sampling=(0.5, 2.0), window="hann"
    )
    want = want.astype("complex64" if single else "complex128")
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-5 if single else 1e-12)


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_it_is_the_conjugate_of_scipys_csd(n, scaling):
    x, y = pair((3, n))
    _, want = scipy.signal.csd(
        x, y, fs=4.0, window="hann", nperseg=n, detrend="linear", scaling=scaling
    )
    got = sw.signal.cross_spectrum(
        x,
        y,
        axes=1,
        sampling=0.25,
        window="hann",
        window_correction=True,
        detrend="linear",
        scaling=scaling,
        half=True,
    )
    np.testing.assert_allclose(got, want.conj(), atol=1e-14)


@given(st.data())
def test_result_does_not_depend_on_chunking(draw):
    x, y = pair((5, 6, 7))
    axes = draw.draw(st.sampled_from([(0,), (2, 0), (1, 2), (0, 1, 2)]))
    kwargs = {
        "axes": axes,
        "window": draw.draw(st.sampled_from([None, "hann"])),
        "detrend": draw.draw(st.sampled_from([None, "constant", "linear"])),
        "shift": draw.draw(st.booleans()),
        "half": draw.draw(st.booleans()),
    }
    lazy = [da.from_array(z, chunks=draw.draw(chunkings(z.shape))) for z in (x, y)]
    want = sw.signal.cross_spectrum(x, y, **kwargs)
    got = sw.signal.cross_spectrum(*lazy, **kwargs)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("detrend", [None, "constant", "linear"])
@pytest.mark.parametrize("window", [None, "hann"])
@pytest.mark.parametrize("half", [False, True])
def test_a_series_too_long_to_gather_is_transformed_in_its_chunks(half, window, detrend):
    x, y = pair((2**15,), "float64")
    kwargs = {"axes": 0, "window": window, "detrend": detrend, "half": half, "shift": True}
    want = sw.signal.cross_spectrum(x, y, **kwargs)
    lazy = [da.from_array(z, chunks=c) for z, c in ((x, 2**12), (y, 5000))]
    with sw.set_options(memory="2MiB"), raise_if_computes():
        got = sw.signal.cross_spectrum(*lazy, **kwargs)
    assert len(got.chunks[0]) > 1
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shapes", [((6, 8), (5, 6, 8)), ((5, 1, 8), (6, 8)), ((5, 6, 8), (8,))])
def test_arrays_broadcast_against_each_other(xp, shapes):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape) for shape in shapes)
    want = by_hand(*np.broadcast_arrays(x, y), (2,))
    got = sw.signal.cross_spectrum(xp.asarray(x), xp.asarray(y), axes=-1, scaling="spectrum")
    xp_assert_close(got, xp.asarray(want / 64), rtol=0, atol=1e-12)


def test_a_lazy_array_goes_with_one_in_memory():
    x, y = pair((6, 8))
    lazy = da.from_array(x, chunks=(2, 8))
    got = sw.signal.cross_spectrum(lazy, y, axes=1)
    assert got.chunks == lazy.chunks
    np.testing.assert_allclose(got.compute(), by_hand(x, y, (1,)) / 8, atol=1e-12)
    back = sw.signal.cross_spectrum(y, lazy, axes=1)
    np.testing.assert_allclose(back.compute(), got.compute().conj(), atol=1e-12)


def test_an_array_with_itself_gives_its_power():
    x, _ = pair()
    kwargs = {"axes": (1, 2), "window": "hamming", "detrend": "linear", "shift": True}
    got = sw.signal.cross_spectrum(x, x, **kwargs)
    np.testing.assert_allclose(got.real, sw.signal.power_spectrum(x, **kwargs), atol=1e-13)
    np.testing.assert_allclose(got.imag, 0, atol=1e-13)


@pytest.mark.parametrize("half", [False, True])
def test_the_sum_is_the_mean_of_the_product(half):
    x, y = pair((8, 9))
    got = sw.signal.cross_spectrum(x, y, axes=(0, 1), scaling="spectrum", half=half)
    np.testing.assert_allclose(got.sum().real, (x * y).mean(), rtol=1e-12)


def test_the_phase_is_that_of_x_less_that_of_y(xp):
    x, y = pair((4, 10), "float32")
    want = np.angle(by_hand(x, y, (1,))).astype("float32")[:, 1:5]
    got = sw.signal.cross_phase(xp.asarray(x), xp.asarray(y), axes=1)
    xp_assert_close(got[:, 1:5], xp.asarray(want), rtol=0, atol=1e-4)


def test_nothing_computes_and_pairs_of_chunks_take_one_task():
    x, y = (da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32") for _ in range(2))
    with raise_if_computes():
        cross = sw.signal.cross_spectrum(x, y + 1, axes=(1, 2), detrend="linear", shift=True)
        phase = sw.signal.cross_phase(x, y + 1, axes=(1, 2), window="hann", shift=True)
    assert cross.dtype == "complex64"
    assert phase.dtype == "float32"
    for out in (cross, phase):
        assert len(dask.optimize(out)[0].__dask_graph__()) == 4


def test_exchanges_of_the_two_share_the_budget():
    x, y = (da.zeros((64, 64, 64), chunks=(8, 64, 64), dtype="float32") for _ in range(2))
    with sw.set_options(memory="2.5MiB"):
        one = sw.signal.power_spectrum(x, axes=0)
        two = sw.signal.cross_spectrum(x, y + 1, axes=0)
    assert "exchange (view)" in patterns(one)
    assert patterns(two).count("exchange (staged)") == 2


def patterns(y):
    return [v.step.pattern for v in y.dask.layers.values() if hasattr(v, "step")]


def test_chunks_of_a_device_stay_there():
    x, y = (
        da.from_array(HostFree.copy_from_host(z), chunks=(2, 5), asarray=False)
        for z in pair((4, 10), "float32")
    )
    for axes in (0, 1):
        out = sw.signal.cross_spectrum(x, y, axes=axes, window="hann", detrend="linear")
        assert isinstance(out._meta, HostFree)
        assert isinstance(out.compute(scheduler="sync"), HostFree)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (np.ones((3, 4)), np.ones((2, 4)), ArgumentError, "broadcast"),
        (np.ones((3, 4)), np.ones((3, 1)), ArgumentError, "y has the shape"),
        (np.ones((1, 1)), np.ones((3, 4)), ArgumentError, "x has the shape"),
        (np.ones(4), HostFree.copy_from_host(np.ones(4)), ArrayTypeError, "hostfree"),
        (np.ones(4), np.ma.ones(4), ArrayTypeError, "y is a masked"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(x, y, error, message):
    with pytest.raises(error, match=message):
        sw.signal.cross_spectrum(x, y, axes=-1)


def test_half_a_spectrum_of_complex_data_is_refused():
    with pytest.raises(ArrayTypeError, match="complex"):
        sw.signal.cross_spectrum(np.ones(4), np.ones(4, complex), axes=0, half=True)


def test_labelled_data_is_told_the_accessor():
    xr = pytest.importorskip("xarray")
    z = xr.DataArray(np.ones(4))
    with pytest.raises(ArrayTypeError, match=r"spanwise\.signal\.cross_phase"):
        sw.signal.cross_phase(z, z, axes=0)
