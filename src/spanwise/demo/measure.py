"""Measured memory: the resident sets of this process and of its workers, sampled by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import psutil

_INTERVAL = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """What one step took."""

    name: str
    """What was done."""
    seconds: float
    """Wall-clock time."""
    nbytes: int
    """Bytes of the data that went through."""
    planned: int | None
    """Peak bytes that the plan states for one worker; None for steps without a plan."""
    peak: int
    """Most bytes that one worker held over its baseline."""

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.nbytes / max(self.seconds, 1e-9)


class Meter:
    """Peak resident memory over a baseline, of the process that holds the most.

    Parameters
    ----------
    pids : list of int
        Processes that run the tasks. Their resident memory now, the interpreter and the
        libraries, is the baseline.
    """

    def __init__(self, pids: list[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.baselines = [process.memory_info().rss for process in self._processes]
        self._step_peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-meter", daemon=True)
        self.measured: list[Measured] = []
        """One entry per step, in order."""

    @property
    def peak(self) -> int:
        """Most bytes over the baseline in any step that has a plan."""
        return max((step.peak for step in self.measured if step.planned), default=0)

    @property
    def baseline(self) -> int:
        """Bytes of the interpreter and the libraries, in the largest process."""
        return max(self.baselines)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    @contextmanager
    def step(self, name: str, nbytes: int, planned: int | None = None) -> Iterator[None]:
        """Time a step and note its peak."""
        self._step_peak = 0
        self._sample()
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self._sample()
        self.measured.append(Measured(name, seconds, nbytes, planned, self._step_peak))

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL):
            self._sample()

    def _sample(self) -> None:
        for process, baseline in zip(self._processes, self.baselines, strict=True):
            try:
                used = process.memory_info().rss - baseline
            except psutil.NoSuchProcess:
                continue
            self._step_peak = max(self._step_peak, used)
