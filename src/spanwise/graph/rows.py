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
from .cluster import tree
from .exchange import Exchange, exchange_step, plan_exchange, regular
from .gram import plan_gram
from .grid import ArraySpec, Chunks
from .plan import Plan, Step
from .whole import ONE_TASK_BYTES

_LARGEST = 64 << 20
"""Bytes of the blocks that an exchange makes, at most, but for a sample of more."""


@dataclass(frozen=True, slots=True)
class RowsPlan:
    """The chunks to bring an array into, and the matrix that they make."""

    exchange: Exchange | None
    """How to get there; None if the chunks are right as they are."""
    samples: Chunks
    """Chunks of the sample axes."""
    features: Chunks
    """Chunks of the feature axes."""
    matrix: Chunks
    """Chunks of the matrix. Columns are numbered chunk by chunk, in C order inside of each."""
    plan: Plan
    """Costs: the exchange, if there is one, and the reshaping of each chunk."""


def plan_matrix(
    spec: ArraySpec, *, sample_axes: int, machine: Machine, operation: str, kept: bool = False
) -> RowsPlan:
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
    kept : bool
        Whether the matrix may stay in memory while its source is there.
    """
    chunks = spec.chunks
    if any(len(axis) > 1 for axis in chunks[sample_axes:]) or not _holds_rows(chunks[:sample_axes]):
        features = spec.shape[sample_axes:]
        rows = _elements(spec, machine) // max(1, math.prod(features))
        chunks = (*_consecutive(spec.shape[:sample_axes], rows), *((n,) for n in features))
    return _planned(spec, chunks, sample_axes, machine, operation, kept=kept)


def plan_columns(
    spec: ArraySpec, *, sample_axes: int, machine: Machine, operation: str
) -> RowsPlan:
    """Plan the matrix for inner products of all samples, a task of which takes some features.

    Features may be cut in any way. Chunks of them are made that hold all samples where a task would
    join more than the budget has room for, and where there would be fewer tasks than run at a time.

    Parameters
    ----------
    spec, sample_axes, machine, operation
        As for `plan_matrix`.
    """
    there = _planned(spec, spec.chunks, sample_axes, machine, operation)
    if _holds_rows(spec.chunks[:sample_axes]) and _suits_products(there, machine):
        return there
    samples, features = spec.shape[:sample_axes], spec.shape[sample_axes:]
    columns = _elements(spec, machine) // max(1, math.prod(samples))
    while True:
        chunks = (*((n,) for n in samples), *_consecutive(features, columns))
        how = _planned(spec, chunks, sample_axes, machine, operation)
        peak = plan_gram(how.plan.result, machine=machine).plan.peak_bytes
        if peak <= machine.memory or columns <= math.prod(samples):
            return how
        columns //= 2


def plan_missing(spec: ArraySpec, *, machine: Machine, operation: str) -> Plan:
    """Plan the read that counts the values of each column of a matrix that are missing."""
    (rows, columns), (n, d) = spec.numblocks, spec.shape
    widest = 8 * max(spec.chunks[1], default=0)
    count = Step(
        f"spanwise-{operation}",
        "reduce",
        spec.blocks,
        "missing",
        bytes_in=spec.nbytes,
        bytes_out=8 * rows * d,
        peak_bytes=machine.threads * (2 * spec.chunk_bytes + widest),
        flops=float(n * d),
        chunk_bytes=widest,
        dtype="int64",
        reason="one read: features that no sample has",
        passes=1,
    )
    merges = tree(rows)
    merge = Step(
        f"spanwise-{operation}-merge",
        "reduce",
        columns * sum(map(len, merges)),
        bytes_in=8 * rows * d,
        bytes_out=8 * d,
        bytes_moved=8 * rows * d,
        peak_bytes=8 * rows * d,
        chunk_bytes=widest,
        dtype="int64",
    )
    result = ArraySpec(((1,), spec.chunks[1]), "int64", 8, spec.library)
    return Plan(operation, spec, result, (count, merge), machine)


def _planned(
    spec: ArraySpec,
    chunks: Chunks,
    sample_axes: int,
    machine: Machine,
    operation: str,
    *,
    kept: bool = False,
) -> RowsPlan:
    """The plan of a matrix whose blocks are these chunks."""
    laid = spec.with_chunks(chunks)
    samples, features = chunks[:sample_axes], chunks[sample_axes:]
    result = laid.with_chunks((_merged(samples), _merged(features)))
    exchange: Exchange | None = None
    steps: list[Step] = []
    if chunks != spec.chunks:
        beside = -(-spec.nbytes // machine.workers) if kept else 0
        exchange = plan_exchange(
            spec, chunks, machine, task_bytes=2 * laid.chunk_bytes, beside=beside
        )
        steps.append(exchange_step(exchange, machine, operation))
    steps += plan_reshape(laid, result.chunks, machine=machine, operation=f"{operation}-rows").steps
    plan = Plan(operation, spec, result, tuple(steps), machine)
    return RowsPlan(exchange, samples, features, result.chunks, plan)


def _holds_rows(samples: Chunks) -> bool:
    """Whether each chunk holds consecutive samples."""
    rest = list(samples)
    while rest and len(rest[-1]) == 1:
        rest.pop()
    return all(length == 1 for axis in rest[:-1] for length in axis)


def _suits_products(how: RowsPlan, machine: Machine) -> bool:
    """Whether tasks on columns of all samples are small enough, and enough."""
    matrix = how.plan.result
    if plan_gram(matrix, machine=machine).plan.peak_bytes > machine.memory:
        return False
    rows, columns = matrix.numblocks
    return rows == 1 or columns >= machine.slots or matrix.nbytes <= ONE_TASK_BYTES


def _elements(spec: ArraySpec, machine: Machine) -> int:
    """Elements of the blocks that an exchange makes: about as many as those of the source have.

    Several of them are held in a task.
    """
    return min(spec.chunk_bytes, _LARGEST, machine.memory // (8 * machine.threads)) // spec.itemsize


def _consecutive(shape: tuple[int, ...], wanted: int) -> Chunks:
    """Chunks of so many consecutive elements in C order, one at least.

    >>> _consecutive((8, 6), 4), _consecutive((8, 6), 20)
    (((1, 1, 1, 1, 1, 1, 1, 1), (3, 3)), ((3, 3, 2), (6,)))
    """
    left = max(1, wanted)
    chunks: list[tuple[int, ...]] = []
    for n in reversed(shape):
        if left == 0:  # before the pivot
            chunks.append((1,) * n)
        elif n <= left:
            chunks.append((n,))
            left //= max(n, 1)
        else:
            chunks.append(regular(n, -(-n // -(-n // left))))
            left = 0
    return tuple(reversed(chunks))


def _merged(chunks: Chunks) -> tuple[int, ...]:
    """Lengths of the chunks of samples, in C order."""
    lengths: tuple[int, ...] = (1,)
    for axis in chunks:
        lengths = tuple(a * b for a in lengths for b in axis)
    return lengths
