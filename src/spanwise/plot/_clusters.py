"""Clusters: who belongs to which, and what each is like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArrayTypeError
from ._axes import PALETTE, label_of, matplotlib, numbers, short_dates

_LAND = "#d4d4d4"
_IN_COLUMN = 9
"""Clusters in one column of a legend."""


def clusters(obj: Any, *, title: str | None = None) -> Any:
    """Draw clusters: a map or a line of labels, and the centroids in the same colours.

    Parameters
    ----------
    obj : Dataset
        Of `spanwise.labels.cluster.kmeans`, or read from a file that it was written to: ``labels``
        along one or two dimensions and ``centroids`` along ``cluster`` and one or two more.
    title : str, optional
        Put over the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Labels above. Centroids with one dimension (``feature_dim="month"``) are lines, those with
        two (``sample_dim="time"``) maps with a common scale; the share of each cluster is written
        beside it. Samples without a cluster (label -1) are grey.

    Raises
    ------
    ArgumentError
        For a Dataset without labels and centroids, or with more dimensions than can be drawn.
    ArrayTypeError
        For anything but a Dataset.
    MissingDependencyError
        Without matplotlib.

    Notes
    -----
    Computes the result.

    Examples
    --------
    >>> import numpy as np, xarray as xr, spanwise.plot, spanwise.xarray
    >>> x = xr.DataArray(np.random.default_rng(0).normal(size=(4, 6, 12)), dims=("y", "x", "month"))
    >>> found = x.spanwise.cluster.kmeans(3, feature_dim="month", random_state=0)
    >>> figure = spanwise.plot.clusters(found)
    >>> figure.axes[-1].get_xlabel()
    'month'
    """
    import xarray as xr

    pyplot = matplotlib("matplotlib.pyplot")
    if not isinstance(obj, xr.Dataset):
        raise ArrayTypeError(
            f"obj is a {type(obj).__name__}; expected the Dataset that "
            "da.spanwise.cluster.kmeans(...) gives"
        )
    if not {"labels", "centroids"} <= set(obj.data_vars):
        raise ArgumentError(
            f"obj has the variables {', '.join(map(repr, obj.data_vars))}; expected 'labels' "
            "and 'centroids', as da.spanwise.cluster.kmeans(...) gives"
        )
    labels, centroids = _on_host(obj["labels"]), _on_host(obj["centroids"])
    centroids = centroids.transpose("cluster", ...)
    if labels.ndim not in (1, 2) or centroids.ndim not in (2, 3):
        raise ArgumentError(
            f"labels along {tuple(labels.dims)} and centroids along {tuple(centroids.dims)}: one "
            "or two dimensions of each, besides 'cluster', can be drawn; choose with "
            "obj.isel(...)"
        )
    k = centroids.sizes["cluster"]
    colours = _colours(k)
    names = _names(labels, k)
    as_maps = centroids.ndim == 3
    columns = math.ceil(math.sqrt(k)) if as_maps else 1
    rows = math.ceil(k / columns)
    top = 0.9 if labels.ndim == 1 else 3.2
    below = 1.9 * rows if as_maps else 3.0
    figure = pyplot.figure(figsize=(8.5, top + below + 0.6), layout="constrained")
    above, under = figure.subfigures(2, 1, height_ratios=(top + 0.4, below + 0.4))
    _draw_labels(above.subplots(), labels, colours)
    if as_maps:
        _draw_maps(under, centroids, colours, names, (rows, columns))
    else:
        _draw_lines(under.subplots(), centroids, colours, names)
    if title is not None:
        figure.suptitle(title)
    return figure


def _on_host(da: Any) -> Any:
    from ..kernels.transfer import to_host

    da = da.compute()
    return da.copy(data=to_host(da.data))


def _colours(k: int) -> list[Any]:
    if k <= len(PALETTE):
        return list(PALETTE[:k])
    return list(matplotlib("matplotlib").colormaps["turbo"](np.linspace(0.03, 0.97, k)))


def _names(labels: Any, k: int) -> list[str]:
    """Number and share of each cluster."""
    there = labels.values[labels.values >= 0].astype(int)
    counts = np.bincount(there.ravel(), minlength=k)
    return [f"{i} ({100 * n / max(1, counts.sum()):.0f} %)" for i, n in enumerate(counts)]


def _draw_labels(ax: Any, labels: Any, colours: list[Any]) -> None:
    colors = matplotlib("matplotlib.colors")
    k = len(colours)
    how = {"cmap": colors.ListedColormap(colours), "vmin": -0.5, "vmax": k - 0.5}
    ax.set_facecolor(_LAND)
    shown = labels.where(labels >= 0)
    if labels.ndim == 1:
        (dim,) = labels.dims
        x = _values(shown, dim)
        ax.pcolormesh(x, [0.0, 1.0], np.stack([shown.values] * 2), shading="nearest", **how)
        ax.set(yticks=[], ylim=(0, 1), xlabel=_axis_label(labels, dim))
        short_dates(ax.xaxis, x)
    else:
        y, x = _map_dims(labels)
        shown = shown.transpose(y, x)
        mesh = ax.pcolormesh(_values(shown, x), _values(shown, y), shown.values, **how)
        ax.set(xlabel=_axis_label(labels, x), ylabel=_axis_label(labels, y))
        ax.figure.colorbar(mesh, ax=ax, ticks=range(k), label="cluster", pad=0.02)


def _draw_lines(ax: Any, centroids: Any, colours: list[Any], names: list[str]) -> None:
    dim = centroids.dims[1]
    x = _values(centroids, dim)
    marker = "o" if centroids.sizes[dim] <= 40 else None
    numeric = np.asarray(x).dtype.kind in "iufM"
    at = x if numeric else np.arange(len(x))
    for row, colour, name in zip(centroids.values, colours, names, strict=True):
        ax.plot(at, row, color=colour, marker=marker, markersize=4, label=name)
    if not numeric or (np.asarray(x).dtype.kind in "iu" and len(x) <= 31):
        ax.set_xticks(at, [str(v) for v in x])
    short_dates(ax.xaxis, np.asarray(x))
    ax.set(xlabel=_axis_label(centroids, dim), ylabel=label_of(centroids, "centroid"))
    ax.grid(alpha=0.25)
    columns = math.ceil(len(names) / _IN_COLUMN)
    where = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "ncols": columns}
    ax.legend(title="cluster", frameon=False, columnspacing=1, **where)


def _draw_maps(
    figure: Any, centroids: Any, colours: list[Any], names: list[str], shape: tuple[int, int]
) -> None:
    y, x = _map_dims(centroids.isel(cluster=0))
    centroids = centroids.transpose("cluster", y, x)
    low, high = (float(v) for v in np.nanquantile(centroids.values, (0.005, 0.995)))
    how: dict[str, Any] = {"cmap": "viridis", "vmin": low, "vmax": high}
    if low < 0 < high:  # anomalies: zero is white
        most = max(-low, high)
        how = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    mesh = None
    for i, ax in enumerate(axes):
        if i >= len(names):
            ax.set_axis_off()
            continue
        ax.set_facecolor(_LAND)
        mesh = ax.pcolormesh(
            _values(centroids, x), _values(centroids, y), centroids.values[i], **how
        )
        ax.set_title(f"cluster {names[i]}", fontsize="medium", color=colours[i], weight="bold")
        for spine in ax.spines.values():
            spine.set(color=colours[i], linewidth=2)
    figure.supxlabel(_axis_label(centroids, x), fontsize="medium")
    figure.supylabel(_axis_label(centroids, y), fontsize="medium")
    figure.colorbar(mesh, ax=list(axes), label=label_of(centroids, "centroid"), pad=0.02)


def _map_dims(da: Any) -> tuple[str, str]:
    """The dimension that goes upwards and the one that goes to the right."""
    first, second = da.dims
    eastward = ("lon", "x", "east")
    if str(first).lower().startswith(eastward) and not str(second).lower().startswith(eastward):
        return second, first
    return first, second


def _values(da: Any, dim: str) -> np.ndarray:
    return numbers(da.coords[dim].values) if dim in da.coords else np.arange(da.sizes[dim])


def _axis_label(da: Any, dim: str) -> str:
    return label_of(da.coords[dim], dim) if dim in da.coords else str(dim)
