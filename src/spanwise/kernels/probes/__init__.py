"""Kernels on blocks like those that they meet in use, to measure how fast a device is.

Every kernel of the catalogue has a probe here, or stands in `relations.RELATIONS` beside one that
has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...measures import ELEMENTWISE
from . import lines, planes, rows, transforms
from .probe import NUMBERS, Probe

__all__ = ["Probe", "probes"]


def probes(engine_of: Callable[[str], str]) -> Iterator[Probe]:
    """The kernels that placement may move, on the element types that are common.

    ``engine_of`` tells what transforms NumPy blocks to an element type
    (:func:`spanwise.options.fft_engine`).
    """
    yield from transforms.probes(engine_of)
    yield from planes.probes(engine_of)
    yield from lines.probes(engine_of)
    yield from rows.probes()
    for dtype in NUMBERS:
        yield Probe(ELEMENTWISE, dtype, lambda x: x * 2)
