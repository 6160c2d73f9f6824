"""What a call of a transform asks for, and where its planner stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..kernels.fft import flops
from ..kernels.transforms import TRANSFORMS, Transform
from .grid import ArraySpec, Chunks
from .stages import Fill, Stage, Work


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a transform."""

    kind: str
    """Name in :data:`spanwise.kernels.transforms.TRANSFORMS`."""
    axes: tuple[int, ...]
    """Distinct axes; the last one is the real axis of transforms that have one."""
    lengths: tuple[int, ...]
    """Points of each, after cropping or padding."""
    norm: str | None
    """Normalisation, as SciPy's."""
    operation: str
    """Public name, for messages and task keys."""
    options: tuple[tuple[str, Any], ...] = ()
    """More keywords of the kernel."""
    order: str = "natural"
    """How an axis that takes four steps comes (or is given): "natural", "decimated", or "rows":
    decimated, but of a real signal only the rows 0 ... P/2, each whole."""
    output_chunks: Chunks | None = None
    """Chunks of the result; None where the plan may choose."""

    @property
    def transform(self) -> Transform:
        """The transform."""
        return TRANSFORMS[self.kind]

    @property
    def points(self) -> dict[int, int]:
        """Number of points of each axis."""
        return dict(zip(self.axes, self.lengths, strict=True))

    @property
    def half_axis(self) -> int | None:
        """The axis that is real on one side and half a spectrum on the other."""
        return self.axes[-1] if self.transform.half and self.axes else None

    def work(self, kind: str, axes: tuple[int, ...], spec: ArraySpec, result: ArraySpec) -> Work:
        """The kernel on whole axes."""
        lengths = tuple(self.points[a] for a in axes)
        points = max(math.prod(spec.shape), math.prod(result.shape))
        return Work(
            TRANSFORMS[kind].kernel,
            (
                ("kind", kind),
                ("axes", axes),
                ("lengths", lengths),
                ("norm", self.norm),
                *self.options,
            ),
            flops=flops(lengths, points, real=TRANSFORMS[kind].half is not None),
        )


@dataclass(slots=True)
class State:
    """Where the planner stands."""

    spec: ArraySpec
    pending: list[int]
    stages: list[Stage | Fill] = field(default_factory=list)
    half: int | None = None
    """Axis of which a transform of real input has computed half."""

    def put(self, stage: Stage | Fill) -> None:
        """Append a stage."""
        self.stages.append(stage)
        self.spec = stage.result


def is_real(spec: ArraySpec) -> bool:
    """Whether the elements are real numbers."""
    return not spec.dtype.startswith("complex")
