"""What CuPy cannot load of CUDA, on a stand-in for CuPy, and what is said of it."""

import sys
from types import SimpleNamespace

import pytest

from spanwise.cli.doctor import devices as devices_by_doctor
from spanwise.kernels.cupy.libraries import missing_libraries
from spanwise.schedulers import devices


class FakeCuda:
    """``cupy.cuda`` on a machine with one device and some of CUDA's libraries."""

    def __init__(self, *present):
        self.present = present
        self.runtime = SimpleNamespace(
            getDeviceCount=lambda: 1,
            getDeviceProperties=lambda number: {"totalGlobalMem": 2**30, "name": b"A card"},
        )

    def __getattr__(self, name):
        if name == "nvrtc":  # CuPy imports it without its library
            return SimpleNamespace(getVersion=self.version)
        if name not in self.present:
            raise ImportError(f"lib{name}.so: cannot open shared object file")
        return SimpleNamespace()

    def version(self):
        if "nvrtc" not in self.present:
            raise RuntimeError('Failure finding "libnvrtc.so.13"')
        return 13, 0


@pytest.fixture
def card(monkeypatch):
    """Makes a machine with a card and some libraries."""

    def make(*present):
        cuda = FakeCuda(*present)
        monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda))
        monkeypatch.setattr("importlib.util.find_spec", lambda name: SimpleNamespace())
        return cuda

    devices.cuda_devices.cache_clear()
    yield make
    devices.cuda_devices.cache_clear()


def test_nothing_is_said_where_all_libraries_load():
    assert missing_libraries(FakeCuda("cufft", "cublas", "nvrtc")) == ""


@pytest.mark.parametrize("missing", ["cufft", "cublas", "nvrtc"])
def test_what_is_missing_is_named_with_the_command_that_installs_it(missing):
    said = missing_libraries(FakeCuda(*{"cufft", "cublas", "nvrtc"} - {missing}))
    assert f"does not find {missing} of" in said
    assert 'pip install "cupy-cuda13x[ctk]"' in said


def test_a_card_whose_libraries_are_missing_is_no_device(card):
    card("cublas")
    found = devices.cuda_devices()
    assert isinstance(found, str)
    assert "does not find cufft, nvrtc" in found
    _, finding = devices_by_doctor()
    assert finding.advice == found


def test_a_card_with_all_libraries_is_a_device(card):
    card("cublas", "cufft", "nvrtc")
    assert devices.cuda_devices() == (2**30,)
    assert [finding.value for finding in devices_by_doctor()] == ["A card, 1.0 GiB"]
