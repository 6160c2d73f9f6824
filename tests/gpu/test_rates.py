"""What calibration measures on a device."""

import pytest

from spanwise import probing
from spanwise.kernels.probes import probes
from spanwise.measures import ELEMENTWISE, TO_DEVICE, TO_HOST


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(probing, "_SECONDS", 0)
    monkeypatch.setattr(probing, "_LEAST_RUNS", 1)
    monkeypatch.setattr(probing, "_SIZES", dict.fromkeys(("hostfree", "cupy"), (2**19,)))


def test_every_kernel_and_both_copies_are_measured_on_the_device(device, small, caplog):
    table = probing.measure_kernels(device.library, {})
    assert caplog.text == ""
    wanted = {(p.kernel, p.dtype) for p in probes(lambda dtype: "scipy")}
    found = {(key.kernel, key.dtype) for key in table.entries}
    assert found == wanted | {(TO_DEVICE, ""), (TO_HOST, "")}
    assert (ELEMENTWISE, "float32") in found
    assert len(table.devices) == 1
