"""k-means of rows in memory or chunked, with scikit-learn's interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..graph.plan import Plan
from ..kernels.blas import single_threaded
from ..kernels.library import like
from ..kernels.lloyd import Books
from ..kernels.transfer import to_host
from ._arguments import accept_matrix, check_count, check_parameters, logged, reference_of
from ._drive import fit_rows, plan_of, rows_of
from ._estimator import Estimator, as_array, warn_of_convergence
from ._lloyd import relative_to
from ._request import Request
from ._rows import map_rows, rows_like


@dataclass(frozen=True, slots=True)
class Origin:
    """What rows and centres are compared relative to; on the host, wherever the rows are."""

    shift: np.ndarray
    """Point near the mean of the rows that were fitted, in their precision."""


class KMeans(Estimator):
    """Cluster rows around ``n_clusters`` means.

    The interface is scikit-learn's. Rows may be in memory (NumPy, PyTorch, CuPy, any library of the
    array API) or a Dask array of NumPy or CuPy chunks, cut along samples, along features or both.

    Parameters
    ----------
    n_clusters : int, default: 8
        Number of clusters and of centres.
    init : {"k-means++", "random"}, callable or array of shape (n_clusters, n_features)
        How to start. The first two and a callable ``init(X, n_clusters, random_state)`` choose
        among a sample of the rows; an array is where the iteration over all rows begins.
    n_init : "auto" or int, default: "auto"
        Runs from different starts on the sample, of which the best is continued on all rows.
        ``"auto"`` is 1 for an array and 10 for ``"random"`` or a callable; for ``"k-means++"`` it
        is 1 where the sample is all rows, else 8, or fewer for more than 128 clusters.
    max_iter : int, default: 300
        Iterations over all rows, at most; also those of each run on the sample.
    tol : float, default: 1e-4
        The iteration ends when the squared shifts of the centres add up to no more than ``tol``
        times the mean variance of the features, or when no row changes its cluster.
    verbose : int, default: 0
        Above 0, each iteration is logged to the logger ``spanwise.cluster``, and shown if nobody
        keeps a log. (``dask.diagnostics.ProgressBar`` shows the progress inside each pass.)
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed. An integer makes the fit reproducible, for every chunking.
    copy_x : bool, default: True
        Accepted for scikit-learn's sake; the data are never changed.
    algorithm : {"lloyd", "elkan"}, default: "lloyd"
        Both give the same clusters; Lloyd's iteration is what runs.
    method : {"auto", "lloyd", "coreset", "gram"}, default: "auto"
        ``"lloyd"`` iterates over all rows until they rest, one pass for each step, as scikit-learn
        does. ``"coreset"`` takes a few passes (see Notes). ``"gram"``, for few rows of many
        features, makes all inner products of rows in one pass and iterates on these. ``"auto"``
        depends on the numbers of rows, features and clusters only: lloyd where all rows are in the
        sample, gram where `spanwise.graph.gram.gram_pays`, else coreset.
    skipna : bool, default: False
        Leave rows that hold NaN out: they get the label -1. Otherwise NaN raises.
    max_passes : int, optional
        Passes over the rows, at most, with that of the sample and that of the inertia. By default 4
        for coreset, and as many as ``max_iter`` takes for lloyd.
    memory : int or str, optional
        Memory budget of a worker, in bytes or as ``"512MiB"``; by default the option's.
        It decides whether rows stay in memory after the first pass, never what comes out.
    callback : callable, optional
        ``callback(iteration, inertia, shift)`` after each pass behind the first: the steps so far,
        the inertia about the centres before the last one, and how far that moved them. What it
        raises ends the fit.
    checkpoint : path, optional
        File that keeps what is known after each pass, replaced in one step. A fit of the same
        parameters goes on from it, and ends with the very centres of one that was not interrupted.

    Attributes
    ----------
    cluster_centers_ : array, shape (n_clusters, n_features)
        In the library of the data (of the chunks, for a Dask array); float32 for float32 data,
        otherwise float64.
    labels_ : array, shape (n_samples,)
        int32; a lazy Dask array if the data are one.
    inertia_ : float
        Weighted sum of squared distances to the nearest centre, summed exactly.
    n_iter_ : int
        Iterations over all rows. Those on the sample are not counted.
    n_features_in_, feature_names_in_ : int, array
        Features seen in `fit`; their names, if the rows were a data frame.
    plan_ : Plan or None
        What the fit of a Dask array was to cost (see `fit_plan`).

    Raises
    ------
    ArgumentError
        For parameters out of range, fewer rows than clusters, weights that do not fit, or a
        checkpoint of another fit.
    NonFiniteError
        For NaN (unless ``skipna``) or infinity, from the read that would fit it.
    UnknownChunksError
        For a Dask array of unknown chunk sizes.
    MemoryBudgetError
        If a step exceeds the memory budget of a worker.

    Warns
    -----
    UserWarning
        If fewer clusters than ``n_clusters`` have rows; scikit-learn's ConvergenceWarning, where
        that is in use.

    Notes
    -----
    `fit` and `score` compute; `predict`, `transform` and ``labels_`` are lazy on a Dask array and
    read it once when computed.

    The first pass checks the rows and brings their mean, their bounds and a random sample: 500 rows
    per cluster, 10 000 at least, below 128 MiB (`spanwise.graph.cluster.sample_size`). On it
    centres are sought by greedy k-means++ with restarts, Lloyd's iteration, and swaps of centres.

    *coreset*: the second pass makes a step over all rows and draws as large a sample of those that
    matter most to the cost. Centres improved on both samples and those of the plain step are both
    compared on all rows in the third pass, which makes a step from the better ones; the last pass
    measures the inertia. What is guaranteed: every step is Lloyd's over all rows, so that the
    inertia is no higher than that of what the samples led to; the better of two ways was chosen by
    all rows; ``inertia_`` is that of the centres given out. What is measured: with the default of
    four passes the inertia was within 1 % of the mean of scikit-learn's fits, iterated until they
    rest, for the worst of five seeds on six data sets (``docs/kmeans.md``). More passes go on from
    there; a fit that comes to rest reads no more.

    A Dask array that fits the budget beside the sums is read once and kept in memory until the fit
    ends, as ``plan_`` says; else each pass reads each chunk once, inside the task that reduces it.
    A task holds one block of rows; besides the sample only sums of shape (n_clusters,
    n_features + 1) stay.

    Neither the chunking, the order of the memory, the numbers of workers and threads nor the extra
    ``fast`` change a bit of centres and labels, and labels are the same in every library: the
    sample is drawn by a counter-based generator at the global row number, rows whose nearest centre
    a matrix product does not decide are compared in float64, and sums are exact. Distances are
    taken relative to a point near the mean, in fit and in predict, so that single precision
    survives a large offset. Empty clusters are given the rows farthest from their centres, as in
    scikit-learn. Mean and variance are weighted.

    References
    ----------
    S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982.
    D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    O. Bachem, M. Lucic, A. Krause, "Practical coreset constructions for machine learning", 2017.
    J. Demmel, H. D. Nguyen, "Parallel reproducible summation", IEEE Trans. Computers 64, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import spanwise as sw
    >>> x = np.array([[0.0], [0.2], [5.0], [5.2]])
    >>> km = sw.cluster.KMeans(2, random_state=0).fit(x)
    >>> np.sort(km.cluster_centers_, axis=0).ravel()
    array([0.1, 5.1])
    >>> round(km.inertia_, 3)
    0.04
    """

    cluster_centers_: Any
    labels_: Any
    inertia_: float
    n_iter_: int

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: str | Callable[..., Any] | Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        method: str = "auto",
        skipna: bool = False,
        max_passes: int | None = None,
        memory: int | str | None = None,
        callback: Callable[[int, float, float], Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.method = method
        self.skipna = skipna
        self.max_passes = max_passes
        self.memory = memory
        self.callback = callback
        self.checkpoint = checkpoint

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Find the centres; computes.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows to cluster. Integers count as float64.
        y : ignored
            As in scikit-learn.
        sample_weight : array, shape (n_samples,), optional
            Weight of each row, 0 or more; a NumPy array will do whatever the data are.

        Returns
        -------
        KMeans
            The estimator itself.

        Examples
        --------
        >>> import dask.array as da, numpy as np
        >>> import spanwise as sw
        >>> x = da.from_array(np.array([[0.0, 1.0], [0.2, 1.0], [5.0, 1.0]]), chunks=(1, 2))
        >>> km = sw.cluster.KMeans(2, random_state=0).fit(x, sample_weight=np.array([1, 3, 1]))
        >>> int(km.labels_[0].compute() == km.labels_[1].compute())
        1
        """
        check_parameters(self)
        X = accept_matrix(self._note_features(X), "KMeans.fit", name="X")
        k = int(self.n_clusters)
        check_count(X.shape[0], k)
        with single_threaded(), logged(self.verbose):
            found = fit_rows(X, as_array(sample_weight), (k,), self._request())
        (fitted,) = found.fits
        if fitted.occupied < k:
            warn_of_convergence(
                f"{fitted.occupied} distinct clusters found, fewer than n_clusters={k}: "
                "the rows may hold duplicates",
                stacklevel=2,
            )
        self._origin = Origin(found.shift)
        self.cluster_centers_ = like(fitted.centers, reference_of(X))
        self.inertia_ = fitted.inertia
        self.n_iter_ = fitted.iterations
        self.n_features_in_ = X.shape[1]
        self.plan_ = found.plan
        self.labels_ = (
            self._map("nearest", X) if fitted.labels is None else rows_like(fitted.labels, X)
        )
        return self

    def _request(self) -> Request:
        return Request(
            init=self.init,
            n_init=self.n_init,
            max_iter=int(self.max_iter),
            tol=float(self.tol),
            random_state=self.random_state,
            skipna=bool(self.skipna),
            method=self.method,
            max_passes=self.max_passes,
            memory=self.memory,
            callback=self.callback,
            checkpoint=self.checkpoint,
        )

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """As `fit`, then ``labels_``.

        Returns
        -------
        array, shape (n_samples,)
            int32; lazy on a Dask array.
        """
        return self.fit(X, y, sample_weight).labels_

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """As `fit`, then `transform` of the same rows."""
        return self.fit(X, y, sample_weight).transform(X)

    def predict(self, X: Any) -> Any:
        """The nearest centre of each row; lazy on a Dask array.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows. The first of equally near centres wins.

        Returns
        -------
        array, shape (n_samples,)
            int32, in the container of the data; -1 for rows that hold NaN if ``skipna``.

        Examples
        --------
        >>> import numpy as np
        >>> import spanwise as sw
        >>> km = sw.cluster.KMeans(2, init=np.array([[0.0], [9.0]])).fit(np.array([[1.0], [8.0]]))
        >>> km.predict(np.array([[7.0], [2.0]]))
        array([1, 0], dtype=int32)
        """
        return self._map("nearest", self._fitted(X, "predict"))

    def transform(self, X: Any) -> Any:
        """The distance of each row to each centre; lazy on a Dask array.

        Returns
        -------
        array, shape (n_samples, n_clusters)
            In the precision of the data, computed in float64; NaN for rows that hold NaN if
            ``skipna``.
        """
        return self._framed(self._map("distances", self._fitted(X, "transform")), X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the inertia of the rows about the centres; computes, in one read.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Rows.
        y : ignored
            As in scikit-learn.
        sample_weight : array, shape (n_samples,), optional
            Weight of each row.

        Returns
        -------
        float
        """
        X = self._fitted(X, "score")
        rows, _ = rows_of(
            X, as_array(sample_weight), (int(self.n_clusters),), self._request(), sampled=0
        )
        sums = rows.sums(self._books(), measure="squared", check=True).runs[0]
        return -float(sums.measure)

    def _fitted(self, X: Any, method: str) -> Any:
        self._check_fitted(method)
        X = accept_matrix(self._check_features(X), f"KMeans.{method}", name="X")
        if X.shape[1] != self.n_features_in_:
            raise ArgumentError(
                f"X has {X.shape[1]} features, but KMeans is expecting {self.n_features_in_} "
                "features as input, those that it was fitted on"
            )
        return X

    def _books(self) -> Books:
        shift = self._origin.shift
        return Books(shift, (relative_to(shift, np.asarray(to_host(self.cluster_centers_))),))

    def _map(self, what: str, X: Any) -> Any:
        missing = "skip" if self.skipna else "raise"
        return map_rows(X, what, self._books(), operation=f"KMeans.{what}", missing=missing)


def fit_plan(x: Any, n_clusters: int, **options: Any) -> Plan:
    """What a fit of a Dask array will cost, before it reads anything.

    Parameters
    ----------
    x : dask.array.Array, shape (n_samples, n_features)
        Rows.
    n_clusters : int
        Number of clusters.
    **options
        Parameters of `KMeans` that count: ``method``, ``max_iter``, ``max_passes``, ``memory``.

    Returns
    -------
    Plan
        Steps with their tasks, passes, bytes read and peak memory; passes are the most that there
        can be.

    Examples
    --------
    >>> import dask.array as da
    >>> import spanwise as sw
    >>> x = da.zeros((10**6, 4), chunks=(10**5, 4))
    >>> [step.pattern for step in sw.cluster.fit_plan(x, 8, memory="4GiB").steps][:2]
    ['cached', 'reduce']
    >>> sum(step.passes for step in sw.cluster.fit_plan(x, 8, memory="24MiB").steps)
    4
    """
    X = accept_matrix(x, "fit_plan")
    return plan_of(X, (int(n_clusters),), Request(**options))
