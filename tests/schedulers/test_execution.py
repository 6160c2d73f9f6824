"""Placed tasks where they stand: on a device, on the host by order, or with no memory left."""

import contextlib
import functools
import logging
import pickle
from types import SimpleNamespace

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
from dask._task_spec import Task, TaskRef

from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import LOG
from spanwise.schedulers import placement
from spanwise.schedulers.dask.placed import PlacedTask, places_within
from spanwise.schedulers.execution import OUT_OF_MEMORY, Place, run_placed
from spanwise.schedulers.records import RECORDS, collect
from spanwise.testing import limit_memory

on_device = functools.partial(placement, "gpu", device="hostfree")
ran_on = []


def _thirsty(x):
    ran_on.append(library_of(x))
    return (x + 1) + (x + 1)


thirsty = Kernel("test-thirsty", _thirsty)
thirsty_in_parts = Kernel("test-thirsty-in-parts", _thirsty, free_axes=lambda x: (0,))


@pytest.fixture(autouse=True)
def _fresh():
    ran_on.clear()
    LOG.reset()
    RECORDS.clear()


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(6, 8, 10))


@pytest.fixture
def x(values):
    return da.from_array(values, chunks=(2, 8, 10))


def of(kernel, x):
    return x.map_blocks(kernel, dtype=x.dtype, meta=x._meta)


def placed_tasks(y):
    graph = y.__dask_optimize__(y.dask, y.__dask_keys__())
    return [t for t in dict(graph).values() if any(places_within(t))]


def test_placed_tasks_are_recorded_under_the_name_of_what_they_do(x):
    with on_device():
        y = of(thirsty, x)
        names = {task.place.name for task in placed_tasks(y)}
        assert names == {task.place.name for task in placed_tasks(y.map_blocks(np.sort))}
        y.compute(scheduler="sync")
    records = collect()
    assert records.keys() == names
    (record,) = records.values()
    assert (record.on_device, record.on_host, record.exhausted) == (3, {}, 0)
    assert (record.to_device.number, record.to_host.number) == (3, 3)
    assert record.to_device.bytes == x.nbytes
    assert {size.kernel for size in record.kernels} == {"test-thirsty"}
    assert sum(calls.number for calls in record.kernels.values()) == 3


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_a_device_without_room_leaves_the_work_to_the_host(x, values, scheduler, caplog):
    chunk = x.nbytes // 3
    with on_device(), limit_memory(1.5 * chunk), caplog.at_level(logging.WARNING, "spanwise"):
        got = of(thirsty, x).compute(scheduler=scheduler)
    np.testing.assert_array_equal(got, 2 * (values + 1))
    (record,) = collect().values()
    assert record.on_host == {OUT_OF_MEMORY: 3}
    assert (record.on_device, record.exhausted) == (0, 3)
    assert ran_on.count("numpy") == 3
    assert len(caplog.messages) == 1
    assert "out of device memory in this process; runs on the CPU instead" in caplog.text


def test_kernels_are_cut_before_the_host_has_to_help(x, values):
    chunk = x.nbytes // 3
    with on_device(), limit_memory(3.5 * chunk):
        got = of(thirsty_in_parts, x).compute(scheduler="sync")
    np.testing.assert_array_equal(got, 2 * (values + 1))
    (record,) = collect().values()
    assert (record.on_device, record.on_host, record.exhausted) == (3, {}, 0)
    assert record.cut == 3
    assert set(ran_on) == {"hostfree"}


def test_an_error_of_the_work_itself_is_not_tried_again(x):
    def wrong(block):
        ran_on.append(library_of(block))
        raise ZeroDivisionError

    kernel = Kernel("test-wrong", wrong)
    with on_device(), pytest.raises(ZeroDivisionError):
        of(kernel, x).compute(scheduler="sync")
    assert ran_on == ["hostfree"]


def test_host_and_device_give_the_same_for_shared_operands(x, values):
    # On the host a copy is the block itself: nothing may be written into it.
    kept = values.copy()
    with on_device(), limit_memory(0):
        got = dask.compute(of(thirsty, x), of(thirsty, x) + x, scheduler="sync")
    np.testing.assert_array_equal(got[0], 2 * (values + 1))
    np.testing.assert_allclose(got[1], 3 * values + 2)
    np.testing.assert_array_equal(values, kept)


def test_the_device_is_tried_again_when_its_pool_gave_something_back(monkeypatch):
    from spanwise.errors import DeviceMemoryError
    from spanwise.schedulers import execution

    calls = []

    def work():
        calls.append(1)
        if len(calls) == 1:
            raise DeviceMemoryError("full")
        return "done"

    monkeypatch.setattr(execution, "release_memory", lambda library: 100)
    assert run_placed(work, place=Place("cupy", name="x@gpu")) == "done"
    assert collect()["x@gpu"].on_device == 1


@pytest.mark.parametrize("module", [pickle, cloudpickle])
def test_a_placed_task_travels_with_its_place(x, values, module):
    with on_device():
        (task, *_) = placed_tasks(of(np.negative, of(thirsty, x)))
    assert isinstance(task, PlacedTask)
    copy = module.loads(module.dumps(task))
    assert isinstance(copy, PlacedTask)
    assert copy.place == task.place
    assert copy.place.library == "hostfree"
    assert copy.key == task.key
    assert copy.has_subgraph()
    assert copy.block_fusion


def test_renaming_and_copying_keep_the_place(x):
    with on_device():
        (task, *_) = placed_tasks(of(thirsty, x))
    (needed, *_) = task.dependencies or (None,)
    renamed = task.substitute({needed: "other"} if needed is not None else {}, key="new")
    for other in (renamed, task.copy()):
        assert isinstance(other, PlacedTask)
        assert other.place == task.place
        assert other.data_producer == task.data_producer
    assert renamed.key == "new"


def test_a_placed_task_is_seen_inside_a_fused_one(x):
    with on_device():
        (task, *_) = placed_tasks(of(thirsty, x))
    after = Task("after", np.sum, TaskRef(task.key))
    fused = Task.fuse(task, after)
    assert type(fused) is Task
    assert list(places_within(fused)) == [task.place]
    assert not any(places_within(after))


def test_what_was_placed_before_is_not_placed_again(x, values):
    with on_device():
        (once,) = dask.optimize(of(thirsty, x))
        got = (once + 1).compute(scheduler="sync")
        twice = of(thirsty, once).compute(scheduler="sync")
    np.testing.assert_allclose(got, 2 * values + 3)
    np.testing.assert_allclose(twice, 4 * values + 6)
    assert set(ran_on) == {"hostfree"}
    assert LOG.to_device.copies == LOG.to_host.copies == 3 + 6


@pytest.mark.parametrize(
    ("library", "slots", "apart"),
    [("cupy", None, True), ("cupy", 3, True), ("cupy", 1, False), ("hostfree", 3, False)],
)
def test_threads_that_share_a_card_have_streams_of_their_own(monkeypatch, library, slots, apart):
    from spanwise.schedulers import execution

    entered = []

    class Worker:
        state = SimpleNamespace(total_resources={"GPU": slots}, nthreads=slots)
        address = "here"

    stand = execution._Stand(None if slots is None else Worker())
    monkeypatch.setattr(execution, "_stand", lambda: stand)
    monkeypatch.setattr(execution.devices, "cuda_devices", lambda: (2**30,))
    monkeypatch.setattr(
        "spanwise.kernels.cupy.streams.own_stream",
        lambda: contextlib.nullcontext(entered.append("stream")),
    )
    assert run_placed(lambda: "done", place=Place(library, name="x@gpu")) == "done"
    assert entered == ["stream"] * apart
