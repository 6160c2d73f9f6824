"""What a GPU worker bounds, on a stand-in for CuPy that remembers what it was told."""

import contextlib
import pickle
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, MissingDependencyError
from spanwise.kernels.cupy import plans
from spanwise.schedulers import MixedCluster
from spanwise.schedulers.gpu_worker import GpuWorker, bound_pools, device_bytes

GIB = 2**30


class FakeCupy:
    """Two devices of 16 and 8 GiB."""

    def __init__(self):
        self.limits = {}
        self.current = None
        runtime = SimpleNamespace(getDeviceCount=lambda: 2)
        self.cuda = SimpleNamespace(runtime=runtime, Device=self.device)

    @contextlib.contextmanager
    def device(self, number):
        self.current = number
        yield SimpleNamespace(mem_info=(0, (16 if number == 0 else 8) * GIB))
        self.current = None

    def get_default_memory_pool(self):
        return SimpleNamespace(set_limit=lambda size: self.limits.__setitem__(self.current, size))


@pytest.fixture
def cupy(monkeypatch):
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(plans, "_keepers", {"threads": 1})
    return fake


def worker(resources, nthreads=1):
    return SimpleNamespace(state=SimpleNamespace(total_resources=resources, nthreads=nthreads))


def test_the_pool_of_each_device_is_limited(cupy):
    GpuWorker().setup(worker({"GPU": 1}))
    assert cupy.limits == {0: int(0.8 * 16 * GIB), 1: int(0.8 * 8 * GIB)}


def test_threads_share_what_plans_may_keep(cupy):
    GpuWorker(None).setup(worker({"GPU": 3}, nthreads=3))
    assert plans.plan_bytes(0, 24 * GIB) == GIB


def test_workers_that_are_no_gpu_workers_are_left_alone(cupy):
    GpuWorker().setup(worker({}))
    GpuWorker().setup(worker({"GPU": 0}))
    assert cupy.limits == {}


def test_no_limit_takes_an_earlier_one_away(cupy):
    bound_pools(cupy, None)
    assert cupy.limits == {0: 0, 1: 0}


def test_a_gpu_worker_without_cupy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(MissingDependencyError, match=r"spanwise\[cuda13\]"):
        GpuWorker().setup(worker({"GPU": 1}))
    GpuWorker().setup(worker({}))


@given(
    share=st.floats(0.01, 1),
    total=st.integers(1, 2**40),
    workers=st.integers(1, 16),
)
def test_workers_of_a_card_never_get_more_than_its_share_together(share, total, workers):
    each = device_bytes(share, total=total, workers_per_gpu=workers)
    assert each >= 1
    assert workers * each <= max(share * total, workers)


@pytest.mark.parametrize(("limit", "found"), [("4GiB", 4 * GIB), (5, 5), (None, 0), (1.0, 100)])
def test_bytes_are_those_of_one_worker(limit, found):
    assert device_bytes(limit, total=100, workers_per_gpu=1) == found


@pytest.mark.parametrize("limit", [0.0, -0.5, 1.5, float("nan"), 0, -1, True, "much", "0", [1]])
def test_what_is_no_amount_is_refused_when_the_plugin_is_made(limit):
    with pytest.raises(ArgumentError, match="device_memory_limit="):
        GpuWorker(limit)


def test_it_travels_to_the_workers_of_a_cluster():
    again = pickle.loads(pickle.dumps(GpuWorker("2GiB", workers_per_gpu=3)))
    assert (again.memory_limit, again.workers_per_gpu) == ("2GiB", 3)
    with MixedCluster(cpu=1, gpu=0, processes=False) as client:
        client.register_plugin(again)
        assert again.name in client.cluster.scheduler.worker_plugins
