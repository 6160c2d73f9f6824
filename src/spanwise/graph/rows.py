"""Plans how a labelled array becomes a matrix of samples and features, without a global copy.

Samples are numbered in C order over the sample axes, whatever the chunking. A chunk holds
consecutive samples if, with one sample axis as the pivot, the axes behind it are whole and those
before it are cut into single elements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..machine import Machine
from .blockwise import plan_reshape
from .exchange import Exchange, plan_exchange
from .grid import ArraySpec, Chunks, balanced
from .plan import Plan, Step


@dataclass(frozen=True, slots=True)
class RowsPlan:
    """The chunks to bring an array into, and the matrix that they make."""

    exchange: Exchange | None
    """How to get there; None if the chunks are right as they are."""
    samples: Chunks
    """Chunks of the sample axes."""
    matrix: Chunks
    """Chunks of the matrix; features are whole."""
    plan: Plan
    """Costs: the exchange, if there is one, and the reshaping of each chunk."""


def plan_matrix(spec: ArraySpec, *, sample_axes: int, machine: Machine, operation: str) -> RowsPlan:
    """Plan the matrix of an array whose first axes are the samples and the others the features.

    Parameters
    ----------
    spec : ArraySpec
        The array, samples first.
    sample_axes : int
        Number of axes that samples are numbered over.
    machine : Machine
        Budget and number of workers.
    operation : str
        Prefix of the task keys.
    """
    chunks = spec.chunks
    if not _holds_rows(chunks, sample_axes):
        chunks = _row_chunks(spec, sample_axes)
    laid = spec.with_chunks(chunks)
    d = math.prod(spec.shape[sample_axes:])
    rows = _merged(chunks[:sample_axes])
    result = laid.with_chunks((rows, (d,)))
    exchange: Exchange | None = None
    steps: list[Step] = []
    if chunks != spec.chunks:
        exchange = plan_exchange(spec, chunks, machine, task_bytes=2 * laid.chunk_bytes)
        steps.append(_exchange_step(exchange, machine, operation))
    steps += plan_reshape(laid, result.chunks, machine=machine, operation=f"{operation}-rows").steps
    plan = Plan(operation, spec, result, tuple(steps), machine)
    return RowsPlan(exchange, chunks[:sample_axes], result.chunks, plan)


def _holds_rows(chunks: Chunks, sample_axes: int) -> bool:
    """Whether each chunk holds consecutive samples with all their features."""
    if any(len(axis) > 1 for axis in chunks[sample_axes:]):
        return False
    samples = list(chunks[:sample_axes])
    while samples and len(samples[-1]) == 1:
        samples.pop()
    return all(length == 1 for axis in samples[:-1] for length in axis)


def _row_chunks(spec: ArraySpec, sample_axes: int) -> Chunks:
    """Chunks of consecutive samples, about as large as those of the source.

    >>> _row_chunks(ArraySpec(((4, 4), (3, 3), (2, 2)), "f4", 4), 2)
    ((1, 1, 1, 1, 1, 1, 1, 1), (6,), (4,))
    """
    features = tuple((n,) for n in spec.shape[sample_axes:])
    elements = math.prod(max(axis, default=0) for axis in spec.chunks)
    rows = max(1, elements // max(1, math.prod(spec.shape[sample_axes:])))
    chunks: list[tuple[int, ...]] = []
    for n in reversed(spec.shape[:sample_axes]):
        if rows == 0:  # before the pivot
            chunks.append((1,) * n)
        elif n <= rows:
            chunks.append((n,))
            rows //= max(n, 1)
        else:
            chunks.append(balanced(n, math.ceil(n / rows)))
            rows = 0
    return (*reversed(chunks), *features)


def _merged(chunks: Chunks) -> tuple[int, ...]:
    """Lengths of the chunks of samples, in C order."""
    lengths: tuple[int, ...] = (1,)
    for axis in chunks:
        lengths = tuple(a * b for a in lengths for b in axis)
    return lengths


def _exchange_step(exchange: Exchange, machine: Machine, operation: str) -> Step:
    source, result = exchange.source, exchange.result
    in_flight = machine.threads * 2 * max(source.chunk_bytes, result.chunk_bytes)
    return Step(
        name=f"spanwise-{operation}-exchange",
        pattern=f"exchange ({exchange.form})",
        tasks=exchange.tasks,
        bytes_in=source.nbytes,
        bytes_out=result.nbytes,
        bytes_moved=exchange.bytes_moved,
        bytes_staged=result.nbytes if exchange.form == "staged" else 0,
        peak_bytes=exchange.held_bytes(machine) + in_flight,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=exchange.reason,
    )
