"""Centres to start from: sought on a sample of the rows, with restarts, in memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels.blas import single_threaded
from ..kernels.library import library_of
from ..kernels.seeding import greedy_kmeans_plusplus, random_rows, swapped
from ..kernels.transfer import to_host
from ._lloyd import Frame, Lloyd, State, iterate, settle
from ._rows import MemoryRows, in_threads

_RESTARTS = 8
_CENTERS_OF_ALL_RUNS = 1024
_CENTERS_PER_SWAP = 8
_SCORES_OF_ALL_ROUNDS = 300_000_000
"""Swaps are tried until none helps, but not for longer than the iteration takes a few times."""
_SEED_ROWS_PER_CENTER = 40
_LEAST_SEED_ROWS = 10_000
_ROUGH_GAIN, _FINE_GAIN = 3e-3, 1e-4
"""Iterations over a sample end when a step lowers the inertia by no more than this share of it."""


def seed_of(random_state: Any) -> int:
    """A 32-bit seed from whatever NumPy and scikit-learn take as one."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    if isinstance(random_state, int | np.integer) and 0 <= random_state < 2**32:
        return int(random_state)
    raise ArgumentError(
        f"random_state={random_state!r}: expected None, an integer from 0 to 2**32 - 1, "
        "or a NumPy random generator"
    )


def restarts(n_init: Any, init: Any, k: int, *, sampled: bool = True) -> int:
    """Runs from different starts; ``"auto"`` depends on the numbers of rows and clusters only.

    On all rows it is what it is in scikit-learn. On a sample the start counts for more, since few
    steps follow; the more clusters, the less the inertia differs from run to run.

    >>> [restarts("auto", "k-means++", k) for k in (8, 256, 2000)]
    [8, 4, 1]
    >>> restarts("auto", "k-means++", 8, sampled=False)
    1
    """
    if not isinstance(init, str) and not callable(init):
        return 1
    if n_init != "auto":
        return int(n_init)
    if init != "k-means++":
        return 10
    return max(1, min(_RESTARTS, _CENTERS_OF_ALL_RUNS // k)) if sampled else 1


def given_centers(init: Any, k: int, d: int) -> np.ndarray | None:
    """The array of centres that ``init`` is, as float64 on the host, or None."""
    if isinstance(init, str) or callable(init):
        return None
    centers = np.asarray(
        to_host(init) if hasattr(init, "dtype") and library_of(init) != "dask" else init, np.float64
    )
    if centers.shape != (k, d):
        raise ArgumentError(
            f"init has shape {centers.shape}; expected ({k}, {d}): n_clusters={k} rows "
            f"with the {d} features of x"
        )
    if not np.isfinite(centers).all():
        raise ArgumentError("init holds NaN or infinity; every centre must be finite")
    return centers


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that stand for all rows."""

    rows: np.ndarray
    """In the precision of the data; shape (m, d)."""
    weights: np.ndarray | None
    """Weight that each stands for; None where all stand for the same."""
    each: float = 1.0
    """That same weight; 1 where there are several."""

    @classmethod
    def of(cls, rows: np.ndarray, weights: np.ndarray) -> Sample:
        """A sample whose weights may turn out to be all the same."""
        if len(weights) and bool((weights == weights[0]).all()):
            return cls(rows, None, float(weights[0]))
        return cls(rows, weights)

    @property
    def total(self) -> np.ndarray:
        """Weight that each row stands for, as an array."""
        return np.full(len(self.rows), self.each) if self.weights is None else self.weights

    def frame(self, frame: Frame) -> Frame:
        """The frame of all rows, with room for the weights of the sample."""
        weight = None if self.weights is None else float(self.weights.max())
        return Frame(frame.shift, frame.grid.weighing(weight))

    def every(self, step: int) -> Sample:
        """Each so many-th row."""
        weights = None if self.weights is None else self.weights[::step]
        return Sample(self.rows[::step], weights, self.each)

    def joined(self, other: Sample) -> Sample:
        """Both samples, each of which stands for half of all rows."""
        rows = np.concatenate([self.rows, other.rows])
        return Sample.of(rows, 0.5 * np.concatenate([self.total, other.total]))


@dataclass(frozen=True, slots=True)
class Start:
    """How centres to start from are sought."""

    init: str | Callable[..., Any]
    """As of `spanwise.cluster.KMeans`."""
    k: int
    """Number of centres."""
    runs: int
    """Runs, of which the best counts."""
    seed: int
    """Seed of all runs."""
    max_iter: int
    """Steps of each run, at most."""


def best_start(sample: Sample, frame: Frame, how: Start) -> np.ndarray:
    """Centres relative to the shift with the least inertia on a sample, of several runs.

    Runs that choose rows by k-means++ do so among some rows per centre, and iterate there until
    little is gained, then for a few steps on the whole sample; the best one goes on from there.
    """
    step = 1
    if how.init == "k-means++":
        few = max(_SEED_ROWS_PER_CENTER * how.k, _LEAST_SEED_ROWS)
        step = max(1, len(sample.rows) // few)
    frame = sample.frame(frame)
    whole = MemoryRows(sample.rows, sample.weights)
    part = sample.every(step)
    rows = MemoryRows(part.rows, part.weights) if step > 1 else whole
    relative = part.rows - frame.shift

    def run(number: int) -> State:
        rng = np.random.default_rng([how.seed, number])
        centers = _first(part, relative, frame, how, rng)
        return iterate(rows, Lloyd(0.0, how.max_iter, _FINE_GAIN), centers, frame)

    def judged(state: State) -> State:
        if step > 1:
            state = iterate(whole, Lloyd(0.0, how.max_iter, _ROUGH_GAIN), state.centers, frame)
        return settle(whole, state, frame)

    with single_threaded():
        numbers = range(how.runs)
        states = [run(i) for i in numbers] if callable(how.init) else in_threads(run, numbers)
        if how.runs > 1:
            states = [judged(state) for state in states]
        best = min(states, key=lambda state: state.inertia).centers
        if how.init != "k-means++":
            return best
        if step > 1:
            best = improved(part, best, frame, seed=how.seed, max_iter=how.max_iter)
        return improved(sample, best, frame, seed=how.seed, max_iter=how.max_iter)


def improved(
    sample: Sample, centers: np.ndarray, frame: Frame, *, seed: int, max_iter: int
) -> np.ndarray:
    """Centres after Lloyd's iteration over a sample until little is gained, and after swaps."""
    rows = MemoryRows(sample.rows, sample.weights)
    frame = sample.frame(frame)
    solver = Lloyd(0.0, max_iter, _FINE_GAIN)
    relative = sample.rows - frame.shift
    weights = np.ones(len(relative)) if sample.weights is None else sample.weights
    rng = np.random.default_rng([seed, len(relative)])
    best = settle(rows, iterate(rows, solver, centers, frame), frame)
    swaps = max(1, len(centers) // _CENTERS_PER_SWAP) if len(centers) > 1 else 0
    rounds = max(1, _SCORES_OF_ALL_ROUNDS // (len(relative) * len(centers)))
    while swaps and rounds:
        rounds -= 1
        other = swapped(relative, weights, best.centers, swaps, rng)
        if other is None:
            break
        state = settle(rows, iterate(rows, solver, other, frame), frame)
        if state.inertia < best.inertia * (1 - _FINE_GAIN):
            best = state
        else:
            swaps //= 2
    return best.centers


def _first(
    part: Sample, relative: np.ndarray, frame: Frame, how: Start, rng: np.random.Generator
) -> np.ndarray:
    """The centres of one run, before any step, relative to the shift."""
    init, k = how.init, how.k
    if callable(init):
        random_state = np.random.RandomState(int(rng.integers(2**32)))
        named = "random_state" in inspect.signature(init).parameters
        chosen = init(part.rows, k, random_state=random_state) if named else init(part.rows, k)
        return _checked(chosen, k, part.rows.shape[1]) - frame.shift
    weights = np.ones(len(relative)) if part.weights is None else part.weights
    if init == "k-means++":
        chosen = greedy_kmeans_plusplus(relative, weights, k, rng)
    else:
        chosen = random_rows(weights, k, rng)
    return relative[chosen].astype(np.float64)


def _checked(centers: Any, k: int, d: int) -> np.ndarray:
    out = given_centers(np.asarray(centers), k, d)
    assert out is not None
    return out
