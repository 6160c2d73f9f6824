"""Plans are values."""

import copy
import json
import pickle

import pytest

from spanwise.errors import MemoryBudgetError
from spanwise.graph.grid import ArraySpec
from spanwise.graph.plan import Plan, Step
from spanwise.machine import Machine

SPEC = ArraySpec(((2, 2), (3,)), "float32", 4)
STEPS = (
    Step("spanwise-read", "blockwise", 2, bytes_out=48, peak_bytes=100),
    Step("spanwise-move", "exchange (staged)", 5, bytes_moved=48, bytes_staged=48, peak_bytes=900),
)


def plan(memory=1000, steps=STEPS):
    return Plan("fft", SPEC, SPEC, steps, Machine(threads=2, memory=memory, source="the test"))


def test_totals_add_up():
    assert plan().tasks == 7
    assert plan().peak_bytes == 900
    assert plan().bytes_moved == 48
    assert plan().bytes_staged == 48


def test_a_plan_without_steps_costs_nothing():
    empty = plan(memory=1, steps=())
    assert (empty.tasks, empty.peak_bytes, empty.bytes_moved, empty.bytes_staged) == (0, 0, 0, 0)
    empty.check(remedies="")


def test_plans_are_values():
    assert plan() == plan() == copy.deepcopy(plan())
    assert hash(plan()) == hash(pickle.loads(pickle.dumps(plan())))
    assert plan() != plan(memory=999)
    with pytest.raises(AttributeError):
        STEPS[0].tasks = 3  # type: ignore[misc]


def test_a_plan_is_written_as_json():
    text = json.loads(plan().to_json())
    assert text["operation"] == "fft"
    assert [step["tasks"] for step in text["steps"]] == [2, 5]
    assert text["source"]["chunks"] == [[2, 2], [3]]
    assert text["machine"]["memory"] == 1000


def test_a_plan_within_the_budget_passes():
    plan(memory=900).check(remedies="")


def test_a_plan_over_the_budget_is_refused_with_the_worst_step_and_the_remedies():
    with pytest.raises(MemoryBudgetError) as caught:
        plan(memory=899).check(remedies="Type this.")
    text = str(caught.value)
    for words in ("fft", "spanwise-move", "900 B", "899 B", "the test", "Type this."):
        assert words in text
