import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest

from spanwise.testing import CountingSource, HostFree, count_computes, raise_if_computes

VALUES = np.arange(48.0).reshape(8, 6)


def test_a_source_has_the_elements_and_chunks_asked_for():
    source = CountingSource(VALUES, chunks=((5, 3), (2, 4)))
    assert source.array.chunks == ((5, 3), (2, 4))
    np.testing.assert_array_equal(source.array.compute(), VALUES)


def test_a_source_counts_reads_per_chunk():
    source = CountingSource(VALUES, chunks=(4, 6))
    assert source.reads == {}
    source.array.sum().compute()
    assert source.reads == {(0, 0): 1, (1, 0): 1}
    source.array[:4].sum().compute()
    assert source.reads == {(0, 0): 2, (1, 0): 1}
    assert (source.total_reads, source.passes) == (3, 2)
    source.reset()
    assert (source.total_reads, source.passes) == (0, 0)


def view_of_first_chunk(source):
    kept = []

    def keep(block):
        kept.append(block[1:2, ::2].T)
        return block.sum(keepdims=True)

    source.array.blocks[0].map_blocks(keep, meta=source.array._meta).compute()
    return kept


def test_a_chunk_is_alive_while_a_view_of_it_is():
    source = CountingSource(VALUES, chunks=(4, 6))
    kept = view_of_first_chunk(source)
    assert (source.live_chunks, source.live_bytes) == (1, 4 * 6 * 8)
    kept.clear()
    assert (source.live_chunks, source.live_bytes) == (0, 0)
    assert (source.peak_live_chunks, source.peak_live_bytes) == (1, 4 * 6 * 8)


def test_a_source_of_hostfree_chunks_counts_too():
    source = CountingSource(HostFree.copy_from_host(VALUES), chunks=(4, 6))
    assert isinstance(source.array._meta, HostFree)
    kept = view_of_first_chunk(source)
    assert source.live_chunks == 1
    kept.clear()
    assert source.live_chunks == 0
    np.testing.assert_array_equal(source.array.compute().copy_to_host(), VALUES)


def test_chunks_that_are_reduced_in_turn_do_not_pile_up():
    source = CountingSource(VALUES, chunks=(1, 6))
    source.array.sum().compute(scheduler="synchronous")
    assert source.peak_live_chunks == 1


def test_two_threads_hold_two_chunks_at_once():
    both = threading.Barrier(2, timeout=60)

    def meet(block):
        both.wait()
        return block.sum(keepdims=True)

    source = CountingSource(VALUES, chunks=(4, 6))
    sums = source.array.map_blocks(meet, chunks=((1, 1), (1,)), meta=np.empty((0, 0)))
    sums.compute(scheduler="threads", num_workers=2)
    assert source.peak_live_chunks == 2
    assert source.live_chunks == 0


def test_chunks_shared_by_two_results_stay_alive_and_are_seen():
    source = CountingSource(VALUES, chunks=(1, 6))
    mean = source.array.mean()
    ((source.array - mean) ** 2).sum().compute(scheduler="synchronous")
    assert source.passes == 1
    assert source.peak_live_chunks == 8


def test_a_source_counts_where_it_was_made_and_says_so_elsewhere(tmp_path):
    source = CountingSource(VALUES, chunks=(4, 6))
    data = cloudpickle.dumps(source.array)
    cloudpickle.loads(data).sum().compute()
    assert source.total_reads == 2
    path = tmp_path / "source.pickle"
    path.write_bytes(data)
    code = "import sys, pickle, pathlib; pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())"
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "counts in the process that made it" in run.stderr


def test_computes_are_counted():
    x = da.ones(4, chunks=2)
    with count_computes() as count:
        y = x.sum()
        assert count.computes == 0
        assert float(y.compute()) == 4.0
        dask.compute(x, y)
        x.persist()
    assert count.computes == 3
    x.compute()
    assert count.computes == 3


def test_computes_of_other_threads_and_inside_tasks_are_counted():
    inner = da.ones(2, chunks=2).sum()
    outer = da.ones(2, chunks=1).map_blocks(lambda b: b * float(inner.compute()), meta=np.ones(0))
    with count_computes() as count, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: float(outer.sum().compute()), range(2))) == [4.0, 4.0]
    assert count.computes == 2 * (1 + 2)


def test_counts_nest():
    x = da.ones(4, chunks=2)
    with count_computes() as outer:
        x.compute()
        with count_computes() as inner:
            x.compute()
        x.compute()
    assert (outer.computes, inner.computes) == (3, 1)


def test_any_compute_is_an_error_where_nothing_may_compute():
    x = da.ones(4, chunks=2)
    for compute in (
        x.compute,
        x.persist,
        lambda: dask.compute(x),
        lambda: np.asarray(x),
        lambda: float(x.sum()),
        lambda: dask.delayed(len)([1]).compute(),
    ):
        with pytest.raises(AssertionError, match="nothing may compute"), raise_if_computes():
            compute()
    with raise_if_computes():
        x.sum()
    assert float(x.sum().compute()) == 4.0


def test_the_scheduler_in_force_runs_the_computes():
    calls = []

    def scheduler(dsk, keys, **kwargs):
        calls.append(keys)
        return dask.get(dsk, keys, **kwargs)

    with dask.config.set(scheduler=scheduler), count_computes() as count:
        da.ones(4, chunks=2).sum().compute()
    assert (len(calls), count.computes) == (1, 1)


def test_overlapping_counts_in_threads_leave_nothing_behind():
    before = dask.config.get("scheduler", None)
    threads = 8
    barrier = threading.Barrier(threads, timeout=60)

    def work(_):
        for _ in range(20):
            barrier.wait()
            with count_computes() as count:
                float(da.ones(4, chunks=2).sum().compute())
            assert count.computes >= 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    assert dask.config.get("scheduler", None) is before
