"""Clusters of GPU workers on a machine that has a GPU."""

import os
import signal

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.schedulers import MixedCluster, placement
from spanwise.schedulers.devices import cuda_devices

found = cuda_devices()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(isinstance(found, str), reason=f"no GPU: {found}"),
]


def on_gpu_workers(client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return [address for address, w in workers.items() if w["resources"].get("GPU")]


def ask_the_devices(client):
    """What each GPU worker says of its device; a function of this module would not be there."""

    def about():
        import cupy

        return {
            "visible": cupy.cuda.runtime.getDeviceCount(),
            "limit": cupy.get_default_memory_pool().get_limit(),
            "total": cupy.cuda.Device().mem_info[1],
        }

    return list(client.run(about, workers=on_gpu_workers(client)).values())


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).standard_normal((24, 64, 48)).astype("float32")


def check_transforms(values):
    x = da.from_array(values, chunks=(2, 64, 48))
    with placement("gpu"):
        f, half = dask.compute(sw.fft.rfft2(x), sw.fft.irfft2(0.5 * sw.fft.rfft2(x), s=(64, 48)))
    np.testing.assert_allclose(f, scipy.fft.rfft2(values), atol=1e-3)
    np.testing.assert_allclose(half, 0.5 * values, atol=1e-5)


def test_a_gpu_worker_sees_one_card_and_fills_its_share_of_it(values):
    with MixedCluster(cpu=1, gpu=1) as client:
        (told,) = ask_the_devices(client)
        visible = client.run(lambda: os.environ["CUDA_VISIBLE_DEVICES"])
        check_transforms(values)
    assert told["visible"] == 1
    assert told["limit"] == int(0.8 * told["total"])
    assert sorted(visible.values())[0] == ""


def test_two_gpu_workers_share_a_card(values):
    with MixedCluster(cpu=1, gpu=2 * len(found), workers_per_gpu=2) as client:
        told = ask_the_devices(client)
        check_transforms(values)
    assert len(told) == 2 * len(found)
    assert all(t["limit"] == int(0.8 * t["total"]) // 2 for t in told)


def test_threads_for_io_change_no_result(values):
    with MixedCluster(cpu=1, gpu=1, io_threads=2) as client:
        check_transforms(values)
        (worker,) = on_gpu_workers(client)
        assert client.scheduler_info(n_workers=-1)["workers"][worker]["nthreads"] == 3


def test_a_killed_gpu_worker_comes_back_with_its_limit(values):
    with MixedCluster(cpu=1, gpu=1, device_memory_limit="1GiB") as client:
        first = client.submit(os.getpid, resources={"GPU": 1}).result(timeout=60)

        def die_once(first):
            if os.getpid() == first:
                os.kill(first, signal.SIGKILL)
            return os.getpid()

        assert client.submit(die_once, first, resources={"GPU": 1}).result(timeout=120) != first
        (told,) = ask_the_devices(client)
        check_transforms(values)
    assert told["limit"] == 2**30


def test_what_exceeds_the_limit_is_out_of_memory_of_that_worker_alone(values):
    def ask_for(nbytes):
        import cupy

        try:
            cupy.empty(nbytes, dtype="u1")
        except cupy.cuda.memory.OutOfMemoryError:
            return "out of memory"
        return "there is room"

    with MixedCluster(cpu=0, gpu=1, device_memory_limit="1GiB") as client:
        ask = {"resources": {"GPU": 1}, "pure": False}
        assert client.submit(ask_for, 2**31, **ask).result(timeout=60) == "out of memory"
        assert client.submit(ask_for, 2**29, **ask).result(timeout=60) == "there is room"
        check_transforms(values)
