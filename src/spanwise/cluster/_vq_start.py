"""Codes to start from, by the very draws that SciPy makes of the same generator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dispatch
from ..errors import ArgumentError
from ..kernels.scatter import Scatter, merge_scatters, scatter
from ..kernels.survey import Survey, grid_about, shift_near
from ..kernels.transfer import to_host
from ._arguments import float_dtype
from ._lloyd import Frame
from ._rows import Rows
from ._vq_passes import draws_of, one_pass

Start = tuple[np.ndarray, Frame]
"""Codes, float64, and the frame that observations are compared in."""

_OPERATION = "vq.kmeans2"


def random_rows(
    n: int, k: int, runs: int, generator: np.random.Generator, *, name: str
) -> np.ndarray:
    """Numbers of the different rows that each run starts from; shape (runs, k)."""
    if n < k:
        raise ArgumentError(
            f"{name}={k}: there are only {n} rows to start from; ask for at most {n} codes"
        )
    return np.stack([generator.choice(n, size=k, replace=False) for _ in range(runs)])


def rows_wanted(minit: str, k: int, shape: tuple[int, int]) -> int:
    """How many rows the first read brings to the host."""
    n, d = shape
    return {"points": k, "++": 1, "random": n if d > n else 0}[minit]


def first_codes(rows: Any, sweep: Rows, minit: str, k: int, rng: Any, *, check: bool) -> Start:
    """The codes of SciPy's ``minit``, from the first reads of the rows."""
    generator = np.random.default_rng(rng)
    starts: dict[str, Callable[..., Start]] = {
        "random": _gaussian,
        "points": _points,
        "++": _plusplus,
    }
    return starts[minit](rows, sweep, k, generator, check)


def looked_at(sweep: Rows, take: np.ndarray, x: Any, *, check: bool) -> Start:
    """The rows of the given numbers, in their order, and the frame of all, from one read."""
    numbers, places = np.unique(take, return_inverse=True)
    seen = sweep.survey(numbers, size=len(numbers), threshold=0.0, seed=0, check=check)
    return seen.draws.rows[places].astype(np.float64), frame_of(seen, sweep, x)


def frame_of(seen: Survey | Scatter, sweep: Rows, x: Any) -> Frame:
    """The frame of rows whose mean and bounds are known."""
    shift = shift_near(seen.mean, seen.low, seen.high, float_dtype(x))
    return Frame(shift, grid_about(shift, seen.low, seen.high, sweep.shape[0], None))


def _points(rows: Any, sweep: Rows, k: int, generator: np.random.Generator, check: bool) -> Start:
    """Different rows at random."""
    (take,) = random_rows(sweep.shape[0], k, 1, generator, name="k")
    return looked_at(sweep, take, rows, check=check)


def _gaussian(rows: Any, sweep: Rows, k: int, generator: np.random.Generator, check: bool) -> Start:
    """Draws of a normal distribution with the mean and the covariance of the rows."""
    n, d = sweep.shape
    if n < 2:
        raise ArgumentError(
            f"data has {n} observation; minit='random' needs 2 or more for a covariance: "
            "choose minit='points'"
        )
    if d > n:
        return _of_few_rows(rows, sweep, k, generator, check)
    sweep.hold()
    moments = _scatter(sweep.x, check)
    normal = generator.standard_normal(size=(k, d))
    codes = normal @ _root(moments.covariance).T + moments.mean
    return codes, frame_of(moments, sweep, rows)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Lower triangle whose product with its transpose is the covariance."""
    if covariance.shape == (1, 1):
        return np.sqrt(covariance)
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise ArgumentError(
            "data has features of no variance, or that depend on each other, so that "
            "minit='random' has no distribution to draw from; choose minit='points' or '++'"
        ) from error


def _of_few_rows(
    rows: Any, sweep: Rows, k: int, generator: np.random.Generator, check: bool
) -> Start:
    """The covariance of fewer rows than features has no Cholesky factor: from its SVD.

    It is larger than the rows, so those of a chunked array are brought together, and all of them
    to the host: the codes depend on the signs of singular vectors, and those of cuSOLVER are
    others than LAPACK's.
    """
    n = sweep.shape[0]
    chunked = dispatch.kind_of(rows) == "chunked"
    take = np.arange(n) if chunked else np.arange(0)
    seen = sweep.survey(take, size=len(take), threshold=0.0, seed=0, check=check)
    frame = frame_of(seen, sweep, rows)
    dtype = np.float32 if float_dtype(rows) == np.float32 else np.float64
    values = (seen.draws.rows if chunked else to_host(rows)).astype(dtype)
    _, scales, directions = np.linalg.svd(values - seen.mean.astype(dtype), full_matrices=False)
    spread = (scales[:, None] * directions).astype(np.float64) / (n - 1) ** 0.5
    return generator.standard_normal(size=(k, n)) @ spread + seen.mean, frame


def _scatter(rows: Any, check: bool) -> Scatter:
    params = {"check": check, "name": "data"}
    if dispatch.kind_of(rows) == "concrete":
        return scatter(rows, None, 0, None, **params)
    n, d = rows.shape
    return one_pass(
        rows,
        functools.partial(scatter, **params),
        merge_scatters,
        out=8 * d * (d + 3),
        flops=2.0 * n * d * d,
        reason="one read: finite check, mean and covariance of the rows",
        operation=_OPERATION,
    )


def _plusplus(rows: Any, sweep: Rows, k: int, generator: np.random.Generator, check: bool) -> Start:
    """Each row in proportion to its squared distance from the nearest of those before it."""
    first = np.asarray([generator.integers(sweep.shape[0])])
    codes, frame = looked_at(sweep, first, rows, check=check)
    draws = draws_of(sweep.x, operation=_OPERATION)
    for _ in range(1, k):
        row = draws.next(codes, generator.uniform())
        codes = np.concatenate([codes, row[None, :]])
    return codes, frame
