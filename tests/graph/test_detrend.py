"""Plans of trends along cut axes: two reads, and trees of sums between them."""

from __future__ import annotations

import pytest

from spanwise.graph.detrend import plan_detrend
from spanwise.graph.grid import ArraySpec
from spanwise.machine import Machine

MACHINE = Machine(threads=2, memory=2**30)


def plan(chunks, axes, type="linear", breaks=(), dtype="float32"):
    spec = ArraySpec(chunks, dtype, 4)
    return plan_detrend(
        spec, axes=axes, type=type, breaks=breaks, machine=MACHINE, operation="detrend"
    )


def test_each_cut_axis_has_a_tree_between_the_two_reads():
    how = plan(((8,) * 3, (100,) * 20), (1,))
    assert [s.pattern for s in how.plan.steps] == ["blockwise", "reduce", "blockwise"]
    assert [s.tasks for s in how.plan.steps] == [60, 3 * (3 + 1), 60]
    how = plan(((8,) * 3, (100,) * 20), (1, 0))
    assert [s.pattern for s in how.plan.steps] == ["blockwise", "reduce", "reduce", "blockwise"]
    assert how.cut == (1, 0)


def test_only_the_sums_are_moved_and_chunks_stay():
    how = plan(((8,) * 3, (100,) * 20), (1,))
    assert how.plan.result.chunks == how.plan.source.chunks
    assert how.plan.bytes_moved == how.shares.nbytes == 3 * 20 * 8 * 2 * 8


@pytest.mark.parametrize(
    ("axes", "type", "breaks", "count"),
    [
        ((1,), "constant", (), 1),
        ((1,), "linear", (), 2),
        ((0, 1), "linear", (), 3),
        ((1,), "linear", (50, 70), 6),
    ],
)
def test_there_is_a_sum_for_each_coefficient_of_each_segment(axes, type, breaks, count):
    how = plan(((8, 8), (100, 100)), axes, type, breaks)
    assert set(how.shares.chunks[axes[0]]) == {count}
    assert how.shares.dtype == "float64"


def test_the_precision_of_the_data_is_kept():
    assert plan(((4, 4),), (0,), dtype="complex64").plan.result.dtype == "complex64"
    assert plan(((4, 4),), (0,), dtype="complex64").shares.dtype == "complex128"
    assert plan(((4, 4),), (0,), dtype="int16").plan.result.dtype == "float64"
