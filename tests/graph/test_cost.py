"""Time of a step."""

import dataclasses

import pytest

from spanwise.graph.cost import moving_seconds, seconds
from spanwise.graph.plan import Step
from spanwise.machine import Machine
from spanwise.rates import EngineRate, Rates

RATES = Rates(
    (EngineRate("scipy", "complex64", 4e9), EngineRate("ducc0", "complex64", 5e9)),
    copy=8e9,
    write=1e9,
    read=2e9,
)
HERE = Machine(threads=2, memory=10**9, workers=2, rates=RATES)
FFT = Step("fft", "blockwise", tasks=8, kernel="fft", flops=20e9, dtype="complex64")


def test_a_transform_takes_its_operations_at_the_rate_of_the_fastest_engine():
    assert seconds(FFT, HERE) == 1


def test_no_more_tasks_run_at_a_time_than_there_are():
    assert seconds(dataclasses.replace(FFT, tasks=2), HERE) == 2
    assert seconds(dataclasses.replace(FFT, tasks=0), HERE) == 4


def test_an_exchange_copies_and_goes_through_the_store():
    step = Step("x", "exchange", tasks=4, bytes_in=16 * 10**9, bytes_out=16 * 10**9)
    assert seconds(step, HERE) == pytest.approx(0.5)
    staged = dataclasses.replace(step, bytes_staged=10**9)
    assert seconds(staged, HERE) == pytest.approx(0.5 + 1.5)
    moved = dataclasses.replace(FFT, bytes_moved=32 * 10**9)
    assert seconds(moved, HERE) == pytest.approx(1 + 1)


def test_what_moves_is_priced_alone_for_steps_on_a_device():
    moved = dataclasses.replace(FFT, bytes_moved=32 * 10**9, bytes_staged=10**9)
    assert moving_seconds(moved, HERE) == pytest.approx(1 + 1.5)
    assert moving_seconds(FFT, dataclasses.replace(HERE, rates=None)) == 0
    assert moving_seconds(moved, dataclasses.replace(HERE, rates=None)) is None


@pytest.mark.parametrize(
    "step",
    [
        dataclasses.replace(FFT, dtype="complex256"),
        dataclasses.replace(FFT, kernel="lloyd"),
        dataclasses.replace(FFT, passes=3),
    ],
)
def test_what_was_not_measured_has_no_time(step):
    assert seconds(step, HERE) is None


def test_a_machine_that_was_not_measured_gives_no_times():
    assert seconds(FFT, dataclasses.replace(HERE, rates=None)) is None
