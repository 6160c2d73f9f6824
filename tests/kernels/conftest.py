"""What tests of kernels share."""

import pytest

from spanwise.testing import HostFree


@pytest.fixture
def arrays_made(monkeypatch):
    """Gives a function that tells how many arrays a call makes on the device, views among them:
    no fewer than the kernels that a card would have to start.
    """
    adopt = HostFree._adopt

    def count(call, *args, **params):
        made = []

        def counting(data):
            made.append(data.shape)
            return adopt(data)

        with monkeypatch.context() as patch:
            patch.setattr(HostFree, "_adopt", counting)
            call(*args, **params)
        return len(made)

    return count
