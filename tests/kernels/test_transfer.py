"""Copies between host and device, and their counts."""

import sys
import threading

import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.errors import MissingDependencyError
from spanwise.kernels.transfer import LOG, counted_transfers, to_device, to_host
from spanwise.testing import HostFree, raise_if_computes


@pytest.mark.parametrize("dtype", ["float32", "complex128", "int8", "bool"])
def test_a_copy_to_the_device_and_back_is_the_same_and_counted(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    with counted_transfers() as log:
        there = to_device(x, library="hostfree")
        assert isinstance(there, HostFree)
        back = to_host(there)
    np.testing.assert_array_equal(back, x)
    assert back.dtype == x.dtype
    assert (log.to_device.copies, log.to_device.bytes) == (1, x.nbytes)
    assert (log.to_host.copies, log.to_host.bytes) == (1, x.nbytes)
    assert log.to_device.seconds >= 0


def test_an_array_that_is_there_already_is_returned_as_it_is():
    x = np.ones(3)
    device = to_device(x, library="hostfree")
    with counted_transfers() as log:
        assert to_host(x) is x
        assert to_device(device, library="hostfree") is device
    assert log.to_host.copies == log.to_device.copies == 0


def test_counting_begins_at_zero():
    to_device(np.ones(3), library="hostfree")
    with counted_transfers() as log:
        assert log.to_device.copies == 0


def test_counts_of_many_threads_add_up():
    with counted_transfers():
        threads = [
            threading.Thread(target=lambda: [LOG.add("to_host", 2, 0.0) for _ in range(500)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (LOG.to_host.copies, LOG.to_host.bytes) == (4000, 8000)


def test_host_arrays_of_other_libraries_are_read_on_the_host():
    torch = pytest.importorskip("torch")
    strict = pytest.importorskip("array_api_strict")
    x = torch.conj(torch.tensor([1.0 + 2.0j], requires_grad=True))
    np.testing.assert_array_equal(to_host(x), [1.0 - 2.0j])
    np.testing.assert_array_equal(to_host(strict.asarray([1, 2])), [1, 2])


def test_host_arrays_of_other_libraries_are_not_counted_as_copies_between_devices():
    torch = pytest.importorskip("torch")
    with counted_transfers() as log:
        to_host(torch.ones(3))
    assert log.to_host.copies == 0


@pytest.mark.parametrize("copy", [to_host, to_device])
def test_a_lazy_array_is_copied_chunk_by_chunk(copy):
    x = da.from_array(HostFree.copy_from_host(np.arange(4.0)), chunks=2, asarray=False)
    with raise_if_computes(), pytest.raises(sw.errors.ArrayTypeError, match=r"x\.map_blocks"):
        copy(x)
    host = x.map_blocks(to_host, meta=np.empty((0,), x.dtype))
    np.testing.assert_array_equal(host.compute(), np.arange(4.0))


def test_a_library_without_devices_is_refused():
    with pytest.raises(sw.errors.ArgumentError, match="library='numba': expected 'cupy'"):
        to_device(np.ones(2), library="numba")


def test_a_missing_library_is_told_by_its_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[cuda13\]"'):
        to_device(np.ones(2))
