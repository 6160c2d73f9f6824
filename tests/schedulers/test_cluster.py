import os

import psutil
import pytest

from spanwise.errors import ArgumentError
from spanwise.schedulers import MixedCluster
from spanwise.schedulers.devices import survey


def listening():
    """Addresses that this process and its children listen on."""
    me = psutil.Process()
    found = set()
    for process in [me, *me.children(recursive=True)]:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                found.add((connection.laddr.ip, connection.laddr.port))
    return found


def test_gpu_workers_have_the_resource_and_one_thread():
    with MixedCluster(
        cpu=1, gpu=2, device="hostfree", threads_per_cpu_worker=2, processes=False
    ) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        about = {w["name"]: (w["resources"], w["nthreads"]) for w in workers}
        facts = survey("hostfree", client=client)
    assert about == {"cpu0": ({}, 2), "gpu0": ({"GPU": 1}, 1), "gpu1": ({"GPU": 1}, 1)}
    assert (facts.devices, facts.where, facts.advertised) == (2, "2 GPU workers", True)


def test_everything_listens_on_loopback_in_one_process():
    before = listening()
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        opened = listening() - before
        assert client.dashboard_link.startswith("http://127.0.0.1:")
    assert len(opened) >= 3
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert not (listening() - before)


@pytest.mark.slow
def test_worker_processes_listen_on_loopback_and_see_no_gpu_that_is_not_theirs():
    before = listening()
    with MixedCluster(cpu=1, gpu=1, device="hostfree") as client:
        opened = listening() - before
        visible = client.run(lambda: os.environ.get("CUDA_VISIBLE_DEVICES"))
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert set(visible.values()) == {""}


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
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        MixedCluster(**{"cpu": 1, **arguments})


def test_tls_serves_every_connection():
    pytest.importorskip("cryptography")
    from distributed.security import Security

    security = Security.temporary()
    with MixedCluster(cpu=1, gpu=0, processes=False, host="127.0.0.1", security=security) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3
