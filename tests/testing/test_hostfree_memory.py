"""The limit on the memory of HostFree arrays: what counts, and for how long."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from spanwise.errors import ArgumentError, DeviceMemoryError
from spanwise.testing import HostFree, limit_memory


def test_an_array_that_does_not_fit_is_refused_as_memory_is():
    with limit_memory(800):
        kept = HostFree(100)
        with pytest.raises(MemoryError, match="800 B wanted, 800 B of 800 B in use") as caught:
            HostFree(100)
        assert isinstance(caught.value, DeviceMemoryError)
        assert kept.shape == (100,)


def test_memory_is_free_again_when_its_last_view_goes():
    with limit_memory(1000) as account:
        x = HostFree(100)
        view = x[10:]
        del x
        assert account.used == 800
        del view
        assert account.used == 0
        HostFree(125)
    assert account.peak == 1000


def test_views_share_the_memory_of_their_array():
    with limit_memory(800):
        x = HostFree((10, 10))
        assert x[::2].T[:0].size == 0
        assert x.T[2:, 3:].shape == (8, 7)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + 1,
        lambda x: x.copy(),
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: HostFree.copy_from_host(np.ones(100)),
    ],
)
def test_whatever_makes_an_array_counts(make):
    x = HostFree.copy_from_host(np.ones(100))
    with limit_memory(700), pytest.raises(DeviceMemoryError):
        make(x)


def test_copies_to_the_host_take_no_memory_of_the_device():
    with limit_memory(800):
        x = HostFree.copy_from_host(np.ones(100))
        assert [x.copy_to_host().sum() for _ in range(3)] == [100] * 3


def test_limits_nest_and_end():
    with limit_memory(0):
        with limit_memory("1KiB"):
            HostFree(128)
        with pytest.raises(DeviceMemoryError):
            HostFree(1)
    HostFree(10**4)


def test_a_negative_limit_is_refused():
    with pytest.raises(ArgumentError, match="limit=-1"), limit_memory(-1):
        pass


def test_the_environment_limits_a_process_from_its_start():
    code = (
        "from spanwise.testing import HostFree; HostFree(128)\n"
        "try: HostFree(129)\n"
        "except MemoryError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SPANWISE_HOSTFREE_MEMORY": "1KiB"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("out of memory on hostfree:0")
