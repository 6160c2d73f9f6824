"""Kernels: dispatch on the block that arrives, pickling by name, marks on wrappers."""

import contextlib
import functools
import pickle
import subprocess
import sys

import cloudpickle
import numpy as np
import pytest
from dask.base import tokenize

from spanwise.errors import UnsupportedError
from spanwise.kernels import kernel as kernel_module
from spanwise.kernels.fft import fft
from spanwise.kernels.kernel import Kernel, kernel_of
from spanwise.testing import HostFree


@pytest.fixture
def make_kernel(monkeypatch):
    """Kernels that are forgotten after the test."""
    monkeypatch.setattr(kernel_module, "_REGISTRY", dict(kernel_module._REGISTRY))
    return Kernel


def double(x):
    return 2 * x


def test_the_generic_implementation_serves_every_library(make_kernel, xp):
    kernel = make_kernel("double", double)
    x = xp.concrete_array(np.ones(3))
    assert type(kernel(x)) is type(x)


def test_a_registered_implementation_goes_before_the_generic_one(make_kernel):
    kernel = make_kernel("double", double)
    kernel.register("numpy", lambda x: x * 3)
    assert kernel(np.float64(1)) == 3
    assert kernel(HostFree.copy_from_host(np.ones(1))).copy_to_host() == 2


def test_an_implementation_named_by_its_module_is_imported_when_it_is_needed(make_kernel):
    kernel = make_kernel("late")
    kernel.register("numpy", "spanwise.machine:format_bytes")
    kernel.register("cupy", "no.such.module:function")
    assert kernel.implementation("numpy")(5) == "5 B"
    assert kernel.serves_device("cupy")
    with pytest.raises(ModuleNotFoundError):
        kernel.implementation("cupy")


def test_host_arrays_without_an_implementation_go_through_numpy_and_back(make_kernel):
    strict = pytest.importorskip("array_api_strict")
    torch = pytest.importorskip("torch")
    kernel = make_kernel("compiled")
    kernel.register("numpy", lambda x: np.asarray(x) + 1)
    for x in (strict.ones(2), torch.ones(2), torch.ones(2, requires_grad=True)):
        out = kernel(x)
        assert type(out) is type(x)
        assert [float(v) for v in out] == [2.0, 2.0]


def test_device_arrays_without_an_implementation_are_refused_with_the_way_out(make_kernel):
    x = HostFree.copy_from_host(np.ones(2))
    compiled = make_kernel("compiled")
    compiled.register("numpy", np.sort)
    host_only = make_kernel("host only", double, on_device=False)
    for kernel in (compiled, host_only):
        assert not kernel.serves_device("hostfree")
        with pytest.raises(UnsupportedError, match=r"spanwise\.to_host\(x\)"):
            kernel(x)


def test_a_kernel_without_implementations_says_so(make_kernel):
    with pytest.raises(UnsupportedError, match="'nothing' has no implementation for numpy"):
        make_kernel("nothing")(np.ones(2))


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_a_kernel_is_pickled_by_its_name(dumps):
    assert pickle.loads(dumps(fft)) is fft
    assert len(dumps(fft)) < 200


def test_a_fresh_process_finds_a_kernel_by_its_name():
    code = (
        "import pickle, sys, numpy; kernel = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "print(kernel(numpy.ones(2), kind='fft', axes=(0,), lengths=(2,), norm=None)[0].real)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(fft).hex()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["2.0"]


def test_a_kernel_has_the_same_token_in_every_process():
    assert fft.__dask_tokenize__() == ("spanwise.kernel", "fft")
    assert tokenize(functools.partial(fft, kind="fft")) == tokenize(
        functools.partial(fft, kind="fft")
    )
    assert tokenize(functools.partial(fft, kind="fft")) != tokenize(
        functools.partial(fft, kind="ifft")
    )


def test_the_kernel_of_a_task_is_seen_through_wrappers():
    def wrapper(x):
        return fft(x)

    assert kernel_of(wrapper) is None
    wrapper.__spanwise_kernel__ = fft
    nested = functools.partial(functools.partial(fft, kind="fft"), norm=None)
    for function in (fft, wrapper, nested, functools.partial(wrapper)):
        assert kernel_of(function) is fft
    for function in (None, np.sum, functools.partial(np.sum, axis=0)):
        assert kernel_of(function) is None


def test_a_kernel_shows_its_name():
    assert repr(fft) == "Kernel('fft')"


def test_a_kernel_on_cupy_is_at_work_on_the_device_of_its_block(monkeypatch):
    """Its device is the current one, and the plans that are made there are bounded."""
    told = []

    @contextlib.contextmanager
    def at_work(x):
        told.append(("begins", x))
        yield
        told.append(("ends", x))

    monkeypatch.setattr("spanwise.kernels.cupy.plans.at_work", at_work)
    monkeypatch.setattr("spanwise.kernels.kernel.library_of", lambda x: "cupy")
    kernel = Kernel("test-at-work", lambda x: told.append(("runs", x)) or x + 1)
    assert kernel(1) == 2
    assert told == [("begins", 1), ("runs", 1), ("ends", 1)]
