"""Plans as values: what a call will cost, before anything runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..errors import MemoryBudgetError
from ..machine import Machine, format_bytes
from .grid import ArraySpec


@dataclass(frozen=True, slots=True)
class Step:
    """One layer of a graph."""

    name: str
    """Prefix of the task keys, as Dask's dashboard shows them."""
    pattern: str
    """How chunks depend on chunks: ``blockwise``, ``reduce``, ``exchange`` and its form."""
    tasks: int
    """Tasks of the layer, before Dask fuses any."""
    kernel: str = ""
    """Kernel that the tasks run; empty where they only move data."""
    bytes_in: int = 0
    """Bytes that the tasks take in, all together."""
    bytes_out: int = 0
    """Bytes that the tasks give out, all together."""
    bytes_moved: int = 0
    """Bytes that go from one chunk to another (over the network, on a cluster)."""
    bytes_staged: int = 0
    """Bytes written to the temporary store; as many are read back."""
    peak_bytes: int = 0
    """Most bytes that one worker holds for this step."""
    flops: float = 0.0
    """Floating-point operations."""
    chunk_bytes: int = 0
    """Bytes of the largest chunk given out."""
    dtype: str = ""
    """Element type given out."""
    reason: str = ""
    """Why the step has this form."""
    passes: int = 0
    """Times that the step reads its whole source again (k-means: once per iteration)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one call, on one machine."""

    operation: str
    """Public function that was called."""
    source: ArraySpec
    """The input."""
    result: ArraySpec
    """The output."""
    steps: tuple[Step, ...]
    """In the order of the data."""
    machine: Machine
    """What was assumed."""

    @property
    def tasks(self) -> int:
        """Tasks of all steps."""
        return sum(step.tasks for step in self.steps)

    @property
    def peak_bytes(self) -> int:
        """Most bytes that one worker holds for any step."""
        return max((step.peak_bytes for step in self.steps), default=0)

    @property
    def bytes_moved(self) -> int:
        """Bytes that change chunk."""
        return sum(step.bytes_moved for step in self.steps)

    @property
    def bytes_staged(self) -> int:
        """Bytes written to the temporary store."""
        return sum(step.bytes_staged for step in self.steps)

    def to_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(asdict(self))

    def check(self, *, remedies: str = "") -> None:
        """Raise `MemoryBudgetError` if a step exceeds the budget of one worker.

        Parameters
        ----------
        remedies : str, optional
            What to type instead, for the message.
        """
        worst = max(self.steps, key=lambda step: step.peak_bytes, default=None)
        if worst is None or worst.peak_bytes <= self.machine.memory:
            return
        raise MemoryBudgetError(
            f"{self.operation}: the step {worst.name!r} ({worst.pattern}) holds "
            f"{format_bytes(worst.peak_bytes)} on one worker, over the budget of "
            f"{format_bytes(self.machine.memory)} ({self.machine.source}). {remedies}".rstrip()
        )
