import gc
import importlib.util
import os
import signal
import threading

import dask
import psutil
import pytest
from distributed.security import Security

from spanwise.errors import ArgumentError
from spanwise.schedulers import MixedCluster, cluster
from spanwise.schedulers.devices import survey
from spanwise.schedulers.gpu_worker import GpuWorker


def listening():
    """Addresses that this process and its children listen on."""
    me = psutil.Process()
    found = set()
    for process in [me, *me.children(recursive=True)]:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                found.add((connection.laddr.ip, connection.laddr.port))
    return found


def running():
    """What a cluster could leave behind: child processes, event loops, listening sockets."""
    # multiprocessing keeps one process that looks after semaphores, for as long as this one lives.
    children = {
        p.pid
        for p in psutil.Process().children(recursive=True)
        if "resource_tracker" not in " ".join(p.cmdline())
    }
    loops = {t for t in threading.enumerate() if t.name == "IO loop"}
    return children, loops, listening()


@pytest.fixture
def leaves_nothing():
    """The test has stopped all that it started."""
    before = running()
    yield
    for now, then in zip(running(), before, strict=True):
        assert not now - then


@pytest.fixture
def cards(monkeypatch):
    """Make the machine seem to have CUDA devices."""

    def seem(*names):
        monkeypatch.setattr(cluster, "_visible_devices", lambda: (list(names), ""))

    return seem


def spec_of(mixed):
    return {name: worker["options"] for name, worker in mixed._workers().items()}


def test_gpu_workers_have_the_resource_and_one_thread():
    with MixedCluster(
        cpu=1, gpu=2, device="hostfree", threads_per_cpu_worker=2, processes=False
    ) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        about = {w["name"]: (w["resources"], w["nthreads"]) for w in workers}
        facts = survey("hostfree", client=client)
    assert about == {"cpu0": ({}, 2), "gpu0": ({"GPU": 1}, 1), "gpu1": ({"GPU": 1}, 1)}
    assert (facts.devices, facts.where, facts.advertised) == (2, "2 GPU workers", True)


def test_threads_for_io_are_units_of_the_resource():
    with MixedCluster(cpu=0, gpu=1, device="hostfree", io_threads=2, processes=False) as client:
        (worker,) = client.scheduler_info(n_workers=-1)["workers"].values()
        assert (worker["nthreads"], worker["resources"]) == (3, {"GPU": 3})
        assert survey("hostfree", client=client).devices == 1


def test_each_card_has_a_worker_before_any_has_two(cards):
    cards("0", "GPU-7")
    spec = spec_of(MixedCluster(cpu=1, gpu=3, workers_per_gpu=2, device_memory_limit="2GiB"))
    seen = {name: options["env"]["CUDA_VISIBLE_DEVICES"] for name, options in spec.items()}
    assert seen == {"cpu0": "", "gpu0": "0", "gpu1": "GPU-7", "gpu2": "0"}
    plugins = {n: o["plugins"][0] for n, o in spec.items() if "plugins" in o}
    assert {n: p.workers_per_gpu for n, p in plugins.items()} == {"gpu0": 2, "gpu1": 1, "gpu2": 2}
    assert {p.memory_limit for p in plugins.values()} == {"2GiB"}
    assert all(isinstance(p, GpuWorker) for p in plugins.values())


def test_auto_fills_every_card(cards):
    cards("0", "1", "2")
    assert MixedCluster(cpu=1).gpu == 3
    assert MixedCluster(cpu=1, workers_per_gpu=2).gpu == 6
    assert MixedCluster(cpu=1, processes=False).gpu == 1  # all would use the first card


def test_more_gpu_workers_than_cards_have_room_for_are_refused(cards):
    cards("0")
    with pytest.raises(ArgumentError, match=r"gpu=2: .* 1 CUDA device .*workers_per_gpu=2"):
        MixedCluster(gpu=2)
    assert MixedCluster(gpu=2, workers_per_gpu=2).gpu == 2


def test_everything_listens_on_loopback_in_one_process():
    before = listening()
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        opened = listening() - before
        assert client.dashboard_link.startswith("http://127.0.0.1:")
    assert len(opened) >= 3
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert not (listening() - before)


@pytest.mark.slow
@pytest.mark.usefixtures("leaves_nothing")
def test_worker_processes_listen_on_loopback_and_see_no_gpu_that_is_not_theirs():
    security = Security.temporary()
    before = listening()
    with MixedCluster(cpu=1, gpu=1, device="hostfree", security=security) as client:
        opened = listening() - before
        visible = client.run(lambda: os.environ.get("CUDA_VISIBLE_DEVICES"))
        addresses = [client.scheduler.address, *visible]
        addresses += [nanny.address for nanny in client.cluster.workers.values()]
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert len(opened) >= 8  # comms of scheduler, nannies and workers; pages of scheduler, workers
    assert set(visible.values()) == {""}
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses)


@pytest.mark.slow
@pytest.mark.usefixtures("leaves_nothing")
def test_a_killed_gpu_worker_comes_back_with_its_resources_and_threads():
    def die_once(first):
        """Kill the worker process that is there first; the number of the one after it."""
        if os.getpid() == first:
            os.kill(first, signal.SIGKILL)
        return os.getpid()

    with MixedCluster(cpu=1, gpu=1, device="hostfree", io_threads=1) as client:
        workers = {w["name"]: w for w in client.scheduler_info(n_workers=-1)["workers"].values()}
        first = client.submit(os.getpid, resources={"GPU": 1}).result(timeout=60)
        second = client.submit(die_once, first, resources={"GPU": 1}).result(timeout=60)
        assert first != second
        assert os.getpid() not in (first, second)
        again = {w["name"]: w for w in client.scheduler_info(n_workers=-1)["workers"].values()}
    assert again["gpu0"]["resources"] == workers["gpu0"]["resources"] == {"GPU": 2}
    assert again["gpu0"]["nthreads"] == 2


@pytest.mark.usefixtures("leaves_nothing")
def test_nothing_is_left_when_the_body_raises():
    with pytest.raises(ZeroDivisionError), MixedCluster(cpu=1, gpu=0, processes=False):
        1 / 0  # noqa: B018


# Tornado leaves the socket that it could not bind to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("leaves_nothing")
def test_nothing_is_left_when_the_scheduler_cannot_listen():
    security = Security.temporary()
    elsewhere = MixedCluster(cpu=1, gpu=0, processes=False, host="192.0.2.1", security=security)
    with pytest.raises(RuntimeError, match="failed to start"), elsewhere:
        raise AssertionError("192.0.2.1 is an address of this machine")
    gc.collect()


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_is_left_when_a_gpu_worker_cannot_start(cards, processes):
    cards("0")
    with (
        pytest.raises(RuntimeError, match="failed to start") as error,
        MixedCluster(cpu=1, gpu=1, processes=processes),
    ):
        raise AssertionError("started without CuPy")
    assert "spanwise[cuda13]" in "".join(map(str, causes(error.value)))


def causes(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.usefixtures("leaves_nothing")
def test_the_same_object_serves_one_with_statement_inside_another():
    mixed = MixedCluster(cpu=1, gpu=0, processes=False)
    with mixed as outer, mixed as inner:
        assert outer.scheduler.address != inner.scheduler.address
        assert outer.submit(sum, [1, 2]).result() == inner.submit(sum, [1, 2]).result() == 3


def test_settings_of_dask_are_those_of_before_afterwards():
    names = ("distributed.scheduler.no-workers-timeout", "distributed.deploy.lost-worker-timeout")
    before = [dask.config.get(name) for name in names]
    with MixedCluster(cpu=1, gpu=0, processes=False):
        assert [dask.config.get(name) for name in names] == ["60s", "120s"]
    assert [dask.config.get(name) for name in names] == before


def test_longer_timeouts_of_the_user_stay():
    chosen = {
        "distributed.scheduler.no-workers-timeout": "1h",
        "distributed.deploy.lost-worker-timeout": "10m",
        "distributed.scheduler.allowed-failures": 99,
    }
    with dask.config.set(chosen):
        assert cluster._timeouts() == dict(list(chosen.items())[:2])
        assert MixedCluster(gpu=0)._scheduler()["options"]["allowed_failures"] == 99
    assert MixedCluster(gpu=0)._scheduler()["options"]["allowed_failures"] == 10


def test_unsatisfiable_tasks_time_out():
    with MixedCluster(cpu=1, gpu=0, processes=False) as client:
        assert client.cluster.scheduler.no_workers_timeout == 60
        missing = survey("hostfree", client=client).missing
    assert missing == "none of 1 worker has the resource GPU"


def test_auto_is_no_gpu_worker_where_there_is_no_gpu():
    cluster = MixedCluster(cpu=1)
    if not survey("cupy").devices:
        assert cluster.gpu == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": "0.0.0.0"}, "host='0.0.0.0'.*Security"),
        ({"host": "192.168.0.1"}, "runs code"),
        ({"host": "example.org"}, "runs code"),
        ({"cpu": -1}, "cpu=-1"),
        ({"cpu": True}, "cpu=True"),
        ({"cpu": 0, "gpu": 0}, "needs a worker"),
        ({"gpu": 999}, "gpu=999: this machine has"),
        ({"gpu": "all"}, "gpu='all'"),
        ({"threads_per_cpu_worker": 0}, "threads_per_cpu_worker=0"),
        ({"device": "torch"}, "device='torch'"),
        ({"workers_per_gpu": 0}, "workers_per_gpu=0"),
        ({"io_threads": -1}, "io_threads=-1"),
        ({"io_threads": 1.0}, "io_threads=1.0"),
        ({"memory_limit": "much"}, "memory_limit='much'"),
        ({"memory_limit": 0}, "memory_limit=0"),
        ({"memory_limit": True}, "memory_limit=True"),
        ({"device_memory_limit": 1.5}, "device_memory_limit=1.5"),
        ({"security": True}, "security=True"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        MixedCluster(**{"cpu": 1, **arguments})


@pytest.mark.parametrize("limit", [None, "auto", 2**30, "1GiB", 0.25, 1.0])
def test_memory_is_limited_as_dask_takes_it(limit):
    (options,) = spec_of(MixedCluster(cpu=1, gpu=0, memory_limit=limit)).values()
    assert options["memory_limit"] == limit or limit == "auto"


def test_dashboards_stay_on_loopback_where_the_connections_do_not():
    security = Security.temporary()
    mixed = MixedCluster(cpu=1, gpu=0, host="192.0.2.1", security=security)
    scheduler, (worker,) = mixed._scheduler()["options"], spec_of(mixed).values()
    assert (scheduler["host"], worker["host"]) == ("192.0.2.1", "192.0.2.1")
    assert scheduler["protocol"] == "tls"
    assert scheduler["dashboard_address"] == worker["dashboard_address"] == "127.0.0.1:0"


def test_tls_of_dasks_configuration_serves_as_well():
    of = Security.temporary()
    settings = {"require-encryption": True, "tls.ca-file": of.tls_ca_file}
    for role in ("scheduler", "worker", "client"):
        settings[f"tls.{role}.cert"] = getattr(of, f"tls_{role}_cert")
        settings[f"tls.{role}.key"] = getattr(of, f"tls_{role}_key")
    with dask.config.set({f"distributed.comm.{name}": v for name, v in settings.items()}):
        MixedCluster(gpu=0, host="192.0.2.1")
        with MixedCluster(cpu=1, gpu=0, processes=False) as client:
            assert client.scheduler.address.startswith("tls://")


def test_tls_serves_every_connection():
    security = Security.temporary()
    with MixedCluster(cpu=1, gpu=0, processes=False, host="127.0.0.1", security=security) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3
