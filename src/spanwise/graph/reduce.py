"""Plans shares of chunks, and the trees that add them to one another."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..kernels.kernel import Kernel
from ..machine import Machine
from .cluster import SPLIT_EVERY, tree
from .grid import ArraySpec
from .plan import Plan, Step


def tree_step(
    shares: ArraySpec, result: ArraySpec, axis: int, machine: Machine, operation: str
) -> Step:
    """What it costs to add the chunks along an axis, all of one length, to one another.

    Parameters
    ----------
    shares, result : ArraySpec
        Before and after.
    axis : int
        Axis of the chunks that are added.
    machine : Machine
        Number of tasks at a time.
    operation : str
        Prefix of the task keys.
    """
    held = math.ceil(shares.nbytes / machine.workers)
    return Step(
        name=f"spanwise-{operation}-sum",
        pattern="reduce",
        tasks=sum(map(len, tree(shares.numblocks[axis]))) * result.blocks,
        bytes_in=shares.nbytes,
        bytes_out=result.nbytes,
        bytes_moved=shares.nbytes,
        peak_bytes=held + machine.threads * 2 * result.chunk_bytes,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=f"sums of the chunks are added, {SPLIT_EVERY} at a time",
    )


def plan_shares(
    spec: ArraySpec,
    kernel: Kernel,
    *,
    lengths: Mapping[int, int],
    dtype: str,
    machine: Machine,
    operation: str,
    reason: str,
) -> Plan:
    """Plan a kernel whose results over the chunks of some axes add up to that of whole axes.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    kernel : Kernel
        What runs on each chunk.
    lengths : mapping of int to int
        The axes, and the length of the result on each.
    dtype : str
        Element type given out.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Prefix of the task keys.
    reason : str
        Why the work has this form.

    Returns
    -------
    Plan
        With a step for the kernel, and one for the sums along each of the axes that is cut, in
        their order.
    """
    chunks = tuple(
        (lengths[axis],) * len(c) if axis in lengths else c for axis, c in enumerate(spec.chunks)
    )
    shares = ArraySpec(chunks, dtype, np.dtype(dtype).itemsize, spec.library)
    cut = [axis for axis in lengths if not spec.is_whole(axis)]
    held = math.ceil(shares.nbytes / machine.workers) if cut else 0
    workspace = kernel.workspace(spec.chunk_bytes, shares.chunk_bytes)
    task_bytes = spec.chunk_bytes + shares.chunk_bytes + workspace
    steps = [
        Step(
            name=f"spanwise-{operation}",
            pattern="blockwise",
            tasks=spec.blocks,
            kernel=kernel.name,
            bytes_in=spec.nbytes,
            bytes_out=shares.nbytes,
            peak_bytes=held + machine.threads * task_bytes,
            chunk_bytes=shares.chunk_bytes,
            dtype=dtype,
            reason=reason,
        )
    ]
    result = shares
    for axis in cut:
        before, chunks = result, list(result.chunks)
        chunks[axis] = chunks[axis][:1]
        result = before.with_chunks(tuple(chunks))
        steps.append(tree_step(before, result, axis, machine, operation))
    return Plan(operation, spec, result, tuple(steps), machine)
