"""Threads of a GPU worker: several chunks at a time, one kernel."""

import threading

import dask.array as da
import numpy as np
import pytest

from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.schedulers import MixedCluster, placement, slots

THREADS = 3


class Meter:
    """How many are inside at a time, and at most."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.most = 0

    def enter(self):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def leave(self):
        with self.lock:
            self.now -= 1


_chunks, _kernels = Meter(), Meter()
_two_chunks = threading.Event()


def read(block):
    _chunks.enter()
    if _chunks.now > 1:
        _two_chunks.set()
    return block + 1


def _slow(x):
    _kernels.enter()
    # Ends once another thread has read its chunk: never, if there is no other thread.
    met = _two_chunks.wait(timeout=20)
    _kernels.leave()
    assert library_of(x) == "hostfree"
    assert met, "nobody reads beside a kernel"
    return x * 2


def store(block):
    _chunks.leave()
    return block


slow = Kernel("test-slow-in-slots", _slow)


@pytest.fixture
def client():
    with MixedCluster(
        cpu=0, gpu=1, device="hostfree", io_threads=THREADS - 1, processes=False
    ) as client:
        yield client


@pytest.mark.usefixtures("client")
def test_other_threads_read_while_one_kernel_runs_and_chunks_are_bounded():
    x = da.from_array(np.arange(96.0).reshape(24, 4), chunks=(1, 4))
    y = x.map_blocks(read, dtype=x.dtype, meta=x._meta)
    y = y.map_blocks(slow, dtype=x.dtype, meta=x._meta)
    y = y.map_blocks(store, dtype=x.dtype, meta=x._meta)
    with placement("gpu", device="hostfree"):
        got = y.compute()
    np.testing.assert_array_equal(got, 2 * (np.arange(96.0).reshape(24, 4) + 1))
    assert _kernels.most == 1
    assert 1 < _chunks.most <= THREADS
    assert _chunks.now == 0


class Worker:
    """Something to tell apart."""


def test_workers_of_one_process_have_locks_of_their_own():
    first, second = Worker(), Worker()
    assert slots.lock_of(first) is slots.lock_of(first)
    assert len({id(slots.lock_of(w)) for w in (first, second, None)}) == 3


def test_a_kernel_within_a_kernel_waits_for_nobody():
    with slots.lock_of(), slots.lock_of():
        pass
