"""Samples about centroids that are known, from a former call or a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dispatch
from ...cluster._around import rows_around
from ...errors import ArgumentError, ArrayTypeError
from ...kernels.library import namespace
from ...kernels.transfer import to_host
from ..align import aligned
from ..attrs import derived_attrs
from ..matrix import Matrix, as_matrix
from ..select import new_variable
from ._frame import accepted, check_data, factors_of, weighed_centers, weighed_rows
from ._result import label_attrs


def predict(obj: Any, result: Any, *, skipna: bool = True) -> Any:
    """The cluster of each sample, by the centroids of `kmeans`; lazy on lazy data.

    Parameters
    ----------
    obj : DataArray
        New data, or the same, with the feature dimensions of the centroids; all of its other
        dimensions are samples.
    result : Dataset
        What `kmeans` gave, or what was read from a file that it was written to: ``centroids``, and
        ``feature_weights`` if they are in it.
    skipna : bool, default: True
        Give samples with a NaN the label -1. False: NaN raises. Features without weight never
        matter.

    Returns
    -------
    DataArray
        int32 on the sample dimensions, with their coordinates. If the centroids are lazy, as those
        of an opened Zarr, so are the labels.

    Raises
    ------
    ArgumentError
        If the data lacks a feature dimension, or a label along it: features are aligned by their
        coordinates, in whatever order they come.
    ArrayTypeError
        For anything but a DataArray and a Dataset with centroids.
    NonFiniteError
        For infinity, and for NaN unless ``skipna``; from the task that meets it.

    Notes
    -----
    The data is read once, when the labels are computed. Labels are equal to the last bit to those
    that `kmeans` gives of the same data, except that from few samples of many features (method
    ``gram``) these may differ for samples equally near to two centroids.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.cluster import kmeans, predict
    >>> values = np.array([[0.0, 0.1], [0.2, 0.1], [9.0, 8.9]])
    >>> data = xr.DataArray(values, dims=("point", "month"))
    >>> found = kmeans(data, 2, feature_dim="month", random_state=0)
    >>> bool((predict(data, found) == found.labels).all())
    True
    """
    labels = _around(obj, result, "nearest", skipna=skipna)
    return labels.rename("labels").assign_attrs(label_attrs(result.sizes["cluster"]))


def transform(obj: Any, result: Any, *, skipna: bool = True, keep_attrs: bool | None = None) -> Any:
    """The distance of each sample to each centroid of `kmeans`; lazy on lazy data.

    Parameters
    ----------
    obj : DataArray
        Data with the feature dimensions of the centroids.
    result : Dataset
        As for `predict`.
    skipna : bool, default: True
        Give samples with a NaN the distance NaN. False: NaN raises.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray
        On the sample dimensions and ``cluster``, in the precision of the data and in its units: the
        root of the sum over features of weighted squared differences.

    Raises
    ------
    ArgumentError, ArrayTypeError, NonFiniteError
        As for `predict`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.cluster import kmeans, transform
    >>> data = xr.DataArray([[0.0], [3.0], [9.0]], dims=("point", "month"))
    >>> start = xr.DataArray([[0.0], [9.0]], dims=("cluster", "month"))
    >>> found = kmeans(data, 2, feature_dim="month", init=start)
    >>> transform(data, found).values
    array([[1.5, 9. ],
           [1.5, 6. ],
           [7.5, 0. ]])
    """
    distances = _around(obj, result, "distances", skipna=skipna)
    attrs = derived_attrs({k: v for k, v in obj.attrs.items() if k == "units"}, keep_attrs)
    return distances.rename("distances").assign_attrs(long_name="distance to centroid", **attrs)


def about(
    matrix: Matrix, centroids: Any, factors: Any, what: str, *, skipna: bool, operation: str
) -> Any:
    """What becomes of each row of a matrix about centroids, shape (k, d).

    `kmeans` and `predict` both end here, so that both find the same labels.
    """
    rows = weighed_rows(matrix.rows, factors)
    centers = weighed_centers(centroids, factors)
    return rows_around(rows, centers, what, skipna=skipna, operation=operation)


def _around(obj: Any, result: Any, what: str, *, skipna: bool) -> Any:
    """Labels or distances with their coordinates."""
    function = {"nearest": "predict", "distances": "transform"}[what]
    _check_result(obj, result, function)
    centroids, weights = result["centroids"], result.get("feature_weights")
    features = tuple(d for d in centroids.dims if d != "cluster")
    for dim in features:
        if dim not in obj.dims:
            raise ArgumentError(
                f"obj has no dimension {dim!r}, along which the centroids have features; it has "
                f"{', '.join(map(repr, obj.dims))}"
            )
    samples = tuple(d for d in obj.dims if d not in features)
    if not samples:
        raise ArgumentError(
            "obj has no dimension of samples beside its features; add one with obj.expand_dims"
        )
    obj = aligned(obj, centroids, name="obj", whose="the centroids", dims=features)
    x = accepted(obj, samples, features, function)
    centers = _flat(centroids.transpose("cluster", *features).data, 1)
    factors = None if weights is None else factors_of(_flat(weights.transpose(*features).data, 0))
    if "chunked" in (dispatch.kind_of(centers), dispatch.kind_of(factors)):
        x, centers, factors = _chunked(x), _chunked(centers), _chunked(factors)
    matrix = as_matrix(x, len(samples))
    found = about(matrix, centers, factors, what, skipna=skipna, operation=f"cluster.{function}")
    found = matrix.on_samples(found)
    if what == "nearest":
        return new_variable(obj, samples, found, {})
    out = new_variable(obj, (*samples, "cluster"), found, {})
    return out.assign_coords(cluster=result["cluster"]) if "cluster" in result.coords else out


def _flat(values: Any, lead: int) -> Any:
    """Features of a table in one axis, as float64 on the host or lazily."""
    if dispatch.kind_of(values) == "concrete":
        values = np.asarray(to_host(values))
    return namespace(values).reshape(values, (*values.shape[:lead], -1))


def _chunked(x: Any) -> Any:
    """An array in memory as a Dask array of one chunk, beside others that are lazy."""
    if x is None or dispatch.kind_of(x) == "chunked":
        return x
    import dask.array as da

    return da.from_array(x, chunks=x.shape, asarray=False)


def _check_result(obj: Any, result: Any, function: str) -> None:
    import xarray as xr

    check_data(obj, function, f"{function}(result)")
    if not isinstance(result, xr.Dataset):
        raise ArrayTypeError(
            f"result is a {type(result).__name__}; expected the Dataset that kmeans gave, or one "
            f"that was read from a file: {function}(obj, result)"
        )
    if "centroids" not in result or "cluster" not in result["centroids"].dims:
        raise ArgumentError(
            "result has no variable 'centroids' with a dimension 'cluster', as what kmeans gives "
            f"has; it has {', '.join(map(repr, result.data_vars)) or 'none'}"
        )
