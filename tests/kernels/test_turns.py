import numpy as np
import pytest

from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.turns import taking_turns, turn
from spanwise.testing.hostfree import HostFree


class Lock:
    """Remembers whether it is held."""

    held = False

    def __enter__(self):
        self.held = True

    def __exit__(self, *error):
        self.held = False


lock = Lock()
seen = []


def _look(x):
    seen.append((library_of(x), lock.held))
    if x.shape[0] > 3:
        raise ValueError("too long")
    return x


look = Kernel("test-look-at-turns", _look)


def on_device(n):
    return HostFree.copy_from_host(np.ones(n))


def test_kernels_hold_the_lock_on_a_device_only_and_only_where_turns_are_taken():
    seen.clear()
    look(on_device(2))
    with taking_turns(lock):
        look(on_device(2))
        look(np.ones(2))
    look(on_device(2))
    assert seen == [("hostfree", False), ("hostfree", True), ("numpy", False), ("hostfree", False)]


def test_a_kernel_that_fails_ends_its_turn():
    with taking_turns(lock), pytest.raises(ValueError, match="too long"):
        look(on_device(4))
    assert not lock.held


def test_without_turns_there_is_nothing_to_hold():
    with turn() as held:
        assert held is None
