"""Vector quantization with SciPy's functions and meaning (``scipy.cluster.vq`` of SciPy 1.17).

Distances are taken relative to a point near the codes and sums are float64, so that single
precision survives data with a large offset, which SciPy's does not.
"""

from __future__ import annotations

import functools
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArrayTypeError, NonFiniteError, SpanwiseError
from ..graph.cluster import REMEDIES, plan_fit, plan_moments
from ..kernels.blas import single_threaded
from ..kernels.library import like, namespace
from ..kernels.lloyd import Books, Sums
from ..kernels.survey import deviations, merge_surveys, survey
from ..kernels.survey import whiten as whiten_kernel
from ..kernels.transfer import to_host
from ._arguments import accept_real, float_dtype, reference_of
from ._lloyd import Frame
from ._rows import ChunkedRows, MemoryRows, map_rows

__all__ = ["ClusterError", "kmeans", "vq", "whiten"]


class ClusterError(SpanwiseError):
    """A clustering that cannot go on, as SciPy's exception of the same name."""


def whiten(obs: Any, check_finite: bool | None = None) -> Any:
    """Divide each feature by its population standard deviation; lazy on a Dask array.

    Parameters
    ----------
    obs : array, shape (n, d) or (n,)
        Observations in rows.
    check_finite : bool, optional
        Whether NaN and infinity raise, and a feature without variance warns. By default True for
        arrays in memory and False for Dask arrays, as in SciPy; on a Dask array the check is part
        of the first read, so that it raises or warns when the result is computed.

    Returns
    -------
    array
        In the container, the chunks and the precision of ``obs`` (integers become float64).
        A feature without variance stays as it is.

    Raises
    ------
    NonFiniteError
        For NaN or infinity, if checked.

    Warns
    -----
    RuntimeWarning
        For features without variance, if checked.

    Notes
    -----
    A Dask array is read twice, for the deviations and for the quotients, so that no chunk waits in
    memory in between; one chunk per thread is held. The deviations are accumulated in float64.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> sw.cluster.vq.whiten(np.array([[1.9, 2.3], [1.5, 2.5], [0.8, 0.6]]))
    array([[4.17944278, 2.69811351],
           [3.29956009, 2.93273208],
           [1.75976538, 0.7038557 ]])
    """
    obs = accept_real(obs, "vq.whiten", name="obs")
    rows = _as_matrix(obs, "obs")
    chunked = dispatch.kind_of(obs) == "chunked"
    check = not chunked if check_finite is None else bool(check_finite)
    params = {"size": 0, "threshold": 0.0, "seed": 0, "check": check, "spread": True}
    if not chunked:
        scales = deviations(MemoryRows(rows).survey(**params), warn=check)
        out = whiten_kernel(rows, 0, scales)
        return out[:, 0] if obs.ndim == 1 else out
    from ..graph.dask import divide_rows, reduce_rows, spec_of

    machine = options.machine()
    options.make_placement_effective()
    first, step = plan_moments(spec_of(rows), machine=machine, operation="whiten")
    if machine.explicit:
        first.plan.check(remedies=REMEDIES)
    merge = functools.partial(merge_surveys, size=0)
    moments = reduce_rows(rows, functools.partial(survey, **params), merge, how=first)
    finish = functools.partial(deviations, warn=check)
    out = divide_rows(rows, moments, finish, whiten_kernel, step=step, plan=first.plan)
    return out[:, 0] if obs.ndim == 1 else out


def vq(obs: Any, code_book: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """Assign to each observation the nearest code; lazy on a Dask array.

    Parameters
    ----------
    obs : array, shape (n, d) or (n,)
        Observations in rows.
    code_book : array, shape (k, d) or (k,)
        Codes in rows. A NumPy array will do whatever ``obs`` is.
    check_finite : bool, default: True
        Whether NaN and infinity raise; in ``obs`` chunked by Dask, when the result is computed.

    Returns
    -------
    code : array, shape (n,)
        int32 number of the nearest code; the first of equally near ones.
    dist : array, shape (n,)
        Euclidean distance to it, not squared, in the common precision of both arguments.

    Raises
    ------
    ArgumentError
        If the ranks or the numbers of features differ.
    NonFiniteError
        For NaN or infinity, if checked.

    Notes
    -----
    On a Dask array both results come from one read; a task holds one block of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> code_book = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    >>> obs = np.array([[1.9, 2.3, 1.7], [1.5, 2.5, 2.2], [0.8, 0.6, 1.7]])
    >>> sw.cluster.vq.vq(obs, code_book)
    (array([1, 1, 0], dtype=int32), array([0.43588989, 0.73484692, 0.83066239]))
    """
    obs = accept_real(obs, "vq.vq", name="obs")
    if dispatch.kind_of(code_book) == "chunked":
        raise ArrayTypeError("code_book is a Dask array; pass code_book.compute(), it is small")
    codes = _codes(obs, code_book, "code_book", check_finite)
    double = codes.dtype == np.float64 and float_dtype(obs) == np.float32
    rows = _as_matrix(_double(obs) if double else obs, "obs")
    shift = codes.mean(axis=0, dtype=np.float64).astype(float_dtype(rows))
    books = Books(shift, (codes.astype(np.float64) - shift,))
    missing = "raise" if check_finite else "ignore"
    return map_rows(rows, "vq", books, operation="vq", missing=missing)


def kmeans(
    obs: Any,
    k_or_guess: Any,
    iter: int = 20,
    thresh: float = 1e-5,
    check_finite: bool = True,
    *,
    rng: Any = None,
) -> tuple[Any, Any]:
    """Find codes such that observations lie near them; computes.

    Parameters
    ----------
    obs : array, shape (n, d) or (n,)
        Observations in rows, whitened if features differ in scale.
    k_or_guess : int or array
        Number of codes, or the codes to start from.
    iter : int, default: 20
        Number of runs from different random observations, of which the best counts. Of no effect
        if codes are given.
    thresh : float, default: 1e-5
        A run ends when the mean distance changes by no more than this.
    check_finite : bool, default: True
        Whether NaN and infinity raise.
    rng : None, int or numpy.random.Generator
        Source of the random observations.

    Returns
    -------
    codebook : array, shape (k or fewer, d) or (k or fewer,)
        Codes, in the library and the precision of the observations. Codes that lose all
        observations are dropped.
    distortion : scalar
        Mean Euclidean distance, not squared, of the observations to the codes of the last
        assignment (after which the codes are moved once more, as SciPy 1.17 does).

    Raises
    ------
    ArgumentError
        If ``iter`` or the number of codes is below 1, there are fewer observations than codes, or
        the codes have other features than the observations.
    NonFiniteError
        For NaN or infinity, if checked.

    Notes
    -----
    All runs share every pass over the data: they start from the very observations that SciPy draws
    with the same ``rng``, and each runs to its own end. A Dask array is read once for the check and
    for the random observations of all runs, and then once per iteration of the longest run; SciPy
    reads it for each run anew. A task holds one block of rows; beside it only sums of shape
    (iter, k, d + 1) stay.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> x = np.array([[0.0], [0.2], [5.0], [5.2]])
    >>> book, distortion = sw.cluster.vq.kmeans(x, 2, rng=0)
    >>> np.sort(book, axis=0).ravel(), round(float(distortion), 6)
    (array([0.1, 5.1]), 0.1)
    """
    obs = accept_real(obs, "vq.kmeans", name="obs")
    if not isinstance(iter, numbers.Integral) or iter < 1:
        raise ArgumentError(f"iter={iter!r}: expected an integer of at least 1")
    if dispatch.kind_of(k_or_guess) == "chunked":
        k_or_guess = k_or_guess.compute()
    rows = _as_matrix(obs, "obs")
    k = _count(k_or_guess)
    dtype = float_dtype(obs)
    if k is None:
        codes = _codes(obs, k_or_guess, "k_or_guess", check_finite)
        take, starts = np.empty(0, np.int64), [codes]
    else:
        take, starts = _random_rows(int(rows.shape[0]), k, int(iter), rng)
    sweep = _rows(rows, len(starts), len(starts[0]))
    first = sweep.survey(take, size=len(take), threshold=0.0, seed=0, check=check_finite)
    shift = first.shift(dtype)
    frame = Frame(shift, first.grid(shift, int(rows.shape[0])))
    if k is not None:
        starts = [first.draws.rows[np.searchsorted(take, s)] for s in starts]
    runs = [_Run(s.astype(np.float64) - shift) for s in starts]
    with single_threaded():
        _run_to_rest(runs, sweep, frame, thresh)
    best = min(runs, key=lambda run: run.distortion)
    codes = (best.codes + shift).astype(dtype)
    reference = reference_of(obs)
    book = like(codes[:, 0] if obs.ndim == 1 else codes, reference)
    return book, like(np.asarray(best.distortion, dtype), reference)[()]


def _run_to_rest(runs: list[_Run], sweep: Any, frame: Frame, thresh: float) -> None:
    while active := [run for run in runs if run.change > thresh]:
        books = frame.books(*(run.codes for run in active))
        swept = sweep.sums(books, measure="distance").runs
        for run, sums in zip(active, swept, strict=True):
            run.step(sums, sweep.shape[0])


@dataclass(slots=True)
class _Run:
    """One run of Lloyd's iteration that drops codes without observations."""

    codes: np.ndarray
    """Codes relative to the shift."""
    distortion: float = np.inf
    """Mean distance to the codes before the last step."""
    change: float = np.inf
    """How much the last step changed the mean distance."""

    def step(self, sums: Sums, n: int) -> None:
        """Move each code to the mean of its observations."""
        kept = sums.weights > 0
        self.codes = sums.sums[kept] / sums.weights[kept, None]
        distortion = sums.measure / n
        self.change = abs(self.distortion - distortion)
        self.distortion = distortion


def _as_matrix(x: Any, name: str) -> Any:
    if x.ndim not in (1, 2) or 0 in x.shape:
        raise ArgumentError(
            f"{name} has shape {tuple(x.shape)}; expected observations in rows, (n, d) or (n,)"
        )
    return x[:, None] if x.ndim == 1 else x


def _double(x: Any) -> Any:
    if dispatch.kind_of(x) == "chunked":
        return x.astype(np.float64)
    xp = namespace(x)
    return xp.astype(x, xp.float64)


def _codes(obs: Any, codes: Any, name: str, check_finite: bool) -> np.ndarray:
    """Codes on the host, as rows."""
    codes = accept_real(codes, "vq.vq", name=name)
    codes = np.asarray(to_host(codes), float_dtype(codes))
    if codes.ndim != obs.ndim:
        raise ArgumentError(
            f"obs has {obs.ndim} dimensions and {name} has {codes.ndim}; expected as many"
        )
    if codes.shape[1:] != tuple(obs.shape[1:]) or codes.size == 0:
        raise ArgumentError(
            f"{name} has shape {codes.shape}; expected a row for each code with the features of "
            f"obs, which has shape {tuple(obs.shape)}"
        )
    if check_finite and not np.isfinite(codes).all():
        raise NonFiniteError(f"{name} holds NaN or infinity; every code must be finite")
    return codes.reshape(len(codes), -1)


def _count(k_or_guess: Any) -> int | None:
    """The number of codes asked for, or None if codes are given."""
    values = np.asarray(to_host(k_or_guess) if hasattr(k_or_guess, "dtype") else k_or_guess)
    if values.size != 1:
        if values.size == 0:
            raise ArgumentError(f"k_or_guess={k_or_guess!r}: expected at least 1 code")
        return None
    value = values.item()
    if value != int(value) or value < 1:
        raise ArgumentError(
            f"k_or_guess={value!r}: a scalar is an integer number of at least 1 code"
        )
    return int(value)


def _random_rows(n: int, k: int, runs: int, rng: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers of all rows to fetch, sorted, and those that each run starts from."""
    if n < k:
        raise ArgumentError(f"k_or_guess={k}: obs has only {n} rows to start from")
    generator = np.random.default_rng(rng)
    starts = [generator.choice(n, size=k, replace=False) for _ in range(runs)]
    return np.unique(np.concatenate(starts)), starts


def _rows(rows: Any, runs: int, k: int) -> MemoryRows | ChunkedRows:
    if dispatch.kind_of(rows) == "concrete":
        return MemoryRows(rows)
    from ..graph.dask import spec_of

    options.make_placement_effective()
    how = plan_fit(
        spec_of(rows),
        n_clusters=k,
        sweeps=300,
        sampled=runs * k,
        weighted=False,
        machine=options.machine(),
        operation="vq.kmeans",
        runs=runs,
    )
    how.plan.check(remedies=REMEDIES)
    return ChunkedRows(rows, None, how)
