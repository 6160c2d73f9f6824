"""Philox 4x32-10, a counter-based random generator, as operations on arrays.

A random number is a function of a key and of the position that asks for it, so a sample of rows
depends neither on the chunking nor on who draws it. Source: J. K. Salmon, M. A. Moraes,
R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11,
doi:10.1145/2063384.2063405.

The words are kept in int64. A product of two 32-bit words may wrap around, which leaves both of
its halves right: two's complement keeps all 64 bits, and the mask removes the sign that the shift
drags in. uint64 would say the same, but not every array library computes with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import is_numpy_namespace

from .library import Array

_WORD = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_BLOCK, _DEVICE_BLOCK = 1 << 14, 1 << 22
"""Counters worked on at a time: what stays in a core's cache, and what keeps a device busy."""

Words = tuple[Array, Array, Array, Array]
"""Four arrays of 32-bit words, kept in int64."""


def philox4x32(counter: Words, key: tuple[int, int]) -> Words:
    """Ten rounds of Philox on four words of counter under two words of key.

    Examples
    --------
    The first of the generator's published test vectors:

    >>> import numpy as np
    >>> zero = np.zeros(1, np.int64)
    >>> [f"{int(w[0]):08x}" for w in philox4x32((zero, zero, zero, zero), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        first, second = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c2 = _high(second, c1, k0), _high(first, c3, k1)
        second &= _WORD
        first &= _WORD
        c1, c3 = second, first
        k0, k1 = (k0 + _WEYL[0]) & _WORD, (k1 + _WEYL[1]) & _WORD
    return c0, c1, c2, c3


def _high(product: Array, word: Array, key: int) -> Array:
    """The upper half of a product, mixed with a word and the key."""
    out = product >> 32
    out &= _WORD
    out ^= word
    out ^= key
    return out


def uniforms(
    seed: int, round_: int, start: int, count: int, *, xp: Any = np, device: Any = None
) -> Array:
    """Uniform numbers in the open interval (0, 1) for ``count`` positions from ``start`` on.

    Position ``i`` gets word ``i % 4`` of the Philox block with counter ``i // 4`` and key
    ``(seed, round_)``, whoever asks and in whatever pieces.

    Parameters
    ----------
    seed, round_ : int
        The key, two 32-bit words.
    start, count : int
        Positions, below 2**66.
    xp, device
        Array namespace and device of the result; NumPy by default.

    Returns
    -------
    array, shape (count,)
        float64 multiples of 2**-32, moved up by half of that.

    Examples
    --------
    >>> bool((uniforms(1, 0, 3, 4) == uniforms(1, 0, 0, 7)[3:]).all())
    True
    """
    first, last = start // 4, (start + count + 3) // 4
    where = {} if device is None else {"device": device}
    pieces = []
    block = _BLOCK if is_numpy_namespace(xp) else _DEVICE_BLOCK
    for a in range(first, last, block):
        low = xp.arange(a, min(a + block, last), dtype=xp.int64, **where)
        zero = xp.zeros_like(low)
        words = philox4x32((low & _WORD, low >> 32, zero, zero), (seed & _WORD, round_ & _WORD))
        pieces.append(xp.reshape(xp.stack(words, axis=1), (-1,)))
    if not pieces:
        return xp.zeros(0, dtype=xp.float64, **where)
    words = xp.concat(pieces) if len(pieces) > 1 else pieces[0]
    words = words[start - 4 * first : start - 4 * first + count]
    return (xp.astype(words, xp.float64) + 0.5) * 2.0**-32
