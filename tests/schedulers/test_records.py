"""Records of placed tasks: they add up, over threads and processes."""

import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.cross import cross_product
from spanwise.kernels.fft import fft
from spanwise.kernels.transfer import to_device, to_host
from spanwise.schedulers.records import (
    MOST_NAMES,
    Counted,
    KernelSize,
    Record,
    Records,
    collect,
    lost,
    merged,
)

counts = st.builds(Counted, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9).map(float))
sizes = st.builds(KernelSize, st.sampled_from("ab"), st.just("numpy"), st.just("f"), st.just(3))
records = st.builds(
    Record,
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(["no GPU", "no memory"]), st.integers(1, 9)),
    st.integers(0, 9),
    st.integers(0, 9),
    counts,
    counts,
    st.dictionaries(sizes, counts),
)


@given(records, records, records)
def test_records_add_up_in_any_order(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Record() == a


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), records), max_size=4))
def test_merging_loses_nothing(snapshots):
    total = merged(snapshots)
    assert total.keys() == {name for s in snapshots for name in s}
    tasks = sum(record.on_device for s in snapshots for record in s.values())
    assert sum(record.on_device for record in total.values()) == tasks


def test_a_task_is_recorded_with_its_copies_and_kernels():
    here = Records()
    x = np.ones((4, 8))
    with here.task("fft@gpu-1"):
        block = to_device(x, library="hostfree")
        out = fft(block, kind="fft", axes=(1,), lengths=(8,), norm=None)
        to_host(out)
    record = here.snapshot()["fft@gpu-1"]
    assert (record.on_device, record.on_host) == (1, {})
    assert record.to_device.number == record.to_host.number == 1
    assert (record.to_device.bytes, record.to_host.bytes) == (x.nbytes, 2 * x.nbytes)
    assert record.kernels.keys() == {KernelSize("fft", "hostfree", "float64", 9)}
    (calls,) = record.kernels.values()
    assert (calls.number, calls.bytes) == (1, x.nbytes)
    assert record.kernel_seconds == calls.seconds > 0


def test_a_kernel_takes_in_all_blocks_of_one_size():
    here, x = Records(), np.ones((4, 8))
    with here.task("cross@gpu-1"):
        one, two = (to_device(block, library="hostfree") for block in (x, 2 * x))
        cross_product(one, two, 0, axes=(1,), scale=1.0, half=None, zero_mean=False)
    (calls,) = here.snapshot()["cross@gpu-1"].kernels.values()
    assert calls.bytes == 2 * x.nbytes


def test_a_task_on_the_host_is_recorded_with_the_reason():
    here = Records()
    with here.task("x", "no GPU worker"):
        pass
    assert here.snapshot() == {"x": Record(on_host={"no GPU worker": 1})}


def test_a_task_that_fails_did_not_finish_but_what_it_copied_counts():
    here = Records()

    def fail():
        with here.task("x"):
            to_device(np.ones(2), library="hostfree")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    record = here.snapshot()["x"]
    assert (record.on_device, record.to_device.number) == (0, 1)


def test_threads_hear_of_their_own_task_only():
    here = Records()
    together = threading.Barrier(4)

    def run(number):
        with here.task(f"task-{number}"):
            together.wait(10)
            for _ in range(number):
                to_device(np.ones(2), library="hostfree")
            together.wait(10)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    copies = {name: record.to_device.number for name, record in here.snapshot().items()}
    assert copies == {f"task-{number}": number for number in range(4)}


def test_the_latest_names_are_remembered():
    here = Records()
    for number in range(MOST_NAMES + 10):
        here.add(f"x-{number}", Record(on_device=1))
        here.add("kept", Record(on_device=1))
    snapshot = here.snapshot()
    assert len(snapshot) == MOST_NAMES
    assert snapshot["kept"].on_device == MOST_NAMES + 10
    assert "x-0" not in snapshot


def test_records_travel_between_processes():
    record = Record(1, {"no GPU": 2}, kernels={KernelSize("a", "numpy", "f", 3): Counted(1, 2, 3)})
    assert pickle.loads(pickle.dumps(record)) == record


def test_without_a_client_the_records_are_those_of_this_process():
    assert isinstance(collect(), dict)


def test_a_scheduler_without_spanwise_knows_nothing_of_lost_workers():
    class Client:
        def run_on_scheduler(self, function):
            raise ModuleNotFoundError("No module named 'spanwise'")

    assert lost(Client()) == {}
