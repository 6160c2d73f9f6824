"""One block of rows out of the chunks that lie side by side along the features, and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blas import single_threaded
from .kernel import Kernel, kernel_of
from .library import Array, library_of, namespace

_BLOCK_ELEMENTS = {"numpy": 1 << 16}
_DEVICE_BLOCK_ELEMENTS = 1 << 23


@dataclass(frozen=True, slots=True)
class OnRows:
    """Runs a kernel on the chunks of one row block, with BLAS on one thread.

    A chunk that holds all features is handed on as it is, a list of chunks is joined.
    """

    function: Callable[..., Any]
    """A kernel, or a partial of one."""

    def __call__(self, chunks: Array | Sequence[Array], *args: Any) -> Any:
        """Join the chunks and run."""
        if isinstance(chunks, list | tuple):
            chunks = namespace(*chunks).concat(list(chunks), axis=1)
        with single_threaded():
            return self.function(chunks, *args)

    @property
    def __spanwise_kernel__(self) -> Kernel | None:
        return kernel_of(self.function)


def pick(results: Sequence[tuple[Any, ...]], item: int) -> Any:
    """One of the results of a kernel that gives several on each row block."""
    (values,) = results
    return values[item]


def row_blocks(x: Array, *, least: int = 1) -> Iterator[Array]:
    """The rows in float64, so many at a time that they stay in cache, or keep a device busy.

    At least ``least`` of them, where the work that each block makes must not outweigh its own.
    """
    xp = namespace(x)
    n, d = x.shape
    elements = _BLOCK_ELEMENTS.get(library_of(x), _DEVICE_BLOCK_ELEMENTS)
    rows = max(least, elements // max(d, 1))
    for a in range(0, n, rows):
        block = xp.astype(x[a : min(a + rows, n), :], xp.float64, copy=False)
        if isinstance(block, np.ndarray):
            block = np.ascontiguousarray(block)  # the order of the sums is the memory's
        yield block
