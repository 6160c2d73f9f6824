"""cuFFT's plans: how many a thread keeps, and which stream may use them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PLANS = 4
"""Plans kept per thread and device: forward and inverse of two shapes of blocks."""
_SHARE = 8
"""Plans that are kept may hold 1/8 of what arrays may fill of a device in work areas."""

_here = threading.local()
_keepers = {"threads": 1}


def keep_plans(*, threads: int) -> None:
    """Say how many threads of this process transform blocks on a device, each with own plans."""
    _keepers["threads"] = threads


@contextmanager
def at_work(x: Any) -> Iterator[None]:
    """Make the device of a block the current one, and bound the plans that are made there."""
    import cupy

    with x.device, bounded_plans(cupy, x.device):
        yield


@contextmanager
def bounded_plans(cupy: Any, device: Any) -> Iterator[None]:
    """Bound the plans that CuPy keeps for this thread, and keep streams apart that share them.

    CuPy keeps sixteen plans per thread and device without a limit on memory, each with a work area
    that may be as large as a block. A cached plan that two streams run at a time has one work area
    for both (cupy#8079), so the stream of the call before is waited for where it was another one.
    """
    devices: dict[int, tuple[Any, int]] = _here.__dict__.setdefault("devices", {})
    stream = cupy.cuda.get_current_stream()
    cache = cupy.fft.config.get_plan_cache()
    last, total = devices.get(device.id, (None, 0))
    if last is None:
        cache.set_size(_PLANS)
        total = device.mem_info[1]  # asking the driver takes as long as a small transform
    elif last.ptr != stream.ptr:
        last.synchronize()
    devices[device.id] = stream, total
    try:
        yield
    finally:
        # A limit given to the cache itself would make a plan beyond it an error.
        limit = cupy.get_default_memory_pool().get_limit()
        if cache.get_curr_memsize() > plan_bytes(limit, total):
            cache.clear()


def plan_bytes(limit: int, total: int) -> int:
    """Bytes that one thread's plans may keep, of a limited pool (0: unlimited) on a device.

    Examples
    --------
    >>> plan_bytes(0, 2**34) == 2**31
    True
    """
    return (min(limit, total) if limit else total) // (_SHARE * _keepers["threads"])
