"""What can go wrong on a cluster of processes, and that the result is the same all the same."""

import functools
import logging
import os
import pathlib
import sys
import time

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import get_worker, wait

import spanwise as sw
from spanwise.errors import PlacementError
from spanwise.schedulers import MixedCluster, place_on, placement
from spanwise.schedulers.records import collect

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

on_device = functools.partial(placement, "gpu", device="hostfree")

DEVICE_MEMORY = 2**20
"""Bytes that a GPU worker of the tests has on its device."""


@pytest.fixture(scope="module")
def cluster():
    """Two CPU workers and a GPU worker with little memory, each a process under a Nanny."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANWISE_HOSTFREE_MEMORY", str(DEVICE_MEMORY))
        with MixedCluster(cpu=2, gpu=1, device="hostfree") as client:
            yield client


@pytest.fixture
def client(cluster):
    cluster.run(_forget)
    with cluster.as_current():
        yield cluster


def _forget():
    from spanwise.schedulers.records import RECORDS

    RECORDS.clear()


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(size=(8, 16, 10))


def events(client):
    return [message["action"] for _, message in client.get_events("spanwise-placement")]


def gpu_address(client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    (address,) = (a for a, w in workers.items() if w["resources"].get("GPU"))
    return address


def die_once(block, marker, name):
    """A reader that kills the worker of this name when it first gets there."""
    marker = pathlib.Path(marker)
    if get_worker().name == name and not marker.exists():
        marker.touch()
        os._exit(1)
    return block


def die_always(block, name):
    """A reader that kills the worker of this name whenever it gets there."""
    if get_worker().name == name and np.any(block > 0):
        os._exit(1)
    return block


def slow(block, *others):
    time.sleep(0.05)
    return block


def slow_or_deadly(block, other, marker):
    """Opaque work on two blocks, so that no placed task takes it in; cpu0 dies of it once."""
    return slow(die_once(block, marker, "cpu0"))


def read(x, function, *args, **kwargs):
    return x.map_blocks(function, *args, dtype=x.dtype, meta=x._meta, **kwargs)


def on_device_and_host(client):
    records = collect(client).values()
    reasons = [reason for record in records for reason in record.on_host]
    return sum(record.on_device for record in records), reasons


def test_a_kernel_that_does_not_fit_on_the_device_is_cut(client):
    # 256 KiB of real numbers: with the complex copy and result 1.25 MiB.
    values = np.random.default_rng(0).normal(size=(2, 64, 512))
    with on_device():
        got = sw.fft.fft(da.from_array(values, chunks=(1, 64, 512)), axis=2).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=2), atol=1e-10)
    (record,) = collect(client).values()
    assert (record.on_device, record.on_host, record.cut) == (2, {}, 2)


def test_a_chunk_that_does_not_fit_at_all_goes_to_a_cpu_worker(client):
    values = np.random.default_rng(0).normal(size=(2, 64, 4096))
    before = len(events(client))
    with on_device():
        got = sw.fft.fft(da.from_array(values, chunks=(1, 64, 4096)), axis=2).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=2), atol=1e-9)
    assert events(client)[before:] == ["out-of-memory"] * 2
    assert on_device_and_host(client) == (0, ["the device had no memory left"])


def test_a_gpu_worker_that_is_killed_once_is_restarted_and_goes_on(client, values, tmp_path):
    before = len(events(client))
    marker = tmp_path / "died"
    with on_device():
        x = da.from_array(values, chunks=(1, 16, 10))
        got = sw.fft.fft(read(x, die_once, str(marker), "gpu0"), axis=1).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=1), atol=1e-12)
    assert marker.exists()
    assert gpu_address(client)  # with its resource
    assert events(client)[before:] == []
    assert on_device_and_host(client) == (8, [])


@pytest.mark.slow
def test_a_chunk_that_kills_every_gpu_worker_goes_to_the_cpu(client, values):
    before = len(events(client))
    with on_device():
        x = da.from_array(abs(values), chunks=(4, 16, 10))
        got = sw.fft.fft(read(x, die_always, "gpu0"), axis=1).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(abs(values), axis=1), atol=1e-12)
    assert set(events(client)[before:]) == {"gpu-workers-died"}
    client.wait_for_workers(3, timeout=60)


def test_a_cpu_worker_that_is_killed_in_mid_exchange_loses_no_chunk(client, values, tmp_path):
    marker = tmp_path / "died"
    with on_device():
        x = da.from_array(values, chunks=(1, 4, 10))
        first = sw.fft.fft(x, axis=2)
        there = da.map_blocks(
            slow_or_deadly, first, x, str(marker), dtype=first.dtype, meta=first._meta
        )
        got = sw.fft.fft(there, axis=1).compute()
    assert marker.exists()
    np.testing.assert_allclose(got, scipy.fft.fft2(values, axes=(1, 2)), atol=1e-11)
    client.wait_for_workers(3, timeout=60)


def test_the_same_array_under_two_placements_is_right_each_time(client, values):
    y = sw.fft.fft(da.from_array(values, chunks=(2, 16, 10)), axis=1)
    expected = scipy.fft.fft(values, axis=1)
    with on_device():
        there = (y * 2).persist()
        wait(there)
    with placement("cpu"):
        here = (y * 3).persist()
        wait(here)
    with on_device():
        again = (y * 5).compute()
    for got, factor in ((there.compute(), 2), (here.compute(), 3), (again, 5)):
        np.testing.assert_allclose(got, factor * expected, atol=1e-11)
    assert on_device_and_host(client) == (8, [])


@pytest.mark.slow
def test_retiring_rebalancing_and_stealing_move_no_device_data(values):
    x = da.from_array(np.repeat(values, 8, axis=0), chunks=(1, 16, 10))
    with MixedCluster(cpu=2, gpu=1, device="hostfree") as client, on_device():
        kept = sw.fft.fft(x, axis=1).persist()
        wait(kept)
        types = _types(client)
        client.rebalance()
        types += _types(client)
        stolen = read(kept, slow).persist()
        wait(stolen)
        client.retire_workers([gpu_address(client)])
        types += _types(client)
        got = stolen.sum(axis=0).compute()
    assert set(types) == {"ndarray"}
    np.testing.assert_allclose(got, 8 * scipy.fft.fft(values, axis=1).sum(axis=0), atol=1e-10)


def _types(client):
    found = client.run(_kept_types)
    return [name for names in found.values() for name in names]


def _kept_types(dask_worker):
    return [type(v).__name__ for v in dask_worker.data.values() if hasattr(v, "dtype")]


def test_a_delayed_graph_lands_on_the_gpu_worker(client, values):
    with on_device():
        graph = dask.delayed(np.sum)(sw.fft.fft(da.from_array(values, chunks=(1, 16, 10)), axis=1))
    got = client.compute(graph).result()
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=1).sum(), atol=1e-10)
    assert on_device_and_host(client) == (8, [])


@pytest.mark.slow
def test_the_last_gpu_worker_that_is_killed_for_good_leaves_its_work_to_the_cpu(
    values, tmp_path, caplog
):
    with (
        dask.config.set({"spanwise.gpu-worker-grace": "1s"}),
        MixedCluster(cpu=1, gpu=1, device="hostfree") as client,
        caplog.at_level(logging.WARNING, "spanwise"),
    ):
        client.cluster.workers["gpu0"].close_gracefully()  # its Nanny restarts nothing
        with on_device():
            x = da.from_array(values, chunks=(1, 16, 10))
            y = sw.fft.fft(read(x, die_once, str(tmp_path / "died"), "gpu0"), axis=1)
            got = y.compute()
        with on_device():
            explained = str(sw.explain(y))
        assert events(client) == ["gpu-workers-lost"]
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=1), atol=1e-12)
    assert "placed tasks run on the CPU: the last GPU worker went" in caplog.text
    assert "no GPU: none of 1 worker has the resource GPU" in explained


@pytest.mark.slow
def test_a_scheduler_process_needs_no_device_library(scheduler_process, values):
    client = scheduler_process
    x = da.from_array(values, chunks=(2, 16, 10))
    with place_on(client) as placed, on_device():
        graph = dask.delayed(np.sum)(sw.fft.fft(x, axis=1))
        got = client.compute(graph).result()
        np.testing.assert_allclose(sw.fft.fft(x + 1, axis=1).sum().compute(), got + values.size)
        assert client.run_on_scheduler(_device_libraries) == []
        assert placed.events == []
    assert on_device_and_host(client) == (8, [])
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=1).sum(), atol=1e-10)


def _device_libraries():
    import sys

    return sorted({"cupy", "spanwise.testing.hostfree"} & sys.modules.keys())


def test_a_delayed_graph_without_the_plugin_raises_on_a_cpu_worker(values):
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        client.unregister_scheduler_plugin("spanwise-placement")
        with on_device():
            graph = dask.delayed(np.sum)(
                sw.fft.fft(da.from_array(values, chunks=(4, 16, 10)), axis=1)
            )
        with pytest.raises(PlacementError, match="place_on"):
            client.compute(graph, workers=["cpu0"]).result()
