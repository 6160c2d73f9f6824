"""Placed graphs on clusters of processes: GPU workers, CPU workers beside, and what goes wrong."""

import os
import sys

import cloudpickle
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import get_worker

import spanwise as sw
from spanwise.kernels.library import library_of
from spanwise.schedulers.records import collect

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests


def forget():
    from spanwise.kernels.transfer import LOG
    from spanwise.schedulers.records import RECORDS

    RECORDS.clear()
    LOG.reset()


def copies():
    from spanwise.kernels.transfer import LOG

    return [(side.copies, side.bytes) for side in (LOG.to_device, LOG.to_host)]


def gpu_addresses(client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return [address for address, w in workers.items() if w["resources"].get("GPU")]


@pytest.fixture
def client(one_gpu_worker):
    one_gpu_worker.run(forget)
    with one_gpu_worker.as_current():
        yield one_gpu_worker


@pytest.fixture
def two(two_gpu_workers):
    two_gpu_workers.run(forget)
    with two_gpu_workers.as_current():
        yield two_gpu_workers


@pytest.fixture
def values():
    return np.random.default_rng(5).normal(size=(8, 6, 10))


def chain(x):
    return sw.fft.irfft(abs(sw.fft.rfft(x)) * 2 + 1)


def across(x):
    return sw.fft.ifftn(sw.fft.fftn(x) * 2).real


def spectrum(x):
    return sw.signal.power_spectrum(x, axes=(0, 2), detrend="constant").mean(axis=1)


def smoothed(x):
    return sw.signal.filter_frequencies(x, lambda f: 1 / (1 + f**2), axes=2)


def fitted(x):
    return sw.cluster.KMeans(3, random_state=0).fit(x.reshape(-1, x.shape[-1])).labels_


WORKS = {work.__name__: work for work in (chain, across, spectrum, smoothed, fitted)}


@pytest.mark.parametrize("policy", ["gpu", "data", "cost"])
@pytest.mark.parametrize("work", WORKS)
def test_all_runs_where_it_was_planned_and_copies_what_was_planned(
    device, client, values, work, policy
):
    x = da.from_array(values, chunks=(3, 3, 10))
    want = WORKS[work](x).compute(scheduler="sync")
    with device.placement(policy):
        y = WORKS[work](x)
        client.run(forget)
        planned = sw.explain(y).totals
        got = y.compute()
        report = sw.report(y)
    np.testing.assert_allclose(got, want, atol=1e-11)
    assert report.as_planned, str(report)
    assert bool(report.rows) == (policy == "gpu")
    sides = (planned.to_device, planned.to_host)
    counted = np.sum(list(client.run(copies).values()), axis=0)
    np.testing.assert_array_equal(counted, [(side.number, side.bytes) for side in sides])


def test_policy_data_follows_chunks_that_are_on_the_device(device, client, values):
    x = da.from_array(values, chunks=(2, 6, 10))
    meta = device.concrete.asarray(np.empty((0, 0, 0)))
    there = x.map_blocks(sw.to_device, library=device.library, dtype=x.dtype, meta=meta)
    with device.placement("data"):
        y = sw.fft.fft(there)
        back = y.map_blocks(sw.to_host, dtype=y.dtype, meta=np.empty((0, 0, 0), y.dtype))
        got = back.compute()
    np.testing.assert_allclose(got, scipy.fft.fft(values), atol=1e-12)
    counted = np.sum(list(client.run(copies).values()), axis=0)
    np.testing.assert_array_equal(counted[:, 0], [4, 4])


def test_two_gpu_workers_share_the_work_and_the_card(device, two, values):
    x = da.from_array(np.tile(values, (3, 1, 1)), chunks=(1, 6, 10))
    with device.placement():
        got = across(x).compute()
    np.testing.assert_allclose(got, 2 * np.tile(values, (3, 1, 1)), atol=1e-11)
    counted = two.run(copies, workers=gpu_addresses(two))
    assert len(counted) == 2
    assert all(to_device[0] > 0 for to_device, _ in counted.values())


def test_device_arrays_travel_between_workers_and_to_the_client(device, two):
    def make(n, library):  # a function of a module would go by its name
        return sw.to_device(np.arange(float(n)).reshape(4, -1)[:, ::2], library=library)

    first, second = gpu_addresses(two)
    here = two.submit(make, 32, device.library, workers=[first], pure=False)
    there = two.submit(lambda block: block * 2, here, workers=[second], pure=False)
    got = there.result(timeout=60)
    assert library_of(got) == device.library
    want = 2 * np.arange(32.0).reshape(4, -1)[:, ::2]
    np.testing.assert_array_equal(sw.to_host(got), want)


def test_chunks_on_the_devices_of_two_workers_give_a_result_there(device, two, values):
    x = da.from_array(values, chunks=(2, 6, 10))
    meta = device.concrete.asarray(np.empty((0, 0, 0)))
    there = x.map_blocks(sw.to_device, library=device.library, dtype=x.dtype, meta=meta)
    with device.placement("data"):
        got = sw.fft.fftn(there).compute()
    assert library_of(got) == device.library
    np.testing.assert_allclose(sw.to_host(got), scipy.fft.fftn(values), atol=1e-11)


def leave(nbytes, library, dask_worker):
    """Leave this worker so many bytes on its device."""
    dask_worker.spanwise_ballast = None
    if library == "hostfree":
        from spanwise.testing import hostfree_memory

        hostfree_memory.account = None if nbytes is None else hostfree_memory.Account(nbytes)
        return
    import cupy

    pool = cupy.get_default_memory_pool()
    cupy.fft.config.get_plan_cache().clear()
    pool.free_all_blocks()
    if nbytes is not None:
        taken = pool.get_limit() - pool.used_bytes() - nbytes
        dask_worker.spanwise_ballast = cupy.empty(taken, dtype="u1")


@pytest.fixture
def room(device, client):
    """Leaves the GPU worker so many bytes on its device until the test ends."""

    def left(nbytes):
        client.run(leave, nbytes, device.library, workers=gpu_addresses(client))

    yield left
    left(None)


def actions(client):
    return [message["action"] for _, message in client.get_events("spanwise-placement")]


def large_source(device):
    """Two chunks, made where they are read: a graph that holds them would be too large to send."""

    def waves(chunk, row, point):  # a function of a module would go by its name
        return np.cos((chunk + 1) * row * point / 100) + row

    shape = (2, 64, device.block_bytes // (8 * 64))
    return da.fromfunction(waves, shape=shape, chunks=(1, *shape[1:]), dtype="f8")


def test_a_kernel_without_room_is_cut(device, client, room):
    x = large_source(device)
    room(4 * device.block_bytes)
    with device.placement():
        got = sw.fft.fft(x, axis=2).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(x.compute(scheduler="sync")), atol=1e-7)
    (record,) = collect(client).values()
    assert (record.on_device, record.on_host) == (2, {})
    assert record.cut >= 1


def test_a_chunk_without_room_runs_on_a_cpu_worker(device, client, room):
    x = large_source(device)
    room(device.block_bytes // 2)
    before = len(actions(client))
    with device.placement():
        got = sw.fft.fft(x, axis=2).compute()
    np.testing.assert_allclose(got, scipy.fft.fft(x.compute(scheduler="sync")), atol=1e-7)
    assert actions(client)[before:] == ["out-of-memory"] * 2
    (record,) = collect(client).values()
    assert (record.on_device, list(record.on_host)) == (0, ["the device had no memory left"])


def test_a_gpu_worker_that_is_killed_comes_back_and_goes_on(device, client, values, tmp_path):
    marker = tmp_path / "died"

    def die_once(block):
        """A reader that kills the GPU worker when it first gets there."""
        if get_worker().name == "gpu0" and not marker.exists():
            marker.touch()
            os._exit(1)
        return block

    x = da.from_array(values, chunks=(1, 6, 10))
    with device.placement():
        read = x.map_blocks(die_once, dtype=x.dtype, meta=x._meta)
        got = sw.fft.fft(read, axis=1).compute()
    assert marker.exists()
    np.testing.assert_allclose(got, scipy.fft.fft(values, axis=1), atol=1e-12)
    assert gpu_addresses(client)


def test_a_zarr_goes_through_the_device_chunk_by_chunk(device, client, tmp_path):
    zarr = pytest.importorskip("zarr")
    values = np.random.default_rng(0).standard_normal((16, 32, 64)).astype("float32")
    shape = {"shape": values.shape, "chunks": (2, 32, 64), "dtype": values.dtype}
    source = zarr.create_array(tmp_path / "in.zarr", **shape)
    source[:] = values
    out = zarr.create_array(tmp_path / "out.zarr", **shape)
    with device.placement():
        low = sw.signal.filter_frequencies(
            da.from_zarr(source), lambda f, g: 1 / (1 + 9 * (f**2 + g**2)), axes=(1, 2)
        )
        planned = sw.explain(low).totals
        client.run(forget)
        da.store(low, out, lock=False)
    f, g = np.fft.fftfreq(32)[:, None], np.fft.rfftfreq(64)[None, :]
    spectrum = scipy.fft.rfft2(values) / (1 + 9 * (f**2 + g**2))
    np.testing.assert_allclose(out[:], scipy.fft.irfft2(spectrum, s=(32, 64)), atol=1e-5)
    assert planned.to_device.number == 8
    counted = np.sum(list(client.run(copies).values()), axis=0)
    np.testing.assert_array_equal(counted[:, 0], [8, 8])
