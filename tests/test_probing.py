"""How kernels and copies are measured."""

import pytest

from spanwise import probing
from spanwise.kernels.probes import Probe, probes
from spanwise.measures import CPU, TO_DEVICE, TO_HOST


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(probing, "_SECONDS", 0)
    monkeypatch.setattr(probing, "_LEAST_RUNS", 1)
    monkeypatch.setattr(probing, "_SIZES", {"numpy": (2**10, 2**16), "hostfree": (2**10, 2**16)})


def sizes(probe, library="numpy"):
    return sorted({o.nbytes for o in probing._measure(probe, library)})


DOUBLED = Probe("doubled", "float64", lambda x: x * 2, (8,))


def test_a_kernel_is_measured_on_blocks_of_each_size(monkeypatch):
    monkeypatch.setattr(probing, "_LONGEST", 1e9)
    assert sizes(DOUBLED) == [2**10, 2**16]


def test_a_slow_kernel_is_spared_the_largest_block(monkeypatch):
    """As every kernel is where none may take any time."""
    monkeypatch.setattr(probing, "_LONGEST", 0)
    assert sizes(DOUBLED) == [2**10, 2**12]


def test_copies_are_measured_down_to_small_results():
    table = probing.measure_kernels("hostfree", {})
    for way in (TO_DEVICE, TO_HOST):
        assert {k.bucket for k in table.entries if k.kernel == way} == {10, 12, 16}


def test_what_a_device_cannot_do_leaves_the_rest_to_be_measured(monkeypatch, caplog):
    def fails(x):
        raise NotImplementedError("no such transform")

    def of_two(engine_of):
        yield Probe("fails", "float32", fails, (8,))
        yield Probe("works", "float32", lambda x: x * 2, (8,))

    monkeypatch.setattr(probing, "probes", of_two)
    table = probing.measure_kernels("hostfree", {})
    assert {key.kernel for key in table.entries} == {"works", TO_DEVICE, TO_HOST}
    told = "fails of float32 was not measured: NotImplementedError: no such transform"
    assert told in caplog.text
    with pytest.raises(NotImplementedError):
        probing.measure_kernels("numpy", {})


def test_every_probe_is_measured():
    table = probing.measure_kernels("numpy", {})
    found = {(key.kernel, key.dtype) for key in table.entries}
    assert found == {(p.kernel, p.dtype) for p in probes(lambda dtype: "scipy")}
    assert table.devices == (CPU,)
