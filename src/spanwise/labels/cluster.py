"""Clusters by dimension name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import cluster as _cluster
from .. import dispatch
from ..errors import ArgumentError, ArrayTypeError
from ..kernels.library import namespace
from .attrs import derived_attrs
from .matrix import as_matrix, as_samples
from .select import check_labelled, choose_dims, new_variable

__all__ = ["kmeans"]

_FORMS = (
    'kmeans(k, sample_dim="time") makes each time one sample, with all other dimensions as its '
    'features (weather regimes); kmeans(k, feature_dim="month") makes each grid point one sample, '
    "with the months as its features (provinces)"
)


def kmeans(
    obj: Any,
    k: int,
    *,
    sample_dim: str | Iterable[str] | None = None,
    feature_dim: str | Iterable[str] | None = None,
    skipna: bool = True,
    init: Any = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
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
    skipna : bool, default: True
        Leave samples with a NaN out: their label is -1. False: NaN raises.
    init : {"k-means++", "random"}, callable, DataArray or array, default: "k-means++"
        How to start, as in `spanwise.cluster.KMeans`. A DataArray of centroids has the dimensions
        ``cluster`` and those of the features, as the result of a former call.
    n_init : "auto" or int, default: "auto"
        Runs from different starts on a sample, of which the best is continued.
    max_iter : int, default: 300
        Iterations over all samples, at most.
    tol : float, default: 1e-4
        The iteration ends when the centroids move less; see `spanwise.cluster.KMeans`.
    random_state : int or generator, optional
        Seed. The result does not depend on the chunking.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    Dataset
        ``labels``
            int32 on the sample dimensions, with their coordinates: 0 to k - 1, and -1 where NaN
            was left out (``labels.where(labels >= 0)`` makes those NaN, for a map). Lazy on lazy
            data: computing it reads the data once more.
        ``centroids``
            Means of the clusters, on ``cluster`` and the feature dimensions, with their
            coordinates, in the precision and with the units of the data.
        ``inertia``
            Sum of the squared distances of samples to their centroids.

        The attribute ``iterations`` tells how many there were.

    Raises
    ------
    ArgumentError
        Unless exactly one of ``sample_dim`` and ``feature_dim`` is given and another dimension is
        left; for fewer samples than clusters, and options out of range.
    ArrayTypeError
        For anything but a DataArray.
    NonFiniteError
        For infinity, and for NaN unless ``skipna``.
    MemoryBudgetError
        If a step exceeds the memory budget.

    Notes
    -----
    Data is read once for the start, once per iteration and at most once at the end. Nothing is
    stacked: chunks that hold consecutive samples with all their features become blocks of rows
    where they are, others go through an exchange in each of these passes, which chunks along
    the samples only would spare.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.cluster import kmeans
    >>> cycle = 10 * np.sin(2 * np.pi * np.arange(12) / 12)
    >>> sst = xr.DataArray(
    ...     np.outer([1, 1, 0, np.nan], cycle), dims=("point", "month"), attrs={"units": "K"}
    ... )
    >>> found = kmeans(sst, 2, feature_dim="month", random_state=0)
    >>> found.labels.values[0] == found.labels.values[1], found.labels.values[3]
    (np.True_, np.int32(-1))
    >>> dict(found.centroids.sizes), found.centroids.units, found.inertia.units
    ({'cluster': 2, 'month': 12}, 'K', 'K^2')
    """
    import xarray as xr

    check_labelled(obj, "cluster.kmeans")
    if isinstance(obj, xr.Dataset):
        raise ArrayTypeError(
            "obj is a Dataset; k-means takes one DataArray. Choose a variable, obj[name], or make "
            "the variables a dimension of features: "
            f'obj.to_dataarray("variable").spanwise.cluster.kmeans({k}, feature_dim="variable")'
        )
    samples, features = _split(obj, sample_dim, feature_dim)
    if "cluster" in obj.dims:
        raise ArgumentError("obj has a dimension 'cluster'; rename it: obj.rename(cluster=...)")
    x = dispatch.accept(
        obj.transpose(*samples, *features).data,
        function="cluster.KMeans",
        accessor="spanwise.cluster.kmeans",
    )
    rows, layout = as_matrix(x, len(samples))
    estimator = _cluster.KMeans(
        k,
        init=_start(init, features),
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        random_state=random_state,
        skipna=skipna,
    ).fit(rows)
    labels = as_samples(estimator.labels_, x.shape[: len(samples)], layout)
    return _result(obj, samples, features, labels, estimator, keep_attrs)


def _split(obj: Any, sample_dim: Any, feature_dim: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sample dimensions and feature dimensions."""
    if (sample_dim is None) == (feature_dim is None):
        raise ArgumentError(
            f"sample_dim={sample_dim!r} and feature_dim={feature_dim!r}: give exactly one of the "
            f"two. {_FORMS}"
        )
    named = choose_dims(obj, feature_dim if sample_dim is None else sample_dim)
    others = tuple(d for d in obj.dims if d not in named)
    if not others:
        raise ArgumentError(
            f"the data has no dimension but {', '.join(map(repr, named))}, and both samples and "
            "features need one; add one with obj.expand_dims"
        )
    return (others, named) if sample_dim is None else (named, others)


def _start(init: Any, features: tuple[str, ...]) -> Any:
    """Centroids with labels as the matrix that the estimator takes."""
    import xarray as xr

    if not isinstance(init, xr.DataArray):
        return init
    if set(init.dims) != {"cluster", *features}:
        raise ArgumentError(
            f"init has the dimensions {tuple(init.dims)}; expected {('cluster', *features)}"
        )
    centers = init.transpose("cluster", *features).data
    return namespace(centers).reshape(centers, (centers.shape[0], -1))


def _result(
    obj: Any,
    samples: tuple[str, ...],
    features: tuple[str, ...],
    labels: Any,
    estimator: Any,
    keep_attrs: bool | None,
) -> Any:
    import xarray as xr

    centers = estimator.cluster_centers_
    k = int(centers.shape[0])
    shape = (k, *(obj.sizes[d] for d in features))
    attrs = derived_attrs(obj.attrs, keep_attrs)
    squared = derived_attrs(
        {key: value for key, value in obj.attrs.items() if key == "units"}, keep_attrs, power=2
    )
    label_attrs = {"long_name": "cluster", "valid_min": 0, "valid_max": k - 1}
    kept = xr.Variable("cluster", np.arange(k), {"long_name": "cluster"})
    centroids = namespace(centers).reshape(centers, shape)
    return xr.Dataset(
        {
            "labels": new_variable(obj, samples, labels, label_attrs),
            "centroids": new_variable(obj, ("cluster", *features), centroids, attrs),
            "inertia": ((), estimator.inertia_, {"long_name": "inertia", **squared}),
        },
        coords={"cluster": kept},
        attrs={"iterations": int(estimator.n_iter_)},
    )
