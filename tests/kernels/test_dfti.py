"""Lines by MKL: where they are, on how many threads, and what is refused."""

import ctypes
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import psutil
import pytest
import scipy.fft

from spanwise.errors import MissingDependencyError
from spanwise.kernels import engines
from spanwise.kernels.fft import fft
from spanwise.kernels.numpy import dfti

needs_mkl = pytest.mark.skipif(
    not engines.is_installed("mkl"), reason='MKL is not installed: pip install "spanwise[mkl]"'
)


def values(shape, dtype="F"):
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def at(offset, x):
    """The same array, so many bytes behind a whole vector."""
    memory = np.empty(x.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    copy = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return copy


def test_axes_that_follow_each_other_in_memory_are_one_run():
    x, y = np.zeros((5, 4, 3, 2), "f"), np.zeros((5, 4, 3, 2), "F")
    assert dfti._runs(x, y, 3) == [(60, 8, 16)]
    assert dfti._runs(x, y, 1) == [(6, 4, 8), (5, 96, 192)]
    assert dfti._runs(x, np.zeros((5, 4, 3, 9), "F")[..., :2], 3) == [(60, 8, 72)]
    assert dfti._runs(x[::2], y[::2], 3) == [(12, 8, 16), (3, 192, 384)]
    assert dfti._runs(x[0, 0, 0], y[0, 0, 0], 0) == [(1, 4, 8)]


def test_places_are_those_of_the_points_of_runs():
    x = np.arange(24.0).reshape(2, 3, 4)
    start = x.ctypes.data
    assert list(dfti._places(x, [(4, 8), (2, 96)])) == [
        start + step for step in (0, 8, 16, 24, 96, 104, 112, 120)
    ]
    assert list(dfti._places(x, [])) == [start]


@needs_mkl
@pytest.mark.parametrize("points", [3**11, 10**6, 2**20, 1000003])
def test_long_lines_are_transformed_in_place(points):
    x = values(points)
    want = scipy.fft.fft(x)
    dfti.transform(x, 0, is_forward=True)
    assert abs(x - want).max() < 1e-5 * abs(want).max()


@needs_mkl
@pytest.mark.parametrize("dtype", "FD")
@pytest.mark.parametrize("points", [5, 16, 31, 100, 1000, 1024])
def test_a_plane_has_the_same_bits_in_any_number_of_planes_and_at_any_address(points, dtype):
    planes = values((5, points, 36), dtype)
    call = {"kind": "fft", "axes": (1, 2), "lengths": (points, 36), "norm": None, "engine": "mkl"}
    want = fft(planes, **call)
    for start, stop in pairwise((0, 1, 3, 5)):
        for offset in range(0, 64, planes.itemsize):
            got = fft(at(offset, planes[start:stop]), overwrite=True, **call)
            np.testing.assert_array_equal(got, want[start:stop])


@needs_mkl
def test_a_task_uses_its_own_thread_only_and_leaves_the_setting_of_others():
    library = dfti._library()
    before = library.MKL_Get_Max_Threads()
    x = values((8, 256, 256))
    barrier = threading.Barrier(2)

    def task(_):
        barrier.wait()
        for _ in range(3):
            fft(x, kind="fft", axes=(1, 2), lengths=(256, 256), norm=None, engine="mkl")
        barrier.wait()
        # While both tasks are here, every other thread would be one of MKL's.
        return psutil.Process().num_threads(), library.MKL_Get_Max_Threads()

    alone = psutil.Process().num_threads()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(task, range(2)))
    assert all(threads <= alone + 2 for threads, _ in found)
    assert [setting for _, setting in found] == [before, before]
    assert library.MKL_Get_Max_Threads() == before


@needs_mkl
def test_plans_are_kept_by_each_thread_unless_they_are_of_long_lines():
    kept = dfti._PLANS_OF_THREAD.kept
    kept.cache_clear()
    for _ in range(3):
        dfti.transform(values((4, 100)), 1, is_forward=True)
    assert (kept.cache_info().hits, kept.cache_info().misses) == (2, 1)
    dfti.transform(values(dfti._KEPT_POINTS + 1), 0, is_forward=True)
    assert kept.cache_info().currsize == 1
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: dfti._PLANS_OF_THREAD.kept).result() is not kept


@needs_mkl
def test_what_mkl_reports_is_raised():
    lines = dfti.Lines(8, 1, (1, 1), (8, 8), True, False, 1.0, 1)
    plan = dfti._Plan(lines)
    with pytest.raises(MemoryError):
        plan._check(dfti._MEMORY_ERROR)
    with pytest.raises(RuntimeError, match=r"MKL: .*[Ii]nconsistent"):
        plan._set(dfti._THREAD_LIMIT, ctypes.c_long(-1))


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(dfti, "find", lambda: None)
    dfti._library.cache_clear()
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[mkl\]"'):
        engines.resolve_engine("mkl")
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[mkl\]"'):
        fft(np.ones(3), kind="fft", axes=(0,), lengths=(3,), norm=None, engine="mkl")
    assert engines.resolve_engine("auto", fastest="mkl") == "scipy"


def test_the_library_is_found_by_its_package_and_in_the_environment(monkeypatch, tmp_path):
    (tmp_path / "lib").mkdir()
    library = tmp_path / "lib" / "libmkl_rt.so.2"
    find = dfti.find.__wrapped__
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(dfti.metadata, "files", lambda name: [])
    assert find() is None
    library.touch()
    assert find() == library
    monkeypatch.setattr(sys, "platform", "win32")
    assert find() is None
