"""Lengths that transforms are fast at."""

from __future__ import annotations

from typing import Any


def next_fast_len(target: int, real: bool = False) -> int:
    """Shortest length from ``target`` on that NumPy blocks are transformed fast at.

    Parameters
    ----------
    target : int
        Points that are needed.
    real : bool, default: False
        Whether the data are real.

    Returns
    -------
    int
        A product of small primes; that of :func:`scipy.fft.next_fast_len`.

    Notes
    -----
    Any length is transformed in time proportional to n log n; one with a large prime factor takes
    a few times longer.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.next_fast_len(93059), sw.fft.next_fast_len(7, real=True)
    (93170, 8)
    """
    import scipy.fft

    # The body that type checkers see is only a docstring.
    length: Any = scipy.fft.next_fast_len(target, real)
    return length


def prev_fast_len(target: int, real: bool = False) -> int:
    """Longest length up to ``target`` that NumPy blocks are transformed fast at.

    Parameters
    ----------
    target : int
        Points that there are.
    real : bool, default: False
        Whether the data are real.

    Returns
    -------
    int
        A product of small primes; that of :func:`scipy.fft.prev_fast_len`.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.prev_fast_len(93059), sw.fft.prev_fast_len(7, real=True)
    (92928, 6)
    """
    import scipy.fft

    # The body that type checkers see is only a docstring.
    length: Any = scipy.fft.prev_fast_len(target, real)
    return length
