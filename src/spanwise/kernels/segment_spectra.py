"""The spectrum of each segment of a block: spectrograms and short-time transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .blocks import empty_like_library
from .kernel import Kernel
from .library import DEVICE_LIBRARIES, Array, library_of, namespace
from .segments import (
    Prepared,
    Segments,
    device_scratch_bytes,
    free_axes,
    lines_of,
    runs_of,
    scratch_bytes,
    slabs_of,
    squares,
    transformed,
)

Mode = Literal["psd", "complex", "magnitude", "angle", "phase"]
"""What of the spectrum of each segment is given out."""
Extension = Literal["zeros", "constant", "even", "odd"]
"""What an axis is continued by: zeros, its last value, its mirror image, that about the end."""


@dataclass(frozen=True, slots=True)
class Edge:
    """How an axis goes on beyond its ends."""

    kind: Extension
    """What by."""
    width: int
    """Samples in front, and as many behind; what is asked for beyond those is zero."""
    length: int
    """Samples of the axis."""

    def reads(self, begin: int, end: int) -> tuple[int, int]:
        """The samples of the axis that a range beyond its ends is made of.

        >>> Edge("even", 4, 100).reads(-3, 2), Edge("zeros", 4, 100).reads(98, 104)
        ((0, 4), (98, 100))
        """
        start, stop = max(begin, 0), min(end, self.length)
        if self.kind != "zeros":
            if begin < 0:
                stop = max(stop, min(self.length, 1 - begin))
            if end > self.length:
                mirrored = min(end - self.length, self.width)
                start = min(start, max(0, self.length - 1 - mirrored))
        return (min(start, stop), stop)

    def extended(
        self, pieces: Sequence[Array], first: int, begin: int, end: int, *, axis: int
    ) -> Sequence[Array]:
        """The range ``begin`` to ``end`` from pieces that lie side by side from ``first`` on."""
        before, behind = max(-begin, 0), max(end - self.length, 0)
        if not before and not behind:
            return pieces
        xp = namespace(pieces[-1])
        x = xp.concat(list(pieces), axis=axis) if len(pieces) > 1 else pieces[0]
        mirrored = min(behind, self.width)
        parts = [x]
        if before:
            parts.insert(0, self._beyond(x, before, axis, at_end=False))
        if mirrored:
            parts.append(self._beyond(x, mirrored, axis, at_end=True))
        if behind > mirrored:
            parts.append(_zeros(x, behind - mirrored, axis))
        start = begin - (first - before)
        whole = xp.concat(parts, axis=axis)
        return (whole[_along(axis, start, start + end - begin)],)

    def _beyond(self, x: Array, n: int, axis: int, *, at_end: bool) -> Array:
        """So many samples in front of a block that begins with the axis, or behind its end."""
        xp, length = namespace(x), x.shape[axis]
        if self.kind == "zeros":
            return _zeros(x, n, axis)
        end = _along(axis, length - 1, length) if at_end else _along(axis, 0, 1)
        if self.kind == "constant":
            return xp.concat([x[end]] * n, axis=axis)
        inner = _along(axis, length - 1 - n, length - 1) if at_end else _along(axis, 1, n + 1)
        image = xp.flip(x[inner], axis=axis)
        return image if self.kind == "even" else 2 * x[end] - image


def _along(axis: int, start: int, stop: int) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, slice(start, stop), ...)


def _zeros(x: Array, n: int, axis: int) -> Array:
    shape = (*x.shape[:axis], n, *x.shape[axis + 1 :])
    on = {} if library_of(x) == "numpy" else {"device": x.device}
    return namespace(x).zeros(shape, dtype=x.dtype, **on)


def _segment_spectra(
    x: Array,
    *numbers: int,
    how: Segments,
    mode: Mode,
    scale: float,
    one_sided: bool,
    edge: Edge | None = None,
    before: Sequence[Array] = (),
    engine: str = "scipy",
) -> Array:
    pieces: Sequence[Array] = (*before, x)
    if edge is not None:
        pieces = edge.extended(pieces, *numbers, axis=how.axis)
    xp = namespace(x)
    runs, dtype = runs_of(pieces[-1], pieces[:-1], how)
    prepare = Prepared(how, dtype, x)
    given = replace(how, half=how.half and one_sided)
    paired = how.nfft if given.half and mode == "psd" else None
    lead, _, trail = runs[0].x.shape
    shape = (lead, trail, sum(run.count for run in runs), given.frequencies)
    out = None
    first = 0
    for run in runs:
        for slab in slabs_of(run, how, library_of(x) in DEVICE_LIBRARIES):
            spectrum = transformed(prepare(lines_of(run, slab, how)), given, engine)
            part = _of_mode(spectrum, mode, scale, paired)
            if out is None:
                out = empty_like_library(shape, part.dtype, part)
            where = slice(first + slab.segments.start, first + slab.segments.stop)
            out[slab.lead, slab.trail, where, :] = xp.permute_dims(part, (0, 2, 1, 3))
        first += run.count
    assert out is not None
    return _arranged(out, x.shape, how.axis)


def _arranged(out: Array, shape: tuple[int, ...], axis: int) -> Array:
    """(before, behind, segments, frequencies): frequencies to where samples were, segments last."""
    xp = namespace(out)
    others = (*shape[:axis], *shape[axis + 1 :])
    out = xp.reshape(out, (*others, *out.shape[2:]))
    order = [*range(len(others) + 1)]
    order.insert(axis, len(others) + 1)
    return xp.permute_dims(out, tuple(order))


def _of_mode(spectrum: Array, mode: Mode, scale: float, paired: int | None) -> Array:
    """What is asked for of spectra, whose frequencies lie on the last axis.

    ``paired`` is the number of points of a real transform whose positive frequencies count for
    negative ones.
    """
    xp = namespace(spectrum)
    if mode == "complex":
        return spectrum * scale
    if mode == "psd":
        power = squares(xp, spectrum)
        power *= scale**2
        if paired is not None:
            power[..., 1 : (paired + 1) // 2] *= 2.0
        return power
    if mode == "magnitude":
        return xp.abs(spectrum) * scale
    angle = xp.atan2(xp.imag(spectrum), xp.real(spectrum))
    return angle if mode == "angle" else _unwrapped(angle)


def _unwrapped(angle: Array) -> Array:
    """Angles along the last axis without jumps of more than half a turn."""
    xp = namespace(angle)
    if angle.shape[-1] < 2:
        return angle
    change = angle[..., 1:] - angle[..., :-1]
    turns = xp.round(change / (2 * math.pi))
    angle[..., 1:] -= 2 * math.pi * xp.cumulative_sum(turns, axis=-1)
    return angle


segment_spectra = Kernel(
    "segment_spectra",
    _segment_spectra,
    workspace=scratch_bytes,
    device_workspace=device_scratch_bytes,
    free_axes=free_axes,
)
"""The spectrum of each segment of a block, frequencies in place of samples and segments last.

``how`` and ``before`` as of :data:`spanwise.kernels.segments.segment_sums`; ``mode`` says what of a
spectrum, ``scale`` what amplitudes are multiplied by. With an ``edge`` three numbers stand behind
the block: its first sample, and the range that it stands for."""
