"""What only a card can show: its memory, cuFFT's limits, streams and pinned memory."""

import gc
import threading

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.kernels.cupy.plans import plan_bytes
from spanwise.kernels.memory import is_out_of_memory
from spanwise.kernels.tables import drop_tables
from spanwise.schedulers import placement
from spanwise.schedulers.devices import cuda_devices
from spanwise.testing.cases import all_cases

found = cuda_devices()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(isinstance(found, str), reason=f"no GPU: {found}"),
]
CASES = [case for case in all_cases() if not case.creates]
GIB = 2**30


@pytest.fixture
def limited(cupy):
    """Limits the pool to what is used and some bytes more, until the test ends."""
    pool = cupy.get_default_memory_pool()
    before = pool.get_limit()

    def leave(nbytes):
        pool.free_all_blocks()
        pool.set_limit(size=pool.used_bytes() + nbytes)

    yield leave
    pool.set_limit(size=before)


def needs_free(cupy, nbytes):
    free, _ = cupy.cuda.Device().mem_info
    if free < nbytes:
        pytest.skip(f"needs {nbytes / GIB:.0f} GiB of free device memory; {free / GIB:.0f} are")


def parts_of(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.function)
def test_functions_give_back_all_memory(cupy, case):
    pool = cupy.get_default_memory_pool()
    x = cupy.asarray(case.values)

    def once():
        prepared = case.prepare(x) if case.prepare else cupy
        result = case.call(x, prepared)
        del result, prepared
        gc.collect()
        cupy.fft.config.get_plan_cache().clear()  # plans are kept on purpose, in bounds
        return pool.used_bytes()

    once()
    assert once() == once()


def test_tables_stay_on_the_card_until_they_are_given_back(cupy):
    drop_tables("cupy")
    values = np.random.default_rng(0).standard_normal((4, 300, 400)).astype("float32")
    x, how = cupy.asarray(values), {"axes": (1, 2), "window": "hann", "detrend": "linear"}
    want = sw.signal.isotropic_power_spectrum(values, **how)
    cupy.cuda.Device().synchronize()
    for stream in (cupy.cuda.Stream.null, cupy.cuda.Stream(), cupy.cuda.Stream.null):
        with stream:
            got = sw.signal.isotropic_power_spectrum(x, **how).get()
        assert np.linalg.norm(got - want) <= 1e-5 * np.linalg.norm(want)
    assert drop_tables("cupy") > 0
    assert drop_tables("cupy") == 0


def test_rings_are_added_up_to_the_same_last_bit_each_time(cupy):
    x = cupy.asarray(np.random.default_rng(0).standard_normal((3, 256, 256)).astype("float32"))
    once = sw.signal.isotropic_power_spectrum(x, axes=(1, 2)).get()
    for _ in range(5):
        again = sw.signal.isotropic_power_spectrum(x, axes=(1, 2)).get()
        np.testing.assert_array_equal(again, once)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(5, 64), (4, 16, 12), (1000,)])
def test_views_that_are_not_aligned_are_transformed(cupy, dtype, shape):
    """cuFFT refuses memory that is not aligned to 16 bytes (cupy#9229)."""
    size = int(np.prod(shape))
    host = np.random.default_rng(0).standard_normal(2 * (size + 3))
    host = host.view("c16")[: size + 3] if dtype[0] == "c" else host[: size + 3]
    host = np.ascontiguousarray(host.astype(dtype))
    base = cupy.asarray(host)
    single = dtype in ("float32", "complex64")
    for offset in range(4 if dtype[0] == "f" else 2):
        x, want = (a[offset : offset + size].reshape(shape) for a in (base, host))
        functions = [sw.fft.fft, sw.fft.ifft, sw.fft.irfft, sw.fft.fftn, sw.fft.hfft]
        if dtype[0] == "f":
            functions += [sw.fft.rfft, sw.fft.rfftn, sw.fft.ihfft, sw.fft.dct, sw.fft.dst]
        for function in functions:
            got = function(x).get()
            expected = getattr(scipy.fft, function.__name__)(want)
            error = np.linalg.norm(got - expected) / np.linalg.norm(expected)
            assert error < (1e-5 if single else 1e-12), (function.__name__, offset)
        if dtype[0] == "f":
            got = sw.fft.fht(x, 0.1, mu=1.5).get()
            expected = scipy.fft.fht(want.astype("f8"), 0.1, mu=1.5)
            assert np.linalg.norm(got - expected) < 1e-4 * np.linalg.norm(expected)


def test_data_in_the_other_byte_order_arrive_right(cupy):
    x = np.arange(10.0).astype(">f4").reshape(2, 5)
    np.testing.assert_array_equal(sw.to_device(x).get(), x)


def test_layouts_of_the_host_arrive_right(cupy):
    x = np.random.default_rng(0).standard_normal((4, 5, 6))
    for view in (x.T, x[::-1], x[:, 1:4:2], np.asfortranarray(x), np.broadcast_to(x[0], (3, 5, 6))):
        there = sw.to_device(view)
        np.testing.assert_array_equal(sw.to_host(there), view)
        np.testing.assert_allclose(sw.fft.fft(there).get(), scipy.fft.fft(view), atol=1e-12)


def test_the_plan_cache_stays_within_bounds(cupy):
    cache = cupy.fft.config.get_plan_cache()
    cache.clear()
    total = cupy.cuda.Device().mem_info[1]
    bound = plan_bytes(cupy.get_default_memory_pool().get_limit(), total)
    for n in range(1000, 1020):
        x = cupy.ones((64, n))
        for function in (sw.fft.fft, sw.fft.rfft, sw.fft.dct, lambda x: sw.fft.fht(x, 0.1, 1.5)):
            function(x)
            assert cache.get_curr_size() <= 4
            assert cache.get_curr_memsize() <= bound


def test_more_than_2_to_the_31_points_in_one_block(cupy):
    """cuFFT's plans count in 32 bits (cupy#4406)."""
    needs_free(cupy, 60 * GIB)
    rows, columns = 2**16 + 4, 2**15
    x = cupy.zeros((rows, columns), dtype=cupy.complex64)
    some = np.random.default_rng(0).standard_normal((3, columns)).astype("complex64")
    chosen = [0, 2**16 - 1, rows - 1]
    for row, values in zip(chosen, some, strict=True):
        x[row] = cupy.asarray(values)
    got = sw.fft.fft(x)
    for row, values in zip(chosen, some, strict=True):
        want = scipy.fft.fft(values)
        assert np.linalg.norm(got[row].get() - want) < 1e-5 * np.linalg.norm(want)
    assert not bool(cupy.any(got[1 : 2**16 - 1 : 4097]))
    del got
    x[...] = 0
    x[1, 2] = 1.0
    got = sw.fft.fft2(x)
    k = np.array([0, 1, 65000, rows - 1])[:, None]
    m = np.array([0, 3, 32000, columns - 1])[None, :]
    want = np.exp(-2j * np.pi * (k / rows + 2 * m / columns))
    np.testing.assert_allclose(got[k, m].get(), want, atol=1e-4)


def test_real_points_beyond_2_to_the_31_too(cupy):
    needs_free(cupy, 45 * GIB)
    rows, columns = 2**17 + 1, 2**14
    x = cupy.zeros((rows, columns), dtype=cupy.float32)
    values = np.random.default_rng(0).standard_normal(columns).astype("float32")
    x[-1] = cupy.asarray(values)
    half = sw.fft.rfft(x)
    want = scipy.fft.rfft(values)
    assert np.linalg.norm(half[-1].get() - want) < 1e-5 * np.linalg.norm(want)
    del x
    back = sw.fft.irfft(half, n=columns)
    np.testing.assert_allclose(back[-1].get(), values, atol=1e-4)
    assert not bool(cupy.any(back[:-1:4099]))


def test_a_block_that_does_not_fit_with_its_workspace_is_done_in_parts(cupy, limited):
    x = cupy.asarray(np.random.default_rng(0).standard_normal((64, 2**14)))  # 8 MiB
    want = scipy.fft.fft(x.get())
    limited(24 * 2**20)  # complex copy and result alone are 32 MiB
    got = sw.fft.fft(x)
    np.testing.assert_allclose(got.get(), want, atol=1e-9)


def test_what_does_not_fit_at_all_is_an_out_of_memory_error(cupy, limited):
    x = cupy.ones((1, 2**20))
    limited(2**20)
    with pytest.raises(Exception, match=r"(?i)memory") as caught:
        sw.fft.fft(x)
    assert is_out_of_memory(caught.value)


def test_without_a_cluster_what_does_not_fit_runs_on_the_host(cupy, limited):
    values = np.random.default_rng(0).standard_normal((4, 8, 2**14))
    with placement("gpu"):
        y = sw.fft.fft(da.from_array(values, chunks=(2, 8, 2**14)))
        planned = sw.explain(y).totals
        limited(2**18)
        got = y.compute(scheduler="threads")
    assert planned.to_device.number > 0
    np.testing.assert_allclose(got, scipy.fft.fft(values), atol=1e-9)


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_with_streams_of_their_own_agree(cupy, threads):
    values = np.random.default_rng(0).standard_normal((64, 32, 256)).astype("float32")
    x = da.from_array(values, chunks=(4, 32, 256))
    with placement("gpu"):
        y = sw.fft.irfft2(sw.fft.rfft2(x) * 2, s=(32, 256)) + 1
        for _ in range(3):
            got = y.compute(scheduler="threads", num_workers=threads)
            np.testing.assert_allclose(got, 2 * values + 1, atol=1e-4)


def test_resident_chunks_of_other_threads_are_ready_when_they_are_read(cupy):
    """A user's chunks are made on CuPy's default stream, by whichever thread."""
    values = np.random.default_rng(0).standard_normal((32, 64, 128))
    x = da.from_array(values, chunks=(2, 64, 128))
    meta = cupy.empty((0, 0, 0))
    there = x.map_blocks(sw.to_device, dtype=x.dtype, meta=meta)
    with placement("data"):
        y = sw.fft.fft2(there * 2)
        back = y.map_blocks(sw.to_host, dtype=y.dtype, meta=np.empty((0, 0, 0), y.dtype))
        got = back.compute(scheduler="threads", num_workers=8)
    np.testing.assert_allclose(got, scipy.fft.fft2(2 * values), atol=1e-9)


def test_plans_of_two_threads_do_not_meet(cupy):
    x = cupy.asarray(np.random.default_rng(0).standard_normal((256, 4096)))
    want = scipy.fft.fft(x.get())
    results = {}

    def work(number):
        with cupy.cuda.Stream():
            for _ in range(20):
                results[number] = sw.fft.fft(x)
            cupy.cuda.get_current_stream().synchronize()

    cupy.cuda.Device().synchronize()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got in results.values():
        np.testing.assert_allclose(got.get(), want, atol=1e-9)


def test_pinned_memory_of_the_host_is_an_array_like_any_other(cupy):
    import cupyx

    pinned = cupyx.empty_pinned((64, 256), dtype="float32")
    pinned[...] = np.random.default_rng(0).standard_normal((64, 256))
    there = sw.to_device(pinned)
    kept = pinned.copy()
    pinned[...] = 0  # the copy is complete
    np.testing.assert_array_equal(sw.to_host(there), kept)
    with placement("gpu"):
        x = da.from_array(np.asarray(cupyx.zeros_pinned((8, 16))) + 1.0, chunks=(4, 16))
        np.testing.assert_allclose(sw.fft.fft(x).compute(), scipy.fft.fft(np.ones((8, 16))))


def test_dask_keeps_the_type_of_cupy_chunks(cupy):
    x = da.from_array(cupy.ones((8, 16)), chunks=(4, 8), asarray=False)
    for y in (sw.fft.rfft(x), sw.fft.fftn(x), sw.signal.power_spectrum(x, axes=1)):
        assert isinstance(y._meta, cupy.ndarray)
        with dask.config.set(scheduler="threads"):
            assert isinstance(y.compute(), cupy.ndarray)


def test_copies_to_the_device_are_complete_when_they_are_timed(cupy):
    """Rates that policy "cost" keeps are made of these times."""
    sw.to_device(np.ones(2**26, "u1"))
    assert cupy.cuda.get_current_stream().done
