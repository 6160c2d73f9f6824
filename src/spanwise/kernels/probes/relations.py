"""Kernels without a probe: what they take is estimated from a kernel that has one.

Passes over a block stream it as ufuncs do, so that they are priced by the bytes that they move. How
many passes each is worth was compared with ``2 * x`` on blocks of 8 MiB, on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...measures import ELEMENTWISE


@dataclass(frozen=True, slots=True)
class Relation:
    """What stands for the rate of a kernel.

    >>> Relation("fill_missing").told, passes(2).told
    ('as fill_missing', 'by bytes moved')
    """

    of: str
    """A kernel that has a probe."""
    factor: float = 1.0
    """Its time on as many bytes, times this."""
    moved: bool = False
    """Whether these are the mean of the bytes taken in and given out, not those taken in."""

    @property
    def told(self) -> str:
        """In words, behind the name of the kernel."""
        return "by bytes moved" if self.moved else f"as {self.of}"


def passes(number: float) -> Relation:
    """So many passes over a block, each of which reads it and writes what it gives out."""
    return Relation(ELEMENTWISE, number, moved=True)


RELATIONS = {
    "apply_window": passes(3),
    "back": Relation("columns"),
    "cross_product": passes(2),
    "deinterleave": passes(5),
    "fill_between": Relation("fill_missing"),
    "flip": passes(1),
    "harmonic_amplitudes": passes(2),
    "interleave": passes(2),
    "loglog_curve": passes(20),
    "loglog_line": passes(10),
    "mirror": passes(2),
    "multiply": passes(1),
    "pad": passes(1),
    "plusplus-draw": Relation("plusplus-masses"),
    "reshape": passes(1),
    "restore_trend": Relation("remove_trend"),
    "roll": passes(2),
    "segment_average": passes(2),
    "segment_stretch": Relation("segment_sums"),
    "squared_magnitude": passes(3),
}
"""What stands for each kernel without a probe."""
