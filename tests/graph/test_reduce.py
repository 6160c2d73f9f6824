"""Plans of shares and of the trees that add them, on integers."""

from spanwise.graph.grid import ArraySpec
from spanwise.graph.reduce import plan_shares, tree_step
from spanwise.kernels.radial import ring_sums
from spanwise.machine import Machine

MACHINE = Machine(memory=1 << 30, threads=2)


def spec(*chunks):
    return ArraySpec(chunks, "float32", 4)


def shares(of, lengths):
    return plan_shares(
        of,
        ring_sums,
        lengths=lengths,
        dtype="float64",
        machine=MACHINE,
        operation="test",
        reason="",
    )


def test_a_tree_adds_chunks_until_one_is_left():
    step = tree_step(spec((2, 2), (3,) * 20), spec((2, 2), (3,)), 1, MACHINE, "test")
    # 20 chunks, eight at a time: three and one for each chunk of the other axis.
    assert step.tasks == 2 * (3 + 1)
    assert step.bytes_moved == 2 * 2 * 20 * 3 * 4


def test_whole_axes_need_no_tree():
    plan = shares(spec((2, 2), (8,), (6,)), {1: 1, 2: 5})
    assert plan.result.chunks == ((2, 2), (1,), (5,))
    assert [step.pattern for step in plan.steps] == ["blockwise"]
    assert plan.tasks == 2


def test_each_cut_axis_has_a_tree():
    plan = shares(spec((2, 2), (4, 4), (2, 2, 2)), {1: 1, 2: 5})
    assert plan.result.chunks == ((2, 2), (1,), (5,))
    assert [step.tasks for step in plan.steps] == [12, 6, 2]
    assert plan.steps[0].bytes_out == 12 * 2 * 5 * 8
