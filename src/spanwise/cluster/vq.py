"""Vector quantization with SciPy's functions and meaning (``scipy.cluster.vq`` of SciPy 1.18).

Distances are taken relative to a point near the codes and sums are float64, so that single
precision survives data with a large offset, which SciPy's does not.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError, ArrayTypeError
from ..graph.cluster import REMEDIES, plan_moments
from ..kernels.blas import single_threaded
from ..kernels.library import like
from ..kernels.lloyd import Books
from ..kernels.survey import deviations, merge_surveys, survey
from ..kernels.survey import whiten as whiten_kernel
from ._arguments import accept_real, float_dtype, reference_of
from ._lloyd import relative_to
from ._rows import MemoryRows, map_rows
from ._vq_arguments import (
    as_double,
    as_matrix,
    check_choice,
    check_steps,
    codes_given,
    count_of,
    in_memory,
)
from ._vq_lloyd import best_run, book_of, labels_of, step_by_step, sweep_of
from ._vq_start import first_codes, looked_at, random_rows, rows_wanted

if TYPE_CHECKING:
    from ._vq_errors import ClusterError

__all__ = ["ClusterError", "kmeans", "kmeans2", "vq", "whiten"]


def __getattr__(name: str) -> Any:
    """`ClusterError`, which is SciPy's as well and so needs its module, where it is asked for."""
    if name != "ClusterError":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._vq_errors import ClusterError

    return ClusterError


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
    rows = as_matrix(obs, "obs")
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
    codes = codes_given(obs, code_book, "code_book", check_finite, of="obs")
    double = codes.dtype == np.float64 and float_dtype(obs) == np.float32
    rows = as_matrix(as_double(obs) if double else obs, "obs")
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
        Mean Euclidean distance, not squared, of the observations to the nearest of these codes.
        (SciPy up to 1.17 gives that to the codes before they moved for the last time.)

    Raises
    ------
    ArgumentError
        If ``iter`` or the number of codes is below 1, ``thresh`` is negative, there are fewer
        observations than codes, or the codes have other features than the observations.
    NonFiniteError
        For NaN or infinity, if checked.

    Notes
    -----
    All runs share every pass over the data: they start from the very observations that SciPy draws
    with the same ``rng``, and each runs to its own end. A Dask array is read once for the check and
    for the random observations of all runs, and then once per iteration of the longest run; SciPy
    reads it for each run anew. Once more it is read for the distortion where the last iteration
    still moved codes. A task holds one block of rows; beside it only sums of shape
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
    check_steps(iter)
    if not thresh >= 0:
        raise ArgumentError(
            f"thresh={thresh!r}: expected a number of at least 0, or a run would never end"
        )
    k_or_guess = in_memory(k_or_guess)
    rows = as_matrix(obs, "obs")
    k = count_of(k_or_guess, "k_or_guess")
    guess, take = None, np.empty((1, 0), np.int64)
    if k is None:
        guess = codes_given(obs, k_or_guess, "k_or_guess", check_finite, of="obs")
        k = len(guess)
    else:
        generator = np.random.default_rng(rng)
        take = random_rows(int(rows.shape[0]), k, int(iter), generator, name="k_or_guess")
    sweep = sweep_of(rows, k, operation="vq.kmeans", sampled=take.size, runs=len(take))
    drawn, frame = looked_at(sweep, take.reshape(-1), obs, check=check_finite)
    starts = drawn.reshape(*take.shape, -1) if guess is None else guess[None]
    with single_threaded():
        best = best_run(sweep, list(starts), frame, thresh)
    distortion = np.asarray(best.distortion, float_dtype(obs))
    return book_of(best.codes + frame.shift, obs), like(distortion, reference_of(obs))[()]


def kmeans2(
    data: Any,
    k: Any,
    iter: int = 10,
    thresh: float = 1e-5,
    minit: Literal["random", "points", "++", "matrix"] = "random",
    missing: Literal["warn", "raise"] = "warn",
    check_finite: bool = True,
    *,
    rng: Any = None,
) -> tuple[Any, Any]:
    """Move codes to the mean of the observations near them, a given number of times; computes.

    Parameters
    ----------
    data : array, shape (n, d) or (n,)
        Observations in rows. Integers count as float64 (SciPy refuses them).
    k : int or array
        Number of codes, or the codes to start from.
    iter : int, default: 10
        Number of steps; there is no test of convergence.
    thresh : float
        Of no effect, as in SciPy.
    minit : {"random", "points", "++", "matrix"}, default: "random"
        Where codes come from, if ``k`` is a number: a normal distribution with the mean and the
        covariance of the data, different observations at random, or k-means++ (each observation
        in proportion to its squared distance from the nearest of those chosen before).
        ``"matrix"`` says that ``k`` holds the codes; several numbers in ``k`` say so by themselves.
    missing : {"warn", "raise"}, default: "warn"
        What a code without observations does. With ``"warn"`` it stays where it is.
    check_finite : bool, default: True
        Whether NaN and infinity raise.
    rng : None, int or numpy.random.Generator
        Source of the draws.

    Returns
    -------
    centroid : array, shape (k, d) or (k,)
        Codes after the last step, in the library and the precision of the data.
    label : array, shape (n,)
        int32 number of the code that was nearest to each observation before the last step; lazy
        for a Dask array.

    Raises
    ------
    ClusterError
        For a code without observations if ``missing="raise"``; SciPy's ``ClusterError`` as well.
    ArgumentError
        If ``iter`` or the number of codes is below 1, an option is unknown, ``"points"`` wants
        more codes than there are observations, ``"random"`` finds a covariance that is singular,
        or the codes have other features than the data.
    NonFiniteError
        For NaN or infinity, if checked.

    Warns
    -----
    UserWarning
        In each step that finds a code without observations, unless that raises; and if ``k`` is
        not an integer.

    Notes
    -----
    The draws are those of SciPy with the same ``rng``, so that the result is SciPy's, whatever the
    chunks and the device are. (For ``"random"`` on fewer observations than features the signs of
    singular vectors count, which are LAPACK's: the observations are copied to the host.)

    A Dask array is read once to begin with, which checks it and brings the mean and what
    ``minit`` needs: the rows that ``"points"`` drew, or the covariance for ``"random"`` (all rows,
    if they are fewer than the features). ``"++"`` reads it once more for each code but the first,
    and then the one block of rows in which the next code was found. Each step is one read, until
    codes are at rest: the steps left would change nothing. So at most ``1 + iter`` reads, for
    ``"++"`` ``k + iter`` and ``k - 1`` blocks; computing the labels is one more. A task holds one
    block of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> x = np.array([[0.0], [0.2], [5.0], [5.2]])
    >>> centroid, label = sw.cluster.vq.kmeans2(x, 2, minit="++", rng=0)
    >>> centroid.ravel(), label
    (array([5.1, 0.1]), array([1, 1, 0, 0], dtype=int32))
    """
    data = accept_real(data, "vq.kmeans2", name="data")
    check_steps(iter)
    check_choice(missing, "missing", ("warn", "raise"))
    k = in_memory(k)
    rows = as_matrix(data, "data")
    count = None if minit == "matrix" else count_of(k, "k", whole=False)
    if count is None:
        codes = codes_given(data, k, "k", check_finite, of="data")
        sweep = sweep_of(rows, len(codes), operation="vq.kmeans2", sampled=0, steps=int(iter))
        _, frame = looked_at(sweep, np.empty(0, np.int64), data, check=check_finite)
    else:
        check_choice(minit, "minit", ("random", "points", "++", "matrix"))
        sampled = rows_wanted(minit, count, rows.shape)
        sweep = sweep_of(rows, count, operation="vq.kmeans2", sampled=sampled, steps=int(iter))
        codes, frame = first_codes(rows, sweep, minit, count, rng, check=check_finite)
    with single_threaded():
        codes = relative_to(frame.shift, codes)
        after, before = step_by_step(sweep, codes, frame, steps=int(iter), missing=missing)
    labels = labels_of(rows, Books(frame.shift, (before,)), check=check_finite)
    return book_of(after + frame.shift, data), labels
