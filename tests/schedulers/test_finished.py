"""What `report` tells of tasks whose worker has gone."""

import types

import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.schedulers import MixedCluster, placement
from spanwise.schedulers.dask.finished import Finished
from spanwise.schedulers.dask.plugin import NAME
from spanwise.schedulers.execution import CPU, OUT_OF_MEMORY, PLACE, REASON
from spanwise.schedulers.records import RECORDS, Record


@pytest.fixture(scope="module")
def client(untroubled_by_the_process):
    """A CPU worker and a GPU worker, each a process that its Nanny starts again."""
    with MixedCluster(cpu=1, gpu=1, device="hostfree") as client:
        yield client


@pytest.fixture
def transform():
    values = np.random.default_rng(0).normal(size=(8, 16))
    with placement("gpu", device="hostfree"):
        yield lambda factor: sw.fft.fft(da.from_array(factor * values, chunks=(2, 16)))


def lose_the_gpu_worker(client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    (address,) = (a for a, w in workers.items() if w["resources"].get("GPU"))
    client.restart_workers([address])
    client.wait_for_workers(2, timeout=60)


def test_tasks_that_a_lost_worker_had_finished_are_counted(client, transform):
    y = transform(1)
    y.compute()
    before = sw.report(y)
    lose_the_gpu_worker(client)
    after = sw.report(y)
    assert [(row.on_device, row.missing, row.unseen) for row in before.rows] == [(4, 0, 0)]
    assert [(row.on_device, row.missing, row.unseen) for row in after.rows] == [(4, 0, 4)]
    assert (before.to_device.number, after.to_device.number) == (4, 0)
    assert (before.as_planned, after.as_planned) == (True, False)
    assert "fft: 4 of 4 tasks finished on workers that are gone" in str(after)


def test_what_runs_afterwards_adds_up(client, transform):
    y = transform(2)
    y.compute()
    lose_the_gpu_worker(client)
    y.compute()
    (row,) = sw.report(y).rows
    assert (row.on_device, row.unseen, row.to_device.number) == (8, 4, 4)


def test_without_the_plugin_the_number_of_tasks_without_a_record_is_told(client, transform):
    client.run_on_scheduler(_rename, NAME, "aside")
    try:
        y = transform(3)
        y.compute()
        lose_the_gpu_worker(client)
        found = sw.report(y)
    finally:
        client.run_on_scheduler(_rename, "aside", NAME)
    assert [(row.on_device, row.missing, row.unseen) for row in found.rows] == [(0, 4, 0)]
    assert "nothing is known of 4 of 4 planned tasks" in str(found)
    assert "spanwise.schedulers.place_on" in str(found)


def _rename(name, new, dask_scheduler=None):
    dask_scheduler.plugins[new] = dask_scheduler.plugins.pop(name)


def test_a_process_that_outlives_its_worker_is_not_counted_twice(transform):
    RECORDS.clear()
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        y = transform(4)
        y.compute()
        client.retire_workers(names=["gpu0"])
        (row,) = sw.report(y, policy="gpu").rows or sw.report(client).rows
    assert (row.on_device, row.unseen) == (4, 0)


TASK = "fft@gpu-1"


class Scheduler:
    """Just what counting looks at."""

    def __init__(self):
        self.workers = {a: types.SimpleNamespace(host="h", pid=p) for p, a in enumerate("abc")}
        self.tasks = {}

    def task(self, key, annotations=None):
        self.tasks[key] = types.SimpleNamespace(annotations=annotations)
        return key, (TASK,)


@pytest.fixture
def scheduler():
    return Scheduler()


@pytest.fixture
def finished():
    return Finished()


def test_a_task_counts_where_it_finished(scheduler, finished):
    finished.expect(*scheduler.task("x"))
    finished.moved(scheduler, "x", "waiting", "processing", None)
    finished.moved(scheduler, "x", "processing", "released", None)
    finished.moved(scheduler, "x", "processing", "memory", "b")
    finished.moved(scheduler, "y", "processing", "memory", "b")
    assert finished.lost(scheduler) == {}
    del scheduler.workers["a"]
    assert finished.lost(scheduler) == {}
    del scheduler.workers["b"]
    assert finished.lost(scheduler) == {TASK: Record(on_device=1, unseen=1)}
    finished.clear()
    assert finished.lost(scheduler) == {}


def test_a_task_of_the_host_counts_with_the_reason(scheduler, finished):
    sent = {PLACE: CPU, REASON: "there is no GPU worker"}
    finished.expect(*scheduler.task("sent", sent))
    finished.expect(*scheduler.task("full"))
    finished.ran_on_host("full", OUT_OF_MEMORY)
    finished.ran_on_host("unknown", OUT_OF_MEMORY)
    for key in ("sent", "full"):
        finished.moved(scheduler, key, "processing", "memory", "a")
    scheduler.workers.clear()
    (record,) = finished.lost(scheduler).values()
    assert record.on_host == {"there is no GPU worker": 1, OUT_OF_MEMORY: 1}
    assert (record.on_device, record.unseen) == (0, 2)


def test_what_one_attempt_said_does_not_count_for_the_next(scheduler, finished):
    finished.expect(*scheduler.task("x"))
    finished.ran_on_host("x", OUT_OF_MEMORY)
    finished.moved(scheduler, "x", "processing", "released", "a")
    finished.moved(scheduler, "x", "processing", "memory", "b")
    scheduler.workers.clear()
    assert finished.lost(scheduler)[TASK].on_device == 1


def test_a_task_that_is_forgotten_is_no_longer_watched(scheduler, finished):
    finished.expect(*scheduler.task("x"))
    finished.moved(scheduler, "x", "memory", "forgotten", None)
    finished.moved(scheduler, "x", "processing", "memory", "a")
    scheduler.workers.clear()
    assert finished.lost(scheduler) == {}
