"""CuPy arrays between processes, on a stand-in for CuPy."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from distributed.protocol import dask_deserialize, dask_serialize, deserialize, serialize

from spanwise.kernels.transfer import counted_transfers
from spanwise.schedulers.wire import CarriesArrays, carry_arrays


class Device:
    """What the wire asks of a CuPy array."""

    __array_library__ = "cupy"

    def __init__(self, values):
        self.values = values
        self.nbytes = values.nbytes

    def get(self):
        return self.values


Device.__module__ = "cupy"


def sent(values):
    """Values of an array that has gone from one process to another."""
    got = deserialize(*serialize(Device(values)))
    assert type(got) is Device
    return got.values


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    """Dask's tables as they are before it has met a CuPy array."""

    def fails():
        raise ImportError("Dask's own way needs Numba")

    for table in (dask_serialize, dask_deserialize):
        known = {k: v for k, v in table._lookup.items() if not k.__module__.startswith("cupy")}
        monkeypatch.setattr(table, "_lookup", known)
        monkeypatch.setattr(table, "_lazy", {**table._lazy, "cupy": fails})


@pytest.fixture
def cupy(monkeypatch):
    def asarray(x, blocking):
        assert blocking
        return Device(np.array(x))

    fake = SimpleNamespace(ndarray=Device, asarray=asarray)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


@pytest.mark.parametrize("dtype", ["float32", "complex128", "int8", "bool"])
@pytest.mark.parametrize("shape", [(3, 4), (0, 5), ()])
def test_arrays_arrive_as_they_were_and_are_counted(cupy, dtype, shape):
    carry_arrays()
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    with counted_transfers() as log:
        got = sent(values)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, values)
    assert (log.to_host.bytes, log.to_device.bytes) == (values.nbytes, values.nbytes)


def test_views_arrive_too(cupy):
    carry_arrays()
    values = np.arange(24.0).reshape(4, 6)
    for view in (values.T, values[::-1, ::2], np.broadcast_to(values[0], (3, 6))):
        np.testing.assert_array_equal(sent(view), view)


def test_cupy_is_not_imported_before_such_an_array_is_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # an import of it fails
    CarriesArrays().setup(None)
    assert deserialize(*serialize(np.ones(3))).sum() == 3


def test_what_dask_found_for_itself_gives_way(cupy):
    dask_serialize.register(Device, lambda x: pytest.fail("Dask's own way"))
    carry_arrays()
    assert sent(np.ones(3)).sum() == 3
