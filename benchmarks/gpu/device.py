"""The device that is measured: its arrays, its clock, and how fast it copies."""

from __future__ import annotations

import gc
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import spanwise as sw
from spanwise.schedulers import MixedCluster, placement
from spanwise.testing import ArrayBackend

from ..report import cpu_name

Run = Callable[[], Any]
CALLS = 5
"""Runs between two events of a card."""
MOST = 51
"""Pairs that are timed at most."""


@dataclass(frozen=True)
class Device:
    """A card with CuPy, or the stand-in, on which everything runs but nothing is measured."""

    library: str
    """``"cupy"`` or ``"hostfree"``."""

    @property
    def is_card(self) -> bool:
        """Whether it is a card."""
        return self.library == "cupy"

    @property
    def backend(self) -> ArrayBackend:
        """Its arrays."""
        return ArrayBackend(self.library)

    @property
    def xp(self) -> Any:
        """Namespace of its arrays."""
        return self.backend.xp

    @cached_property
    def name(self) -> str:
        """The card as the driver names it."""
        if not self.is_card:
            return f"stand-in {self.library} on {cpu_name()}: no card, no measurement"
        from spanwise.schedulers.devices import cuda_model

        return cuda_model()

    @property
    def slug(self) -> str:
        """For the name of a file."""
        name = self.name if self.is_card else f"stand-in-{self.library}"
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")

    @property
    def facts(self) -> dict[str, Any]:
        """What it is, for the report."""
        facts: dict[str, Any] = {"device": self.name, "stand_in": not self.is_card}
        if self.is_card:
            import cupy

            runtime = cupy.cuda.runtime
            facts["device_memory"] = cupy.cuda.Device().mem_info[1]
            facts["multiprocessors"] = cupy.cuda.Device().attributes["MultiProcessorCount"]
            facts["cuda_driver"] = runtime.driverGetVersion()
            facts["cuda_runtime"] = runtime.runtimeGetVersion()
        return facts

    @property
    def plain_fft(self) -> Any:
        """The FFT functions of the library itself."""
        if not self.is_card:
            return self.xp.fft
        import cupyx.scipy.fft

        return cupyx.scipy.fft

    def put(self, values: np.ndarray) -> Any:
        """A copy on the device."""
        return sw.to_device(values, library=self.library)

    def normal(self, shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Any:
        """White noise, made on the device where it is one."""
        if not self.is_card:
            return self.put(np.random.default_rng(seed).standard_normal(shape).astype(dtype))
        import cupy

        rng = cupy.random.default_rng(seed)
        real = "float32" if dtype in ("float32", "complex64") else "float64"
        x = rng.standard_normal(shape, dtype=real)
        return x if dtype == real else x + 1j * rng.standard_normal(shape, dtype=real)

    def pinned(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        """Memory of the host that the card reads and writes by itself."""
        if not self.is_card:
            return np.zeros(shape, dtype)
        import cupyx

        return cupyx.zeros_pinned(shape, dtype=dtype)

    def placement(self, policy: str = "gpu") -> Any:
        """Kernels go to this device."""
        return placement(policy, device=self.library)

    def cluster(self, size: str, **how: Any) -> MixedCluster:
        """A cluster of this device, of processes; a dry run at toy size keeps to this one."""
        processes = self.is_card or size != "toy"
        return MixedCluster(device=self.library, processes=processes, **how)

    def in_turn(self, ours: Run, theirs: Run, *, seconds: float, **how: Any) -> Times:
        """`in_turn` by the clock of the device; there is no time to lose on a stand-in."""
        return in_turn(self.clock, ours, theirs, seconds=self.is_card * seconds, **how)

    def walls_in_turn(self, ours: Run, theirs: Run, *, seconds: float, **how: Any) -> Times:
        """The same by the clock of the host."""
        return in_turn(self.wall, ours, theirs, seconds=self.is_card * seconds, **how)

    def sync(self) -> None:
        """Wait for the device."""
        if self.is_card:
            import cupy

            cupy.cuda.Device().synchronize()

    def clean(self) -> None:
        """Give back what CuPy keeps for later."""
        gc.collect()
        if self.is_card:
            import cupy

            cupy.fft.config.get_plan_cache().clear()
            cupy.get_default_memory_pool().free_all_blocks()
            cupy.get_default_pinned_memory_pool().free_all_blocks()

    def clock(self, run: Run) -> float:
        """Seconds of one run on resident data, by events of the device where it has them.

        Several runs follow one another, as they do in use: the device works on one while the host
        asks for the next.
        """
        if not self.is_card:
            return self.wall(run)
        import cupy

        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        self.sync()
        start.record()
        for _ in range(CALLS):
            run()
        stop.record()
        stop.synchronize()
        return cupy.cuda.get_elapsed_time(start, stop) / 1e3 / CALLS

    def wall(self, run: Run) -> float:
        """Seconds of one run by the clock of the host, from an idle device to an idle device."""
        self.sync()
        start = time.perf_counter()
        run()
        self.sync()
        return time.perf_counter() - start


@dataclass(frozen=True)
class Times:
    """Seconds of runs of two sides in turn."""

    ours: tuple[float, ...]
    """Of our side."""
    theirs: tuple[float, ...]
    """Of the other."""

    @property
    def ratio(self) -> float:
        """How many times faster ours is: the median of the pairs."""
        return statistics.median(t / o for o, t in zip(self.ours, self.theirs, strict=True))


def in_turn(
    clock: Callable[[Run], float], ours: Run, theirs: Run, *, seconds: float, least: int = 3
) -> Times:
    """Time ours, theirs, ours, ... after a run of each for what is compiled and allocated once."""
    ours(), theirs()
    pairs: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while len(pairs) < least or (time.perf_counter() < end and len(pairs) < MOST):
        pairs.append((clock(ours), clock(theirs)))
    mine, other = zip(*pairs, strict=True)
    return Times(mine, other)


def median_of(
    clock: Callable[[Run], float], run: Run, *, seconds: float = 0.5, least: int = 3
) -> float:
    """The median of runs, the first of which does not count."""
    run()
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < least or (time.perf_counter() < end and len(found) < MOST):
        found.append(clock(run))
    return statistics.median(found)
