"""Adding blocks: what a tree of sums runs in its tasks."""

from __future__ import annotations

from collections.abc import Sequence

from .library import Array


def add(parts: Sequence[Array]) -> Array:
    """The sum of blocks of one shape, in their order; none of them is overwritten."""
    first, *others = parts
    if not others:
        return first
    total = first + others[0]
    for part in others[1:]:
        total += part
    return total
