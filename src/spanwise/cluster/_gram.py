"""The two reads of wide data: all inner products of the rows, and means of the rows of clusters."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dispatch, options
from ..errors import ArgumentError
from ..graph.gram import gram_remedies, plan_centers, plan_gram
from ..kernels.gram import (
    cluster_sums,
    digits_of,
    gram,
    matrix_of,
    merge_products,
    pilot_rows,
    weight_of,
)
from ..kernels.survey import check_weights
from ..kernels.transfer import to_host
from ..machine import Machine
from ._arguments import float_dtype
from ._gram_lloyd import GramMatrix


def gram_of(
    x: Any,
    weights: Any = None,
    *,
    skipna: bool = False,
    anchors: np.ndarray | None = None,
    memory: int | str | None = None,
    operation: str = "KMeans.fit",
) -> GramMatrix:
    """All inner products of the rows, in one read; computes.

    Parameters
    ----------
    x : array, shape (n, d)
        Real rows in memory, or a Dask array chunked along either axis.
    weights : array, shape (n,), optional
        Weight of each row; rows of weight 0 get labels, and nothing else depends on them. A Dask
        array is computed first, by itself.
    skipna : bool, default: False
        Leave rows that hold NaN out.
    anchors : numpy.ndarray, shape (k, d), optional
        Given centres, to begin with.
    memory : int or str, optional
        Budget of a worker, instead of the option's.
    operation : str
        Public name, for messages.

    Returns
    -------
    GramMatrix
        The same bits for any chunking, memory order and number of threads.

    Raises
    ------
    NonFiniteError
        For NaN (unless ``skipna``) or infinity.
    MemoryBudgetError
        If the products exceed the memory budget of a worker.
    """
    n, d = x.shape
    given = _host_weights(weights, n)
    digits = digits_of(x.dtype, d)
    params: dict[str, Any] = {
        "digits": digits,
        "pilots": pilot_rows(given, n),
        "skipna": skipna,
    }
    if _is_concrete(x):
        products = gram(x, anchors, **params)
    else:
        products = _reduce(x, anchors, params, options.machine(memory), operation)
    weight = np.ones(n) if given is None else given.copy()
    weight[products.missing] = 0
    if not weight.any():
        raise ArgumentError(
            "no row of x takes part: each holds NaN or has weight 0; fill NaN, or pass weights "
            "above 0"
        )
    matrix, exponent = matrix_of(products, digits, weight > 0)
    return GramMatrix(matrix, exponent, weight, products.missing, d)


def centers_of(
    x: Any,
    members: Sequence[np.ndarray],
    weights: Any,
    ks: Sequence[int],
    *,
    memory: int | str | None = None,
    operation: str = "KMeans.fit",
) -> list[np.ndarray]:
    """Weighted means of the rows of each cluster of several clusterings, in one read; computes.

    Parameters
    ----------
    x : array, shape (n, d)
        The rows.
    members : sequence of numpy.ndarray, shape (n,)
        Cluster of each row; -1 for rows that do not count.
    weights : array, shape (n,) or None
        Weight of each row.
    ks : sequence of int
        Numbers of clusters; one without rows gets the centre of the heaviest.
    memory : int or str, optional
        Budget of a worker, instead of the option's.
    operation : str
        Public name, for messages.

    Returns
    -------
    list of numpy.ndarray, shape (k, d)
        float32 for float32 rows, otherwise float64. The same bits for any chunking.
    """
    n = x.shape[0]
    given = _host_weights(weights, n)
    members = [np.asarray(m, np.int64) for m in members]
    if given is not None:
        members = [np.where(given > 0, m, -1) for m in members]
    if _is_concrete(x):
        pairs = zip(members, ks, strict=True)
        sums = [to_host(cluster_sums(x, m, given, clusters=k)) for m, k in pairs]
    else:
        sums = _map_sums(x, members, given, ks, options.machine(memory), operation)
    out = []
    for m, k, total in zip(members, ks, sums, strict=True):
        weight = weight_of(m, np.ones(n) if given is None else given, k)
        centers = total / np.where(weight > 0, weight, 1.0)[:, None]
        centers[weight <= 0] = centers[int(np.argmax(weight))]
        out.append(centers.astype(float_dtype(x)))
    return out


def _host_weights(weights: Any, n: int) -> np.ndarray | None:
    """Weights on the host, checked; a Dask array is computed."""
    if weights is None:
        return None
    if dispatch.kind_of(weights) == "chunked":
        weights = weights.compute()
    out = np.asarray(to_host(weights) if hasattr(weights, "dtype") else weights, np.float64)
    if out.shape != (n,):
        raise ArgumentError(
            f"sample_weight has shape {out.shape}; expected ({n},), one for each row"
        )
    check_weights(out)
    return out


def _is_concrete(x: Any) -> bool:
    return dispatch.kind_of(x) == "concrete"


def _reduce(
    x: Any,
    anchors: np.ndarray | None,
    params: dict[str, Any],
    machine: Machine,
    operation: str,
) -> Any:
    """The products of a Dask array, planned, checked and computed."""
    from ..graph.dask import spec_of
    from ..graph.dask.gram import reduce_columns

    options.make_placement_effective()
    spec = spec_of(x)
    count = 0 if anchors is None else len(anchors)
    how = plan_gram(spec, anchors=count, machine=machine, operation=operation)
    if how.plan.peak_bytes > machine.memory:
        how.plan.check(remedies=gram_remedies(spec, anchors=count, machine=machine))
    merge = functools.partial(merge_products, digits=params["digits"])
    function = functools.partial(gram, **params)
    return reduce_columns(x, function, merge, how=how, table=anchors).compute()


def _map_sums(
    x: Any,
    members: Sequence[np.ndarray],
    weights: np.ndarray | None,
    ks: Sequence[int],
    machine: Machine,
    operation: str,
) -> list[np.ndarray]:
    """The sums of a Dask array, planned, checked and computed; each chunk is read once for all."""
    import dask

    from ..graph.dask import spec_of
    from ..graph.dask.gram import map_columns

    options.make_placement_effective()
    lazy = []
    for m, k in zip(members, ks, strict=True):
        plan = plan_centers(
            spec_of(x), n_clusters=k, machine=options.machine(), operation=operation
        )
        plan.check(remedies="Cut the features into smaller chunks, e.g. x.rechunk({1: 'auto'})")
        function = functools.partial(cluster_sums, clusters=k)
        lazy.append(map_columns(x, function, (m, weights), rows=k, plan=plan))
    return list(dask.compute(*lazy))
