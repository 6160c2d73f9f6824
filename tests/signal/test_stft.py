"""Spectra of each segment and the way back; SciPy's functions are the oracle."""

import inspect
import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, AxisError
from spanwise.signal import istft, spectrogram, stft
from spanwise.testing import HostFree, raise_if_computes, register_with_dask, xp_assert_close
from spanwise.testing.strategies import chunkings

register_with_dask()

CUTS = (None, 200, 64, 37, 7, (30, 0, 1, 69, 100))


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = 5 + 10 * rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def cut(x, axis, lengths):
    if lengths is None:
        return x
    chunks = [1] * x.ndim
    chunks[axis] = lengths
    return da.from_array(x, chunks=tuple(chunks))


def agrees(got, want, rtol=1e-12):
    assert got.dtype == want.dtype
    got = np.asarray(got)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=rtol * np.abs(want).max())


@pytest.mark.parametrize("function", [spectrogram, stft, istft])
def test_parameters_are_scipys(function):
    theirs = inspect.signature(getattr(scipy.signal, function.__name__)).parameters
    ours = inspect.signature(function).parameters
    assert list(ours) == list(theirs)
    for name, parameter in ours.items():
        if name != "window":  # since 1.17 SciPy says "hann_periodic", which means the same
            assert parameter.default == theirs[name].default


@pytest.mark.parametrize("lengths", CUTS)
@pytest.mark.parametrize("mode", ["psd", "complex", "magnitude", "angle", "phase"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_spectrograms_are_scipys_for_any_chunking(dtype, mode, lengths):
    x = values((2, 200), dtype)
    sides = np.dtype(dtype).kind != "c"
    calls = (
        {"nperseg": 16, "return_onesided": sides},
        {"nperseg": 15, "noverlap": 11, "nfft": 20, "detrend": "linear", "return_onesided": False},
    )
    for call in calls:
        want = scipy.signal.spectrogram(x, 3.0, mode=mode, **call)
        f, t, s = spectrogram(cut(x, 1, lengths), 3.0, mode=mode, **call)
        np.testing.assert_allclose(f, want[0], rtol=1e-15)
        np.testing.assert_allclose(t, want[1], rtol=1e-15)
        if mode in ("angle", "phase"):  # of small numbers, and of those that jump by a turn
            s, other = np.exp(1j * np.asarray(s)), np.exp(1j * want[2])
            assert np.median(np.abs(s - other)) < 1e-5
        else:
            agrees(s, want[2], 1e-5 if dtype == "float32" else 1e-12)


def test_phases_do_not_jump_along_the_frequencies():
    x = values(300)
    s = np.asarray(spectrogram(x, nperseg=64, mode="phase")[2])
    assert np.abs(np.diff(s, axis=0)).max() <= np.pi + 1e-12


@pytest.mark.parametrize("lengths", CUTS)
@pytest.mark.parametrize("boundary", ["zeros", "even", "odd", "constant", None])
@pytest.mark.parametrize(
    "call",
    [
        {"nperseg": 32},
        {"nperseg": 33, "noverlap": 25, "nfft": 50, "scaling": "psd"},
        {"nperseg": 40, "noverlap": 10, "padded": False, "detrend": "constant"},
        {"nperseg": 200, "noverlap": 150},
        {"nperseg": 16, "noverlap": -7},
    ],
)
def test_short_time_transforms_are_scipys_for_any_chunking(call, boundary, lengths):
    x = values((200, 2))
    want = scipy.signal.stft(x, 3.0, boundary=boundary, axis=0, **call)
    f, t, z = stft(cut(x, 0, lengths), 3.0, boundary=boundary, axis=0, **call)
    np.testing.assert_allclose(f, want[0], rtol=1e-15)
    np.testing.assert_allclose(t, want[1], rtol=1e-15, atol=1e-15)
    agrees(z, want[2])


@pytest.mark.parametrize("lengths", CUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "call",
    [
        {"nperseg": 32},
        {"nperseg": 33, "noverlap": 25, "scaling": "psd"},
        {"nperseg": 20, "noverlap": 15, "window": "boxcar"},
    ],
)
def test_the_way_back_is_scipys_and_gives_the_samples(call, dtype, lengths):
    x = values((2, 200), dtype)
    one = np.dtype(dtype).kind != "c"
    z = stft(cut(x, 1, lengths), 3.0, return_onesided=one, **call)[2]
    t, y = istft(z, 3.0, input_onesided=one, freq_axis=1, **call)
    want = scipy.signal.istft(np.asarray(z), 3.0, input_onesided=one, freq_axis=1, **call)[1]
    agrees(y, want, 1e-6)
    assert t.shape == y.shape[1:]
    np.testing.assert_allclose(t[:3], np.arange(3) / 3)
    got = np.asarray(y)[:, :200]
    np.testing.assert_allclose(got, x, rtol=0, atol=1e-4 if z.dtype == "complex64" else 1e-11)


@given(st.data())
def test_neither_way_depends_on_the_chunking(draw):
    n = draw.draw(st.integers(4, 100))
    nperseg = draw.draw(st.integers(2, n))
    shared = draw.draw(st.integers(0, nperseg - 1))
    how = {"nperseg": nperseg, "noverlap": shared, "window": "boxcar"}
    x = values(n)
    want = stft(x, **how)[2]
    z = stft(da.from_array(x, chunks=draw.draw(chunkings((n,)))), **how)[2]
    agrees(z, want)
    cut_again = da.from_array(want, chunks=draw.draw(chunkings(want.shape)))
    y = istft(cut_again, **how)[1]
    assert sum(y.chunks[0]) == y.shape[0] >= n
    agrees(y[:n], x, 1e-11)


def test_axes_of_frequencies_and_segments_may_be_anywhere():
    x = values((3, 100))
    z = stft(x, nperseg=20)[2]
    for axes in ((0, 1), (1, 0), (2, 0), (0, 2)):
        moved = np.moveaxis(z, (1, 2), axes)
        want = scipy.signal.istft(moved, nperseg=20, freq_axis=axes[0], time_axis=axes[1])[1]
        how = {"nperseg": 20, "freq_axis": axes[0], "time_axis": axes[1]}
        agrees(istft(moved, **how)[1], want)
        agrees(istft(da.from_array(moved, chunks=2), **how)[1], want)


def test_on_every_container(xp):
    x = values((3, 100))
    want = scipy.signal.stft(x.T, nperseg=20, boundary="even", axis=0)[2]
    z = stft(xp.asarray(np.ascontiguousarray(x.T)), nperseg=20, boundary="even", axis=0)[2]
    xp_assert_close(z, xp.asarray(want), rtol=0, atol=1e-12 * np.abs(want).max())
    y = istft(stft(xp.asarray(x), nperseg=20)[2], nperseg=20)[1]
    xp_assert_close(y, xp.asarray(x), rtol=0, atol=1e-11)
    for mode in ("psd", "magnitude"):
        want = scipy.signal.spectrogram(x, nperseg=20, mode=mode)[2]
        s = spectrogram(xp.asarray(x), nperseg=20, mode=mode)[2]
        xp_assert_close(s, xp.asarray(want), rtol=0, atol=1e-12 * np.abs(want).max())
    angle = spectrogram(xp.asarray(x), nperseg=20, mode="phase")[2]
    assert tuple(angle.shape) == want.shape


def test_chunks_of_a_device_stay_there():
    x = HostFree.copy_from_host(values((3, 100)))
    lazy = da.from_array(x, chunks=(1, 33), asarray=False)
    f, t, z = stft(lazy, nperseg=20)
    assert {type(f), type(t), type(z._meta)} == {HostFree}
    y = istft(z, nperseg=20)[1]
    assert type(y.compute(scheduler="sync")) is HostFree


def test_each_chunk_is_one_task_and_one_chunk_of_segments():
    x = da.ones((4, 1_000), chunks=(2, 250))
    with raise_if_computes():
        z = stft(x, nperseg=50)[2]
        y = istft(z, nperseg=50)[1]
    assert z.numblocks == (2, 1, 4)
    assert y.numblocks == (2, 4)
    for array in (z, y):
        (step,) = [s.step for k, s in array.dask.layers.items() if k == array.name]
        assert (step.pattern, step.tasks) == ("halo", 2 * 4 + 2 * 3)
        assert step.tasks == len(array.dask.layers[array.name])


def test_whole_axes_are_fused_with_what_makes_them():
    x = da.ones((4, 1_000), chunks=(2, 1_000)) + 1
    s = spectrogram(x, nperseg=50)[2]
    assert len(dict(dask.optimize(s)[0].dask)) == 2


def test_chunks_without_an_end_of_a_segment_are_no_chunks_of_the_result():
    x = da.from_array(values(100), chunks=(10,) * 10)
    s = spectrogram(x, nperseg=40, noverlap=0)[2]
    assert s.chunks == ((21,), (1, 1))
    agrees(s, scipy.signal.spectrogram(x.compute(), nperseg=40, noverlap=0)[2])


def test_no_data_are_no_spectra():
    for x in (np.empty((3, 0)), da.empty((3, 0))):
        assert [v.shape for v in stft(x)] == [(3, 0)] * 3


def test_complex_data_have_two_sides_and_say_so():
    x = values(100, "complex128")
    with pytest.warns(UserWarning, match="two sides") as caught:
        f = stft(x, nperseg=20)[0]
    assert caught[0].filename == __file__
    assert f.min() < 0


def test_samples_that_no_window_covers_are_named():
    x = values(100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        z = stft(x, nperseg=20, boundary=None)[2]
    with pytest.warns(UserWarning, match=r"NOLA.*boundary=") as caught:
        istft(z, nperseg=20, boundary=False)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: spectrogram(x, mode="power", nperseg=8), ArgumentError, "mode='power'"),
        (lambda x: stft(x, boundary="wrap", nperseg=8), ArgumentError, "boundary='wrap'"),
        (lambda x: stft(x, scaling="density", nperseg=8), ArgumentError, "scaling='density'"),
        (lambda x: stft(x, axis=3, nperseg=8), AxisError, "axis 3"),
        (lambda x: istft(x[0]), ArgumentError, "two axes at least"),
        (lambda x: istft(x, freq_axis=1), ArgumentError, "the same axis"),
        (lambda x: istft(x, nperseg=0), ArgumentError, "nperseg=0"),
        (lambda x: istft(x, nperseg=9), ArgumentError, "nfft=2: must be at least nperseg=9"),
        (lambda x: istft(x, noverlap=5), ArgumentError, "noverlap=5"),
        (lambda x: istft(x, scaling="density"), ArgumentError, "scaling='density'"),
        (lambda x: istft(x[:0]), ArgumentError, "expected frequencies and segments"),
    ],
)
def test_wrong_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call(values((2, 100)))
