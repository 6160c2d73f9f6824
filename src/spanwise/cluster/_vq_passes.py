"""Reads of the rows beside those of Lloyd's iteration: the draws of k-means++ need their own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .. import dispatch, options
from ..graph.cluster import REMEDIES, plan_pass
from ..kernels.kernel import kernel_of
from ..kernels.library import namespace
from ..kernels.plusplus import (
    closest_squares,
    first_beyond,
    plusplus_draw,
    plusplus_masses,
    row_at,
)


def one_pass(
    x: Any,
    function: Callable[..., Any],
    merge: Callable[[Sequence[Any]], Any],
    *,
    out: int,
    flops: float,
    reason: str,
    operation: str,
    books: np.ndarray | None = None,
) -> Any:
    """What one read of a chunked array comes to: a kernel on each row block, and a merge.

    ``out`` are the bytes that the kernel makes of a row block, and the merge of all of them.
    """
    from ..graph.dask import reduce_rows, spec_of

    kernel = kernel_of(function)
    assert kernel is not None
    how = plan_pass(
        spec_of(x),
        kernel.name,
        out=out,
        flops=flops,
        reason=reason,
        machine=options.machine(),
        operation=operation,
    )
    how.plan.check(remedies=REMEDIES)
    return reduce_rows(x, function, merge, how=how, books=books).compute()


class Draws(Protocol):
    """Rows by their squared distance to the nearest code."""

    def next(self, codes: np.ndarray, u: float) -> np.ndarray:
        """The row at which the share ``u`` of the squared distances of all rows is reached.

        Where all rows are codes it is the first one, as in SciPy.
        """
        ...


def draws_of(x: Any, *, operation: str) -> Draws:
    """Draws from rows in memory or chunked."""
    return MemoryDraws(x) if dispatch.kind_of(x) == "concrete" else ChunkedDraws(x, operation)


class MemoryDraws:
    """The distances stay, so that each draw looks at one more code only."""

    def __init__(self, x: Any) -> None:
        self.x = x
        self._closest: Any = None

    def next(self, codes: np.ndarray, u: float) -> np.ndarray:
        """The row at which the share ``u`` is reached."""
        xp = namespace(self.x)
        new = closest_squares(self.x, codes[-1:])
        self._closest = new if self._closest is None else xp.minimum(self._closest, new)
        target = u * float(xp.sum(self._closest))
        return row_at(self.x, first_beyond(self._closest, target))


class ChunkedDraws:
    """A read of all row blocks for their shares, and of one more for the row."""

    def __init__(self, x: Any, operation: str) -> None:
        self.x = x
        self._operation = operation
        self._filled = np.flatnonzero(x.chunks[0])

    def next(self, codes: np.ndarray, u: float) -> np.ndarray:
        """The row at which the share ``u`` is reached."""
        x, d = self.x, self.x.shape[1]
        shares = one_pass(
            x,
            plusplus_masses,
            np.concatenate,
            out=8 * x.numblocks[0],
            flops=3.0 * x.shape[0] * d * len(codes),
            reason="one read for each code but the first: squared distances to those before it",
            operation=self._operation,
            books=codes,
        )[self._filled]
        ends = np.cumsum(shares)
        target = u * ends[-1]
        place = min(int(np.searchsorted(ends, target)), len(ends) - 1)
        block = x.blocks[int(self._filled[place])]
        inside = float(target - (ends[place] - shares[place]))
        return one_pass(
            block,
            functools.partial(plusplus_draw, target=inside),
            _only,
            out=8 * d,
            flops=3.0 * block.shape[0] * d * len(codes),
            reason="the row block that the next code lies in, once more",
            operation=self._operation,
            books=codes,
        )


def _only(parts: Sequence[np.ndarray]) -> np.ndarray:
    (part,) = parts
    return part
