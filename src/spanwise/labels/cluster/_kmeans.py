"""k-means of labelled data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import cluster as _cluster
from ...cluster._arguments import check_count, check_parameters
from ...cluster._drive import method_for
from ...cluster._tally import tally_of
from ...errors import ArgumentError
from ...kernels.transfer import to_host
from ..align import aligned
from ..matrix import Matrix, as_columns, as_matrix, missing_features
from ._frame import (
    accepted,
    check_data,
    factors_of,
    split_dims,
    unweighed_centers,
    weighed_centers,
    weighed_rows,
)
from ._predict import about
from ._result import result_of
from ._weights import weights_of


def kmeans(
    obj: Any,
    k: int,
    *,
    sample_dim: str | Iterable[str] | None = None,
    feature_dim: str | Iterable[str] | None = None,
    weights: Any = None,
    feature_weights: Any = None,
    skipna: bool = True,
    init: Any = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    method: str = "auto",
    random_state: Any = None,
    keep_attrs: bool | None = None,
) -> Any:
    """k-means clusters of samples that one dimension (or all but one) numbers; computes.

    Exactly one of ``sample_dim`` and ``feature_dim`` is given:

    - ``sample_dim="time"``: each time is one sample, all other dimensions are its features;
    - ``feature_dim="month"``: each grid point is one sample, its months are the features.

    Parameters
    ----------
    obj : DataArray
        Data on an array of any library or a Dask array cut along any dimension.
    k : int
        Number of clusters.
    sample_dim, feature_dim : str or sequence of str
        The dimension, or several, that samples or features are numbered along.
    weights : "area" or DataArray, optional
        What samples weigh: 0 or more, on some of the sample dimensions, aligned by coordinate, in
        memory or lazy. ``"area"`` is the cosine of the latitude, a coordinate that is found by
        CF's attributes or its name (`spanwise.labels.latitude`); on other grids than those of
        latitude and longitude give the areas of the cells. Weights along feature dimensions are
        those of the features: ``sample_dim="time", weights="area"`` lets each grid point count by
        its area.
    feature_weights : "area", DataArray or mapping, optional
        What squared differences of features weigh: features are multiplied by the roots, and
        centroids are given in the units of the data all the same. A mapping has weights by
        dimension: ``{"variable": {"u": 1.0, "v": 0.5}}``, or an array along each.
    skipna : bool, default: True
        Leave samples with a NaN out: their label is -1 (land, with ``feature_dim``). With
        ``sample_dim``, features that are NaN in all samples (land) are left out first: centroids
        are NaN there, and the features have the weight 0. Weights that are NaN count as 0. False:
        NaN raises.
    init : {"k-means++", "random"}, callable, DataArray or array, default: "k-means++"
        How to start, as in `spanwise.cluster.KMeans`. A DataArray of centroids has the dimensions
        ``cluster`` and those of the features, as the result of a former call.
    n_init : "auto" or int, default: "auto"
        Runs from different starts on a sample, of which the best is continued.
    max_iter : int, default: 300
        Iterations over all samples, at most.
    tol : float, default: 1e-4
        The iteration ends when the centroids move less; see `spanwise.cluster.KMeans`.
    method : {"auto", "lloyd", "coreset", "gram"}, default: "auto"
        As in `spanwise.cluster.KMeans`; ``"lloyd"`` iterates over all samples until they rest.
    random_state : int or generator, optional
        Seed. The result does not depend on the chunking.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    Dataset
        It can be written to Zarr or NetCDF; `predict` and `transform` take it, and what is read
        back.

        ``labels``
            int32 on the sample dimensions, with their coordinates: 0 to k - 1, and -1 where NaN
            was left out (``labels.where(labels >= 0)`` makes those NaN, for a map). Lazy on lazy
            data: computing it reads the data once more.
        ``centroids``
            Weighted means of the clusters, on ``cluster`` and the feature dimensions, with their
            coordinates, in the precision and with the units of the data. NaN for a feature of
            weight 0.
        ``counts``, ``share``
            Number of samples of each cluster, and the part of the weight of all samples that they
            have. As lazy as the labels, from the same read.
        ``inertia``
            Sum of the weighted squared distances of samples to their centroids.
        ``feature_weights``
            Weights of the features, where there are some or features were left out.

        The attribute ``iterations`` tells how many there were.

    Raises
    ------
    ArgumentError
        Unless exactly one of ``sample_dim`` and ``feature_dim`` is given and another dimension is
        left; for fewer samples than clusters, options out of range, weights that are negative, lie
        along samples and features both, or lack a label of the data; for ``"area"`` without a
        latitude.
    ArrayTypeError
        For anything but a DataArray.
    NonFiniteError
        For infinity, and for NaN unless ``skipna``.
    MemoryBudgetError
        If a step exceeds the memory budget.

    Notes
    -----
    Data is read once for the start, once per iteration and at most once at the end; samples of
    few rows and many features (method ``gram``) twice in all. Nothing is stacked: chunks that hold
    consecutive samples with all their features become blocks of rows where they are. From others,
    such as the chunks of time that models write for ``feature_dim="time"``, rows are put together
    once: they stay in memory until the fit ends where the budget has room for data and rows, else
    they are written to a temporary store in one read of the data, and all passes, that of the
    labels included, read the store, which goes with the labels.

    With ``sample_dim`` and ``skipna``, the chunks of the first sample are looked at for NaN before.
    Only if they hold some, one more read of the data (or of the store) finds the features that all
    samples lack. A feature that only some samples lack is none of those: these samples are left
    out.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.cluster import kmeans
    >>> cycle = 10 * np.sin(2 * np.pi * np.arange(12) / 12)
    >>> sst = xr.DataArray(
    ...     np.outer([1, 1, 0, np.nan], cycle),
    ...     coords={"lat": [0.0, 30.0, 60.0, 75.0]},
    ...     dims=("lat", "month"),
    ...     attrs={"units": "K"},
    ... )
    >>> found = kmeans(sst, 2, feature_dim="month", weights="area", random_state=0)
    >>> found.labels.values[0] == found.labels.values[1], found.labels.values[3]
    (np.True_, np.int32(-1))
    >>> dict(found.centroids.sizes), found.centroids.units, found.inertia.units
    ({'cluster': 2, 'month': 12}, 'K', 'K^2')
    >>> np.sort(found.share).round(3)
    array([0.211, 0.789])
    """
    check_data(obj, "kmeans", f'kmeans({k}, feature_dim="variable")')
    samples, features = split_dims(obj, sample_dim, feature_dim)
    estimator = _cluster.KMeans(
        k,
        init=_start(init, obj, features),
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        method=method,
        random_state=random_state,
        skipna=skipna,
    )
    check_parameters(estimator)
    given = weights_of(obj, samples, features, weights, feature_weights, skipna=skipna)
    matrix = _matrix(accepted(obj, samples, features, "KMeans"), len(samples), estimator)
    seek = skipna and sample_dim is not None
    of_features = _feature_weights(matrix, given.features, seek=seek)
    of_samples = _sample_weights(given.samples, samples, matrix)
    factors = None if of_features is None else factors_of(of_features)
    if isinstance(estimator.init, np.ndarray):
        estimator.init = weighed_centers(matrix.of_features(estimator.init), factors)
    estimator.fit(weighed_rows(matrix.rows, factors), sample_weight=of_samples)
    centers = unweighed_centers(np.asarray(to_host(estimator.cluster_centers_)), factors)
    labels = estimator.labels_
    if estimator.method != "gram":
        labels = about(
            matrix, centers, factors, "nearest", skipna=skipna, operation="cluster.kmeans"
        )
    return result_of(
        obj,
        samples,
        features,
        labels=matrix.on_samples(labels),
        centroids=matrix.on_features(centers),
        weights=None if of_features is None else matrix.on_features(of_features),
        tally=tally_of(labels, len(centers), of_samples),
        estimator=estimator,
        keep_attrs=keep_attrs,
    )


def _start(init: Any, obj: Any, features: tuple[str, ...]) -> Any:
    """Centroids as an array, shape (k, *features), in the order of the data."""
    import xarray as xr

    if isinstance(init, str) or callable(init):
        return init
    shape = tuple(obj.sizes[d] for d in features)
    if isinstance(init, xr.DataArray):
        if set(init.dims) != {"cluster", *features}:
            raise ArgumentError(
                f"init has the dimensions {tuple(init.dims)}; expected {('cluster', *features)}"
            )
        there = aligned(init, obj, name="init", dims=features)
        init = there.transpose("cluster", *features).data
    if hasattr(init, "__dask_graph__"):
        init = init.compute()
    init = np.asarray(to_host(init) if hasattr(init, "dtype") else init)
    if init.ndim == 2 and init.shape[1] == math.prod(shape):
        init = init.reshape(-1, *shape)
    if init.shape[1:] != shape:
        raise ArgumentError(
            f"init has the shape {init.shape}; expected centroids, shape (k, "
            f"{', '.join(map(str, shape))}), for the features {', '.join(map(repr, features))}"
        )
    return init


def _matrix(x: Any, sample_axes: int, estimator: Any) -> Matrix:
    """The samples as a fit reads them, by the method that the estimator has or is given."""
    n, d, k = (
        math.prod(x.shape[:sample_axes]),
        math.prod(x.shape[sample_axes:]),
        estimator.n_clusters,
    )
    check_count(n, k)
    if estimator.method == "auto":
        estimator.method = method_for(n, d, k)
    if estimator.method == "gram":
        return as_columns(x, sample_axes)
    return as_matrix(x, sample_axes, kept=True)


def _feature_weights(matrix: Matrix, given: Any, *, seek: bool) -> np.ndarray | None:
    """Weights of the columns, 0 for those that all samples lack; None if all are 1."""
    weights = None if given is None else matrix.of_features(given)
    lost = missing_features(matrix, operation="kmeans-missing") if seek else None
    if lost is None:
        return weights
    weights = np.where(lost, 0.0, 1.0 if weights is None else weights)
    if not weights.any():
        raise ArgumentError(
            "every feature is NaN in all samples, or has the weight 0: nothing is left to compare; "
            "check the data, or feature_weights"
        )
    return weights


def _sample_weights(weights: Any, samples: tuple[str, ...], matrix: Matrix) -> Any:
    """A weight for each row."""
    if weights is None:
        return None
    others = [d for d in samples if d not in weights.dims]
    return matrix.of_samples(weights.expand_dims(others).transpose(*samples).data)
