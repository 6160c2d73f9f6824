"""Timing of two sides in turn, and the memory of each in a process of its own."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from .workload import THREADS, Agreement, Limit, Measured, Peer, Workload

PAIRS = ((60.0, 7), (600.0, 3), (float("inf"), 1))
"""Pairs to time for a pair that takes up to so many seconds."""
INTERVAL = 0.002
"""Seconds between two samples of the resident memory."""


@dataclass(frozen=True)
class Row:
    """One workload against one peer."""

    name: str
    """The workload."""
    peer: str
    """The peer."""
    agreement: Agreement
    """Whether both found the same answer; if not, nothing was timed."""
    ours_s: tuple[float, ...] = ()
    """Seconds of each of our runs, in order."""
    theirs_s: tuple[float, ...] = ()
    """Seconds of the peer's run after each of ours."""
    floor: float | None = None
    """Least ratio promised at the size that was run."""
    ours_peak: int | None = None
    """Most bytes that our side added to its process, the data aside."""
    theirs_peak: int | None = None
    """The same of the peer."""
    limits: tuple[Limit, ...] = ()
    """What else was promised at the size that was run, with what was measured."""
    memory: float | None = None
    """Largest share of the peer's peak promised at the size that was run."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times faster we are, pair by pair."""
        return tuple(t / o for o, t in zip(self.ours_s, self.theirs_s, strict=True))

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Quartiles of the ratios; the second is the result."""
        if len(self.ratios) == 1:
            return self.ratios[0], self.ratios[0], self.ratios[0]
        low, middle, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, middle, high

    @property
    def share(self) -> float | None:
        """Our peak over the peer's; None where peaks were not measured."""
        if self.ours_peak is None or not self.theirs_peak:
            return None
        return self.ours_peak / self.theirs_peak

    @property
    def holds(self) -> bool | None:
        """Whether the answers agree and promises are kept; None if they agree and none is made."""
        if not self.agreement.holds:
            return False
        kept = [limit.holds for limit in self.limits]
        if self.floor is not None:
            kept.append(self.quartiles[1] >= self.floor)
        if self.memory is not None and self.share is not None:
            kept.append(self.share <= self.memory)
        return all(kept) if kept else None


@contextmanager
def threads() -> Iterator[list[dict[str, Any]]]:
    """Give every side the same threads; yields the pools of BLAS and OpenMP.

    Only the pools that are loaded when the block is entered are seen and limited.
    """
    import dask

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(scheduler="threads", num_workers=THREADS))
        pools: list[dict[str, Any]] = []
        try:
            import threadpoolctl
        except ImportError:
            pass
        else:
            stack.enter_context(threadpoolctl.threadpool_limits(THREADS))
            pools = [
                {"library": pool["internal_api"], "threads": pool["num_threads"]}
                for pool in threadpoolctl.threadpool_info()
            ]
        yield pools


def timed(run: Callable[[Any], Any], data: Any) -> Measured:
    """One run from a state without garbage: its answer and its wall time."""
    gc.collect()
    start = time.perf_counter()
    answer = run(data)
    stop = time.perf_counter()
    return answer if isinstance(answer, Measured) else Measured(answer, stop - start)


def pair(workload: Workload, peer: Peer, data: Any) -> tuple[Measured, Measured]:
    """Ours, then theirs."""
    return timed(workload.answer, data), timed(peer.run, data)


def without_answers(one: tuple[Measured, Measured]) -> tuple[Measured, Measured]:
    """What is kept of a pair: its times and values."""
    ours, theirs = one
    return replace(ours, answer=None), replace(theirs, answer=None)


def pairs_for(taken: float) -> int:
    """How many pairs to time where one takes so many seconds."""
    return next(n for limit, n in PAIRS if taken <= limit)


def compare(
    workload: Workload, peer: Peer, *, size: str, seed: int = 0, pairs: int | None = None
) -> Row:
    """Check both answers once, then time ours, theirs, ours, theirs, …

    Parameters
    ----------
    workload, peer : Workload, Peer
        The two sides.
    size : {"full", "toy"}
        Which data; the floor is promised for the full ones.
    seed : int
        Of the data.
    pairs : int, optional
        Pairs to time. The default follows from how long the check took: 7, or 3 where a pair takes
        over a minute, or 1 where it takes over ten. Where the sides are given several variants of
        the data, each is checked and timed at least once. Of costly workloads the check is the
        first round of them.
    """
    with threads():
        data = workload.data(size, seed)
        variants = workload.variants(data)
        start = time.perf_counter()
        first = [pair(workload, peer, variant) for variant in variants]
        taken = (time.perf_counter() - start) / len(first)  # whatever the sides say of themselves
        agreement = workload.agreement(data, [(our.answer, their.answer) for our, their in first])
        first = [without_answers(one) for one in first]
    if not agreement.holds:
        return Row(workload.name, peer.name, agreement)
    pairs = max(pairs or pairs_for(taken), len(variants))
    with threads():  # once more: the check has loaded the native pools of the peer
        runs = first if workload.costly else []
        rest = islice(cycle(variants), len(runs), pairs)
        runs += [without_answers(pair(workload, peer, variant)) for variant in rest]
    ours, theirs = zip(*runs, strict=True)
    counts = {**agreement.counts, **largest(ours, theirs)}
    is_promised = size == "full"
    return Row(
        workload.name,
        peer.name,
        replace(agreement, counts=counts),
        tuple(run.seconds for run in ours),
        tuple(run.seconds for run in theirs),
        peer.floor if is_promised else None,
        limits=kept(workload.limits, counts) if is_promised else (),
        memory=peer.memory if is_promised else None,
    )


def largest(ours: Sequence[Measured], theirs: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """The largest of each value that sides measured of themselves."""
    return {
        name: (worst(name, ours), worst(name, theirs))
        for name in sorted({name for run in (*ours, *theirs) for name in run.values})
    }


def worst(name: str, runs: Sequence[Measured]) -> float:
    """The largest value of that name, NaN where a run has none."""
    return max((run.values.get(name, float("nan")) for run in runs), key=lambda v: (v != v, v))


def kept(limits: Sequence[Limit], counts: Mapping[str, tuple[float, float]]) -> tuple[Limit, ...]:
    """The limits with what was counted or measured of our side."""
    return tuple(replace(one, value=counts.get(one.name, (float("nan"),))[0]) for one in limits)


class PeakMemory:
    """Most resident bytes of this process inside a ``with`` block, sampled by a thread."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.before = 0
        self.peak = 0

    def _sample(self) -> None:
        while not self._done.wait(INTERVAL):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> PeakMemory:
        gc.collect()
        self.before = self.peak = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        self.peak = max(self.peak, self._process.memory_info().rss)


def peak_bytes(workload: Workload, side: str, *, size: str, seed: int = 0) -> int:
    """Peak of one run over what the process held with the data, in a fresh process."""
    command = [sys.executable, "-m", __name__, workload.name, side, size, str(seed)]
    root = Path(__file__).parents[1]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
    return int(json.loads(result.stdout)["peak"])


def main(argv: list[str] | None = None) -> None:
    """Entry of the fresh process: print the peak of one side as JSON."""
    from .registry import WORKLOADS

    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("side", help='"ours" or the name of a peer')
    parser.add_argument("size")
    parser.add_argument("seed", type=int)
    options = parser.parse_args(argv)
    workload = WORKLOADS[options.workload]
    sides = {"ours": workload.answer, **{peer.name: peer.run for peer in workload.peers}}
    run = sides[options.side]
    with threads():
        run(workload.data("toy", options.seed))  # what is imported and compiled is no result
    with threads():
        data = workload.data(options.size, options.seed)
        with PeakMemory() as memory:
            run(data)
    print(json.dumps({"peak": memory.peak - memory.before}))


if __name__ == "__main__":
    main()
