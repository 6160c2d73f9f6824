"""What a GPU worker does before its first task: bounds what CuPy keeps on the device."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from ..errors import ArgumentError, MissingDependencyError
from ..machine import parse_bytes
from .devices import RESOURCE

DEFAULT_DEVICE_MEMORY = 0.8
"""Share of a card that arrays may fill: the rest is for the CUDA context and libraries."""


class GpuWorker(WorkerPlugin):
    """Bound CuPy's memory pool and its FFT plans on the workers with the resource ``GPU``.

    `MixedCluster` starts its GPU workers with it. On a cluster that somebody else started,
    register it; workers that join or restart later get it as well.

    Parameters
    ----------
    memory_limit : float, int, str or None, default: 0.8
        What arrays may fill: a share of the card (a float up to 1), bytes (4 * 2**30, ``"4GiB"``),
        or None for no limit. What exceeds it is an out-of-memory error of this worker alone.
    workers_per_gpu : int, default: 1
        Workers that share a card, and thereby a share of it.

    Raises
    ------
    ArgumentError
        For a limit that is no amount of memory.

    Notes
    -----
    The limit is that of CuPy's default memory pool; where another allocator was set (RMM, CUDA's
    own pool) it has no effect. Workers without the resource are left as they are.

    Examples
    --------
    >>> from spanwise.schedulers import MixedCluster
    >>> from spanwise.schedulers.gpu_worker import GpuWorker
    >>> with MixedCluster(cpu=1, gpu=0, processes=False) as client:
    ...     answers = client.register_plugin(GpuWorker(memory_limit="4GiB"))
    """

    name = "spanwise-gpu-worker"

    def __init__(
        self,
        memory_limit: float | str | None = DEFAULT_DEVICE_MEMORY,
        *,
        workers_per_gpu: int = 1,
    ) -> None:
        device_bytes(memory_limit, total=1, workers_per_gpu=workers_per_gpu)  # or an error, now
        self.memory_limit = memory_limit
        self.workers_per_gpu = workers_per_gpu

    def setup(self, worker: Any) -> None:
        """Called in each worker when it starts or when the plugin is registered."""
        if not worker.state.total_resources.get(RESOURCE):
            return
        try:
            import cupy
        except ImportError as error:
            raise MissingDependencyError(
                "a worker with the resource GPU needs CuPy: python -m pip install "
                '"spanwise[cuda13]" (or "spanwise[cuda12]", as your driver has it)'
            ) from error
        from ..kernels.cupy.plans import keep_plans

        bound_pools(cupy, self.memory_limit, self.workers_per_gpu)
        keep_plans(threads=worker.state.nthreads)


def bound_pools(cupy: Any, limit: float | str | None, workers_per_gpu: int = 1) -> None:
    """Limit the memory pool on each device that this process sees, which also wakes the devices."""
    for number in range(cupy.cuda.runtime.getDeviceCount()):
        with cupy.cuda.Device(number) as device:
            total = device.mem_info[1]
            most = device_bytes(limit, total=total, workers_per_gpu=workers_per_gpu)
            cupy.get_default_memory_pool().set_limit(size=most)  # 0 is no limit


def device_bytes(limit: float | str | None, *, total: int, workers_per_gpu: int = 1) -> int:
    """Bytes of a card that one worker may fill, 0 for no limit.

    Parameters
    ----------
    limit : float, int, str or None
        Share of the card for all of its workers, or bytes of one worker.
    total : int
        Bytes of the card.
    workers_per_gpu : int
        Workers that share it.

    Examples
    --------
    >>> device_bytes(0.8, total=10 * 2**30, workers_per_gpu=2) == 4 * 2**30
    True
    >>> device_bytes("4GiB", total=10 * 2**30) == 4 * 2**30
    True
    """
    if limit is None:
        return 0
    if isinstance(limit, float):
        if not 0 < limit <= 1:
            raise ArgumentError(
                f"device_memory_limit={limit!r}: as a float it is a share of the card, above 0 and "
                "at most 1; write bytes as an integer or a text such as '4GiB'"
            )
        return max(int(limit * total) // workers_per_gpu, 1)
    try:
        found = parse_bytes(limit)
    except ArgumentError:
        found = 0
    if isinstance(limit, bool) or found < 1:
        raise ArgumentError(
            f"device_memory_limit={limit!r}: expected a share of the card such as 0.8, bytes, a "
            "text such as '4GiB', or None for no limit"
        )
    return found
