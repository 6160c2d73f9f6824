"""What a computing function would do: the plan of k-means without its run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .schedulers.explain import explain
from .schedulers.explanation import Copies, Explanation, Row

if TYPE_CHECKING:
    import xarray as xr

    from .graph.plan import Plan, Step


def explain_kmeans(
    obj: xr.DataArray, k: int, *, sample_dim: str | None = None, feature_dim: str | None = None
) -> Explanation:
    """Tell what ``obj.spanwise.cluster.kmeans`` will do; arguments as it takes them.

    The passes are as many as there can be by default; rows that fit the budget are read once.
    """
    from .cluster import fit_plan
    from .labels.matrix import as_matrix

    named = sample_dim if feature_dim is None else feature_dim
    others = [dim for dim in obj.dims if dim != named]
    samples = [named] if feature_dim is None else others
    ordered = obj.transpose(*samples, *(dim for dim in obj.dims if dim not in samples))
    rows = as_matrix(ordered.chunk().data, len(samples)).rows
    return _extended(explain(rows), fit_plan(rows, k))


def _extended(explanation: Explanation, plan: Plan) -> Explanation:
    """The steps that feed a plan, followed by its own."""
    device = explanation.rows[-1].device
    added = tuple(_row(step, device) for step in plan.steps)
    passes = sum(step.passes for step in plan.steps)
    before = explanation.totals
    totals = replace(
        before,
        tasks=before.tasks * passes + sum(step.tasks * max(step.passes, 1) for step in plan.steps),
        passes=passes,
        bytes_read=passes * max(before.bytes_read, plan.source.nbytes),
        bytes_written=plan.result.nbytes,
        bytes_moved=passes * before.bytes_moved + plan.bytes_moved,
        bytes_staged=passes * before.bytes_staged + plan.bytes_staged,
        peak_bytes=max(before.peak_bytes, plan.peak_bytes),
    )
    notes = (
        *explanation.notes,
        *(f"{row.name}: {row.form}." for row in added if row.form),
        "Passes, tasks and bytes read are the most that there can be.",
    )
    return replace(explanation, rows=(*explanation.rows, *added), totals=totals, notes=notes)


def _row(step: Step, device: str) -> Row:
    return Row(
        name=step.name,
        planned=True,
        pattern=step.pattern,
        kernel=step.kernel,
        tasks=step.tasks,
        chunks=step.tasks,
        chunk_bytes=step.chunk_bytes,
        dtype=step.dtype,
        device=device,
        reason="",
        form=step.reason,
        bytes_moved=step.bytes_moved,
        bytes_staged=step.bytes_staged,
        to_device=Copies(),
        to_host=Copies(),
        peak_bytes=step.peak_bytes,
    )
