"""Names and namespaces of array libraries."""

import sys
import types

import numpy as np
import pytest

from spanwise.errors import TransferError
from spanwise.kernels.library import (
    library_of,
    like,
    lives_on_host,
    namespace,
    synchronize,
    to_numpy,
)
from spanwise.kernels.transfer import counted_transfers
from spanwise.testing import HostFree, xp_assert_equal


def test_the_library_of_an_array_has_a_short_name(xp):
    assert library_of(xp.concrete_array([1.0])) == xp.library


@pytest.mark.parametrize("x", [np.float32(1), np.ones(2)[0], np.ma.masked_array([1])])
def test_scalars_and_subclasses_of_numpy_are_numpys(x):
    assert library_of(x) == "numpy"


@pytest.mark.parametrize("x", [object(), "text"])
def test_what_is_no_array_has_no_library(x):
    with pytest.raises(TypeError):
        library_of(x)


def test_the_namespace_serves_the_arrays(xp):
    x = xp.concrete_array([1.0, 4.0])
    found = namespace(x, 2.0)
    xp_assert_equal(found.sqrt(x), xp.concrete_array([1.0, 2.0]))


def test_two_libraries_have_no_common_namespace():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="namespaces"):
        namespace(np.ones(2), strict.ones(2))


def test_what_lives_on_the_host_is_known(xp):
    assert lives_on_host(xp.concrete_array([1.0])) is not xp.is_device


def test_host_arrays_become_numpys_without_a_counted_copy(xp):
    x = xp.concrete_array(np.array([1.0, 2.0]))
    with counted_transfers() as log:
        if xp.is_device:
            with pytest.raises(TransferError, match=r"spanwise\.to_host\(x\)"):
                to_numpy(x)
        else:
            np.testing.assert_array_equal(to_numpy(x), [1.0, 2.0])
        assert log.to_host.copies == 0


def test_torch_arrays_with_gradients_and_conjugate_bits_become_numpys():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0 + 2.0j], requires_grad=True)
    np.testing.assert_array_equal(to_numpy(torch.conj(x)), [1.0 - 2.0j])
    np.testing.assert_array_equal(to_numpy(torch.conj(x).imag), [-2.0])


def test_parameters_follow_the_data(xp):
    reference = xp.concrete_array(np.ones(3, "float32"))
    table = like(np.arange(4), reference, dtype="float32")
    xp_assert_equal(table, xp.concrete_array(np.arange(4, dtype="float32")))


def test_parameters_of_scalars_and_lists_follow_too():
    assert like([1, 2], np.ones(1)).tolist() == [1, 2]
    assert isinstance(like(2.0, HostFree.copy_from_host(np.ones(1))), HostFree)


def test_a_clock_waits_for_cupy_only(monkeypatch):
    waited = []
    stream = types.SimpleNamespace(synchronize=lambda: waited.append(1))
    cuda = types.SimpleNamespace(get_current_stream=lambda: stream)
    monkeypatch.setitem(sys.modules, "cupy", types.SimpleNamespace(cuda=cuda))
    for x in (np.ones(2), HostFree.copy_from_host(np.ones(2))):
        synchronize(x)
    assert not waited
    synchronize(types.SimpleNamespace(__array_library__="cupy"))
    assert waited == [1]
