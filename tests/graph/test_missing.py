import pytest

from spanwise.errors import MemoryBudgetError
from spanwise.graph.grid import ArraySpec
from spanwise.graph.missing import Carry, plan_fill
from spanwise.machine import Machine

MACHINE = Machine(2, 10**9)


def plan(chunks, axes, fill="interp", machine=MACHINE):
    return plan_fill(ArraySpec(chunks, "float32", 4), axes=axes, fill=fill, machine=machine)


def test_whole_axes_are_filled_in_their_chunks():
    how = plan(((2, 2), (8,), (9,)), (2, 1))
    ((stage, _),) = how.parts
    assert stage.exchange is None
    assert dict(stage.work.params)["axes"] == (2, 1)
    assert how.plan.tasks == 2


def test_a_number_needs_no_axis_whole():
    how = plan(((2, 2), (4, 4)), (0, 1), fill=0.0)
    assert how.plan.result.chunks == ((2, 2), (4, 4))
    assert how.plan.tasks == 4


def test_a_cut_axis_is_made_whole_in_the_tasks_that_fill_it():
    how = plan(((4, 4), (8,)), (0,))
    ((stage, _),) = how.parts
    assert stage.exchange is not None
    assert stage.work is not None
    assert how.plan.result.chunks[0] == (8,)
    assert len(how.plan.result.chunks[1]) >= 2


def test_axes_are_filled_in_the_order_given_also_where_both_are_cut():
    how = plan(((4, 4), (4, 4)), (1, 0))
    filled = [dict(stage.work.params)["axes"] for stage, _ in how.parts if stage.work]
    assert [axis for axes in filled for axis in axes] == [1, 0]


def test_a_line_that_no_other_axis_can_be_cut_for_is_read_twice_in_its_chunks():
    machine = Machine(1, 20_000, explicit=True)
    how = plan(((100,) * 40,), (0,), machine=machine)
    ((part, steps),) = how.parts
    assert isinstance(part, Carry)
    assert how.plan.result.chunks == ((100,) * 40,)
    assert [step.kernel for step in steps] == ["gap_ends", "", "fill_between"]
    assert how.plan.tasks == 40 + 1 + 40


def test_what_does_not_fit_is_refused_with_remedies():
    machine = Machine(1, 2000, explicit=True)
    with pytest.raises(MemoryBudgetError, match="Raise the budget"):
        plan(((1000,) * 10,), (0,), machine=machine)
