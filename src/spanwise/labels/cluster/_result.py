"""What a fit found, as a Dataset that files can hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.library import like
from ..attrs import derived_attrs
from ..select import new_variable


def label_attrs(k: int) -> dict[str, Any]:
    """Attributes of a map of labels, by CF's conventions on flags."""
    names = ["left_out", *(f"cluster_{i}" for i in range(k))]
    return {
        "long_name": "cluster",
        "flag_values": [*range(-1, k)],
        "flag_meanings": " ".join(names),
    }


def result_of(
    obj: Any,
    samples: tuple[str, ...],
    features: tuple[str, ...],
    *,
    labels: Any,
    centroids: np.ndarray,
    weights: np.ndarray | None,
    tally: tuple[Any, Any],
    estimator: Any,
    keep_attrs: bool | None,
) -> Any:
    """The Dataset of a fit.

    Parameters
    ----------
    labels : array
        On the sample dimensions.
    centroids : numpy.ndarray, shape (k, *features)
        In the units of the data.
    weights : numpy.ndarray or None
        Of the features.
    tally : (array, array)
        Samples of each cluster, and their share of the weight.
    estimator : KMeans
        Knows the rest.
    """
    import xarray as xr

    k = len(centroids)
    units = {key: value for key, value in obj.attrs.items() if key == "units"}
    squared = derived_attrs(units, keep_attrs, power=2)
    held = like(centroids, estimator.cluster_centers_)
    counts, shares = tally
    variables = {
        "labels": new_variable(obj, samples, labels, label_attrs(k)),
        "centroids": new_variable(
            obj, ("cluster", *features), held, derived_attrs(obj.attrs, keep_attrs)
        ),
        "counts": (("cluster",), counts, {"long_name": "number of samples", "units": "1"}),
        "share": (("cluster",), shares, {"long_name": "share of the weight", "units": "1"}),
        "inertia": ((), estimator.inertia_, {"long_name": "inertia", **squared}),
    }
    if weights is not None:
        variables["feature_weights"] = new_variable(
            obj, features, weights, {"long_name": "weight of squared differences", "units": "1"}
        )
    kept = xr.Variable("cluster", np.arange(k), {"long_name": "cluster"})
    attrs = {"iterations": int(estimator.n_iter_)}
    return xr.Dataset(variables, coords={"cluster": kept}, attrs=attrs)
