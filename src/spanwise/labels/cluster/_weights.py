"""Weights of samples and of features, by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, ArgumentTypeError, NonFiniteError
from ...kernels.transfer import to_host
from ..align import aligned
from ..latitude import area_weights


@dataclass(frozen=True, slots=True)
class Weights:
    """What samples and features weigh."""

    samples: Any
    """DataArray on sample dimensions, in the order of the data; None if all weigh the same."""
    features: np.ndarray | None
    """float64 on the host, of the shape of the features; None if all weigh the same."""


def weights_of(
    obj: Any,
    samples: tuple[str, ...],
    features: tuple[str, ...],
    weights: Any,
    feature_weights: Any,
    *,
    skipna: bool,
) -> Weights:
    """Weights as the arguments name them."""
    of_samples, of_features = None, []
    if weights is not None:
        found = _given(weights, obj, "weights")
        if set(found.dims) <= set(samples):
            of_samples = found.fillna(0.0) if skipna else found
        elif set(found.dims) <= set(features):
            of_features.append(found)
        else:
            raise _along_both(found, samples, features)
    if feature_weights is not None:
        found = _given(_from_mapping(feature_weights, obj), obj, "feature_weights")
        if not set(found.dims) <= set(features):
            raise ArgumentError(
                f"feature_weights has the dimensions {found.dims}; expected some of the "
                f"features, {', '.join(map(repr, features))}. Weights of samples are weights=..."
            )
        of_features.append(found)
    if not of_features:
        return Weights(of_samples, None)
    shape = tuple(obj.sizes[d] for d in features)
    whole = np.ones(shape)
    for found in of_features:
        whole = whole * _on_features(found, features)
    return Weights(of_samples, _checked(whole, skipna=skipna))


def _given(weights: Any, obj: Any, name: str) -> Any:
    """A float64 DataArray in the order of the data."""
    import xarray as xr

    if isinstance(weights, str):
        if weights != "area":
            raise ArgumentError(f'{name}={weights!r}: expected "area" or a DataArray')
        return area_weights(obj).reset_coords(drop=True)
    if not isinstance(weights, xr.DataArray):
        raise ArgumentTypeError(
            f'{name} is a {type(weights).__name__}; expected "area" or a DataArray, whose '
            "dimensions say what it weighs: xr.DataArray(values, dims=...)"
        )
    if weights.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"{name} has dtype {weights.dtype}; expected real numbers")
    return aligned(weights, obj, name=name).astype(np.float64)


def _from_mapping(weights: Any, obj: Any) -> Any:
    """The product of the weights along each dimension, where a mapping has them."""
    import xarray as xr

    if not isinstance(weights, Mapping) or isinstance(weights, xr.DataArray):
        return weights
    if not weights:
        raise ArgumentError("feature_weights={}: expected a dimension with its weights")
    whole = xr.DataArray(1.0)
    for dim, values in weights.items():
        if dim not in obj.dims:
            raise ArgumentError(
                f"feature_weights: {dim!r} is not a dimension of the data, which has "
                f"{', '.join(map(repr, obj.dims))}"
            )
        whole = whole * aligned(_along(values, dim), obj, name=f"feature_weights[{dim!r}]")
    return whole


def _along(values: Any, dim: str) -> Any:
    """Weights along one dimension: by label, or one after the other."""
    import xarray as xr

    if isinstance(values, xr.DataArray):
        return values
    if isinstance(values, Mapping):
        labels = list(values)
        weights = np.array([values[label] for label in labels], np.float64)
        return xr.DataArray(weights, coords={dim: labels}, dims=dim)
    return xr.DataArray(np.asarray(values, np.float64), dims=dim)


def _on_features(weights: Any, features: tuple[str, ...]) -> np.ndarray:
    """Weights on the host, in the order of the features, of length 1 where they do not vary."""
    missing = [d for d in features if d not in weights.dims]
    values = weights.expand_dims(missing).transpose(*features).data
    values = values.compute() if hasattr(values, "__dask_graph__") else values
    return np.asarray(to_host(values), np.float64)


def _checked(weights: np.ndarray, *, skipna: bool) -> np.ndarray:
    if skipna:
        weights = np.where(np.isnan(weights), 0.0, weights)
    if not np.isfinite(weights).all():
        raise NonFiniteError(
            "weights of features hold NaN or infinity; every one must be finite (skipna=True "
            "takes NaN for 0)"
        )
    if (weights < 0).any():
        raise ArgumentError("weights of features hold negative values; expected 0 or more")
    if not weights.any():
        raise ArgumentError("weights of features are 0 for all of them; give some of them more")
    return weights


def _along_both(weights: Any, samples: tuple[str, ...], features: tuple[str, ...]) -> ArgumentError:
    of_samples = [d for d in weights.dims if d in samples]
    of_features = [d for d in weights.dims if d in features]
    return ArgumentError(
        f"weights lie along samples ({', '.join(map(repr, of_samples))}) and features "
        f"({', '.join(map(repr, of_features))}): a sample has one weight and a feature has one, "
        "and k-means knows none of their combinations. If the weights are a product of the two, "
        "pass its factors: weights=<along samples>, feature_weights=<along features>"
    )
