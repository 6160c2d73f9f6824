"""One block of rows out of the chunks that lie side by side along the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .blas import single_threaded
from .kernel import Kernel, kernel_of
from .library import Array, namespace


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
