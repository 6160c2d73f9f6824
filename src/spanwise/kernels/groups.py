"""Sums of a line over many groups of its entries, in few calls of a library, in a fixed order.

A device adds values at a place that several threads share in the order in which they come, and
starts a kernel for every call, however small. So entries are gathered, group behind group, into
columns of a fixed length, which one call adds up, all groups together; what a group has beyond
whole columns goes on beside their sums to the next step. Each step takes about the root of the
entries of the largest group, and the last one fills groups up with zeros: two steps serve the rings
of a plane, three the shells of a space. Sums of columns lose fewer digits than one running sum;
differences of a running sum along the line would lose those of small groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .library import Array, namespace

_LONGEST = 64
"""Entries of a column: a thread of a device adds them, and there should be many threads."""
_LAST = 128
"""Entries of a group that the last step may add."""
_FILL = 4
"""How many times more entries zeros may make of those that the last step has."""

Step = tuple[Array, int, int, bool]
"""Which entries are gathered; how many of them make a column, and how many columns come first;
whether a zero goes behind the sums, for the next step."""


def steps_of(groups: np.ndarray, number: int) -> tuple[Step, ...]:
    """How a line is added up over groups.

    Parameters
    ----------
    groups : numpy.ndarray
        For each entry of the line its group, 0 ... ``number`` - 1; ``number`` for none.
    number : int
        Number of groups.

    Returns
    -------
    tuple of Step
        What `sums_of_groups` takes, with indices as NumPy arrays.

    Examples
    --------
    >>> line, groups = np.array([[1.0, 2, 4, 8, 16]]), np.array([1, 0, 1, 3, 1])
    >>> sums_of_groups(line, steps_of(groups, 3))
    array([[ 2., 21.,  0.]])
    """
    counts = np.bincount(groups, minlength=number + 1)[:number]
    small = np.min_scalar_type(number)  # NumPy sorts 16 bits in linear time
    order = np.argsort(groups.astype(small), kind="stable")[: int(counts.sum())]
    steps: list[Step] = []
    while not _ends(counts, first=not steps):
        # Powers of two, up to the root: the rest of a group is then no longer than its columns.
        width = min(_LONGEST, 2 ** math.ceil(math.log2(max(1, counts.max())) / 2))
        columns, rest = np.divmod(counts, width)
        begins = np.cumsum(counts) - counts
        singles = np.repeat(begins + width * columns, rest) + _within(rest)
        taken = np.concatenate([_cells(begins, columns, width).ravel(), singles])
        steps.append((_index(order[taken]), width, int(columns.sum()), False))
        each = np.concatenate([np.repeat(np.arange(number), n) for n in (columns, rest)])
        order, counts = np.argsort(each, kind="stable"), columns + rest
    most = int(counts.max())
    pads = bool((counts < most).any())
    if pads:
        steps[-1] = (*steps[-1][:3], True)
    zero = order.size
    row = np.arange(most)[:, None]
    cells = np.where(row < counts, np.cumsum(counts) - counts + row, zero)
    return (*steps, (_index(np.append(order, zero)[cells].ravel()), most, number, False))


def _ends(counts: np.ndarray, *, first: bool) -> bool:
    """Whether one more step, of a column for each group, may be the last."""
    most = int(counts.max())
    if first:  # which would have to append a zero to the data themselves
        return 0 < most <= _LAST and bool((counts == most).all())
    return most <= 2 or (most <= _LAST and most * counts.size <= _FILL * counts.sum())


def _cells(begins: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """(width, all columns): entries of each group row by row, so that neighbours stay so."""
    first = np.repeat(begins, columns) + _within(columns)
    return first + np.arange(width)[:, None] * np.repeat(columns, columns)


def _within(counts: np.ndarray) -> np.ndarray:
    """0 ... n - 1 for each n.

    >>> _within(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _index(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32 if values.max(initial=0) < 2**31 else np.int64)


def sums_of_groups(x: Array, steps: Sequence[Step]) -> Array:
    """The sums of each line of a matrix over the groups that `steps_of` was told, in double
    precision: (lines, entries) to (lines, groups).
    """
    xp = namespace(x)
    wide = xp.complex128 if xp.isdtype(x.dtype, "complex floating") else xp.float64
    lines = x.shape[0]
    for order, width, columns, pads in steps:
        x = xp.take(x, order, axis=1)
        whole = width * columns
        matrices = xp.reshape(x[:, :whole], (lines, width, columns))
        parts = [xp.sum(matrices, axis=1, dtype=wide)]
        if whole < x.shape[1]:
            parts.append(xp.astype(x[:, whole:], wide))
        if pads:
            parts.append(xp.zeros((lines, 1), dtype=wide, device=x.device))
        x = parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)
    return x
