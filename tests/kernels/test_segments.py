"""Sums over segments of blocks, and what is merged of stretches."""

import functools
import pickle
import sys

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels import segments
from spanwise.kernels.averages import median, median_bias
from spanwise.kernels.segment_spectra import Edge
from spanwise.kernels.segments import Segments, segment_sums
from spanwise.kernels.stretches import merge, stretch
from spanwise.testing import HostFree, limit_memory


def segmented(nperseg, step, axis=0, detrend="constant", window="hann"):
    return Segments(axis, nperseg, step, nperseg, window, detrend, True)


def values(shape, dtype="float64", seed=0):
    return (5 + 3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def power(x, how):
    """Sums as SciPy's average gives them."""
    w = scipy.signal.get_window(how.window, how.nperseg)
    _, p = scipy.signal.welch(
        x,
        window=w,
        noverlap=how.nperseg - how.step,
        detrend=how.detrend or False,
        axis=how.axis,
        return_onesided=False,
    )
    points = how.nperseg // 2 + 1
    p = p[(*(slice(None),) * how.axis, slice(points))]
    return p * np.sum(w**2) * how.count(x.shape[how.axis])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("slab", [1, 2**10, 2**20])
def test_sums_depend_on_no_slab(monkeypatch, axis, slab):
    monkeypatch.setattr(segments, "_SLAB_BYTES", {False: slab, True: slab})
    shape = [5, 4, 3]
    shape[axis] = 90
    x, how = values(tuple(shape)), segmented(16, 7, axis)
    got = segment_sums(x, how=how, quantity="power")
    np.testing.assert_allclose(got, power(x, how), rtol=1e-10, atol=1e-9)
    on_device = segment_sums(HostFree.copy_from_host(x), how=how, quantity="power")
    np.testing.assert_allclose(on_device.copy_to_host(), got, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("summed", [1, 2**23])
@pytest.mark.parametrize(
    ("nperseg", "step"), [(16, 8), (16, 4), (16, 16), (15, 4), (20, 1), (5, 8)]
)
def test_a_device_cuts_and_adds_as_the_host_does(monkeypatch, nperseg, step, summed):
    monkeypatch.setattr(segments, "_DEVICE_SUMMED", summed)
    x, y = values((2, 1500, 3)), values((2, 1500, 3), seed=1)
    how = segmented(nperseg, step, 1)
    want = segment_sums(x, y, how=how, quantity="coherence")
    blocks = (HostFree.copy_from_host(z) for z in (x, y))
    got = segment_sums(*blocks, how=how, quantity="coherence")
    np.testing.assert_allclose(got.copy_to_host(), want, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("quantity", ["power", "cross", "coherence"])
def test_a_device_makes_no_more_calls_for_many_segments_than_for_few(arrays_made, quantity):
    made = []
    for n in (4096, 16384):
        blocks = [HostFree.copy_from_host(values((1, n), seed=i)) for i in range(2)]
        blocks = blocks[: 1 + (quantity != "power")]
        how = segmented(16, 8, 1)
        made.append(arrays_made(segment_sums, *blocks, how=how, quantity=quantity))
    assert made[1] <= made[0]


@pytest.mark.parametrize("quantity", ["power", "coherence"])
def test_a_device_needs_no_more_room_than_the_kernel_says(quantity):
    x, how = values((1, 2**14), "float32"), segmented(64, 32, 1)
    with limit_memory("1GiB") as account:
        blocks = [HostFree.copy_from_host(x)] * (1 + (quantity != "power"))
        out = segment_sums(*blocks, how=how, quantity=quantity)
        room = segment_sums.device_workspace(x.nbytes, out.nbytes)
    assert account.peak <= x.nbytes + out.nbytes + room


@given(st.data())
def test_pieces_in_front_are_joined_only_where_segments_cross(draw):
    n = draw.draw(st.integers(2, 80))
    nperseg = draw.draw(st.integers(1, n))
    how = segmented(nperseg, draw.draw(st.integers(1, nperseg + 3)), detrend=None)
    cut = sorted(draw.draw(st.lists(st.integers(0, n), max_size=4)))
    x = values(n)
    *before, own = np.split(x, cut)
    want = segment_sums(x, how=how, quantity="power")
    got = segment_sums(own, how=how, quantity="power", before=tuple(before))
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-9)


@given(st.data())
def test_stretches_are_merged_in_any_grouping(draw):
    n = draw.draw(st.integers(1, 60))
    nperseg = draw.draw(st.integers(1, n))
    how = segmented(nperseg, draw.draw(st.integers(1, nperseg + 3)), detrend=None)
    cut = sorted(draw.draw(st.lists(st.integers(0, n), max_size=5)))
    starts = [0, *cut]
    x, y = values(n), values(n, seed=1)
    make = functools.partial(stretch, how=how, quantity="coherence")
    parts = [
        make(a, b, start)
        for a, b, start in zip(np.split(x, cut), np.split(y, cut), starts, strict=True)
    ]
    joined = functools.partial(merge, how=how, quantity="coherence")
    middle = draw.draw(st.integers(1, len(parts)))
    groups = [g for g in (parts[:middle], parts[middle:]) if g]
    whole = joined([joined(g) for g in groups])
    want = segment_sums(x, y, how=how, quantity="coherence")
    np.testing.assert_allclose(whole.sums, want, rtol=1e-10, atol=1e-8)
    assert (whole.start, whole.stop) == (0, n)
    ends = min(n, nperseg - 1)
    np.testing.assert_array_equal(whole.heads[0], x[:ends])
    np.testing.assert_array_equal(whole.tails[1], y[n - ends :])


def test_stretches_keep_no_chunk_and_state_their_size():
    x = values(1000)
    part = stretch(x, 0, how=segmented(16, 8), quantity="power")
    assert part.heads[0].base is None
    assert part.tails[0].base is None
    assert sys.getsizeof(part) >= 2 * 15 * 8 + 9 * 8
    again = pickle.loads(pickle.dumps(part))
    np.testing.assert_array_equal(again.sums, part.sums)


def test_blocks_are_cut_where_a_device_is_small_but_not_one_of_two():
    how = segmented(64, 32, axis=1)
    x = HostFree.copy_from_host(values((64, 2000)))
    assert segment_sums.free_axes is not None
    assert segment_sums.free_axes(x, how=how, quantity="power") == (0,)
    assert segment_sums.free_axes(x, x, how=how, quantity="cross") == ()
    want = segment_sums(x, how=how, quantity="power").copy_to_host()
    with limit_memory("1GiB") as unlimited:
        segment_sums(x, how=how, quantity="power")
    with limit_memory(unlimited.peak // 2):
        got = segment_sums(x, how=how, quantity="power")
    np.testing.assert_allclose(got.copy_to_host(), want)


def test_chunks_are_not_changed():
    x = values(100)
    kept = x.copy()
    x.flags.writeable = False
    segment_sums(x, how=segmented(16, 8, detrend="linear"), quantity="power")
    np.testing.assert_array_equal(x, kept)


def test_bytes_in_another_order_are_read_as_they_are():
    x = values(100)
    how = segmented(16, 8)
    got = segment_sums(x.astype(">f8"), how=how, quantity="power")
    np.testing.assert_allclose(got, segment_sums(x, how=how, quantity="power"))


@pytest.mark.parametrize("kind", ["zeros", "constant", "even", "odd"])
@pytest.mark.parametrize(("begin", "end"), [(-4, 3), (7, 14), (-4, 16), (2, 8), (12, 15)])
def test_edges_go_on_as_scipys(kind, begin, end):
    from scipy.signal._arraytools import const_ext, even_ext, odd_ext, zero_ext

    extend = {"zeros": zero_ext, "constant": const_ext, "even": even_ext, "odd": odd_ext}[kind]
    x = values(10)
    whole = np.concatenate([extend(x, 4), np.zeros(6)])
    edge = Edge(kind, 4, 10)
    first, stop = edge.reads(begin, end)
    pieces = np.split(x[first:stop], 2) if (stop - first) % 2 == 0 else [x[first:stop]]
    got = edge.extended(pieces, first, begin, end, axis=0)
    joined = np.concatenate(got)
    offset = first if len(got) == len(pieces) and begin >= 0 and end <= 10 else begin
    np.testing.assert_array_equal(
        joined[begin - offset :][: end - begin], whole[begin + 4 : end + 4]
    )


def test_the_bias_of_medians_is_that_of_noise():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 8, 25):
        x = rng.exponential(size=(40_000, n))
        assert median(x, scale=1.0, dtype="float64").mean() == pytest.approx(
            median_bias(n), rel=0.02
        )


def test_medians_on_a_device_are_numpys_and_nan_spreads():
    x = values((4, 7))
    x[1, 2] = np.nan
    got = median(HostFree.copy_from_host(x), scale=2.0, dtype="float64").copy_to_host()
    np.testing.assert_allclose(got, 2 * np.median(x, axis=-1))
