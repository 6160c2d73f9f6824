"""`place_on`: device work on GPU workers of any cluster, also where graphs lost annotations."""

import functools
import logging
import re
import threading
import time

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import Client, LocalCluster, Scheduler, SpecCluster, Worker, get_worker

import spanwise as sw
from spanwise.errors import ArgumentError, PlacementError
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.schedulers import MixedCluster, devices, place_on, placement
from spanwise.schedulers.dask.plugin import NAME, PlacementPlugin
from spanwise.schedulers.records import RECORDS, collect
from spanwise.testing import limit_memory

on_device = functools.partial(placement, "gpu", device="hostfree")

_lock = threading.Lock()
_ran = []


def _double(x):
    with _lock:
        _ran.append((library_of(x), get_worker().name))
    return x * 2


double = Kernel("test-double-remote", _double)


def worker(name, **options):
    options = {"nthreads": 1, "name": name, "host": "127.0.0.1", "dashboard": False} | options
    return {"cls": Worker, "options": options | {"dashboard_address": "127.0.0.1:0"}}


@pytest.fixture
def start():
    """Start clusters as somebody else would: ours is not asked."""
    running = []

    def run(*workers):
        cluster = SpecCluster(
            workers={w["options"]["name"]: w for w in workers},
            scheduler={
                "cls": Scheduler,
                "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"},
            },
            silence_logs=logging.WARNING,
        )
        running.append(cluster)
        client = Client(cluster)
        running.append(client)
        client.wait_for_workers(len(workers), timeout=30)
        return client

    yield run
    for each in reversed(running):
        each.close()


@pytest.fixture(autouse=True)
def _fresh():
    _ran.clear()
    RECORDS.clear()


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(8, 6))


@pytest.fixture
def x(values):
    return da.from_array(values, chunks=(1, 6))


def double_of(x):
    return x.map_blocks(double, dtype=x.dtype, meta=x._meta)


def lost(x):
    """A graph whose placed tasks have no annotations."""
    return dask.delayed(np.sum)(double_of(x))


def heard(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "spanwise"]


GPU = {"resources": {"GPU": 1}}


def test_stores_and_chunks_that_were_built_before_run_on_the_gpu_worker(start, x, values, tmp_path):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    client = start(worker("cpu0"), worker("gpu0", **GPU))
    with on_device():
        labelled = xr.Dataset({"v": (("t", "y"), double_of(x))})
        stored = labelled.to_zarr(tmp_path / "out.zarr", compute=False, consolidated=False)
        pieces = double_of(x + 1).to_delayed().ravel().tolist()
    with place_on(client) as placed:
        client.compute(stored).result()
        got = client.gather(client.compute(pieces))
        assert placed.events == []
    with xr.open_zarr(tmp_path / "out.zarr", consolidated=False) as found:
        np.testing.assert_array_equal(found.v, 2 * values)
    np.testing.assert_array_equal(np.concatenate(got), 2 * (values + 1))
    assert set(_ran) == {("hostfree", "gpu0")}


def test_a_delayed_graph_runs_on_the_gpu_worker(start, x, values):
    client = start(worker("cpu0"), worker("cpu1"), worker("gpu0", **GPU))
    with on_device():
        graph = lost(x)
    with place_on(client) as placed:
        assert client.compute(graph).result() == pytest.approx(2 * values.sum())
        assert placed.events == []
    assert set(_ran) == {("hostfree", "gpu0")}
    (record,) = collect(client).values()
    assert record.on_device == 8


def test_without_it_a_delayed_graph_says_that_it_is_lost(start, x):
    client = start(worker("cpu0"))
    with on_device(), dask.config.set(scheduler="sync"):
        graph = lost(x)
    with pytest.raises(PlacementError, match=r"Call spanwise\.schedulers\.place_on"):
        client.compute(graph).result()
    assert _ran == []


def test_without_gpu_workers_placed_work_runs_on_the_cpu_and_the_user_hears_of_it(
    start, x, values, caplog, monkeypatch
):
    monkeypatch.setattr(devices, "cuda_devices", Ask({}))  # also where this machine has a card
    client = start(worker("cpu0"))
    with on_device(), dask.config.set(scheduler="sync"):
        graph = lost(x)
    with place_on(client) as placed, caplog.at_level(logging.WARNING, "spanwise"):
        assert client.compute(graph).result() == pytest.approx(2 * values.sum())
        (event,) = placed.events
        _until(lambda: heard(caplog))
    assert event["action"] == "no-gpu-worker"
    assert event["message"] == "8 placed tasks run on the CPU: there is no GPU worker"
    assert heard(caplog) == [event["message"]]
    assert set(_ran) == {("numpy", "cpu0")}
    (record,) = collect(client).values()
    assert record.on_host == {"there is no GPU worker": 8}


def test_a_graph_that_its_user_keeps_to_cpu_workers_runs_there_on_the_host(start, x, values):
    client = start(worker("cpu0"), worker("gpu0", **GPU))
    with on_device():
        graph = lost(x)
    with place_on(client) as placed:
        future = client.compute(graph, workers=["cpu0"])
        assert future.result() == pytest.approx(2 * values.sum())
        (event,) = placed.events
    assert event["action"] == "kept-elsewhere"
    assert set(_ran) == {("numpy", "cpu0")}


def test_a_device_without_room_hands_its_tasks_to_cpu_workers(start, x, values):
    client = start(worker("cpu0"), worker("cpu1"), worker("gpu0", **GPU))
    with place_on(client) as placed, on_device(), limit_memory(0):
        got = double_of(x).compute()
        found = placed.events
    np.testing.assert_array_equal(got, 2 * values)
    assert {event["action"] for event in found} == {"out-of-memory"}
    assert len(found) == 8
    assert {name for _, name in _ran} <= {"cpu0", "cpu1"}
    assert {library for library, _ in _ran} == {"numpy"}
    (record,) = collect(client).values()
    assert (record.exhausted, sum(record.on_host.values())) == (8, 8)


def test_where_there_is_no_cpu_worker_the_host_of_the_gpu_worker_does_it(start, x, values):
    client = start(worker("gpu0", **GPU))
    with place_on(client), on_device(), limit_memory(0):
        got = double_of(x).compute()
    np.testing.assert_array_equal(got, 2 * values)
    assert set(_ran) == {("numpy", "gpu0")}


def test_without_the_plugin_memory_that_is_full_is_made_up_for_on_the_spot(start, x, values):
    client = start(worker("cpu0"), worker("gpu0", **GPU))
    with on_device(), limit_memory(0):
        got = double_of(x).compute()
    np.testing.assert_array_equal(got, 2 * values)
    assert set(_ran) == {("numpy", "gpu0")}
    assert len(client.get_events("spanwise-placement")) == 8


def test_work_that_waits_for_a_lost_gpu_worker_goes_to_the_cpu_after_a_while(
    start, x, values, caplog
):
    client = start(worker("cpu0"), worker("gpu0", **GPU))
    with on_device():
        graph = lost(x)
    with (
        dask.config.set({"spanwise.gpu-worker-grace": "3s"}),
        place_on(client) as placed,
        caplog.at_level(logging.WARNING, "spanwise"),
    ):
        client.retire_workers([client.cluster.workers["gpu0"].address])
        assert client.compute(graph).result() == pytest.approx(2 * values.sum())
        messages = [event["message"] for event in placed.events]
        _until(lambda: heard(caplog))
    assert messages == [
        "8 placed tasks run on the CPU: the last GPU worker went and none came within 3 s"
    ]
    assert set(_ran) == {("numpy", "cpu0")}


def test_a_gpu_worker_that_comes_in_time_gets_the_work(start, x, values):
    client = start(worker("cpu0"), worker("gpu0", **GPU))
    with on_device():
        graph = lost(x)
    with place_on(client) as placed:
        client.retire_workers([client.cluster.workers["gpu0"].address])
        future = client.compute(graph)

        async def come():
            return await Worker(client.scheduler.address, **worker("gpu1", **GPU)["options"])

        late = client.sync(come)
        assert future.result(timeout=30) == pytest.approx(2 * values.sum())
        assert placed.events == []
        client.sync(late.close)
    assert set(_ran) == {("hostfree", "gpu1")}


class Ask:
    """Stands in for looking for CUDA devices: what each worker would answer."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, dask_worker=None):
        return self.answers.get(dask_worker.address, "none here")


def test_workers_with_a_device_are_found_by_asking(start, x, monkeypatch):
    client = start(worker("cpu0"), worker("other"))
    address = client.cluster.workers["other"].address
    monkeypatch.setattr(devices, "cuda_devices", Ask({address: (1000,)}))
    with on_device(), dask.config.set(scheduler="sync"):
        graph = lost(x)
    with place_on(client):
        assert client.cluster.scheduler.plugins[NAME].gpu_workers() == {address}
        # The stand-in needs the resource where it runs; that is where it was sent.
        with pytest.raises(PlacementError, match=re.escape(address)):
            client.compute(graph).result()


def test_the_scheduler_fails_tasks_that_no_worker_may_ever_run(start):
    client = start(worker("cpu0"))
    scheduler = client.cluster.scheduler
    assert scheduler.no_workers_timeout is None
    with place_on(client):
        assert scheduler.no_workers_timeout == 60
        assert scheduler.plugins[NAME].grace == 30
    scheduler.no_workers_timeout = 5
    with place_on(client):
        assert scheduler.no_workers_timeout == 5
        assert scheduler.plugins[NAME].grace == 2.5


def test_it_can_be_called_again_and_goes_with_the_first(start):
    client = start(worker("cpu0"))
    plugins = client.cluster.scheduler.plugins
    first = place_on(client)
    plugin = plugins[NAME]
    with place_on(client):
        assert plugins[NAME] is plugin
    assert plugins[NAME] is plugin
    first.close()
    first.close()
    assert NAME not in plugins


def test_our_own_clusters_have_it():
    with MixedCluster(cpu=1, gpu=0, processes=False) as client:
        assert isinstance(client.cluster.scheduler.plugins[NAME], PlacementPlugin)
        with place_on(client):
            pass
        assert NAME in client.cluster.scheduler.plugins


@pytest.mark.parametrize("client", [None, "tcp://127.0.0.1:8786", LocalCluster])
def test_anything_but_a_client_is_refused(client):
    with pytest.raises(ArgumentError, match=r"expected a distributed\.Client"):
        place_on(client)


def test_an_asynchronous_client_is_refused():
    class Asynchronous:
        asynchronous = True

        def register_plugin(self):
            raise AssertionError

    with pytest.raises(ArgumentError, match="synchronous"):
        place_on(Asynchronous())


class Live:
    """Chunks that were made and have not been used yet."""

    def __init__(self):
        self._lock = threading.Lock()
        self.now = self.peak = 0

    def add(self, n):
        with self._lock:
            self.now += n
            self.peak = max(self.peak, self.now)


LIVE = Live()


def produce(block):
    LIVE.add(1)
    return block + 0.0


def _consume(x, scale=1.0):
    time.sleep(0.005)
    LIVE.add(-0.5)
    return x + scale


consume = Kernel("test-consume", _consume)


def twice_consumed(chunks, n):
    """Every chunk is read by a task of its own, for two device tasks."""
    x = da.zeros((chunks, n), chunks=(1, n))
    x = x.map_blocks(produce, dtype=float, meta=x._meta)
    used = (x.map_blocks(consume, scale=s, dtype=float, meta=x._meta) for s in (1.0, 2.0))
    return [y.map_blocks(np.mean, axis=1, keepdims=True, chunks=(1, 1), dtype=float) for y in used]


def check_twice_consumed(got, chunks):
    np.testing.assert_array_equal(got[0], np.full((chunks, 1), 1.0))
    np.testing.assert_array_equal(got[1], np.full((chunks, 1), 2.0))


@pytest.mark.parametrize("budget", [None, 8])
def test_producers_are_held_back_by_bytes(start, budget, untroubled_by_the_process):
    chunks, n = 60, 1000
    client = start(worker("cpu0", nthreads=4), worker("gpu0", **GPU))
    LIVE.__init__()
    settings = {"spanwise.gate-bytes": budget and budget * n * 8}
    with dask.config.set(settings), place_on(client), on_device():
        got = dask.compute(*twice_consumed(chunks, n))
        gate = client.cluster.scheduler.plugins[NAME].pressure.gate
    check_twice_consumed(got, chunks)
    assert LIVE.now == 0
    if budget:
        assert LIVE.peak <= budget
        assert gate.peak <= budget * n * 8
    else:
        assert LIVE.peak > 16  # what happens without


@pytest.mark.parametrize("method", ["tasks", "p2p"])
def test_a_task_that_needs_more_than_the_budget_still_gets_it(
    start, method, untroubled_by_the_process
):
    chunks, n = 24, 100
    client = start(worker("cpu0", nthreads=2), worker("gpu0", **GPU))
    x = da.zeros((chunks, n), chunks=(1, n))
    x = x.map_blocks(produce, dtype=float, meta=x._meta)
    whole = x.rechunk((chunks, n), method=method).map_blocks(
        double, dtype=float, meta=np.empty((0, 0))
    )
    reduced = x.map_blocks(double, dtype=float, meta=np.empty((0, 0))) + x.sum(axis=0)
    with dask.config.set({"spanwise.gate-bytes": 1}), place_on(client), on_device():
        first, second = dask.compute(whole, reduced)
    np.testing.assert_array_equal(first, np.zeros((chunks, n)))
    np.testing.assert_array_equal(second, np.zeros((chunks, n)))


def test_an_exchange_ends_with_a_budget_of_nothing(start, untroubled_by_the_process):
    client = start(worker("cpu0", nthreads=2), worker("gpu0", **GPU))
    values = np.random.default_rng(2).normal(size=(12, 12, 4))
    x = da.from_array(values, chunks=(3, 4, 4)).map_blocks(produce, dtype=float)
    with dask.config.set({"spanwise.gate-bytes": 0}), place_on(client), on_device():
        got = sw.fft.fftn(x).compute()
        gate = client.cluster.scheduler.plugins[NAME].pressure.gate
    np.testing.assert_allclose(got, scipy.fft.fftn(values), atol=1e-11)
    assert gate is None or not gate.held


def test_chunks_held_back_outlive_the_limit_on_tasks_that_no_worker_may_run(
    start, untroubled_by_the_process
):
    client = start(worker("cpu0", nthreads=2), worker("gpu0", **GPU))
    client.cluster.scheduler.no_workers_timeout = 0.5
    chunks, n = 100, 10
    with dask.config.set({"spanwise.gate-bytes": n * 8}), place_on(client), on_device():
        begin = time.monotonic()
        got = dask.compute(*twice_consumed(chunks, n))
        assert time.monotonic() - begin > 0.5, "too fast to tell"
    check_twice_consumed(got, chunks)


def test_closing_lets_everything_go(start, untroubled_by_the_process):
    client = start(worker("cpu0", nthreads=2), worker("gpu0", **GPU))
    with dask.config.set({"spanwise.gate-bytes": 1}):
        placed = place_on(client)
    with on_device():
        futures = client.compute(twice_consumed(40, 10))
        placed.close()
    check_twice_consumed(client.gather(futures), 40)


def _until(met, seconds=10.0):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
