"""What one run of a kernel takes: by what was measured of it, or else of what stands for it. Pure.

An element type that a kernel was not measured on is priced as one like it, and a kernel that has no
probe as the one that :data:`spanwise.kernels.probes.relations.RELATIONS` names. Both are estimates,
and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..kernels.probes.relations import RELATIONS
from ..measures import ELEMENTWISE, RateTable


@dataclass(frozen=True, slots=True)
class Load:
    """One run of a kernel."""

    kernel: str
    """Name of the kernel."""
    dtype: str
    """Element type of its input."""
    nbytes: int
    """Bytes of its input; 0 where they are not known."""
    made: int = 0
    """Bytes of what it gives out; 0 where they are not known."""


@dataclass(frozen=True, slots=True)
class Rated:
    """Time of one run."""

    seconds: float
    """How long it takes."""
    estimated: str = ""
    """What that is estimated from, in words; empty where the kernel was measured."""

    def plus(self, other: Rated, share: float) -> Rated:
        """With a share of another time behind it.

        >>> Rated(1.0, "a").plus(Rated(4.0, "b"), 0.5)
        Rated(seconds=3.0, estimated='a, b')
        """
        told = ", ".join(filter(None, (self.estimated, other.estimated)))
        return Rated(self.seconds + share * other.seconds, told)


def rated(load: Load, rates: RateTable, device: str, *, any_size: bool = False) -> Rated | None:
    """Time of one run on a kind of device, or None where nothing that stands for it was measured.

    With ``any_size`` blocks that are much smaller than all that were measured take as long per byte
    as the smallest of them, which leaves out what each call takes however little it does: enough to
    tell a time, too little to choose a device by.

    Examples
    --------
    >>> from spanwise.measures import Observation
    >>> rates = RateTable().observe([
    ...     Observation("columns", "complex64", "cpu", 1024, 4.0),
    ...     Observation(ELEMENTWISE, "float32", "cpu", 1024, 1.0)])
    >>> rated(Load("columns", "complex64", 1024), rates, "cpu")
    Rated(seconds=4.0, estimated='')
    >>> rated(Load("back", "complex64", 1024), rates, "cpu")
    Rated(seconds=4.0, estimated='back as columns')
    >>> rated(Load("pad", "float32", 1024, 3072), rates, "cpu")
    Rated(seconds=2.0, estimated='pad by bytes moved')
    """
    if not load.nbytes:
        return None
    for kernel, dtype, nbytes, factor, told in _stand_ins(load):
        found = rates.lookup(kernel, dtype, device, nbytes)
        if found is not None:
            return Rated(found.mean * nbytes * factor, told)
        larger = rates.above(kernel, dtype, device, nbytes) if any_size else None
        if larger is not None:
            return Rated(larger.mean * nbytes * factor, told or f"{kernel} as on larger blocks")
    return None


StandIn = tuple[str, str, int, float, str]
"""Kernel, element type, bytes and factor of its time, and what is told of it."""


def _stand_ins(load: Load) -> Iterator[StandIn]:
    """What the time of a run may be found by, the best first."""
    kernel, nbytes = load.kernel, load.nbytes
    yield kernel, load.dtype, nbytes, 1.0, ""
    for dtype, size in _alike(load.dtype, nbytes, kernel):
        # Whatever the type, bytes are streamed as fast.
        yield kernel, dtype, size, 1.0, "" if kernel == ELEMENTWISE else f"{kernel} as on {dtype}"
    relation = RELATIONS.get(kernel)
    if relation is None:
        return
    if relation.moved:
        nbytes = (nbytes + (load.made or nbytes)) // 2
    for dtype, size in ((load.dtype, nbytes), *_alike(load.dtype, nbytes, relation.of)):
        yield relation.of, dtype, size, relation.factor, f"{kernel} {relation.told}"


def _alike(dtype: str, nbytes: int, kernel: str) -> Iterator[tuple[str, int]]:
    """Types that a kernel may have been measured on instead of another, and the bytes in them."""
    try:
        known = np.dtype(dtype or object)
    except TypeError:  # of no block of numbers
        return
    size = known.itemsize
    if kernel == ELEMENTWISE:
        if known.kind in "biufc":
            yield from (("float32", nbytes), ("float64", nbytes))
    elif known.kind == "f" and size == 2:
        yield "float32", 2 * nbytes
    elif known.kind in "fc" and size in (4, 8, 16):
        other = {"float32": "complex64", "float64": "complex128"}
        other |= {there: here for here, there in other.items()}
        if known.name in other:
            yield other[known.name], nbytes
    elif known.kind in "biu":  # kernels take integers as double precision
        yield from (("int32", 4 * nbytes // size), ("float64", 8 * nbytes // size))
        yield "complex128", 8 * nbytes // size
