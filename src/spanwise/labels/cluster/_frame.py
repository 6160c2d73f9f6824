"""Which dimensions are samples and which are features, and features as they are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dispatch
from ...errors import ArgumentError, ArrayTypeError
from ...kernels.features import weigh
from ...kernels.library import namespace
from ..select import check_labelled, choose_dims

FORMS = (
    'kmeans(k, sample_dim="time") makes each time one sample, with all other dimensions as its '
    'features (weather regimes); kmeans(k, feature_dim="month") makes each grid point one sample, '
    "with the months as its features (provinces)"
)


def check_data(obj: Any, function: str, call: str) -> None:
    """Raise unless ``obj`` is a DataArray without a dimension of the name of ours."""
    import xarray as xr

    check_labelled(obj, f"cluster.{function}")
    if isinstance(obj, xr.Dataset):
        raise ArrayTypeError(
            "obj is a Dataset; k-means takes one DataArray. Choose a variable, obj[name], or make "
            "the variables a dimension of features: "
            f'obj.to_dataarray("variable").spanwise.cluster.{call}'
        )
    if "cluster" in obj.dims:
        raise ArgumentError("obj has a dimension 'cluster'; rename it: obj.rename(cluster=...)")


def split_dims(
    obj: Any, sample_dim: Any, feature_dim: Any
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sample dimensions and feature dimensions."""
    if (sample_dim is None) == (feature_dim is None):
        raise ArgumentError(
            f"sample_dim={sample_dim!r} and feature_dim={feature_dim!r}: give exactly one of the "
            f"two. {FORMS}"
        )
    named = choose_dims(obj, feature_dim if sample_dim is None else sample_dim)
    others = tuple(d for d in obj.dims if d not in named)
    if not others:
        raise ArgumentError(
            f"the data has no dimension but {', '.join(map(repr, named))}, and both samples and "
            "features need one; add one with obj.expand_dims"
        )
    return (others, named) if sample_dim is None else (named, others)


def accepted(obj: Any, samples: tuple[str, ...], features: tuple[str, ...], function: str) -> Any:
    """The array of the data, samples first."""
    return dispatch.accept(
        obj.transpose(*samples, *features).data,
        function=f"cluster.{function}",
        accessor="spanwise.cluster.kmeans",
    )


def factors_of(weights: Any) -> Any:
    """What features are multiplied by, so that their squared differences have these weights."""
    return namespace(weights).sqrt(weights)


def weighed_rows(rows: Any, factors: Any) -> Any:
    """The rows with each feature times its factor, 0 where that is 0; lazy on chunked rows."""
    if factors is None:
        return rows
    single = "float32" if dispatch.kind_of(rows) == "chunked" else namespace(rows).float32
    return dispatch.blockwise(
        rows,
        weigh,
        operation="kmeans-weigh",
        dtype="float32" if rows.dtype == single else "float64",
        reason="features times the roots of their weights",
        table=(factors, (1,)),
    )


def weighed_centers(centers: Any, factors: Any) -> Any:
    """Centres, shape (k, d), as the rows that are compared with them."""
    if factors is None:
        return centers
    xp = namespace(centers)
    return xp.where(factors == 0, 0.0 * factors, centers * factors)


def unweighed_centers(centers: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
    """Centres in the units of the data; NaN for a feature without weight."""
    if factors is None:
        return centers
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = centers.astype(np.float64) / factors
    return np.where(factors == 0, np.nan, exact).astype(centers.dtype)
