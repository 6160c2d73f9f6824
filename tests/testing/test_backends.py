import dask.array as da
import numpy as np
import pytest

from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.kernels.library import library_of, namespace
from spanwise.testing import ArrayBackend, available_backends
from spanwise.testing.backends import select_backends

VALUES = np.arange(12.0).reshape(3, 4)


def test_arrays_come_in_the_container_that_is_named(xp):
    x = xp.asarray(VALUES)
    assert isinstance(x, da.Array) == xp.is_lazy
    block = x.compute() if xp.is_lazy else x
    assert library_of(block) == xp.library
    assert namespace(block) is xp.xp
    np.testing.assert_array_equal(xp.to_numpy(x), VALUES)


def test_dtypes_are_taken_by_numpys_names(xp):
    x = xp.asarray(VALUES, dtype="float32")
    assert str(x.dtype).endswith("float32")
    assert xp.to_numpy(x).dtype == np.float32


def test_dask_arrays_are_cut_along_every_axis():
    x = ArrayBackend("dask:numpy").asarray(VALUES)
    assert x.chunks == ((2, 1), (3, 1))
    assert ArrayBackend("dask:hostfree").asarray(VALUES, chunks=(3, 2)).chunks == ((3,), (2, 2))


def test_arrays_do_not_share_memory_with_the_values(xp):
    values = VALUES.copy()
    x = xp.asarray(values)
    values[...] = -1
    np.testing.assert_array_equal(xp.to_numpy(x), VALUES)


def test_a_device_is_told_from_the_host():
    assert ArrayBackend("hostfree").is_device
    assert ArrayBackend("dask:hostfree").is_device
    assert not ArrayBackend("dask:numpy").is_device


def test_pytorchs_device_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("SPANWISE_DEVICE", raising=False)
    assert ArrayBackend("torch").device == "cpu"
    assert not ArrayBackend("torch").is_device
    monkeypatch.setenv("SPANWISE_DEVICE", "cuda:0")
    assert ArrayBackend("torch").device == "cuda:0"
    assert ArrayBackend("torch").is_device
    assert ArrayBackend("numpy").device is None


def test_a_result_of_another_container_is_refused():
    with pytest.raises(ArrayTypeError, match="expected an array of hostfree, got numpy"):
        ArrayBackend("hostfree").to_numpy(VALUES)
    with pytest.raises(ArrayTypeError, match="expected a Dask array of numpy"):
        ArrayBackend("dask:numpy").to_numpy(VALUES)


def test_names_are_selected_in_the_order_given():
    chosen = select_backends("hostfree, dask:numpy,numpy,hostfree")
    assert [backend.name for backend in chosen] == ["hostfree", "dask:numpy", "numpy"]
    assert select_backends("all") == available_backends()
    assert {"numpy", "hostfree", "dask:numpy", "dask:hostfree"} <= {
        backend.name for backend in available_backends()
    }


@pytest.mark.parametrize("text", ["nupmy", "dask", "dask:torch", "", " , "])
def test_unknown_names_are_refused(text):
    with pytest.raises(ArgumentError, match="array backend"):
        select_backends(text)


def test_a_library_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr("spanwise.testing.backends._is_available", lambda name: name != "torch")
    with pytest.raises(ArgumentError, match="'torch' is not available here"):
        select_backends("numpy,torch")
