"""Rows of each cluster, and the share of all weight that they have."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import dispatch, options
from ..graph.cluster import plan_pass
from ..kernels.library import namespace
from ..kernels.tally import Tally, merge_tallies, tally
from ._rows import chunked_weights


def tally_of(labels: Any, clusters: int, weights: Any = None) -> tuple[Any, Any]:
    """Number of rows of each cluster (int64) and their share of the weight (float64).

    Parameters
    ----------
    labels : array, shape (n,)
        0 to ``clusters - 1``; what is below 0 belongs to none.
    clusters : int
        Number of clusters.
    weights : array, shape (n,), optional
        Weight of each row.

    Returns
    -------
    counts, shares : arrays, shape (clusters,)
        On the host; lazy on a Dask array of labels, and read from it once.
    """
    column = labels[:, None]
    if dispatch.kind_of(labels) == "concrete":
        found = tally(namespace(labels).asarray(column), weights, 0, None, clusters=clusters)
        return found.counts, found.shares
    from ..graph.dask import reduce_rows, spec_of

    how = plan_pass(
        spec_of(column),
        tally.name,
        out=32 * clusters,
        flops=float(len(labels)),
        reason="the labels, as they are made",
        machine=options.machine(),
        operation="kmeans-tally",
    )
    function = functools.partial(tally, clusters=clusters)
    given = chunked_weights(weights, column)
    whole = reduce_rows(column, function, merge_tallies, how=how, weights=given)
    known: Any = {"chunks": ((clusters,),), "meta": np.empty(0)}
    counts = whole.map_blocks(_counts, dtype=np.int64, **known)
    return counts, whole.map_blocks(_shares, dtype=np.float64, **known)


def _counts(found: Tally) -> np.ndarray:
    return found.counts


def _shares(found: Tally) -> np.ndarray:
    return found.shares
