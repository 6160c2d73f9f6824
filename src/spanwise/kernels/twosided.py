"""Both sides of a spectrum, centred or not, from what a transform of real data gives of it.

Those are k = 0 ... n/2 of the last axis and all of the others; a Hermitian spectrum (and its power)
has C[-k] = conj(C[k]), indices counted modulo n. In a centred spectrum the frequency k lies at
(k + n // 2) mod n. There -k lies at n - 1 - p if k lies at p and n is odd, and at -p mod n if n is
even: the first, the lowest frequency, stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from .hermitian import mirror, mirror_into
from .library import Array, namespace

Piece = tuple[slice, slice]


def points_of(lengths: Sequence[int], *, half: bool) -> tuple[int, ...]:
    """Points on the axes of a spectrum, the last one of which may be halved.

    >>> points_of((4, 5), half=True)
    (4, 3)
    """
    last = lengths[-1]
    return (*lengths[:-1], min(last, last // 2 + 1)) if half else tuple(lengths)


def _pieces(known: int, n: int, *, centred: bool) -> list[Piece]:
    """Where the frequencies 0 ... known - 1 of n go: from, to.

    >>> _pieces(3, 4, centred=True)
    [(slice(0, 2, None), slice(2, 4, None)), (slice(2, 3, None), slice(0, 1, None))]
    """
    if not centred:
        return [(slice(0, known), slice(0, known))]
    first = min(known, n - n // 2)
    pieces = [(slice(0, first), slice(n // 2, n // 2 + first))]
    if known > first:
        pieces.append((slice(first, known), slice(0, known - first)))
    return pieces


def write(
    out: np.ndarray,
    known: np.ndarray,
    *,
    axes: Sequence[int],
    centred: Sequence[int],
) -> None:
    """Write what is known of a spectrum into an array, and what follows by symmetry.

    ``known`` is in natural order, and is either all of ``out`` or lacks the negative frequencies of
    the last of ``axes``. ``out`` is centred on the axes in ``centred``.
    """
    pieces = [_pieces(known.shape[a], out.shape[a], centred=a in centred) for a in axes]
    for parts in itertools.product(*pieces):
        source, target = [slice(None)] * known.ndim, [slice(None)] * known.ndim
        for axis, (taken, put) in zip(axes, parts, strict=True):
            source[axis], target[axis] = taken, put
        out[tuple(target)] = known[tuple(source)]
    *others, last = axes
    n = out.shape[last]
    missing = n - known.shape[last]
    if missing < 1:
        return
    zero = n // 2 if last in centred else 0
    stop = zero if last in centred else n

    def lines(begin: int) -> tuple[slice, ...]:
        here = slice(begin, begin + missing)
        return tuple(here if a == last else slice(None) for a in range(out.ndim))

    mirror_into(
        out[lines(stop - missing)],
        out[lines(zero + 1)],
        axis=last,
        others=others,
        reversed=[a for a in others if a in centred and out.shape[a] % 2],
    )


def two_sided(
    known: Array, *, axes: Sequence[int], lengths: Sequence[int], centred: Sequence[int]
) -> Array:
    """What `write` writes, as a new array of any library; ``lengths``: points of the axes."""
    xp = namespace(known)
    *others, last = axes
    missing = lengths[-1] - known.shape[last]
    if missing > 0:
        lines = tuple(
            slice(1, missing + 1) if a == last else slice(None) for a in range(known.ndim)
        )
        known = xp.concat([known, _mirrored(known, last, others, lines)], axis=last)
    if not centred:
        return known
    return xp.roll(known, tuple(known.shape[a] // 2 for a in centred), axis=tuple(centred))


def _mirrored(known: Array, last: int, others: Sequence[int], lines: tuple[slice, ...]) -> Array:
    xp = namespace(known)
    if xp.isdtype(known.dtype, "complex floating"):
        return mirror(known, axis=last, others=others, lines=lines)
    # The standard has no conjugate of real numbers.
    out = xp.flip(known[lines], axis=(last, *others))
    return xp.roll(out, (1,) * len(others), axis=tuple(others)) if others else out
