"""What axes and lengths a caller of a Fourier transform means: SciPy's rules, on integers."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ArgumentError, ArgumentTypeError, AxisError
from ..kernels.transforms import TRANSFORMS

NORMS = (None, "backward", "ortho", "forward")


def check_norm(norm: Any) -> None:
    """Refuse a normalisation that SciPy does not have."""
    if not (norm is None or (isinstance(norm, str) and norm in NORMS)):
        raise (ArgumentError if isinstance(norm, str) else ArgumentTypeError)(
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
    if wanted is None or not chosen:
        return chosen, (None,) * len(chosen)
    if len(wanted) != len(chosen):
        raise ArgumentError(
            f"s={s!r} and axes={axes!r}: when both are given they must have the same length"
        )
    return chosen, tuple(shape[a] if n == -1 else n for a, n in zip(chosen, wanted, strict=True))


def resolve_points(n: Any, *, kind: str) -> tuple[int] | None:
    """Requested length of a transform of one axis, None where it was left open.

    No points of a real result are SciPy's way to ask for one.

    >>> resolve_points(8, kind="fft"), resolve_points(0, kind="irfft")
    ((8,), (1,))
    """
    if n is None:
        return None
    points = integer(n, "n")
    if points == 0 and TRANSFORMS[kind].half == "in":
        return (1,)
    if points < 1:
        raise ArgumentError(
            f"n={n}: invalid number of data points ({n}) specified; give at least 1"
        )
    return (points,)


def resolve_lengths(
    shape: Sequence[int],
    axes: tuple[int, ...],
    wanted: tuple[int | None, ...],
    *,
    kind: str,
    one_axis: bool = False,
) -> tuple[int, ...]:
    """Number of points of each transform.

    The last axis of ``irfft`` and ``hfft`` holds half a spectrum: m points stand for 2 (m - 1).
    One point would stand for none; the transforms of ``one_axis`` refuse it, those of several
    make one point of it, as SciPy's do.

    >>> resolve_lengths((5, 9), (0, 1), (None, None), kind="irfft")
    (5, 16)
    """
    lengths = [shape[a] if n is None else n for a, n in zip(axes, wanted, strict=True)]
    if any(n < 1 for n in lengths):
        raise ArgumentError(
            f"invalid number of data points ({lengths}) specified on axes {axes} of an array of "
            f"shape {tuple(shape)}; give at least 1 in n= or s="
        )
    if TRANSFORMS[kind].half == "in" and wanted[-1] is None:
        points = 2 * (shape[axes[-1]] - 1)
        if one_axis and points < 1:
            raise ArgumentError(
                f"Invalid number of data points ({points}) specified on axis {axes[-1]} "
                "of length 1: one frequency does not tell the number of points; give at least 1 in "
                "n="
            )
        lengths[-1] = max(points, 1)
    return tuple(lengths)


def integer(value: Any, name: str) -> int:
    """A Python integer; anything that is not one is refused, as its argument's name says."""
    if hasattr(value, "__dask_graph__"):  # the next line would compute it
        raise ArgumentTypeError(f"{name}={value!r}: expected an integer, not a Dask collection")
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{name}={value!r}: expected an integer") from None


def _integers(values: Any, name: str) -> tuple[int, ...]:
    if not isinstance(values, Iterable) or hasattr(values, "__dask_graph__"):
        return (integer(values, name),)
    try:
        items = tuple(values)
    except TypeError:  # an array of no axes
        raise ArgumentTypeError(f"{name}={values!r}: expected integers") from None
    return tuple(integer(v, name) for v in items)
