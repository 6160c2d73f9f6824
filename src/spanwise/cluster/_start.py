"""Centres to start from: sought on a sample of the rows, with restarts, in memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels.blas import single_threaded
from ..kernels.library import library_of
from ..kernels.seeding import greedy_kmeans_plusplus, random_rows
from ..kernels.transfer import to_host
from ._lloyd import Lloyd, State, iterate, settle
from ._rows import MemoryRows, in_threads

_RESTARTS = 5


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


def restarts(n_init: Any, init: Any, *, n: int, sample: int) -> int:
    """Runs on the sample; what ``"auto"`` means depends on the numbers of rows only."""
    if not isinstance(init, str) and not callable(init):
        return 1
    if n_init != "auto":
        return int(n_init)
    return max(1, min(_RESTARTS, n // (2 * sample))) if init == "k-means++" else 10


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


def best_start(
    rows: np.ndarray,
    weights: np.ndarray,
    shift: np.ndarray,
    *,
    init: str | Callable[..., Any],
    k: int,
    runs: int,
    solver: Lloyd,
    seed: int,
) -> np.ndarray:
    """Centres relative to ``shift`` with the least inertia on the sample, of several runs."""
    sample = MemoryRows(rows, weights)
    relative = rows - shift

    def run(number: int) -> State:
        rng = np.random.default_rng([seed, number])
        first = _first(init, rows, relative, weights, shift, k, rng)
        state = iterate(sample, solver, first, shift, skipna=False)
        if runs == 1:
            return state
        return settle(sample, state, state.centers + shift, shift, skipna=False)

    with single_threaded():
        states = [run(i) for i in range(runs)] if callable(init) else in_threads(run, range(runs))
    return min(states, key=lambda state: state.inertia).centers


def _first(
    init: str | Callable[..., Any],
    rows: np.ndarray,
    relative: np.ndarray,
    weights: np.ndarray,
    shift: np.ndarray,
    k: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The centres of one run, before any step, relative to the shift."""
    if callable(init):
        random_state = np.random.RandomState(int(rng.integers(2**32)))
        named = "random_state" in inspect.signature(init).parameters
        chosen = init(rows, k, random_state=random_state) if named else init(rows, k)
        return _checked(chosen, k, rows.shape[1]) - shift
    if init == "k-means++":
        chosen = greedy_kmeans_plusplus(relative, weights, k, rng)
    else:
        chosen = random_rows(weights, k, rng)
    return relative[chosen].astype(np.float64)


def _checked(centers: Any, k: int, d: int) -> np.ndarray:
    out = given_centers(np.asarray(centers), k, d)
    assert out is not None
    return out
