from spanwise.graph.grid import ArraySpec
from spanwise.graph.padding import plan_pad
from spanwise.machine import Machine

MACHINE = Machine(2, 10**9)


def test_the_chunks_at_the_ends_grow():
    spec = ArraySpec(((4, 4, 2), (3,)), "float32", 4)
    plan, numbers = plan_pad(spec, widths={0: (1, 2), 1: (5, 0)}, machine=MACHINE)
    assert plan.result.chunks == ((5, 4, 4), (8,))
    assert numbers == ((0, (1, 0, 0)), (0, (0, 0, 2)), (1, (5,)), (1, (0,)))
    assert plan.tasks == 3
    assert plan.steps[0].bytes_out == 4 * 13 * 8


def test_empty_chunks_have_no_last_sample_to_go_on_from():
    spec = ArraySpec(((0, 4, 0),), "float32", 4)
    plan, _ = plan_pad(spec, widths={0: (1, 2)}, machine=MACHINE)
    assert plan.result.chunks == ((0, 7, 0),)
