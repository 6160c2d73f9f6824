from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.graph.convolve import plan_convolve, result_bounds, whole_chunks
from spanwise.graph.grid import ArraySpec
from spanwise.machine import Machine

MACHINE = Machine(memory=2**30, threads=2, workers=1, source="a test")


def plan(chunks, taps, starts, lengths, axes=None, lazy=False):
    axes = tuple(range(len(chunks))) if axes is None else axes
    return plan_convolve(
        ArraySpec(chunks, "float32", 4),
        ArraySpec(whole_chunks(taps), "float32", 4),
        axes=axes,
        starts=starts,
        lengths=lengths,
        dtype="float32",
        machine=MACHINE,
        operation="oaconvolve",
        lazy_taps=lazy,
    )


@given(st.data())
def test_results_are_cut_once_and_in_order(draw):
    chunks = tuple(draw.draw(st.lists(st.integers(0, 9), min_size=1, max_size=6)))
    k = draw.draw(st.integers(1, 40))
    start = draw.draw(st.integers(0, 30))
    length = draw.draw(st.integers(1, 60))
    bounds = result_bounds(chunks, k, start, length)
    assert bounds[0] == 0
    assert bounds[-1] == length
    assert all(a < b for a, b in pairwise(bounds))
    assert len(bounds) - 1 <= len(chunks)


def test_blocks_read_what_their_results_are_made_of():
    how = plan(((4, 4), (6,)), (3, 2), (1, 0), (8, 7))
    assert how.plan.result.chunks == ((4, 4), (7,))
    assert how.halo.joined.chunks == ((6, 6), (6,))
    assert (how.starts, how.lengths) == ((2, 0), (None, 7))
    (step,) = how.plan.steps
    assert (step.pattern, step.kernel, step.tasks) == ("halo", "convolve", 4)
    assert "2 elements further on axis 0 and 1 elements further on axis 1" in step.reason
    assert step.bytes_moved == 2 * 6 * 4
    assert how.taps is None


def test_lazy_taps_are_given_to_every_block():
    how = plan(((4, 4), (3, 3)), (3, 6), (2,), (6,), axes=(0,), lazy=True)
    assert how.taps is not None
    assert how.taps.joined.chunks == ((3, 3), (3, 3))


def test_whole_axes_need_no_halo():
    how = plan(((4, 4), (6,)), (1, 2), (1,), (5,), axes=(1,))
    assert how.plan.steps[0].pattern == "blockwise"
    assert how.plan.steps[0].tasks == 2


@pytest.mark.parametrize(("taps", "pays"), [(50, True), (260, True), (400, False), (5000, False)])
def test_long_taps_do_not_pay(taps, pays):
    assert plan(((100,) * 10,), (taps,), (0,), (999 + taps,)).pays is pays
    assert plan(((1000,),), (taps,), (0,), (999 + taps,)).pays
