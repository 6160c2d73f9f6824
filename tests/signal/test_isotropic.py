import math

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from dask._task_spec import Alias
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import raise_if_computes, xp_assert_close
from spanwise.testing.strategies import chunkings


def data(shape=(3, 15, 18), dtype="float64", offset=0.0):
    return (np.random.default_rng(0).normal(size=shape) + offset).astype(dtype)


def distances(lengths, spacings):
    """Distance from zero of each frequency of the whole spectrum."""
    f = np.meshgrid(
        *(np.fft.fftfreq(n, d) for n, d in zip(lengths, spacings, strict=True)), indexing="ij"
    )
    return np.sqrt(sum(np.square(g) for g in f))


def rings_by_hand(lengths, spacings, nfactor=4):
    """Number of the ring of each frequency, and the width, by the definition."""
    r = distances(lengths, spacings)
    width = r.max() / max(1, int(min(lengths) / nfactor))
    return np.maximum(np.ceil(r / width - 1e-9).astype(int) - 1, 0), width


def by_hand(x, axes, spacings, *, nfactor=4, density=True):
    """The spectrum of axes that come last, of all rings that hold a frequency."""
    lengths = [x.shape[a] for a in axes]
    power = np.abs(np.fft.fftn(x, axes=axes)) ** 2 / np.prod(lengths) ** 2
    ring, width = rings_by_hand(lengths, spacings, nfactor)
    sums = [power[..., ring == j].sum(-1) for j in range(ring.max() + 1) if (ring == j).any()]
    return np.stack(sums, -1) / (width if density else 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int16"])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_rings_hold_the_power_of_their_frequencies(xp, dtype, scaling):
    x = (10 * data()).astype(dtype)
    out = sw.signal.isotropic_power_spectrum(
        xp.asarray(x), axes=(1, 2), sampling=(0.5, 2.0), scaling=scaling, truncate=False
    )
    single = dtype in ("float32", "complex64")
    expected = by_hand(x.astype("complex128"), (1, 2), (0.5, 2.0), density=scaling == "density")
    expected = expected.astype("float32" if single else "float64")
    xp_assert_close(out, xp.asarray(expected), rtol=1e-5 if single else 1e-10)


def test_three_dimensions_have_shells(xp):
    x = data((2, 6, 7, 9))
    spacings = (1.0, 0.5, 0.25)
    out = sw.signal.isotropic_power_spectrum(
        xp.asarray(x), axes=(1, 2, 3), sampling=spacings, nfactor=2, truncate=False
    )
    xp_assert_close(out, xp.asarray(by_hand(x, (1, 2, 3), spacings, nfactor=2)), rtol=1e-10)


def test_the_order_of_axes_does_not_matter_and_rings_come_last(xp):
    x = data((15, 3, 18))
    expected = by_hand(np.moveaxis(x, 1, 0), (1, 2), (0.5, 2.0))
    for axes, sampling in (((0, 2), (0.5, 2.0)), ((-1, 0), (2.0, 0.5))):
        out = sw.signal.isotropic_power_spectrum(
            xp.asarray(x), axes=axes, sampling=sampling, truncate=False
        )
        xp_assert_close(out, xp.asarray(expected), rtol=1e-10)
    x = data((15, 18, 3))
    out = sw.signal.isotropic_power_spectrum(xp.asarray(x), axes=(0, 1), truncate=False)
    expected = by_hand(np.moveaxis(x, 2, 0), (1, 2), (1, 1))
    xp_assert_close(out, xp.asarray(expected), rtol=1e-10)


@given(st.data())
def test_parseval_holds_whatever_the_chunking(draw):
    x = data((4, 5, 6))
    chunks = draw.draw(chunkings(x.shape))
    axes = draw.draw(st.sampled_from([(0, 1), (2, 0), (1, 2), (0, 1, 2)]))
    nfactor = draw.draw(st.sampled_from([1, 1.5, 4, 100]))
    sampling = draw.draw(st.sampled_from([1.0, 0.1, tuple(1.0 + a for a in axes)]))
    how = {"nfactor": nfactor, "truncate": False}
    out = sw.signal.isotropic_power_spectrum(
        da.from_array(x, chunks=chunks), axes=axes, sampling=sampling, **how
    )
    bins = sw.signal.isotropic_bins([x.shape[a] for a in axes], sampling, **how)
    assert out.chunks[-1] == (bins.frequency.size,)
    assert bins.modes.sum() == math.prod(x.shape[a] for a in axes)
    total = out.sum(axis=-1).compute(scheduler="sync") * bins.width
    np.testing.assert_allclose(total, (x**2).mean(axis=axes), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("chunks", [(1, 15, 18), (3, 4, 18), (2, 15, 5), (2, 4, 5), (3, 1, 18)])
def test_result_does_not_depend_on_chunking(dtype, chunks):
    x = data(dtype=dtype, offset=3.0)
    x = x + 1j * data() if dtype == "complex128" else x
    expected = sw.signal.isotropic_power_spectrum(x, axes=(1, 2), detrend="constant")
    with raise_if_computes():
        out = sw.signal.isotropic_power_spectrum(
            da.from_array(x, chunks=chunks), axes=(1, 2), detrend="constant"
        )
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("lengths", [(15, 18), (16, 16), (3, 40), (6, 7, 9), (8, 8, 8)])
@pytest.mark.parametrize("truncate", [True, False])
def test_bins_are_those_of_all_frequencies(lengths, truncate):
    spacings = (0.5, 2.0, 1.0)[: len(lengths)]
    bins = sw.signal.isotropic_bins(lengths, spacings, nfactor=2, truncate=truncate)
    r = distances(lengths, spacings)
    ring, width = rings_by_hand(lengths, spacings, 2)
    held = [j for j in range(ring.max() + 1) if (ring == j).any()]
    mean = np.array([r[ring == j].mean() for j in held])
    highest = min(np.fft.fftfreq(n, d).max() for n, d in zip(lengths, spacings, strict=True))
    keep = (mean <= highest) | (np.arange(mean.size) == 0) | (not truncate)
    np.testing.assert_allclose(bins.frequency, mean[keep])
    np.testing.assert_array_equal(bins.modes, np.array([(ring == j).sum() for j in held])[keep])
    assert bins.width == pytest.approx(width)


def test_truncated_rings_are_the_first_of_all():
    x = data()
    whole = sw.signal.isotropic_power_spectrum(x, axes=(1, 2), truncate=False)
    kept = sw.signal.isotropic_power_spectrum(x, axes=(1, 2))
    np.testing.assert_allclose(kept, whole[:, : kept.shape[1]])
    assert 0 < kept.shape[1] < whole.shape[1]


def test_frequencies_on_the_edge_of_a_ring_stay_together_with_their_mirror_images():
    # On a square grid the edges of the rings run through (2 j, 2 j).
    for i, j in ((2, 2), (4, 4), (2, 14)):
        wave = [
            np.cos(2 * np.pi * (a * np.arange(64)[:, None] + b * np.arange(64)) / 64)
            for a, b in ((i, j), (j, i), (i, -j))
        ]
        out = sw.signal.isotropic_power_spectrum(
            np.stack(wave), axes=(1, 2), sampling=0.1, scaling="spectrum"
        )
        peaks = out.argmax(axis=1)
        assert peaks[0] == peaks[1] == peaks[2]
        np.testing.assert_allclose(out.max(axis=1), 0.5)


def test_whole_axes_take_one_task_per_chunk_and_bins_no_pass_over_the_data():
    x = da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32")
    with raise_if_computes():
        out = sw.signal.isotropic_power_spectrum(x, axes=(1, 2), detrend="constant")
    assert out.dtype == "float32"
    graph = dict(dask.optimize(out)[0].__dask_graph__())
    assert sum(not isinstance(task, Alias) for task in graph.values()) == 4


def test_cut_axes_have_a_planned_tree():
    values = data((512, 512), "float32")
    x = da.from_array(values, chunks=(512, 32))
    with sw.set_options(memory="4MiB"):
        out = sw.signal.isotropic_power_spectrum(x, axes=(0, 1))
    expected = sw.signal.isotropic_power_spectrum(values, axes=(0, 1))
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-4)
    rows = {row.name: row for row in sw.explain(out).rows}
    assert rows["spanwise-isotropic-sum-sum"].pattern == "reduce"
    layers = [layer for layer in out.dask.layers.values() if hasattr(layer, "step")]
    assert any(layer.step.pattern == "reduce" for layer in layers)
    assert all(len(layer) == layer.step.tasks for layer in layers)


def test_empty_batches_stay_empty(xp):
    out = sw.signal.isotropic_power_spectrum(xp.asarray(np.zeros((0, 8, 8))), axes=(1, 2))
    assert tuple(out.shape) == (0, 1)


def test_nan_stays_in_its_line(xp):
    x = data()
    expected = sw.signal.isotropic_power_spectrum(x, axes=(1, 2))
    x[1, 3, 4] = np.nan
    out = sw.signal.isotropic_power_spectrum(xp.asarray(x), axes=(1, 2))
    expected[1] = np.nan
    xp_assert_close(out, xp.asarray(expected), rtol=1e-10)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"axes": (0,)}, "two or three"),
        ({"axes": (0, 1, 2, 3)}, "two or three"),
        ({"axes": (0, 0)}, "unique"),
        ({"axes": (0, 1)}, "2, 5 samples"),
        ({"axes": (1, 2), "scaling": "power"}, "scaling='power'"),
        ({"axes": (1, 2), "detrend": "cubic"}, "detrend='cubic'"),
        ({"axes": (1, 2), "sampling": (1.0, 2.0, 3.0)}, "sampling="),
        ({"axes": (1, 2), "sampling": 0}, "positive"),
        ({"axes": (1, 2), "nfactor": 0}, "nfactor=0"),
        ({"axes": (1, 2), "nfactor": "all"}, "nfactor='all'"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        sw.signal.isotropic_power_spectrum(np.ones((2, 5, 6, 7)), **kwargs)


def test_labelled_data_is_told_the_accessor():
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"signal\.isotropic_power_spectrum"):
        sw.signal.isotropic_power_spectrum(xr.DataArray(np.ones((4, 4))), axes=(0, 1))


def tapered(x, window, detrend):
    """The data of the last two axes less their mean and times a window along each."""
    x = x - x.mean(axis=(-2, -1), keepdims=True) if detrend == "constant" else x
    w = [scipy.signal.get_window(name, n) for name, n in zip(window, x.shape[-2:], strict=True)]
    return x * w[0][:, None] * w[1], w


@pytest.mark.parametrize("chunks", [None, (1, 15, 18), (3, 4, 18), (3, 4, 5)])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_windows_belong_to_axes_and_are_corrected_for(xp, chunks, scaling):
    x = data(offset=2.0)
    y, (first, second) = tapered(x, ("hann", "boxcar"), "constant")
    expected = by_hand(y, (1, 2), (0.5, 2.0), density=scaling == "density")
    loss = (
        np.mean(first**2) * np.mean(second**2)
        if scaling == "density"
        else (first.mean() * second.mean()) ** 2
    )
    lazy = xp.asarray(x) if chunks is None else da.from_array(x, chunks=chunks)
    for axes, sampling, window in (
        ((1, 2), (0.5, 2.0), ["hann", None]),
        ((2, 1), (2.0, 0.5), [None, "hann"]),
    ):
        how = {"axes": axes, "sampling": sampling, "window": window, "scaling": scaling}
        out = sw.signal.isotropic_power_spectrum(
            lazy, detrend="constant", window_correction=True, truncate=False, **how
        )
        if chunks is None:
            xp_assert_close(out, xp.asarray(expected / loss), rtol=1e-9)
        else:
            np.testing.assert_allclose(out.compute(), expected / loss, rtol=1e-9)


@pytest.mark.parametrize("memory", [None, "64KiB"])
def test_linear_trends_and_windows_survive_cut_axes(memory):
    x = data((64, 64)) + np.arange(64)
    how = {"axes": (0, 1), "window": "hann", "detrend": "linear"}
    expected = sw.signal.isotropic_power_spectrum(x, **how)
    with sw.set_options(memory=memory):
        out = sw.signal.isotropic_power_spectrum(da.from_array(x, chunks=(16, 16)), **how)
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-9)


def cross_by_hand(x, y, spacings):
    lengths = x.shape[-2:]
    cross = np.fft.fft2(x) * np.conj(np.fft.fft2(y)) / np.prod(lengths) ** 2
    ring, width = rings_by_hand(lengths, spacings)
    return np.stack([cross[..., ring == j].sum(-1) for j in range(ring.max() + 1)], -1) / width


@pytest.mark.parametrize("dtypes", [("f4", "f4"), ("f8", "f4"), ("f8", "c16"), ("c8", "c8")])
def test_cross_spectra_are_real_for_real_data(xp, dtypes):
    x, y = data().astype(dtypes[0]), data((1, 15, 18), offset=1.0).astype(dtypes[1])
    x, y = (
        z * np.exp(1j * np.arange(18)).astype(z.dtype) if z.dtype.kind == "c" else z for z in (x, y)
    )
    expected = cross_by_hand(x.astype("c16"), y.astype("c16"), (0.5, 2.0))
    out = sw.signal.isotropic_cross_spectrum(
        xp.asarray(x), xp.asarray(y), axes=(1, 2), sampling=(0.5, 2.0), truncate=False
    )
    dtype = np.result_type(x, y)
    if dtype.kind != "c":
        np.testing.assert_allclose(expected.imag, 0, atol=1e-12)
        expected = expected.real
    xp_assert_close(out, xp.asarray(expected.astype(dtype)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chunks", [(1, 15, 18), (3, 4, 18), (2, 15, 5), (3, 4, 5)])
@pytest.mark.parametrize("memory", [None, "16KiB"])
def test_cross_spectra_do_not_depend_on_chunking(chunks, memory):
    x, y = data(), data()[::-1] + data(offset=1.0)
    how = {"axes": (1, 2), "window": "hann"}
    expected = sw.signal.isotropic_cross_spectrum(x, y, **how)
    with raise_if_computes(), sw.set_options(memory=memory):
        out = sw.signal.isotropic_cross_spectrum(
            da.from_array(x, chunks=chunks), da.from_array(y, chunks=(2, 5, 18)), **how
        )
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-9, atol=1e-12)


def test_the_cross_spectrum_with_itself_is_the_power_spectrum(xp):
    x = xp.asarray(data())
    out = sw.signal.isotropic_cross_spectrum(x, x, axes=(1, 2))
    xp_assert_close(out, sw.signal.isotropic_power_spectrum(x, axes=(1, 2)), rtol=1e-10)


def test_one_long_pair_of_arrays_adds_its_rings_in_trees():
    x, y = np.random.default_rng(0).normal(size=(2, 512, 512)).astype("f4")
    with sw.set_options(memory="6MiB"):
        out = sw.signal.isotropic_cross_spectrum(
            da.from_array(x, chunks=(512, 32)), da.from_array(y, chunks=(512, 32)), axes=(0, 1)
        )
    assert "reduce" in {row.pattern for row in sw.explain(out).rows}
    assert out.dtype == "float32"
    expected = sw.signal.isotropic_cross_spectrum(x, y, axes=(0, 1))
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("window", [8.6, ("kaiser", 8.6), "hann"])
def test_every_form_of_a_window_survives_cut_axes(window):
    x = data((64, 64))
    expected = sw.signal.isotropic_power_spectrum(x, axes=(0, 1), window=window)
    with sw.set_options(memory="64KiB"):
        out = sw.signal.isotropic_power_spectrum(
            da.from_array(x, chunks=(16, 16)), axes=(0, 1), window=window
        )
    assert "spanwise-isotropic-sum" in {row.name for row in sw.explain(out).rows}
    np.testing.assert_allclose(out.compute(), expected, rtol=1e-9)
