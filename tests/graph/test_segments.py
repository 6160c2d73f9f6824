"""Plans of spectra of segments, on integers; and that graphs run where they are sent to."""

import cloudpickle
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.graph.averages import plan_median, plan_sums
from spanwise.graph.grid import ArraySpec, edges
from spanwise.graph.overlap import plan_overlap
from spanwise.graph.segments import blocks_of, plan_spectra, samples_of
from spanwise.kernels.overlap import Overlap
from spanwise.kernels.segment_spectra import Edge
from spanwise.kernels.segments import Segments
from spanwise.machine import Machine
from spanwise.schedulers import placement
from spanwise.testing import register_with_dask
from spanwise.testing.strategies import chunkings

register_with_dask()

MACHINE = Machine(threads=2, memory=2**30)


def spec(*chunks, dtype="float32", library="numpy"):
    return ArraySpec(chunks, dtype, np.dtype(dtype).itemsize, library)


def segments(nperseg, step, axis=0):
    return Segments(axis, nperseg, step, nperseg, "hann", "constant", True)


def sums(source, how, quantity="power", count=1):
    return plan_sums(
        [source] * count,
        how,
        quantity=quantity,
        one_sided=True,
        dtype="float32",
        machine=MACHINE,
        operation="welch",
    )


@given(st.data())
def test_every_segment_is_in_one_block_which_reads_all_of_its_samples(draw):
    n = draw.draw(st.integers(1, 60))
    nperseg = draw.draw(st.integers(1, n))
    step = draw.draw(st.integers(1, nperseg))
    (chunks,) = draw.draw(chunkings((n,)))
    count = (n - nperseg) // step + 1
    blocks = blocks_of(chunks, nperseg=nperseg, step=step, count=count)
    ranges = samples_of(chunks, blocks, nperseg=nperseg, step=step)
    assert [s for b in blocks for s in range(b.first, b.stop)] == list(range(count))
    bounds = edges(chunks)
    for block, (begin, end) in zip(blocks, ranges, strict=True):
        last = (block.stop - 1) * step + nperseg
        assert begin == block.first * step
        assert last <= end < last + step
        # The last segment ends in the chunk, or in the last one.
        assert bounds[block.chunk] < last <= bounds[block.chunk + 1]


def test_chunks_much_longer_than_segments_give_their_ends_away():
    how = sums(spec((4096,) * 16), segments(256, 128))
    assert how.halos == ()
    assert [s.pattern for s in how.plan.steps] == ["blockwise", "reduce", "blockwise"]
    assert [s.tasks for s in how.plan.steps] == [16, 3, 1]
    assert how.plan.bytes_moved == 16 * 2 * 255 * 4 + 16 * 129 * 8
    assert how.plan.result.chunks == ((129,),)
    assert how.plan.result.dtype == "float32"


@pytest.mark.parametrize(
    ("source", "nperseg"),
    [(spec((512,) * 16), 256), (spec((4096,) * 16, library="cupy"), 256), (spec((100,) * 9), 300)],
)
def test_other_chunks_reach_back_into_those_before(source, nperseg):
    how = sums(source, segments(nperseg, nperseg // 2))
    (halo,) = how.halos
    first = how.plan.steps[0]
    assert (first.pattern, first.kernel) == ("halo", "segment_sums")
    assert first.tasks == halo.tasks
    starts = edges(source.chunks[0])
    assert all(len(row) >= 1 for row in halo.rows[0])
    assert first.bytes_moved < source.nbytes * nperseg
    assert len(starts) > 2


def test_segments_that_cross_no_border_are_fused_with_what_makes_the_chunks():
    how = sums(spec((512,) * 16), segments(256, 256))
    assert how.halos[0].is_local
    assert how.plan.steps[0].pattern == "blockwise"
    assert how.plan.steps[0].bytes_moved == 0


def test_whole_axes_need_no_tree():
    how = sums(spec((4,) * 8, (4096,)), segments(256, 128, axis=1))
    assert [s.tasks for s in how.plan.steps] == [8, 8]


def test_two_arrays_move_twice_as_much_and_give_four_planes():
    source, how = spec((4096,) * 16), segments(256, 128)
    one, two = sums(source, how), sums(source, how, "coherence", count=2)
    assert two.plan.steps[0].bytes_moved == 2 * one.plan.steps[0].bytes_moved
    assert two.parts.chunks == ((4 * 129,) * 16,)


@pytest.mark.parametrize("kind", ["zeros", "even"])
def test_edges_are_made_from_samples_near_them(kind):
    edge = Edge(kind, 50, 1000)
    how = plan_spectra(
        spec((250,) * 4),
        segments(100, 50),
        count=21,
        edge=edge,
        points=51,
        dtype="complex64",
        machine=MACHINE,
        operation="stft",
    )
    assert how.result.chunks == ((51,), (5, 5, 5, 6))
    assert how.order == (-1, 0)
    begins, wanted, ends = (values for _, values in how.numbers)
    assert wanted[0] == -50
    assert ends[-1] == 1050
    assert begins[0] == 0
    assert how.halo.tasks == 4 + 3


def test_medians_need_an_exchange_only_where_segments_are_cut():
    cut = plan_median(
        spec((513,), (8,) * 16), axis=0, dtype="float32", machine=MACHINE, operation="welch"
    )
    assert cut.exchange is not None
    assert sum(cut.plan.result.chunks[0]) == 513
    whole = plan_median(
        spec((513,), (128,)), axis=0, dtype="float32", machine=MACHINE, operation="welch"
    )
    assert whole.exchange is None
    assert whole.plan.tasks == 1


@given(st.data())
def test_samples_come_from_the_segments_that_cover_them(draw):
    count = draw.draw(st.integers(1, 30))
    nperseg = draw.draw(st.integers(2, 12))
    step = draw.draw(st.integers(1, nperseg))
    (chunks,) = draw.draw(chunkings((count,)))
    how = Overlap(0, 1, nperseg, step, nperseg, "hann", 1.0, True, count)
    trim = nperseg // 2
    if how.length <= 2 * trim:
        return
    plan = plan_overlap(
        spec((nperseg // 2 + 1,), chunks, dtype="complex64"),
        how,
        trim=trim,
        dtype="float32",
        machine=MACHINE,
        operation="istft",
    )
    firsts, begins, ends = (values for _, values in plan.numbers)
    assert begins[0] == trim
    assert ends[-1] == how.length - trim
    assert begins[1:] == ends[:-1]
    for first, begin, end, held in zip(
        firsts, begins, ends, plan.halo.joined.chunks[1], strict=True
    ):
        covering = [s for s in range(count) if s * step < end and s * step + nperseg > begin]
        assert covering == list(range(first, first + held))


CALLS = {
    "welch": lambda x, y: sw.signal.welch(x, nperseg=64)[1],
    "welch of long segments": lambda x, y: sw.signal.welch(x, nperseg=900)[1],
    "median": lambda x, y: sw.signal.welch(x, nperseg=64, average="median")[1],
    "csd": lambda x, y: sw.signal.csd(x, y, nperseg=64)[1],
    "csd of long segments": lambda x, y: sw.signal.csd(x, y, nperseg=900)[1],
    "coherence": lambda x, y: sw.signal.coherence(x, y, nperseg=64)[1],
    "spectrogram": lambda x, y: sw.signal.spectrogram(x, nperseg=64)[2],
    "stft": lambda x, y: sw.signal.stft(x, nperseg=64, boundary="odd")[2],
    "istft": lambda x, y: sw.signal.istft(sw.signal.stft(x, nperseg=64)[2])[1],
    "harmonics": lambda x, y: sw.signal.harmonics(x, [0.1, 0.2]),
    "band_power": lambda x, y: sw.signal.band_power(x, (0.1, 0.12)),
}


@pytest.mark.parametrize("name", CALLS)
def test_graphs_travel_and_are_placed_on_devices(name):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3000))
    y = x + rng.standard_normal((2, 3000))
    call = CALLS[name]
    want = call(x, y)
    lazy = [da.from_array(v, chunks=(1, 700)) for v in (x, y)]
    limit = 1e-10 * np.abs(want).max()
    sent = cloudpickle.loads(cloudpickle.dumps(call(*lazy)))
    np.testing.assert_allclose(sent.compute(scheduler="sync"), want, rtol=0, atol=limit)
    with placement("gpu", device="hostfree"):
        placed = call(*lazy)
        got = placed.compute(scheduler="sync")
        assert "gpu" in str(sw.explain(placed))
    assert type(got) is np.ndarray
    np.testing.assert_allclose(got, want, rtol=0, atol=limit)
