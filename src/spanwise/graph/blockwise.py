"""Plans one task per chunk, each by itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..kernels.blocks import reshape
from ..kernels.kernel import Kernel
from ..machine import Machine
from .grid import ArraySpec, Chunks
from .plan import Plan, Step


def plan_blockwise(
    spec: ArraySpec,
    kernel: Kernel,
    *,
    dtype: str,
    machine: Machine,
    operation: str,
    reason: str,
    lengths: Mapping[int, int] | None = None,
    beside: tuple[ArraySpec, ...] = (),
) -> Plan:
    """Plan a kernel on each chunk by itself.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    kernel : Kernel
        What runs on each chunk.
    dtype : str
        Element type given out.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Prefix of the task keys.
    reason : str
        Why the work has this form.
    lengths : mapping of int to int, optional
        New lengths of axes that are whole in their chunks; the others stay as they are.
    beside : tuple of ArraySpec
        Further inputs, of which each task takes one chunk.
    """
    chunks = tuple(
        (lengths[axis],) if lengths and axis in lengths else c for axis, c in enumerate(spec.chunks)
    )
    result = ArraySpec(chunks, dtype, np.dtype(dtype).itemsize, spec.library)
    step = blockwise_step(kernel, spec, result, machine, operation, reason, beside)
    return Plan(operation, spec, result, (step,), machine)


def blockwise_step(
    kernel: Kernel,
    spec: ArraySpec,
    result: ArraySpec,
    machine: Machine,
    operation: str,
    reason: str,
    beside: tuple[ArraySpec, ...] = (),
) -> Step:
    """What a kernel on each chunk by itself costs; arguments as those of `plan_blockwise`."""
    taken = spec.chunk_bytes + sum(other.chunk_bytes for other in beside)
    workspace = kernel.workspace(taken, result.chunk_bytes)
    return Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=kernel.name,
        bytes_in=spec.nbytes + sum(other.nbytes for other in beside),
        bytes_out=result.nbytes,
        peak_bytes=machine.threads * (taken + result.chunk_bytes + workspace),
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=reason,
    )


def plan_reshape(spec: ArraySpec, chunks: Chunks, *, machine: Machine, operation: str) -> Plan:
    """Plan another shape for each chunk; chunks before and after correspond in C order."""
    result = spec.with_chunks(chunks)
    step = Step(
        name=f"spanwise-{operation}",
        pattern="blockwise",
        tasks=spec.blocks,
        kernel=reshape.name,
        bytes_in=spec.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=machine.threads * 2 * spec.chunk_bytes,
        chunk_bytes=result.chunk_bytes,
        dtype=spec.dtype,
        reason="each chunk keeps its elements",
    )
    return Plan(operation, spec, result, (step,), machine)
