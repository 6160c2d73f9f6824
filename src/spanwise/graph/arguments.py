"""What axes and lengths a caller of a Fourier transform means: SciPy's rules, on integers."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ArgumentError, ArgumentTypeError, AxisError

NORMS = (None, "backward", "ortho", "forward")


def check_norm(norm: Any) -> None:
    """Refuse a normalisation that SciPy does not have."""
    if norm not in NORMS:
        raise ArgumentError(
            f"norm={norm!r}: Invalid norm value {norm!r}, "
            'should be "backward", "ortho" or "forward"'
        )


def check_workers(workers: Any) -> None:
    """Refuse a number of threads that SciPy does not take: negative ones count from all cores."""
    if workers is None:
        return
    cores = os.cpu_count() or 1
    number = integer(workers, "workers")
    if number == 0:
        raise ArgumentError(
            f"workers={workers}: workers must not be zero; give a number of threads, or -1 for all "
            f"{cores} cores"
        )
    if number < -cores:
        raise ArgumentError(
            f"workers={workers}: workers value out of range; must not be less than {-cores}, which "
            "is one thread; give -1 for all cores"
        )


def normal_axis(axis: Any, ndim: int) -> int:
    """An axis counted from the front.

    >>> normal_axis(-1, 3)
    2
    """
    index = integer(axis, "axis")
    if not -ndim <= index < ndim:
        raise AxisError(f"axis {index} is out of bounds for an array with {ndim} dimensions")
    return index % ndim


def resolve_axes(
    shape: Sequence[int], s: Any, axes: Any
) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Axes and requested lengths (None: as they are) of an N-D transform.

    ``s`` without ``axes`` means the last axes; ``-1`` in ``s`` means the length of the input.

    >>> resolve_axes((6, 4, 10), (4, 12), None)
    ((1, 2), (4, 12))
    >>> resolve_axes((6, 4, 10), None, (0, -1))
    ((0, 2), (None, None))
    """
    ndim = len(shape)
    wanted = None if s is None else _integers(s, "s")
    if axes is None:
        count = ndim if wanted is None else len(wanted)
        if count > ndim:
            raise ArgumentError(f"s={s!r}: shape requires more axes than are present ({ndim})")
        chosen = tuple(range(ndim - count, ndim))
    else:
        chosen = tuple(normal_axis(a, ndim) for a in _integers(axes, "axes"))
    if len(set(chosen)) != len(chosen):
        raise ArgumentError(f"axes={axes!r}: all axes must be unique")
    if wanted is None:
        return chosen, (None,) * len(chosen)
    if len(wanted) != len(chosen):
        raise ArgumentError(
            f"s={s!r} and axes={axes!r}: when both are given they must have the same length"
        )
    return chosen, tuple(shape[a] if n == -1 else n for a, n in zip(chosen, wanted, strict=True))


def resolve_lengths(
    shape: Sequence[int], axes: tuple[int, ...], wanted: tuple[int | None, ...], *, kind: str
) -> tuple[int, ...]:
    """Number of points of each transform.

    The last axis of ``irfft`` holds half a spectrum: m points stand for 2 (m - 1).

    >>> resolve_lengths((5, 9), (0, 1), (None, None), kind="irfft")
    (5, 16)
    """
    lengths = [shape[a] if n is None else n for a, n in zip(axes, wanted, strict=True)]
    if any(n < 1 for n in lengths):
        raise ArgumentError(
            f"invalid number of data points ({lengths}) specified on axes {axes} of an array of "
            f"shape {tuple(shape)}; give at least 1 in n= or s="
        )
    if kind == "irfft" and wanted[-1] is None:
        lengths[-1] = 2 * (shape[axes[-1]] - 1)
        if lengths[-1] < 1:
            raise ArgumentError(
                f"invalid number of data points ({lengths[-1]}) specified on axis {axes[-1]} "
                "of length 1: one frequency does not tell the number of points; give at least 1 in "
                "n= or s="
            )
    return tuple(lengths)


def integer(value: Any, name: str) -> int:
    """A Python integer; anything that is not one is refused, as its argument's name says."""
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{name}={value!r}: expected an integer") from None


def _integers(values: Any, name: str) -> tuple[int, ...]:
    if not isinstance(values, Iterable):
        return (integer(values, name),)
    return tuple(integer(v, name) for v in values)
