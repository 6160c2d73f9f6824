"""Plans trees of sums along an axis."""

from __future__ import annotations

import math

from ..machine import Machine
from .cluster import SPLIT_EVERY, tree
from .grid import ArraySpec
from .plan import Step


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
        reason=f"shares of the chunks are added, {SPLIT_EVERY} at a time",
    )
