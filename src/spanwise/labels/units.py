"""Units as texts, multiplied by rule.

What comes out is read alike by UDUNITS (CF conventions) and by Pint: factors joined by blanks,
exponents behind ``^``, a lone denominator as ``1/s``. A text that is not understood is treated as
one factor in parentheses, never dropped and never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_FACTOR = re.compile(r"([A-Za-z%°µμ_]+|\([^()]*\))(?:(?:\^|\*\*)?(-?\d+))?")
_SEPARATOR = re.compile(r"\s*([*·/.]|\s)\s*")

Factors = dict[str, int]


def product(*terms: tuple[str | None, int]) -> str | None:
    """Multiply powers of units.

    Parameters
    ----------
    *terms : (str or None, int)
        A unit and its exponent. None: the unit is not known, and neither is the product.

    Returns
    -------
    str or None
        ``"1"`` where everything cancels.

    Examples
    --------
    >>> product(("K", 2), ("m", 1))
    'K^2 m'
    >>> product(("m s-1", 1), ("s", 1))
    'm'
    >>> product(("s", -1))
    '1/s'
    >>> product(("m/s", 2), (None, 1)) is None
    True
    """
    factors: Factors = {}
    for text, exponent in terms:
        if text is None:
            return None
        for name, power in _parse(text).items():
            factors[name] = factors.get(name, 0) + power * exponent
    return _format((name, power) for name, power in factors.items() if power)


def base_unit(text: str | None) -> str | None:
    """The unit of a coordinate: of CF's "days since 2000-01-01" the days.

    >>> base_unit("days since 2000-01-01")
    'days'
    """
    if text is None:
        return None
    return re.split(r"\s+since\s+", str(text).strip(), maxsplit=1)[0]


def _parse(text: str) -> Factors:
    text = str(text).strip()
    if text in ("", "1"):
        return {}
    factors: Factors = {}
    sign, position = 1, 0
    if text.startswith("1/"):
        sign, position = -1, 2
    while True:
        match = _FACTOR.match(text, position)
        if match is None:
            return {_opaque(text): 1}
        name = match[1]
        factors[name] = factors.get(name, 0) + sign * int(match[2] or 1)
        position = match.end()
        if position == len(text):
            return factors
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            return {_opaque(text): 1}
        sign = -1 if separator[1] == "/" else 1
        position = separator.end()


def _opaque(text: str) -> str:
    return f"({text})"


def _format(factors: Iterable[tuple[str, int]]) -> str:
    factors = list(factors)
    if not factors:
        return "1"
    if len(factors) == 1 and factors[0][1] < 0:
        name, power = factors[0]
        return f"1/{name}" if power == -1 else f"1/{name}^{-power}"
    # An opaque factor alone needs no parentheses.
    if len(factors) == 1 and factors[0][1] == 1:
        return _unwrapped(factors[0][0])
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in factors)


def _unwrapped(name: str) -> str:
    return name[1:-1] if name.startswith("(") else name
