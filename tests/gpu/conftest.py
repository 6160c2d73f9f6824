"""The devices that these tests run on: a card with CuPy, and the stand-in that needs none."""

import contextlib
import gc
from dataclasses import dataclass

import pytest

from spanwise.schedulers import MixedCluster, placement
from spanwise.schedulers.devices import cuda_devices
from spanwise.testing import ArrayBackend

found = cuda_devices()
CUPY = pytest.param(
    "cupy",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(isinstance(found, str), reason=f"no GPU: {found}"),
    ],
)


@dataclass(frozen=True)
class Device:
    """A device library, and what tests want of it."""

    library: str

    @property
    def is_card(self):
        return self.library == "cupy"

    @property
    def block_bytes(self):
        """Bytes of a block that is large for the memory that tests leave on the device."""
        return 2**26 if self.is_card else 2**18

    @property
    def concrete(self):
        return ArrayBackend(self.library)

    @property
    def lazy(self):
        return ArrayBackend(f"dask:{self.library}")

    def placement(self, policy="gpu"):
        return placement(policy, device=self.library)

    def cluster(self, *, cpu=1, gpu=1):
        """GPU workers, which share a card where it is one, and CPU workers beside."""
        how = {"workers_per_gpu": gpu, "device_memory_limit": "1GiB"} if self.is_card else {}
        return MixedCluster(cpu=cpu, gpu=gpu, device=self.library, **how)


@pytest.fixture(scope="module", params=["hostfree", CUPY])
def device(request):
    """Runs a test on the stand-in, and on a card where there is one."""
    return Device(request.param)


@contextlib.contextmanager
def _cluster(device, gpu):
    with device.cluster(gpu=gpu) as client:
        yield client


@pytest.fixture(scope="module")
def one_gpu_worker(device):
    """A CPU worker and a GPU worker, each a process."""
    with _cluster(device, 1) as client:
        yield client


@pytest.fixture(scope="module")
def two_gpu_workers(device):
    """A CPU worker and two GPU workers, each a process, on one card."""
    with _cluster(device, 2) as client:
        yield client


@pytest.fixture
def cupy():
    """CuPy, which gives back its memory when the test ends."""
    module = pytest.importorskip("cupy")
    yield module
    gc.collect()
    module.fft.config.get_plan_cache().clear()
    module.get_default_memory_pool().free_all_blocks()
