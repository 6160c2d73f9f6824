"""The planner of rolls, on integers alone."""

import pytest

from spanwise.graph.grid import ArraySpec
from spanwise.graph.shift import plan_shift
from spanwise.machine import Machine

PLENTY = Machine(threads=2, memory=2**30)


def spec_of(chunks):
    return ArraySpec(chunks, "float32", 4)


def test_a_shift_along_whole_axes_is_blockwise():
    how = plan_shift(spec_of(((2, 2), (5,))), shifts={1: 2}, machine=PLENTY, operation="fftshift")
    (step,) = how.plan.steps
    assert how.exchange is None
    assert (step.pattern, step.tasks, step.bytes_moved, step.kernel) == ("blockwise", 2, 0, "roll")


@pytest.mark.parametrize(("distributed", "form"), [(False, "view"), (True, "split")])
def test_a_shift_along_a_cut_axis_exchanges_slices_in_unchanged_chunks(distributed, form):
    spec = spec_of(((2, 3), (5,)))
    machine = Machine(threads=2, memory=2**20, distributed=distributed)
    how = plan_shift(spec, shifts={0: 2, 1: 2}, machine=machine, operation="fftshift")
    assert how.exchange.form == form
    assert how.exchange.target == spec.chunks
    (step,) = how.plan.steps
    assert step.tasks == how.exchange.tasks
    assert step.bytes_moved == spec.nbytes
    assert how.plan.result == spec
