"""Placement on a mixed cluster: what ran where, and what was copied."""

import threading

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import SchedulerPlugin, get_worker

import spanwise as sw
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import LOG
from spanwise.schedulers import MixedCluster, placement

_lock = threading.Lock()
_ran = []


def _note(block):
    with _lock:
        _ran.append((library_of(block), get_worker().name))


def _double(x):
    _note(x)
    return x * 2


def on_host(block):
    """Opaque code of a user."""
    _note(block)
    return block + 1


double = Kernel("test-double-on-cluster", _double)


class Where(SchedulerPlugin):
    """Which worker gave out each key."""

    def __init__(self):
        self.workers = {}

    def transition(self, key, start, finish, *args, worker=None, **kwargs):
        if start == "processing" and finish == "memory":
            self.workers[key] = worker


@pytest.fixture(scope="module")
def cluster():
    with MixedCluster(cpu=2, gpu=1, device="hostfree", processes=False) as client:
        client.where = Where()
        client.cluster.scheduler.add_plugin(client.where, name="where")
        yield client


@pytest.fixture
def client(cluster):
    _ran.clear()
    LOG.reset()
    cluster.where.workers.clear()
    with cluster.as_current():
        yield cluster


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(8, 6, 10))


@pytest.fixture
def x(values):
    return da.from_array(values, chunks=(2, 6, 10))


def double_of(x):
    return x.map_blocks(double, dtype=x.dtype, meta=x._meta)


def on_host_of(x):
    return x.map_blocks(on_host, dtype=x.dtype, meta=x._meta)


def check_device_work_ran_on_gpu_workers_only(client):
    assert _ran or client.where.workers
    assert all(name == "gpu0" for library, name in _ran if library == "hostfree")
    gpu = client.cluster.workers["gpu0"].address
    placed = {k: w for k, w in client.where.workers.items() if "@gpu" in str(k)}
    assert placed
    assert set(placed.values()) == {gpu}


def check_copies(planned):
    assert LOG.to_device.copies == planned.to_device.number
    assert LOG.to_device.bytes == planned.to_device.bytes
    assert LOG.to_host.copies == planned.to_host.number
    assert LOG.to_host.bytes == planned.to_host.bytes


def test_device_kernels_run_on_gpu_workers_and_only_there(client, x, values):
    with placement("gpu", device="hostfree"):
        y = on_host_of(on_host_of(x).sum(axis=0)) + double_of(x)
        planned = sw.explain(y).totals
        got = y.compute()
    np.testing.assert_allclose(got, 2 * values + (values + 1).sum(axis=0) + 1)
    assert {library for library, _ in _ran} == {"hostfree", "numpy"}
    check_device_work_ran_on_gpu_workers_only(client)
    check_copies(planned)


def test_work_of_the_host_is_left_to_any_worker(client, x):
    with placement("gpu", device="hostfree"):
        dask.compute(double_of(x), on_host_of(da.ones((64, 4), chunks=1)))
    assert {name for library, name in _ran if library == "numpy"} >= {"cpu0", "cpu1"}


@pytest.mark.parametrize("chunks", [(2, 6, 10), (2, 3, 10), ((3, 5), 6, (4, 6))])
def test_transforms_across_chunks_exchange_on_the_host(client, values, chunks):
    x = da.from_array(values, chunks=chunks)
    with placement("gpu", device="hostfree"):
        y = sw.fft.ifftn(sw.fft.fftn(x) * 2)
        planned = sw.explain(y).totals
        got = y.compute()
    np.testing.assert_allclose(got, 2 * values, atol=1e-12)
    check_device_work_ran_on_gpu_workers_only(client)
    check_copies(planned)


def test_results_persist_as_host_arrays_under_the_users_keys(client, x, values):
    with placement("gpu", device="hostfree"):
        y = double_of(x)
        kept = y.persist()
        assert kept.name == y.name
        got = (kept + 1).compute()
    np.testing.assert_array_equal(got, 2 * values + 1)
    types = client.run(lambda dask_worker: [type(v).__name__ for v in dask_worker.data.values()])
    assert {name for names in types.values() for name in names} <= {"ndarray"}
    check_device_work_ran_on_gpu_workers_only(client)
    assert "held in memory" in str(sw.explain(kept + 1))


def test_several_collections_share_their_work(client, x, values):
    with placement("gpu", device="hostfree"):
        y = double_of(x)
        a, b = dask.compute(y.sum(), abs(y))
    np.testing.assert_allclose(a, 2 * values.sum())
    np.testing.assert_array_equal(b, abs(2 * values))
    assert len(_ran) == 4
    check_device_work_ran_on_gpu_workers_only(client)


def test_client_compute_is_placed_too(client, x, values):
    with placement("gpu", device="hostfree"):
        future = client.compute(double_of(x))
    np.testing.assert_array_equal(future.result(), 2 * values)
    check_device_work_ran_on_gpu_workers_only(client)


def test_a_p2p_rechunk_beside_device_tasks_finishes(client, values):
    x = da.from_array(values, chunks=(1, 6, 10))
    with placement("gpu", device="hostfree"):
        y = double_of(double_of(x).rechunk((8, 2, 3), method="p2p"))
        got = y.compute()
    np.testing.assert_array_equal(got, 4 * values)
    check_device_work_ran_on_gpu_workers_only(client)


def test_xarray_computes_and_writes_placed_arrays(client, x, values, tmp_path):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    with placement("gpu", device="hostfree"):
        labelled = xr.DataArray(double_of(x), dims=("t", "y", "x"), name="v")
        np.testing.assert_array_equal(labelled.compute(), 2 * values)
        planned = sw.explain(labelled).totals
        LOG.reset()
        labelled.to_dataset().to_zarr(tmp_path / "v.zarr", consolidated=False)
    check_copies(planned)
    assert LOG.to_host.copies == 4
    check_device_work_ran_on_gpu_workers_only(client)
    with xr.open_zarr(tmp_path / "v.zarr", consolidated=False) as stored:
        np.testing.assert_array_equal(stored.v, 2 * values)


def test_reading_transforming_and_storing_a_chunk_are_one_task(client, x, values, tmp_path):
    zarr = pytest.importorskip("zarr")
    shape = {"shape": x.shape, "chunks": x.chunksize, "dtype": x.dtype}
    source = zarr.create_array(tmp_path / "in.zarr", **shape)
    source[:] = values
    out = zarr.create_array(tmp_path / "out.zarr", **shape)
    with placement("gpu", device="hostfree"):
        da.store(double_of(da.from_zarr(source) + 0), out, lock=False)
    np.testing.assert_array_equal(out[:], 2 * values)
    work = [k for k in client.where.workers if isinstance(k, tuple) and len(k) == 4]
    assert len([k for k in work if "@gpu" in k[0]]) == 4
    # Beside them only the aliases under which the user knows the stored chunks.
    assert len(work) <= 8


def test_a_delayed_graph_is_placed_when_it_is_built_and_kept_to_gpu_workers(client, x, values):
    with placement("gpu", device="hostfree"):
        y = double_of(x)
        planned = sw.explain(y).totals
        graph = dask.delayed(np.sum)(y)
    assert client.compute(graph).result() == pytest.approx(2 * values.sum())
    check_device_work_ran_on_gpu_workers_only(client)
    check_copies(planned)


def test_chunks_of_a_user_on_a_device_stay_on_gpu_workers(client, x, values):
    with placement("data", device="hostfree"):
        there = x.map_blocks(
            sw.to_device,
            library="hostfree",
            dtype=x.dtype,
            meta=sw.to_device(np.empty((0, 0, 0)), library="hostfree"),
        )
        LOG.reset()
        back = double_of(there).map_blocks(sw.to_host, dtype=x.dtype, meta=x._meta)
        got = on_host_of(back + 1).compute()
    np.testing.assert_allclose(got, 2 * values + 2)
    assert {entry for entry in _ran if entry[0] == "hostfree"} == {("hostfree", "gpu0")}
    assert (LOG.to_device.copies, LOG.to_host.copies) == (4, 4)


def test_without_gpu_workers_everything_runs_on_the_cpu_with_a_reason(x, values):
    with MixedCluster(cpu=1, gpu=0, processes=False), placement("gpu", device="hostfree"):
        _ran.clear()
        y = double_of(x)
        np.testing.assert_array_equal(y.compute(), 2 * values)
        text = str(sw.explain(y))
    assert {library for library, _ in _ran} == {"numpy"}
    assert "no GPU: none of 1 worker has the resource GPU" in text


def test_a_cluster_that_starts_inside_the_placement_is_seen(x, values):
    with placement("gpu", device="hostfree"):
        sw.explain(double_of(x))
        with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False):
            _ran.clear()
            double_of(x).compute()
    assert set(_ran) == {("hostfree", "gpu0")}


@pytest.mark.slow
def test_a_scheduler_in_another_process_places_the_same(scheduler_process, values):
    with placement("gpu", device="hostfree"):
        y = sw.fft.fftn(da.from_array(values, chunks=(2, 3, 10)))
        planned = sw.explain(y).totals
        got = y.compute()
    (counted,) = scheduler_process.run(_counts).values()
    np.testing.assert_allclose(got, scipy.fft.fftn(values), atol=1e-12)
    assert counted == (planned.to_device.number, planned.to_host.number)


def _counts():
    from spanwise.kernels.transfer import LOG

    return LOG.to_device.copies, LOG.to_host.copies
