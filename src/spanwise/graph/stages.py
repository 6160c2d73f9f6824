"""Stages of a plan whose work is kernels on blocks, with exchanges before them; and their costs.

A stage is one layer of the graph. Where an exchange is followed by a kernel, both are one task:
the block that the task gathers is its own, so that the kernel may work in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..kernels.hermitian import mirror
from ..kernels.kernel import Kernel
from ..machine import Machine
from .exchange import Exchange
from .grid import ArraySpec
from .plan import Step


@dataclass(frozen=True, slots=True)
class Work:
    """A kernel with its parameters."""

    kernel: Kernel
    """What runs on each block."""
    params: tuple[tuple[str, Any], ...] = ()
    """Keywords of the kernel."""
    numbers: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Arguments behind the block that differ from chunk to chunk: an axis, and one for each of
    its chunks."""
    flops: float = 0.0
    """Operations of all tasks."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An exchange, a kernel on each chunk, or one and then the other."""

    source: ArraySpec
    """Before."""
    result: ArraySpec
    """After."""
    exchange: Exchange | None
    """How chunks are made from slices of others; None where they stay."""
    work: Work | None
    """What runs on each chunk; None where they only change place."""
    reason: str = ""
    """Why the work can be done there."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """Where a chunk of a Hermitian axis comes from."""

    source: int
    """Index of the source chunk."""
    start: int
    """First of its points."""
    stop: int
    """Behind the last of them."""
    mirrored: bool
    """Whether they are reversed and conjugated."""


@dataclass(frozen=True, slots=True)
class Fill:
    """The whole of a Hermitian axis from half of it: X[-k] = conj(X[k]).

    Each chunk comes from one source chunk: as a slice of it, or as its mirror image, which is
    reversed along the other transformed axes as well.
    """

    source: ArraySpec
    """Before."""
    result: ArraySpec
    """After."""
    axis: int
    """The axis of which half is there."""
    others: tuple[int, ...]
    """Other transformed axes, which the chunks hold whole."""
    chunks: tuple[Reflection, ...]
    """Source of each chunk of the axis."""


def steps_of(
    stages: tuple[Stage | Fill, ...], machine: Machine, operation: str
) -> tuple[Step, ...]:
    """What each stage costs."""
    steps = []
    for i, stage in enumerate(stages):
        # What the next exchange slices gathers up while this stage runs.
        behind = _next_exchange(stages[i + 1 :])
        held = 0 if behind is None else behind.held_bytes(machine)
        if isinstance(stage, Fill):
            steps.append(_fill_step(stage, machine, operation, held))
        else:
            steps.append(_step(stage, machine, operation, held))
    return tuple(steps)


def held_before(stages: Sequence[Stage | Fill], machine: Machine) -> int:
    """Bytes of the source of the last exchange, which is held until the last of its targets."""
    before = _next_exchange(stages[::-1])
    return 0 if before is None else before.held_bytes(machine)


def _next_exchange(stages: Sequence[Stage | Fill]) -> Exchange | None:
    found = (s.exchange for s in stages if isinstance(s, Stage) and s.exchange is not None)
    return next(found, None)


def _step(stage: Stage, machine: Machine, operation: str, held_behind: int) -> Step:
    how, work, result = stage.exchange, stage.work, stage.result
    gathered = how.result if how is not None else stage.source
    workspace = 0
    if work is not None:
        workspace = work.kernel.workspace(gathered.chunk_bytes, result.chunk_bytes)
    given = result.chunk_bytes if work is not None else 0
    task_bytes = gathered.chunk_bytes + given + workspace
    held = held_behind
    if how is not None:
        # Its source is there until its last target chunk is.
        held += how.held_bytes(machine)
        # Slices are cut while whole source chunks are there.
        task_bytes = max(task_bytes, 2 * how.source.chunk_bytes)
        if how.form == "staged":
            task_bytes = max(task_bytes, 2 * max(how.source.chunk_bytes, gathered.chunk_bytes))
    if how is None and stage.source.blocks == 0:
        task_bytes = 0
    return Step(
        name=f"spanwise-{operation}" + ("-exchange" if work is None else ""),
        pattern="blockwise" if how is None else f"exchange ({how.form})",
        tasks=result.blocks if how is None else how.tasks,
        kernel="" if work is None else work.kernel.name,
        bytes_in=stage.source.nbytes,
        bytes_out=result.nbytes,
        bytes_moved=0 if how is None else how.bytes_moved,
        bytes_staged=gathered.nbytes if how is not None and how.form == "staged" else 0,
        peak_bytes=held + machine.threads * task_bytes,
        flops=0.0 if work is None else work.flops,
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason="; ".join(r for r in (f"exchange: {how.reason}" if how else "", stage.reason) if r),
    )


def _fill_step(stage: Fill, machine: Machine, operation: str, held_behind: int) -> Step:
    result = stage.result
    return Step(
        name=f"spanwise-{operation}-mirror",
        pattern="blockwise",
        tasks=result.blocks,
        kernel=mirror.name,
        bytes_in=stage.source.nbytes,
        bytes_out=result.nbytes,
        peak_bytes=held_behind + machine.threads * (stage.source.chunk_bytes + result.chunk_bytes),
        chunk_bytes=result.chunk_bytes,
        dtype=result.dtype,
        reason=f"real input: half of axis {stage.axis} is the mirror image of the other half",
    )
