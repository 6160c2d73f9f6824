"""Between labelled shapes and the matrix of samples and features, without a MultiIndex."""

from __future__ import annotations

import math
from typing import Any

from .. import dispatch, options
from ..graph.rows import RowsPlan, plan_matrix
from ..kernels.library import namespace


def as_matrix(x: Any, sample_axes: int) -> tuple[Any, RowsPlan | None]:
    """Rows of samples from an array whose first axes are the samples; lazy on a Dask array.

    Also gives the plan that `as_samples` undoes, None for an array in memory.
    """
    if dispatch.kind_of(x) == "concrete":
        n = math.prod(x.shape[:sample_axes])
        return namespace(x).reshape(x, (n, math.prod(x.shape[sample_axes:]))), None
    from ..graph.dask import exchange, reshape_chunks, spec_of

    how = plan_matrix(
        spec_of(x), sample_axes=sample_axes, machine=options.machine(), operation="kmeans"
    )
    if how.exchange is not None:
        store = options.get_options()["temporary_store"]
        x = exchange(x, how.exchange, step=how.plan.steps[0], plan=how.plan, store_root=store)
    return reshape_chunks(x, how.matrix, step=how.plan.steps[-1], plan=how.plan), how


def as_samples(labels: Any, shape: tuple[int, ...], how: RowsPlan | None) -> Any:
    """Labels of rows on the sample axes that the rows came from."""
    if how is None:
        return namespace(labels).reshape(labels, shape)
    from ..graph.blockwise import plan_reshape
    from ..graph.dask import reshape_chunks, spec_of

    plan = plan_reshape(
        spec_of(labels), how.samples, machine=options.machine(), operation="kmeans-labels"
    )
    return reshape_chunks(labels, how.samples, step=plan.steps[0], plan=plan)
