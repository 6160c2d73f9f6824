"""Kernels of our own in CUDA C++: their text, how it is specialised, and how they are started."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

_PROCESSORS = 16
"""``cudaDevAttrMultiProcessorCount``."""

Defines = tuple[tuple[str, str | int], ...]
"""What a text is specialised to: names that it uses, and what they stand for."""

NULL = np.uint64(0)
"""An array that is not there."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a kernel."""

    text: str
    """File of CUDA C++ in this folder, without its ending."""
    kernel: str
    """Name of the kernel in it."""
    defines: Defines
    """What the text is specialised to."""
    blocks: int
    """Blocks of threads."""
    threads: int
    """Threads of a block."""
    arguments: tuple[Any, ...]
    """Arrays of the device, and NumPy scalars of the types that the kernel takes."""
    shared: int = 0
    """Bytes of shared memory beside those that the text names."""


class Device(Protocol):
    """Where kernels run."""

    processors: int
    """Multiprocessors, each of which holds some blocks of threads at a time."""

    def launch(self, what: Launch) -> None:
        """Start a kernel; it may not be done when this returns."""
        ...

    def address(self, x: Any) -> int:
        """Where the first element of an array is."""
        ...


class CurrentDevice:
    """CuPy's current device and stream."""

    def __init__(self) -> None:
        import cupy

        # The checker takes the package kernels/cupy for CuPy.
        runtime = cupy.cuda.runtime  # pyright: ignore[reportAttributeAccessIssue]
        self.processors = _processors(runtime.getDevice())

    def launch(self, what: Launch) -> None:
        """Start a kernel on the current stream."""
        kernel = _compiled(what.text, what.kernel, what.defines)
        kernel((what.blocks,), (what.threads,), what.arguments, shared_mem=what.shared)

    def address(self, x: Any) -> int:
        """In the memory of the device."""
        return x.data.ptr


def text_of(name: str) -> str:
    """CUDA C++ of a file in this folder, behind what all of them use."""
    return "\n".join(
        Path(__file__).with_name(file).read_text(encoding="utf-8")
        for file in ("exact.cuh", f"{name}.cu")
    )


def options_of(defines: Defines) -> tuple[str, ...]:
    """What a compiler is told.

    >>> options_of((("REAL", "float"), ("ROWS", 8)))
    ('--std=c++17', '-DREAL=float', '-DROWS=8')
    """
    return ("--std=c++17", *(f"-D{name}={value}" for name, value in defines))


@functools.cache
def _compiled(text: str, kernel: str, defines: Defines) -> Any:
    """A kernel, which CuPy compiles once on each device, and keeps on disk for other processes."""
    import cupy

    # The checker takes the package kernels/cupy for CuPy.
    make = cupy.RawKernel  # pyright: ignore[reportAttributeAccessIssue]
    return make(text_of(text), kernel, options_of(defines))


@functools.cache
def _processors(device: int) -> int:
    import cupy

    runtime = cupy.cuda.runtime  # pyright: ignore[reportAttributeAccessIssue]
    return int(runtime.deviceGetAttribute(_PROCESSORS, device))
