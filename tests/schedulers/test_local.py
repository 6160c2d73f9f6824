"""Facts about the workers that a graph built now would run on."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import dask
import pytest
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster

from spanwise.errors import ArgumentError
from spanwise.machine import total_memory
from spanwise.schedulers.local import (
    _are_here,
    active_client,
    current_machine,
    local_threads,
)


@pytest.fixture(scope="module")
def cluster(untroubled_by_the_process):
    """Two workers of three threads in this process."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=3,
        processes=False,
        dashboard_address="127.0.0.1:0",
        memory_limit="500 MB",
    ) as cluster:
        yield cluster


def workers(*facts):
    """A stand-in for a client whose workers have (threads, memory limit)."""
    info = {str(i): {"nthreads": n, "memory_limit": m} for i, (n, m) in enumerate(facts)}
    return SimpleNamespace(asynchronous=False, scheduler_info=lambda n_workers: {"workers": info})


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        ({}, CPU_COUNT),
        ({"num_workers": 7}, 7),
        ({"scheduler": "threads", "num_workers": 3}, 3),
        ({"scheduler": "sync"}, 1),
        ({"scheduler": "single-threaded"}, 1),
        ({"scheduler": "synchronous", "num_workers": 4}, 1),
    ],
)
def test_threads_are_those_of_dasks_scheduler(settings, threads):
    with dask.config.set(settings):
        assert local_threads() == threads
        assert current_machine().threads == threads


def test_threads_are_those_of_a_pool():
    with ThreadPoolExecutor(5) as pool, dask.config.set(pool=pool):
        assert local_threads() == 5


def test_without_a_client_the_machine_is_this_one():
    here = current_machine()
    assert active_client() is None
    assert (here.workers, here.distributed, here.explicit) == (1, False, False)
    assert here.memory == int(0.6 * total_memory())


def test_the_client_in_force_gives_the_workers(cluster):
    with Client(cluster) as client:
        assert active_client() is client
        here = current_machine()
        assert (here.workers, here.threads, here.distributed) == (2, 3, True)
        assert here.memory == int(0.6 * 500_000_000)
        for scheduler in ("threads", "sync", "processes"):
            with dask.config.set(scheduler=scheduler):
                assert active_client() is None
                assert not current_machine().distributed
        with dask.config.set(scheduler="distributed"):
            assert active_client() is client
    assert active_client() is None


def test_a_client_may_be_named(cluster):
    with Client(cluster, set_as_default=False) as client:
        assert current_machine(client=client).workers == 2


def test_a_client_that_the_configuration_names_is_in_force(cluster):
    with Client(cluster) as first, Client(cluster, set_as_default=False) as second:
        for scheduler in (second, second.get):
            with dask.config.set(scheduler=scheduler):
                assert active_client() is second
        with dask.config.set(scheduler=dask.get):
            assert active_client() is None
        assert active_client() is first


def test_an_option_goes_before_the_limit_of_the_workers(cluster):
    with Client(cluster):
        here = current_machine(memory="1MiB")
    assert (here.memory, here.workers, here.explicit) == (2**20, 2, True)
    assert here.source == "option spanwise.memory"


def test_the_smallest_worker_and_the_most_threads_are_planned_for():
    here = current_machine(client=workers((1, 1000), (4, 2000), (2, 0)))
    assert (here.threads, here.memory, here.workers, here.explicit) == (4, 600, 3, True)


def test_workers_without_a_limit_share_this_machine():
    here = current_machine(client=workers((1, 0), (1, 0)))
    assert here.memory == pytest.approx(0.6 * total_memory() / 2, abs=1)
    assert not here.explicit


def test_a_cluster_without_workers_is_planned_as_this_machine():
    assert current_machine(client=workers()).source.endswith("this machine's memory")


def test_an_asynchronous_client_is_not_asked():
    client = SimpleNamespace(asynchronous=True)
    assert not current_machine(client=client).distributed


def test_a_wrong_budget_is_refused():
    with pytest.raises(ArgumentError, match="512MiB"):
        current_machine(memory="lots")
    with pytest.raises(ArgumentError, match="positive"):
        current_machine(memory=0)


def test_hosts_are_counted_by_address():
    facts = {"nthreads": 1, "memory_limit": 1000}
    found = {f"tcp://10.0.0.{host}:{port}": facts for host, port in [(1, 1), (1, 2), (7, 1)]}
    client = SimpleNamespace(
        asynchronous=False, scheduler_info=lambda n_workers: {"workers": found}
    )
    assert current_machine(client=client).hosts == 2
    assert current_machine().hosts == 1


@pytest.mark.parametrize(
    ("addresses", "here"),
    [
        (["tcp://127.0.0.1:4000", "inproc://10.0.0.7/12/3"], True),
        (["tcp://[::1]:4000", "tls://localhost:1"], True),
        (["tcp://127.0.0.1:4000", "tcp://10.0.0.8:4000"], False),
    ],
)
def test_rates_hold_for_workers_on_this_machine_only(addresses, here):
    assert _are_here(addresses) is here
