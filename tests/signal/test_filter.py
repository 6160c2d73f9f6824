"""Filters given by their response; SciPy's transforms, by hand, are the oracle."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError, AxisError, UnknownChunksError
from spanwise.testing import HostFree, raise_if_computes, register_with_dask, xp_assert_close
from spanwise.testing.strategies import chunkings

register_with_dask()


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = 10 * rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def smooth(*f):
    return 1 / (1 + sum(a * a for a in f))


def delay(*f):
    """By half a unit along the first axis, but for the Nyquist frequency; Hermitian."""
    return np.exp(-1j * np.pi * f[0]) * smooth(*f)


def by_hand(x, response, axes, sampling=1.0):
    d = np.broadcast_to(sampling, len(axes))
    grids = [scipy.fft.fftfreq(x.shape[a], s) for a, s in zip(axes, d, strict=True)]
    h = response(*np.meshgrid(*grids, indexing="ij", sparse=True))
    h = np.broadcast_to(h, [x.shape[a] for a in axes])
    h = h.transpose(np.argsort(axes))
    h = h.reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])
    if x.dtype.kind == "c":
        return scipy.fft.ifftn(scipy.fft.fftn(x, axes=axes) * h, axes=axes)
    n = [x.shape[a] for a in axes]
    half = np.take(h, np.arange(n[-1] // 2 + 1), axis=axes[-1])
    return scipy.fft.irfftn(scipy.fft.rfftn(x, axes=axes) * half, s=n, axes=axes)


def layers(y):
    names = y.dask._toposort_layers()
    return [y.dask.layers[n] for n in names if hasattr(y.dask.layers[n], "plan")]


def patterns(y):
    return [layer.step.pattern for layer in layers(y)]


def exchanges(y):
    return sum("exchange" in pattern for pattern in patterns(y))


TOLERANCE = {"float32": 1e-5, "complex64": 1e-5}


@pytest.mark.parametrize("axes", [(1,), (0, 2), (2, 0), (2, 1, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int16"])
def test_equals_the_three_steps_on_every_container(xp, dtype, axes):
    x = values((5, 6, 7), dtype)
    sampling = tuple(0.5 + a for a in axes)
    want = by_hand(x, smooth, axes, sampling)
    want = want.astype(dtype) if dtype != "int16" else want
    got = sw.signal.filter_frequencies(xp.asarray(x), smooth, axes=axes, sampling=sampling)
    atol = TOLERANCE.get(dtype, 1e-12) * np.abs(want).max()
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=atol)


@pytest.mark.parametrize("axes", [(1,), (0, 2), (2, 0), (2, 1, 0)])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("half", [False, True])
def test_arrays_filter_as_the_functions_they_are_made_of(xp, dtype, axes, half):
    x = values((5, 6, 7), dtype)
    if half and x.dtype.kind == "c":
        return
    n = [x.shape[a] for a in axes]
    h = np.broadcast_to(delay(*np.meshgrid(*map(scipy.fft.fftfreq, n), indexing="ij")), n)
    want = by_hand(x, lambda *_: h, axes).astype(dtype)
    h = h[..., : n[-1] // 2 + 1] if half else h
    atol = 1e-5 * np.abs(want).max()
    for response in (h, xp.concrete_array(h)):
        got = sw.signal.filter_frequencies(xp.asarray(x), response, axes=axes)
        xp_assert_close(got, xp.asarray(want), rtol=0, atol=atol)


@given(st.data())
def test_the_result_depends_on_no_chunking(draw):
    shape = draw.draw(st.sampled_from([(9,), (8,), (4, 7), (5, 6, 4), (1, 3, 8)]))
    axes = tuple(draw.draw(st.permutations(range(len(shape)))))
    axes = axes[: draw.draw(st.integers(1, len(shape)))]
    dtype = draw.draw(st.sampled_from(["float32", "float64", "complex128"]))
    response = draw.draw(st.sampled_from([smooth, lambda *f: abs(f[-1]) < 0.3, lambda *_: 2]))
    x = values(shape, dtype)
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    with raise_if_computes():
        got = sw.signal.filter_frequencies(lazy, response, axes=axes, sampling=0.7)
    assert (got.shape, got.dtype) == (x.shape, x.dtype)
    computed = got.compute(scheduler="sync")
    assert computed.dtype == x.dtype
    want = by_hand(x, response, axes, 0.7)
    atol = 1e-5 * np.abs(x).max() if dtype == "float32" else 1e-12
    np.testing.assert_allclose(computed, want, rtol=0, atol=atol)


@given(st.data())
def test_arrays_are_cut_like_the_spectrum(draw):
    shape = draw.draw(st.sampled_from([(9,), (4, 7), (5, 6, 4)]))
    axes = tuple(draw.draw(st.permutations(range(len(shape)))))
    x = values(shape, draw.draw(st.sampled_from(["float64", "complex128"])))
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    n = [shape[a] for a in axes]
    h = smooth(*np.meshgrid(*map(scipy.fft.fftfreq, n), indexing="ij"))
    got = sw.signal.filter_frequencies(lazy, h, axes=axes).compute(scheduler="sync")
    np.testing.assert_allclose(got, by_hand(x, smooth, axes), rtol=0, atol=1e-11)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_a_response_of_one_changes_nothing(n):
    for dtype in ("float64", "complex128"):
        x = values((3, n), dtype)
        got = sw.signal.filter_frequencies(x, lambda f: 1, axes=1)
        np.testing.assert_allclose(got, x, atol=1e-13)
        assert got.dtype == x.dtype


def test_a_phase_delays():
    t = np.arange(64)
    x = np.sin(2 * np.pi * 3 * t / 64)
    got = sw.signal.filter_frequencies(
        da.from_array(x, chunks=20), lambda f: np.exp(-2j * np.pi * f * 1.5), axes=0
    )
    np.testing.assert_allclose(got, np.sin(2 * np.pi * 3 * (t - 1.5) / 64), atol=1e-13)


def test_the_input_is_never_overwritten():
    x = values((6, 8, 8), "complex128")
    before = x.copy()
    lazy = da.from_array(x, chunks=(2, 8, 8))
    spectrum = sw.fft.fftn(lazy, axes=(0, 2))
    filtered = sw.signal.filter_frequencies(lazy, smooth, axes=(0, 2))
    untouched, _ = dask.compute(spectrum, filtered)
    np.testing.assert_allclose(untouched, scipy.fft.fftn(x, axes=(0, 2)), atol=1e-11)
    sw.signal.filter_frequencies(x, smooth, axes=(1, 2))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_large_blocks_are_filtered_part_by_part_as_at_once(dtype):
    x = values((700, 3, 1500), dtype)
    want = by_hand(x[:2], smooth, (2,))
    got = sw.signal.filter_frequencies(x, smooth, axes=2)
    np.testing.assert_allclose(got[:2], want, atol=1e-4)
    np.testing.assert_array_equal(got[-1], sw.signal.filter_frequencies(x[-1], smooth, axes=1))


def test_nan_stays_in_its_batch():
    x = values((4, 6, 8))
    x[2, 1, 1] = np.nan
    for chunks in ((2, 6, 8), (2, 3, 4)):
        lazy = da.from_array(x, chunks=chunks)
        got = sw.signal.filter_frequencies(lazy, smooth, axes=(1, 2)).compute()
        assert np.isnan(got[2]).all()
        assert not np.isnan(got[[0, 1, 3]]).any()


def test_empty_batches_stay_empty(xp):
    got = sw.signal.filter_frequencies(xp.asarray(values((0, 8))), smooth, axes=1)
    assert got.shape == (0, 8)


def test_long_double_stays_long_double():
    x = values(20, "longdouble")
    got = sw.signal.filter_frequencies(x, lambda f: 1.0, axes=0)
    assert got.dtype == x.dtype
    np.testing.assert_allclose(got, x, rtol=1e-16)


# Cost


def test_whole_axes_take_one_task_per_chunk():
    x = da.zeros((8, 16, 16), chunks=(2, 16, 16), dtype="float32")
    with raise_if_computes():
        y = sw.signal.filter_frequencies(x, smooth, axes=(1, 2))
    assert patterns(y) == ["blockwise"]
    assert len(layers(y)[0]) == layers(y)[0].step.tasks == 4
    assert y.chunks == x.chunks


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_one_cut_axis_takes_one_exchange(dtype):
    x = da.from_array(values((16, 12, 10), dtype), chunks=(2, 12, 10))
    y = sw.signal.filter_frequencies(x, smooth, axes=0)
    assert exchanges(y) == 1


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0), (1, 2, 0)])
def test_all_axes_take_one_exchange_on_each_way_at_most(dtype, axes):
    x = da.from_array(values((16, 12, 10), dtype), chunks=(2, 12, 10))
    y = sw.signal.filter_frequencies(x, smooth, axes=axes)
    assert exchanges(y) <= 2
    want = by_hand(x.compute(), smooth, axes)
    np.testing.assert_allclose(y.compute(), want, atol=1e-3)


@pytest.mark.parametrize("response", [smooth, np.ones(16)])
def test_the_task_that_gathers_filters(response):
    x = da.from_array(values((16, 12, 10), "float32"), chunks=(2, 12, 10))
    y = sw.signal.filter_frequencies(x, response, axes=0, detrend="linear")
    assert exchanges(y) == 1
    graph = dask.optimize(y)[0].__dask_graph__()
    results = sum(k[0] == y.name for k in graph)
    assert results == y.npartitions


def test_plans_and_graphs_agree():
    x = da.from_array(values((16, 12, 10)), chunks=(5, 12, 4))
    h = smooth(*np.meshgrid(*map(scipy.fft.fftfreq, (16, 10)), indexing="ij"))
    for response in (smooth, h):
        y = sw.signal.filter_frequencies(x, response, axes=(0, 2))
        assert all(len(layer) == layer.step.tasks for layer in layers(y))


def test_a_response_is_asked_for_the_frequencies_of_its_chunk_only():
    seen = []

    def response(f, g):
        seen.append((f.ravel(), g.ravel()))
        return f * g

    x = da.from_array(values((64, 64)), chunks=(8, 64))
    with sw.set_options(memory=80_000), dask.config.set(num_workers=2):
        y = sw.signal.filter_frequencies(x, response, axes=(0, 1))
    y.compute(scheduler="sync")
    assert len(seen) > 1
    seen.sort(key=lambda fg: (fg[0][0], fg[1][0]))
    assert all(f.shape == (64,) and g.shape < (33,) for f, g in seen)
    np.testing.assert_array_equal(np.concatenate([g for _, g in seen]), scipy.fft.rfftfreq(64))


def test_responses_differ_in_the_name():
    x = da.ones((8, 6), chunks=(2, 3))
    names = {
        sw.signal.filter_frequencies(x, response, axes=0, sampling=d).name
        for response in (smooth, delay, np.ones(8), np.zeros(8))
        for d in (1.0, 2.0)
    }
    assert len(names) >= 6
    assert sw.signal.filter_frequencies(x, smooth, axes=0).name in names


def test_functions_get_arrays_of_the_library_of_the_chunks():
    kinds = []

    def response(f):
        kinds.append(type(f))
        return f * 0 + 1

    x = da.from_array(HostFree.copy_from_host(values((6, 8))), chunks=(2, 4), asarray=False)
    y = sw.signal.filter_frequencies(x, response, axes=0)
    assert type(y._meta) is HostFree
    assert type(y.compute(scheduler="sync")) is HostFree
    assert set(kinds) == {HostFree}


# Refusals


@pytest.mark.parametrize("container", [np.asarray, lambda x: da.from_array(x, chunks=2)])
@pytest.mark.parametrize(
    ("response", "options", "error", "match"),
    [
        (smooth, {"axes": ()}, ArgumentError, "at least one"),
        (smooth, {"axes": 2}, AxisError, "axis 2"),
        (smooth, {"axes": (0, -2)}, ArgumentError, "unique"),
        (smooth, {"axes": 0, "sampling": 0}, ArgumentError, "sampling=0"),
        (smooth, {"axes": 0, "sampling": (1, 2)}, ArgumentError, "sampling="),
        (np.ones(3), {"axes": 0}, ArgumentError, r"\(3,\).*\(4,\) or \(3,\)|\(3,\)"),
        (np.ones((4, 5)), {"axes": (1, 0)}, ArgumentError, r"\(4, 5\)"),
        (np.ones(2), {"axes": 0}, ArgumentError, r"\(2,\); expected \(4,\) or \(3,\)"),
        (None, {"axes": 0}, ArrayTypeError, "response"),
        ("low", {"axes": 0}, ArrayTypeError, "response"),
        (da.ones(4), {"axes": 0}, ArrayTypeError, r"response\.compute"),
        (np.ma.masked_array(np.ones(4)), {"axes": 0}, ArrayTypeError, "masked"),
        (HostFree.copy_from_host(np.ones(4)), {"axes": 0}, ArrayTypeError, "hostfree"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(container, response, options, error, match):
    x = np.ones((4, 5), complex if match.endswith("|\\(3,\\)") else float)
    with pytest.raises(error, match=match):
        sw.signal.filter_frequencies(container(x), response, **options)


@pytest.mark.parametrize(
    ("response", "match"),
    [
        (lambda f: np.ones(3), "does not broadcast"),
        (lambda f: np.ones((2, 5)), "does not broadcast"),
        (lambda f: None, "expected numbers"),
        (lambda f: ["low"] * 5, "expected numbers"),
    ],
)
def test_what_a_function_gives_is_checked(response, match):
    with pytest.raises(ArgumentError, match=match):
        sw.signal.filter_frequencies(np.ones(9), response, axes=0)


def test_unknown_chunks_and_labels_are_told_what_to_type():
    x = da.from_array(values(10), chunks=4)
    with pytest.raises(UnknownChunksError, match="compute_chunk_sizes"):
        sw.signal.filter_frequencies(x[x > 0], smooth, axes=0)
    xr = pytest.importorskip("xarray")
    with pytest.raises(ArrayTypeError, match=r"x\.spanwise\.signal\.filter_frequencies"):
        sw.signal.filter_frequencies(xr.DataArray(np.ones(4)), smooth, axes=0)


# Axes without another to cut


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("response", ["function", "table"])
def test_a_long_line_takes_two_exchanges_on_each_way(dtype, response):
    x = values((2**20,), dtype)
    h = delay if response == "function" else delay(scipy.fft.fftfreq(2**20))
    with sw.set_options(memory="32MiB"), raise_if_computes():
        y = sw.signal.filter_frequencies(da.from_array(x, chunks=2**16), h, axes=0)
    assert exchanges(y) == 4
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    np.testing.assert_allclose(y.compute(), by_hand(x, delay, (0,)), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
@pytest.mark.parametrize("response", ["function", "table"])
def test_a_long_axis_among_others_is_filtered_as_by_hand(dtype, axes, response):
    x = values((3, 2**18), dtype)
    grids = np.meshgrid(*(scipy.fft.fftfreq(x.shape[a]) for a in axes), indexing="ij", sparse=True)
    h = smooth if response == "function" else smooth(*grids)
    with sw.set_options(memory="20MiB"):
        y = sw.signal.filter_frequencies(da.from_array(x, chunks=(3, 2**15)), h, axes=axes)
    np.testing.assert_allclose(y.compute(), by_hand(x, smooth, axes), atol=1e-10)


# Trends


def trend_of(x, axes, kind):
    """Mean or plane over some axes, by least squares."""
    shape = [x.shape[a] for a in axes]
    columns = [np.ones(np.prod(shape))]
    if kind == "linear":
        columns += [g.ravel() for g in np.meshgrid(*map(np.arange, shape), indexing="ij")]
    a = np.stack(columns, axis=1)
    front = np.moveaxis(x, axes, range(len(axes)))
    flat = front.reshape(len(a), -1)
    fit = a @ np.linalg.lstsq(a, flat, rcond=None)[0]
    return np.moveaxis(fit.reshape(front.shape), range(len(axes)), axes)


def by_hand_about_trend(x, response, axes, kind):
    trend = trend_of(x, axes, kind)
    return by_hand(x - trend, response, axes) + response(*(0.0 for _ in axes)) * trend


@pytest.mark.parametrize("axes", [(1,), (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int16"])
@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_trends_pass_as_frequency_0_does(xp, dtype, axes, kind):
    x = values((5, 6, 7), dtype) + np.asarray(20 + 3 * np.arange(7), dtype)
    for response in (smooth, lambda *f: abs(f[0]) > 0.1, lambda *f: 0.5 + 0 * f[-1]):
        want = by_hand_about_trend(x, response, axes, kind)
        got = sw.signal.filter_frequencies(xp.asarray(x), response, axes=axes, detrend=kind)
        atol = TOLERANCE.get(dtype, 1e-12) * np.abs(x).max()
        want = want.astype(dtype) if dtype != "int16" else want
        xp_assert_close(got, xp.asarray(want), rtol=0, atol=atol)


@given(st.data())
def test_trends_depend_on_no_chunking(draw):
    shape = draw.draw(st.sampled_from([(9,), (4, 7), (5, 6, 4)]))
    axes = tuple(draw.draw(st.permutations(range(len(shape)))))
    axes = axes[: draw.draw(st.integers(1, len(shape)))]
    dtype = draw.draw(st.sampled_from(["float64", "complex128"]))
    kind = draw.draw(st.sampled_from(["constant", "linear"]))
    tables = draw.draw(st.booleans())
    x = values(shape, dtype)
    lazy = da.from_array(x, chunks=draw.draw(chunkings(shape)))
    grids = np.meshgrid(*(scipy.fft.fftfreq(shape[a]) for a in axes), indexing="ij")
    response = smooth(*grids) if tables else smooth
    with sw.set_options(memory=draw.draw(st.sampled_from(["1MB", "4kB"]))), raise_if_computes():
        try:
            got = sw.signal.filter_frequencies(lazy, response, axes=axes, detrend=kind)
        except sw.errors.MemoryBudgetError:
            return
    want = by_hand_about_trend(x, smooth, axes, kind)
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("axis", "chunks"), [(2, (5, 6, 1)), (1, ((1, 4), (1, 5), (1, 3))), (1, (5, (1, 1, 4), (1, 3)))]
)
def test_the_trend_goes_to_the_chunks_of_the_way_back(axis, chunks):
    x = values((5, 6, 4), "complex128")
    lazy = da.from_array(x, chunks=chunks)
    with sw.set_options(memory="4kB"):
        got = sw.signal.filter_frequencies(lazy, smooth, axes=axis, detrend="constant")
    want = by_hand_about_trend(x, smooth, (axis,), "constant")
    np.testing.assert_allclose(got.compute(scheduler="sync"), want, rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("response", ["function", "table"])
def test_the_trend_of_a_long_line_takes_a_second_read(dtype, response):
    n = 2**20
    x = (values((n,), dtype) + 1e-4 * np.arange(n)).astype(dtype)
    h = smooth if response == "function" else smooth(scipy.fft.fftfreq(n))
    with sw.set_options(memory="32MiB"), raise_if_computes():
        y = sw.signal.filter_frequencies(
            da.from_array(x, chunks=2**16), h, axes=0, detrend="linear"
        )
    assert exchanges(y) == 4
    assert all(len(layer) == layer.step.tasks for layer in layers(y))
    want = by_hand_about_trend(x, smooth, (0,), "linear")
    got = y.compute()
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-3 if dtype == "float32" else 1e-9)


def test_single_precision_serves_what_is_left_of_a_large_mean():
    x = values((4, 512), "float32") * 1e-3 + np.float32(3e4)
    got = sw.signal.filter_frequencies(x, lambda f: abs(f) > 0.01, axes=1, detrend="constant")
    want = by_hand(x.astype("float64"), lambda f: abs(f) > 0.01, (1,))
    np.testing.assert_allclose(got, want, atol=1e-7)


def test_another_trend_is_refused():
    with pytest.raises(ArgumentError, match="detrend='cubic'"):
        sw.signal.filter_frequencies(np.ones(4), smooth, axes=0, detrend="cubic")
