"""Averages over segments; SciPy's functions are the oracle."""

import inspect

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from dask._task_spec import Alias
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import (
    ArgumentError,
    ArgumentTypeError,
    ArrayTypeError,
    AxisError,
    MemoryBudgetError,
)
from spanwise.signal import coherence, csd, periodogram, welch
from spanwise.testing import HostFree, raise_if_computes, register_with_dask, xp_assert_close
from spanwise.testing.strategies import chunkings

register_with_dask()

DTYPES = ("float32", "float64", "complex64", "complex128", "int32")
CALLS = (
    {"nperseg": 16},
    {"nperseg": 15, "noverlap": 11, "nfft": 30, "detrend": "linear", "scaling": "spectrum"},
    {"nperseg": 16, "noverlap": 0, "window": ("kaiser", 4.0), "return_onesided": False},
    {"nperseg": 17, "detrend": False, "average": "median", "return_onesided": False},
    {"nperseg": 16, "average": "median", "window": np.arange(1.0, 17)},
)
CUTS = (1000, 64, 37, 7, (30, 0, 1, 69, 100))


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = 5 + 10 * rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def pair(shape, dtype="float64"):
    x = values(shape, dtype)
    return x, (np.roll(x, 3) + values(shape, dtype, seed=1)).astype(dtype)


def tolerance(dtype):
    return 5e-6 if np.dtype(dtype) in ("float32", "complex64") else 1e-12


def agrees(got, want, dtype="float64"):
    got = np.asarray(got)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    limit = tolerance(dtype) * np.abs(want).max()
    np.testing.assert_allclose(got, want, rtol=0, atol=limit)


def cut(x, axis, lengths):
    chunks = [1] * x.ndim
    chunks[axis] = lengths
    return da.from_array(x, chunks=tuple(chunks))


def steps(y):
    return [layer.step for layer in y.dask.layers.values() if hasattr(layer, "step")]


@pytest.mark.parametrize("function", [welch, csd, coherence, periodogram])
def test_parameters_are_scipys(function):
    theirs = inspect.signature(getattr(scipy.signal, function.__name__)).parameters
    ours = inspect.signature(function).parameters
    assert list(ours) == list(theirs)
    for name, parameter in ours.items():
        default = theirs[name].default
        if name == "window":  # since 1.17 SciPy says "hann_periodic", which means the same
            default = str(default).removesuffix("_periodic")
        assert parameter.default == default


@pytest.mark.parametrize("lengths", [None, *CUTS[1:]])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int32"])
def test_equal_to_scipys_for_any_chunking(dtype, call, lengths):
    x, y = pair((2, 200), dtype)
    a, b = (x, y) if lengths is None else (cut(x, 1, lengths), cut(y, 1, lengths))
    for function, ours, theirs in ((welch, (a,), (x,)), (csd, (a, b), (x, y))):
        want = getattr(scipy.signal, function.__name__)(*theirs, 3.0, **call)
        f, p = function(*ours, 3.0, **call)
        np.testing.assert_allclose(f, want[0], rtol=1e-15)
        assert isinstance(f, np.ndarray)
        assert lengths is None or p.dtype == want[1].dtype
        agrees(p, want[1], dtype)


@pytest.mark.parametrize("lengths", [None, *CUTS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_coherence_is_scipys(dtype, lengths):
    x, y = pair((2, 200), dtype)
    a, b = (x, y) if lengths is None else (cut(x, 1, lengths), cut(y, 1, lengths))
    want = scipy.signal.coherence(x, y, nperseg=16, window="hamming", detrend="linear")[1]
    agrees(coherence(a, b, nperseg=16, window="hamming", detrend="linear")[1], want, dtype)


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize("lengths", [None, 33])
def test_any_axis(axis, lengths):
    shape = [3, 4, 5]
    shape[axis] = 100
    x, y = pair(tuple(shape))
    a, b = (x, y) if lengths is None else (cut(x, axis, lengths), cut(y, axis, lengths))
    agrees(welch(a, nperseg=12, axis=axis)[1], scipy.signal.welch(x, nperseg=12, axis=axis)[1])
    want = scipy.signal.csd(x, y, nperseg=12, axis=axis)[1]
    agrees(csd(a, b, nperseg=12, axis=axis)[1], want)


@given(st.data())
def test_no_average_depends_on_the_chunking(draw):
    n = draw.draw(st.integers(1, 120))
    nperseg = draw.draw(st.integers(1, n))
    options = {
        "nperseg": nperseg,
        "noverlap": draw.draw(st.integers(0, nperseg - 1)),
        "window": "boxcar",
        "detrend": draw.draw(st.sampled_from([False, "constant"])),
    }
    x, y = pair((n,))
    a, b = (da.from_array(v, chunks=draw.draw(chunkings((n,)))) for v in (x, y))
    agrees(welch(a, **options)[1], scipy.signal.welch(x, **options)[1])
    agrees(csd(a, b, **options)[1], csd(x, y, **options)[1])


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_on_every_container(xp, dtype):
    x, y = pair((3, 100, 2), dtype)
    for function, arrays in ((welch, (x,)), (csd, (x, y)), (coherence, (x, y))):
        want = getattr(scipy.signal, function.__name__)(*arrays, nperseg=20, axis=1)[1]
        got = function(*map(xp.asarray, arrays), nperseg=20, axis=1)[1]
        limit = tolerance(dtype) * np.abs(want).max()
        xp_assert_close(got, xp.asarray(want), rtol=0, atol=limit)


@pytest.mark.parametrize("detrend", [False, "linear"])
def test_medians_and_detrending_on_every_container(xp, detrend):
    x = values((3, 100, 2))
    options = {"nperseg": 20, "average": "median", "detrend": detrend, "axis": 1}
    options["return_onesided"] = False
    want = scipy.signal.welch(x, **options)[1]
    xp_assert_close(welch(xp.asarray(x), **options)[1], xp.asarray(want), rtol=1e-10)


def test_frequencies_are_of_the_library_of_the_data_and_never_lazy():
    x = HostFree.copy_from_host(values((3, 100)))
    assert type(welch(x, nperseg=20)[0]) is HostFree
    lazy = da.from_array(x, chunks=(1, 33), asarray=False)
    f, p = welch(lazy, nperseg=20)
    assert type(f) is HostFree
    assert type(p.compute(scheduler="sync")) is HostFree


def test_float32_sums_of_many_segments_are_as_accurate_as_single_precision():
    x = values(2**20, "float32")
    want = scipy.signal.welch(x.astype("float64"), nperseg=64)[1]
    got = welch(da.from_array(x, chunks=2**17), nperseg=64)[1].compute()
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_long_double_keeps_its_digits():
    x = values(500, "longdouble")
    p = welch(x, nperseg=50, window="boxcar")[1]
    assert p.dtype == "longdouble"
    want = welch(x.astype("float64"), nperseg=50, window="boxcar")[1]
    agrees(p.astype("float64"), want)


def test_integers_are_worked_on_in_double_precision():
    x = (values(300) * 100).astype("int16")
    p = welch(da.from_array(x, chunks=70), nperseg=50)[1]
    assert p.dtype == "float64"
    want = scipy.signal.welch(x.astype("float64"), nperseg=50)[1]
    agrees(p, want)


def test_a_function_may_detrend_the_last_axis_of_segments():
    x = values((200, 3))

    def less_first(segments):
        return segments - segments[..., :1]

    want = welch(x - 0, nperseg=20, detrend=less_first, axis=0)[1]
    each = [scipy.signal.welch(c, nperseg=20, detrend=less_first)[1] for c in x.T]
    agrees(want, np.stack(each, axis=1))
    agrees(welch(cut(x, 0, 33), nperseg=20, detrend=less_first, axis=0)[1], want)


def test_other_axes_broadcast():
    x, y = values((4, 1, 90)), values((3, 90), seed=1)
    want = scipy.signal.csd(x, y, nperseg=20)[1]
    assert want.shape == (4, 3, 11)
    agrees(csd(x, y, nperseg=20)[1], want)
    lazy = da.from_array(x, chunks=(2, 1, 40)), da.from_array(y, chunks=(2, 31))
    agrees(csd(*lazy, nperseg=20)[1], want)
    agrees(csd(lazy[0], y, nperseg=20)[1], want)
    agrees(csd(x, lazy[1], nperseg=20)[1], want)
    agrees(coherence(*lazy, nperseg=20)[1], coherence(x, y, nperseg=20)[1])
    few = {"nperseg": 20, "average": "median"}
    agrees(csd(*lazy, **few)[1], scipy.signal.csd(x, y, **few)[1])


def test_the_shorter_of_two_arrays_is_continued_by_zeros():
    x, y = values(90), values(130, seed=1)
    for a, b in ((x, y), (y, x)):
        for average in ("mean", "median"):
            want = scipy.signal.csd(a, b, nperseg=20, average=average)[1]
            agrees(csd(a, b, nperseg=20, average=average)[1], want)
            lazy = da.from_array(a, chunks=33), da.from_array(b, chunks=50)
            agrees(csd(*lazy, nperseg=20, average=average)[1], want)


def test_the_cross_spectrum_of_an_array_with_itself_is_its_power():
    x = da.from_array(values(200), chunks=70)
    p = csd(x, x, nperseg=20)[1]
    assert p.dtype == "float64"
    agrees(p, welch(x, nperseg=20)[1].compute())


@pytest.mark.parametrize("lengths", [None, *CUTS[1:]])
def test_samples_between_segments_may_be_left_out(lengths):
    x, y = pair((2, 200))
    a, b = (x, y) if lengths is None else (cut(x, 1, lengths), cut(y, 1, lengths))
    for call in ({"nperseg": 16, "noverlap": -5}, {"nperseg": 3, "noverlap": -40}):
        agrees(welch(a, **call)[1], scipy.signal.welch(x, **call)[1])
        agrees(csd(a, b, **call)[1], scipy.signal.csd(x, y, **call)[1])


def test_coherence_of_one_segment_is_one():
    x, y = pair((50,))
    np.testing.assert_allclose(coherence(x, y, nperseg=50)[1], 1.0)


def test_noise_has_its_variance_as_the_integral_of_its_density():
    x = np.random.default_rng(0).standard_normal(200_000)
    f, p = welch(da.from_array(x, chunks=30_000), fs=7.0, nperseg=500)
    assert float(p.sum().compute() * f[1]) == pytest.approx(1.0, rel=0.01)


def test_a_record_shorter_than_a_segment_is_one_segment_and_says_so():
    x = values((2, 50))
    with pytest.warns(UserWarning, match="nperseg = 256 is greater than the 50 samples") as caught:
        _, p = welch(x)
    assert caught[0].filename == __file__
    agrees(p, scipy.signal.welch(x, nperseg=50)[1])
    with pytest.warns(UserWarning, match="greater than the 50 samples of axis 1") as caught:
        csd(x, x + 1)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 8)])
def test_no_data_are_no_spectrum(shape):
    x = np.empty(shape)
    want = scipy.signal.welch(x)
    for array in (x, da.from_array(x)):
        f, p = welch(array)
        assert (f.shape, p.shape) == (want[0].shape, want[1].shape)
        assert np.asarray(csd(array, array + 1)[1]).shape == shape


def test_nan_stays_in_its_line():
    x = values((3, 200))
    x[1, 90] = np.nan
    p = welch(da.from_array(x, chunks=(1, 64)), nperseg=20)[1].compute()
    assert np.isnan(p[1]).all()
    assert np.isfinite(p[[0, 2]]).all()


def test_chunks_are_done_with_in_one_task_each():
    x = da.ones(10_000, chunks=1_000)
    with raise_if_computes():
        y = welch(x + 1, nperseg=100)[1]
    assert [step.pattern for step in steps(y)] == ["blockwise", "reduce", "blockwise"]
    assert [step.tasks for step in steps(y)] == [10, 3, 1]
    graph = dict(dask.optimize(y)[0].dask)
    # What follows the tree is in its last task, for which an alias stands.
    assert sum(not isinstance(task, Alias) for task in graph.values()) == 10 + 3


def test_long_segments_read_what_they_reach_back_to_of_other_chunks():
    x = da.from_array(values(10_000, "float32"), chunks=1_000)
    y = welch(x, nperseg=2_500)[1]
    first = steps(y)[0]
    assert first.pattern == "halo"
    assert first.tasks == len(y.dask.layers[next(k for k in y.dask.layers if "welch-" in k)])
    agrees(y, scipy.signal.welch(x.compute(), nperseg=2_500)[1], "float32")


def test_plans_state_what_moves_and_are_explained():
    x = da.from_array(values((4, 10_000)), chunks=(2, 1_000))
    y = welch(x, nperseg=100)[1]
    # Two ends of 99 samples for each of ten chunks, in double precision.
    assert steps(y)[0].bytes_moved == 4 * 10 * 2 * 99 * 8
    assert "welch" in str(sw.explain(y))


def test_medians_come_together_in_one_exchange():
    x = da.from_array(values(10_000), chunks=1_000)
    patterns = [step.pattern for step in steps(welch(x, nperseg=100, average="median")[1])]
    assert patterns[0] == "halo"
    assert patterns[1].startswith("exchange")
    assert patterns[2:] == ["blockwise"]


def test_over_the_budget_the_plan_is_refused_with_a_remedy():
    x = da.zeros((64, 10**6), chunks=(64, 10**6))
    with sw.set_options(memory="64MiB"), pytest.raises(MemoryBudgetError, match="rechunk"):
        welch(x, nperseg=1000)


def test_nothing_is_computed_at_the_call():
    x, y = (da.from_array(v, chunks=64) for v in pair((1000,)))
    with raise_if_computes():
        welch(x, nperseg=20)
        welch(x, nperseg=20, average="median")
        csd(x, y, nperseg=20, average="median")
        coherence(x, y, nperseg=20)
        periodogram(x, window="hann", detrend="linear")


@pytest.mark.parametrize("lengths", [None, 1000, 77, (30, 0, 1, 69, 100)])
@pytest.mark.parametrize(
    "call",
    [
        {},
        {"nfft": 150},
        {"nfft": 300},
        {"nfft": 301, "window": "hann", "detrend": "linear", "scaling": "spectrum"},
        {"window": ("tukey", 0.5), "return_onesided": False},
        {"detrend": False, "nfft": 256, "window": None},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_periodograms_are_scipys(dtype, call, lengths):
    x = values((2, 200), dtype)
    want = scipy.signal.periodogram(x, 2.0, **call)
    f, p = periodogram(x if lengths is None else cut(x, 1, lengths), 2.0, **call)
    np.testing.assert_allclose(f, want[0], rtol=1e-15)
    assert p.dtype == want[1].dtype
    np.testing.assert_allclose(np.asarray(p), want[1], rtol=0, atol=1e-5 * want[1].max())


def test_a_function_that_detrends_needs_the_whole_axis():
    x = cut(values((2, 200)), 1, 77)
    with pytest.raises(ArgumentError, match=r"x\.rechunk\(\{1: -1\}\)"):
        periodogram(x, detrend=lambda s: s)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"nperseg": 0}, ArgumentError, "nperseg=0: must be a positive integer"),
        ({"nperseg": 8, "noverlap": 8}, ArgumentError, "noverlap=8: .* less than nperseg=8"),
        ({"nperseg": 8, "nfft": 7}, ArgumentError, "nfft=7: must be greater than or equal"),
        ({"nperseg": 8, "window": np.ones(7)}, ArgumentError, "window of 7 values"),
        ({"window": np.ones(101)}, ArgumentError, "101 values and axis 0 only 100 samples"),
        ({"nperseg": 8, "window": "hat"}, ArgumentError, "window='hat'"),
        ({"nperseg": 8, "detrend": "square"}, ArgumentError, "detrend='square'"),
        ({"nperseg": 8, "scaling": "psd"}, ArgumentError, "scaling='psd'"),
        ({"nperseg": 8, "average": "mode"}, ArgumentError, "average='mode'"),
        ({"nperseg": 8, "axis": 1}, AxisError, "axis 1"),
        ({"nperseg": 8, "fs": 0}, ArgumentError, "fs=0"),
        ({"nperseg": 8, "fs": "fast"}, ArgumentTypeError, "fs='fast'"),
        ({"nperseg": 8.5}, ArgumentTypeError, "nperseg=8.5"),
        (
            {"nperseg": 2, "window": np.array([1.0, -1.0]), "scaling": "spectrum"},
            ArgumentError,
            "0",
        ),
    ],
)
def test_wrong_arguments_are_named(options, error, words):
    with pytest.raises(error, match=words):
        welch(values(100), **options)


def test_arrays_that_do_not_go_together_are_refused():
    with pytest.raises(ArgumentError, match="cannot be broadcast together"):
        csd(np.ones((3, 50)), np.ones((4, 50)), nperseg=8)
    with pytest.raises(ArrayTypeError, match="one of hostfree"):
        csd(np.ones(50), HostFree.copy_from_host(np.ones(50)), nperseg=8)
    with pytest.raises(ArgumentError, match="same number"):
        coherence(np.ones(50), np.ones(60), nperseg=8)
