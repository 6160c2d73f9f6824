"""Plans of a kernel that needs all of its axes whole."""

from __future__ import annotations

import pytest

from spanwise.graph.grid import ArraySpec
from spanwise.graph.power import plan_on_whole
from spanwise.graph.stages import Work
from spanwise.kernels.power import power
from spanwise.machine import Machine

MACHINE = Machine(threads=2, memory=2**32)


def plan(chunks, axes, machine=MACHINE, *, work=True):
    spec = ArraySpec(chunks, "float32", 4)
    return plan_on_whole(
        spec,
        Work(power, (("axes", axes),)) if work else None,
        axes=axes,
        points=tuple(spec.shape[a] for a in axes),
        dtype="float32",
        itemsize=4,
        machine=machine,
        operation="power-spectrum",
    )


CUT = ((16,) * 4, (512,) * 4, (1024, 1024))


@pytest.mark.parametrize("axes", [(0,), (1,), (1, 2), (2, 0)])
def test_one_exchange_makes_all_axes_whole_and_the_kernel_is_in_its_tasks(axes):
    how = plan(CUT, axes)
    (stage,), (step,) = how.stages, how.plan.steps
    assert stage.work.kernel is power
    assert step.pattern == "exchange (view)"
    assert all(how.plan.result.is_whole(a) for a in axes)
    assert how.plan.result.shape == (64, 2048, 2048)
    assert how.plan.bytes_moved == how.plan.source.nbytes


def test_without_a_kernel_the_chunks_are_only_gathered():
    how = plan(CUT, (1, 2), work=False)
    (step,) = how.plan.steps
    assert step.kernel == ""
    assert how.plan.result.nbytes == how.plan.source.nbytes


def test_over_the_budget_the_exchange_goes_through_a_store():
    how = plan(CUT, (0,), Machine(threads=2, memory=2**28, explicit=True))
    (step,) = how.plan.steps
    assert step.pattern == "exchange (staged)"
    assert how.plan.peak_bytes <= 2**28


def test_axes_without_others_to_cut_are_left_to_the_transform():
    assert plan(((2**24,) * 8,), (0,)) is None
    assert plan(((2**12,) * 8, (2**15,)), (0, 1)) is None
    # What fits in one task is gathered.
    assert plan(((2**16,) * 8,), (0,)) is not None


def test_there_is_no_plan_beyond_an_explicit_budget():
    plans = [
        plan(((4,) * 2, (2**10,) * 4, (2**10,)), (1,), Machine(2, 2**k, explicit=True))
        for k in range(12, 30)
    ]
    assert plans[0] is None
    assert plans[-1] is not None
    assert all(how is None or how.plan.peak_bytes <= how.plan.machine.memory for how in plans)
