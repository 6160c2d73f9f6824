"""Staged exchanges: their stores are gone afterwards, and memory is bounded."""

import errno
import gc
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import dask
import dask.array as da
import fsspec
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.errors import PlacementError
from spanwise.kernels import folders, stage
from spanwise.machine import Machine
from spanwise.testing import CountingSource

X = np.random.default_rng(0).standard_normal((24, 20, 24)).astype("float32")
SHORT_OF_MEMORY = 45_000
"""Bytes in which the exchange of X, which has 46080, must be staged."""


@pytest.fixture(autouse=True)
def options(tmp_path):
    """Two threads, and a store of the test's own."""
    with dask.config.set(num_workers=2), sw.set_options(temporary_store=str(tmp_path)):
        yield


def lazy(chunks=(3, 20, 24), x=X):
    return da.from_array(x, chunks=chunks)


def layers(y):
    """Our layers, in the order of the data."""
    ours = {n: la for n, la in y.dask.layers.items() if hasattr(la, "plan")}
    order = [n for n in y.dask._toposort_layers() if n in ours]
    return [ours[n] for n in order]


def form(y):
    return [layer.step.pattern for layer in layers(y)]


def staged(name="fft", memory=SHORT_OF_MEMORY, x=None, **arguments):
    with sw.set_options(memory=memory):
        y = getattr(sw.fft, name)(lazy() if x is None else x, **arguments)
    assert any("staged" in pattern for pattern in form(y))
    return y


def test_the_store_is_gone_after_a_compute(tmp_path):
    seen = []

    def look(block):
        seen.extend(p.name for p in tmp_path.iterdir())
        return block

    y = staged(axis=0)
    y.map_blocks(look, dtype=y.dtype, meta=y._meta).compute()
    assert len(set(seen)) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("where", ["before", "behind"])
def test_the_store_is_gone_after_an_error_in_a_task(where, scheduler, tmp_path):
    def fail(block, block_info=None):
        if block_info[0]["chunk-location"][0 if where == "before" else 1] == 1:
            raise RuntimeError("on purpose")
        return block

    x = lazy()
    if where == "before":
        y = staged(x=x.map_blocks(fail, dtype=x.dtype, meta=x._meta), axis=0)
    else:
        y = staged(x=x, axis=0)
        y = y.map_blocks(fail, dtype=y.dtype, meta=y._meta)
    # The pool ends with what it still runs after the error.
    with ThreadPoolExecutor(2) as pool, pytest.raises(RuntimeError, match="on purpose") as caught:
        y.compute(scheduler=scheduler, pool=pool)
    # The frames of the traceback hold the scheduler's results until it is dropped.
    caught.value.__traceback__ = None
    del caught
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_two_computes_at_once_have_stores_of_their_own(tmp_path):
    seen = set()

    def look(block):
        seen.update(p.name for p in tmp_path.iterdir())
        barrier.wait(timeout=60)
        return block

    y = staged(axis=0)
    behind = y.map_blocks(look, dtype=y.dtype, meta=y._meta)
    barrier = threading.Barrier(2)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(behind.compute(scheduler="sync")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) >= 2
    for result in results:
        np.testing.assert_allclose(result, scipy.fft.fft(X, axis=0), atol=1e-4)
    assert list(tmp_path.iterdir()) == []


def test_a_staged_exchange_bounds_the_live_chunks():
    x = np.ones((64, 40, 50), "float32")
    source = CountingSource(x, chunks=(2, 40, 50))
    with sw.set_options(memory=300_000):
        y = sw.fft.fft(source.array, axis=0)
    assert form(y) == ["exchange (staged)"]
    abs(y).sum().compute(scheduler="threads", num_workers=2)
    assert source.passes == 1
    assert source.peak_live_chunks <= 2 * 2
    assert source.live_chunks == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_local_transforms_keep_no_chunk(axis):
    source = CountingSource(np.ones((24, 20, 30), "float32"), chunks=(1, 20, 30))
    y = sw.fft.fft(source.array, axis=axis) if axis else sw.fft.fft2(source.array)
    if axis:
        abs(y).sum().compute(scheduler="threads", num_workers=2)
        assert source.peak_live_chunks <= 2 * 2
    else:
        y.map_blocks(lambda b: b[:, :1, :1], chunks=((1,) * 24, (1,), (1,))).compute()
        assert source.live_chunks == 0


def test_a_culled_result_reads_what_it_needs_and_leaves_no_store(tmp_path):
    got = staged(axis=0)[:, :3].compute()
    np.testing.assert_allclose(got, scipy.fft.fft(X, axis=0)[:, :3], atol=1e-4)
    assert list(tmp_path.iterdir()) == []


def test_an_exchange_is_staged_under_a_url():
    files = fsspec.filesystem("memory")
    with sw.set_options(temporary_store="memory://staged-exchange/scratch"):
        y = staged(axis=0)
        seen = []

        def look(block):
            seen.extend(files.ls("/staged-exchange/scratch"))
            return block

        got = y.map_blocks(look, dtype=y.dtype, meta=y._meta).compute(scheduler="threads")
    np.testing.assert_allclose(got, scipy.fft.fft(X, axis=0), atol=1e-4)
    gc.collect()
    assert len({found["name"] for found in seen}) == 1
    assert files.find("/staged-exchange") == []


@pytest.mark.slow
def test_processes_of_dasks_own_pool_share_a_store(tmp_path):
    got = staged(axis=0).compute(scheduler="processes", num_workers=2)
    np.testing.assert_allclose(got, scipy.fft.fft(X, axis=0), atol=1e-4)
    stage.open_store(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_no_store(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folders, "_write_all", full)
    with (
        ThreadPoolExecutor(2) as pool,
        pytest.raises(sw.errors.StoreError, match=r"set_options\(temporary_store=") as caught,
    ):
        staged(axis=0).compute(scheduler="threads", pool=pool)
    caught.value.__traceback__ = caught.value.__cause__ = None
    del caught
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_several_hosts_without_a_common_store_are_refused_at_the_call(monkeypatch):
    cluster = Machine(1, 20_000, workers=2, distributed=True, hosts=2)
    monkeypatch.setattr(sw.options, "machine", lambda: cluster)
    with (
        sw.set_options(temporary_store=None),
        pytest.raises(PlacementError, match=r"set_options\(temporary_store="),
    ):
        sw.fft.fft(lazy(), axis=0)


KILLED = """
import os, signal, sys
import dask.array as da, numpy as np
import spanwise as sw

def die(block):
    os.kill(os.getpid(), signal.SIGKILL)

x = da.from_array(np.ones((24, 20, 24), "float32"), chunks=(3, 20, 24))
with sw.set_options(memory=45_000, temporary_store=sys.argv[1]):
    y = sw.fft.fft(x, axis=0)
y.map_blocks(die, dtype=y.dtype, meta=y._meta).compute(scheduler="threads", num_workers=2)
"""


def test_what_a_killed_process_left_goes_with_the_next_compute(tmp_path):
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert run.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert len(list(left.iterdir())) > 1
    staged(axis=0).compute()
    assert list(tmp_path.iterdir()) == []
