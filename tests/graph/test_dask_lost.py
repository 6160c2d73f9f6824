"""Staged exchanges on worker processes that spill, fail, are cancelled and are killed."""

import os
import signal
import time
from collections import namedtuple

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import Client, LocalCluster, wait

import spanwise as sw
from spanwise.errors import PlacementError
from spanwise.kernels import stage

pytestmark = pytest.mark.slow

Part = namedtuple("Part", "source start stop")
X = np.random.default_rng(0).standard_normal((24, 20, 24)).astype("float32")
WANT = scipy.fft.fft(X, axis=0)
SHORT_OF_MEMORY = 20_000
"""Bytes in which two workers, who share 46080, must stage an exchange of X."""
CUTS = ((Part(0, 0, 2), Part(0, 2, 5)),)
ROWS = ((Part(0, 2, 5),),)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes, started again when they die, which can spill."""
    shares = {"target": 0.6, "spill": 0.7, "pause": 0.8, "terminate": 0.95}
    memory = {f"distributed.worker.memory.{name}": share for name, share in shares.items()}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10, **memory}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            memory_limit="1GiB",
            silence_logs=50,
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster, tmp_path):
    with (
        Client(cluster) as client,
        sw.set_options(temporary_store=str(tmp_path), memory=SHORT_OF_MEMORY),
    ):
        client.wait_for_workers(2, timeout=60)
        yield client


def staged(before=None, behind=None):
    """A staged transform with functions of blocks around it."""
    x = da.from_array(X, chunks=(3, 20, 24))
    if before is not None:
        x = x.map_blocks(before, dtype=x.dtype, meta=x._meta)
    y = sw.fft.fft(x, axis=0)
    assert any("staged" in la.step.pattern for la in y.dask.layers.values() if hasattr(la, "step"))
    return y if behind is None else y.map_blocks(behind, dtype=y.dtype, meta=y._meta)


def assert_right(got, want=WANT):
    np.testing.assert_allclose(got, want, atol=1e-4)


def wait_until(condition):
    """Keys are released and folders removed shortly after a result arrives."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_gone(root):
    wait_until(lambda: not list(root.iterdir()))


def spill(dask_worker):
    """Spill all that a worker has; the keys that are on disk then."""
    while dask_worker.data.fast:
        dask_worker.data.evict()
    return list(dask_worker.data.slow)


def once(flag, act):
    """A function of blocks that acts the first time that any worker runs it."""

    def run(block):
        try:
            os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return block
        act()
        return block

    return run


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise RuntimeError("on purpose")


def test_a_spilled_handle_holds_its_store_and_gives_it_up_unread(client, tmp_path):
    room = stage.Room(str(tmp_path), "spilled")
    written = client.submit(stage.write, np.arange(5.0), room, "0", CUTS, pure=False)
    wait(written)
    spilled = client.run(spill)
    assert written.key in {key for keys in spilled.values() for key in keys}
    (folder,) = tmp_path.iterdir()
    got = client.submit(stage.read, [written], [1], ROWS).result()
    np.testing.assert_array_equal(got, [2.0, 3.0, 4.0])
    client.run(spill)
    del got
    assert list(tmp_path.iterdir()) == [folder]
    written.release()
    del written
    assert_gone(tmp_path)


def test_a_copy_of_what_was_written_holds_the_store_when_its_maker_is_lost(client, tmp_path):
    first, second = client.scheduler_info()["workers"]
    room = stage.Room(str(tmp_path), "lost")
    written = client.submit(
        stage.write, np.arange(5.0), room, "0", CUTS, workers=first, allow_other_workers=True
    )
    client.replicate([written], workers=[first, second])
    assert client.run(spill, workers=[second])[second] == [written.key]
    client.run(die, workers=[first], on_error="ignore", nanny=False)
    wait_until(lambda: first not in client.scheduler_info()["workers"])
    stage.open_store(str(tmp_path))  # which removes what only dead processes hold
    got = client.submit(stage.read, [written], [1], ROWS, workers=second, allow_other_workers=True)
    np.testing.assert_array_equal(got.result(), [2.0, 3.0, 4.0])
    del written, got
    assert_gone(tmp_path)


def test_a_culled_result_is_right_and_leaves_no_store(client, tmp_path):
    assert_right(staged()[:, :3].compute(), WANT[:, :3])
    assert_gone(tmp_path)


@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_worker_killed_on_the_way_leads_to_the_right_answer(where, client, tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    with sw.set_options(temporary_store=str(root)):
        y = staged(**{where: once(str(tmp_path / "flag"), die)})
        assert_right(y.compute())
    assert (tmp_path / "flag").exists()
    # What the dead worker alone held goes at the next start, like that of any dead process.
    stage.open_store(str(root))
    assert_gone(root)


@pytest.mark.parametrize("where", ["before", "behind"])
def test_an_error_leaves_no_store(where, client, tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    with sw.set_options(temporary_store=str(root)):
        y = staged(**{where: once(str(tmp_path / "flag"), fail)})
        with pytest.raises(RuntimeError, match="on purpose"):
            y.compute()
    assert_gone(root)


def test_a_result_lost_after_clean_up_is_computed_again(client, tmp_path):
    y = staged().persist()
    wait(y)
    assert_gone(tmp_path)
    victim = next(w for keys in client.who_has(y).values() for w in keys)
    client.run(die, workers=[victim], on_error="ignore")
    assert_right(y.compute())
    del y
    stage.open_store(str(tmp_path))
    assert_gone(tmp_path)


def test_a_cancelled_result_leaves_no_store(client, tmp_path):
    def slow(block):
        time.sleep(0.2)
        return block

    future = client.compute(staged(behind=slow))
    wait_until(lambda: list(tmp_path.iterdir()))
    future.cancel()
    assert_gone(tmp_path)


def test_two_clients_at_once_get_the_right_answer(client, cluster, tmp_path):
    y = staged()
    with Client(cluster, set_as_default=False) as other:
        futures = [client.compute(y), other.compute(y)]
        for future in futures:
            assert_right(future.result())
        del futures, future
    assert_gone(tmp_path)


def test_memory_of_one_process_is_refused_with_the_option_to_set(client):
    first, second = client.scheduler_info()["workers"]
    room = stage.Room("memory://here", "refused")
    written = client.submit(stage.write, np.arange(5.0), room, "0", CUTS, workers=first)
    got = client.submit(stage.read, [written], [1], ROWS, workers=second)
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        got.result()


OBJECTS = """
import fsspec
from fsspec.implementations.local import LocalFileSystem

class Objects(LocalFileSystem):
    protocol = "objects-of-a-test"

    def mv(self, *_, **__):
        raise NotImplementedError("object stores cannot rename")

    def open(self, path, mode="rb", **arguments):
        assert mode in ("rb", "wb"), "object stores cannot append"
        return super().open(path, mode, **arguments)

fsspec.register_implementation(Objects.protocol, Objects, clobber=True)
"""
"""A file system that can do no more than an object store."""


def test_processes_share_a_store_under_a_url(client, tmp_path):
    exec(OBJECTS, {})
    client.run(exec, OBJECTS, {})
    with sw.set_options(temporary_store=f"objects-of-a-test://{tmp_path}/scratch"):
        assert_right(staged().compute())
    wait_until(lambda: not [p for p in tmp_path.rglob("*") if p.is_file()])
