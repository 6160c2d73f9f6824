"""Graphs on a cluster: slices travel, stores are shared, plans fit either scheduler."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import Client, LocalCluster

import spanwise as sw
from spanwise.graph import routes
from spanwise.testing import CountingSource

X = np.random.default_rng(0).standard_normal((24, 20, 24)).astype("float32")
WANT = scipy.fft.fft(X, axis=0)
SHORT_OF_MEMORY = 20_000
"""Bytes in which two workers, who share 46080, must stage an exchange of X."""


@pytest.fixture(scope="module")
def cluster(untroubled_by_the_process):
    """Two workers in this process."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        memory_limit="1GiB",
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster, tmp_path):
    with Client(cluster) as client, sw.set_options(temporary_store=str(tmp_path)):
        yield client


def lazy(x=X):
    return da.from_array(x, chunks=(3, 20, 24))


def form(y):
    return [la.step.pattern for la in y.dask.layers.values() if hasattr(la, "step")]


def make(memory=None, x=None):
    with sw.set_options(memory=memory):
        return sw.fft.fft(lazy() if x is None else x, axis=0)


def assert_right(got):
    np.testing.assert_allclose(got, WANT, atol=1e-4)


def test_the_budget_is_that_of_the_workers(client):
    y = make()
    (plan,) = {la.plan for la in y.dask.layers.values() if hasattr(la, "plan")}
    machine = plan.machine
    assert (machine.workers, machine.threads, machine.distributed) == (2, 1, True)
    assert machine.memory == int(0.6 * 2**30)
    assert machine.explicit
    assert "workers' memory limit" in machine.source


@pytest.mark.parametrize(
    ("memory", "pattern"), [(None, "exchange (split)"), (SHORT_OF_MEMORY, "exchange (staged)")]
)
def test_every_form_runs_on_a_cluster(client, memory, pattern, tmp_path):
    y = make(memory)
    assert form(y) == [pattern]
    for layer in y.dask.layers.values():
        if hasattr(layer, "step"):
            assert layer.step.tasks == len(layer)
    assert_right(y.compute())
    assert_gone(client, tmp_path)


@pytest.mark.parametrize(("disk_rate", "forms"), [(1e12, ["p2p"]), (1e-3, ["split", "split"])])
def test_many_slices_take_dasks_own_exchange_or_two_rounds(client, monkeypatch, disk_rate, forms):
    monkeypatch.setattr(routes, "MANY", 1)
    monkeypatch.setattr(routes, "_DISK_RATE", disk_rate)
    monkeypatch.setattr(routes, "_COPY_RATE", 1e12)
    x = np.random.default_rng(0).standard_normal((24, 36))
    y = sw.fft.rfft(da.from_array(x, chunks=(1, 36)), n=20, axis=0)
    assert form(y) == [f"exchange ({name})" for name in forms]
    np.testing.assert_allclose(y.compute(), scipy.fft.rfft(x, n=20, axis=0), atol=1e-12)


def assert_gone(client, folder):
    """The workers have let go of every store."""

    def empty():
        return not list(folder.iterdir())

    wait_until(client, empty)


def wait_until(client, condition):
    """Let the workers work until the condition holds; the time limit is for a broken one."""
    for _ in range(200):
        if condition():
            return
        client.submit(int, pure=False).result()
    raise AssertionError(f"{condition.__name__} never came true")


def test_only_slices_travel(client):
    y = make()
    names = {k if isinstance(k, str) else k[0] for k in dict(y.dask)}
    assert any("-slice-" in name for name in names)


@pytest.mark.parametrize("memory", [None, 30_000])
def test_what_is_planned_for_a_cluster_runs_without_one(cluster, memory, tmp_path):
    with Client(cluster), sw.set_options(temporary_store=str(tmp_path)):
        y = make(memory)
        assert "view" not in form(y)[0]
    assert_right(y.compute(scheduler="threads"))
    assert_right(y.compute(scheduler="sync"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("memory", [None, 45_000])
def test_what_is_planned_without_a_cluster_runs_on_one(cluster, memory, tmp_path):
    with dask.config.set(num_workers=2), sw.set_options(temporary_store=str(tmp_path)):
        y = make(memory)
    assert form(y)[0] == ("exchange (view)" if memory is None else "exchange (staged)")
    with Client(cluster) as client:
        assert_right(y.compute())
        assert_gone(client, tmp_path)


@pytest.mark.parametrize("memory", [None, SHORT_OF_MEMORY])
def test_each_chunk_is_read_once(client, memory):
    source = CountingSource(X, chunks=(3, 20, 24))
    assert_right(make(memory, source.array).compute())
    assert (source.passes, source.total_reads) == (1, 8)


@pytest.mark.parametrize("memory", [None, SHORT_OF_MEMORY])
def test_results_persist_and_go_on(client, memory, tmp_path):
    y = make(memory).persist()
    assert form(y) == []
    assert_right(y.compute())
    np.testing.assert_allclose((2 * y[:, 3]).compute(), 2 * WANT[:, 3], atol=1e-4)
    assert_gone(client, tmp_path)


def test_an_error_in_a_task_leaves_no_store(client, tmp_path):
    def fail(block, block_info=None):
        if block_info[0]["array-location"][0][0] == 3:
            raise RuntimeError("on purpose")
        return block

    x = lazy()
    y = make(SHORT_OF_MEMORY, x.map_blocks(fail, dtype=x.dtype, meta=x._meta))
    with pytest.raises(RuntimeError, match="on purpose"):
        y.compute()
    assert_gone(client, tmp_path)


def test_a_budget_over_the_workers_limit_is_refused_at_the_call(client):
    big = da.ones((2**28, 4), chunks=(2**27, 4), dtype="float32")
    with pytest.raises(sw.errors.MemoryBudgetError, match="workers' memory limit"):
        sw.fft.fft(big, axis=1)
    with pytest.raises(sw.errors.MemoryBudgetError, match="workers' memory limit"):
        sw.fft.fft(big, axis=0)


def test_a_client_that_is_not_in_force_does_not_count(client):
    with dask.config.set(scheduler="threads"):
        assert form(make())[0] == "exchange (view)"


def test_shifts_and_real_transforms_on_a_cluster(client):
    shifted = sw.fft.fftshift(sw.fft.rfftn(lazy()), axes=(0, 1))
    want = scipy.fft.fftshift(scipy.fft.rfftn(X), axes=(0, 1))
    np.testing.assert_allclose(shifted.compute(), want, atol=1e-2)


@pytest.mark.slow
def test_processes_share_a_store_whichever_drops_it_first(tmp_path):
    settings = {
        # Replicas that nobody waits for are dropped all the time, the first of them as well.
        "distributed.scheduler.active-memory-manager.interval": "10ms",
        "spanwise.temporary-store": str(tmp_path),
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            memory_limit="1GiB",
        ) as cluster,
        Client(cluster) as client,
    ):
        y = make(SHORT_OF_MEMORY)
        assert form(y)[0] == "exchange (staged)"
        assert_right(y.compute())
        assert_gone(client, tmp_path)
