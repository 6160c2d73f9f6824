"""Inner products of all rows, and sums of rows per cluster, without any rounding of sums.

Floating-point sums depend on their order, hence on chunks and threads. Here a value is cut into
digits: with bins ``u_t = 2**(W t)``, the same for all data, the row ``i`` gets the smallest top
``t`` with ``max |x_i| <= u_t / 2 * 2**W``, and ``x = s_0 u_t + s_1 u_(t-1) + ...``, each digit
rounded to nearest, ``|s| <= 2**(W - 1)``. A matrix product of digits over up to ``2**(55 - 2 W)``
features has integer entries below ``2**53``: every partial sum is exact in float64, whatever order
BLAS takes, and integers add exactly.

Digits do not depend on the top: from a higher one the first digits are 0, as ties are rounded to
even. So parts of the features, each with tops of its own, merge by moving the digits of rows whose
top is lower than that of the whole; digits below the last one kept are dropped. What is kept of a
value is therefore its rounding to a multiple of ``u_(top - K + 1)``, where ``top`` is that of the
whole row: no chunk has a say in it. Its error is at most ``2**-(W (K - 1))`` of the largest value
of the row.

J. Demmel, H. D. Nguyen, "Parallel reproducible summation", IEEE Trans. Comput. 64, 2015 (bins);
K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, "Error-free transformations of matrix multiplication by
using fast routines of matrix multiplication and its applications", Numer. Algorithms 59, 2012.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NonFiniteError
from .blas import single_threaded
from .kernel import Kernel, kernel_of
from .library import Array, library_of, like, namespace
from .survey import check_rows
from .transfer import to_host

PANEL = 256
"""Rows of digits that are multiplied at a time; of each panel only the upper triangle is kept."""

_MOST_BITS = 22
_MOST_FEATURES = 2048
_NO_TOP = -(2**20)
_PILOTS = 9
_FEW_DIGITS = frozenset({"float32", "bool", "int8", "uint8", "int16", "uint16"})
_DEVICE_BLOCK_ELEMENTS = 1 << 24
_BLOCK_ELEMENTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Digits:
    """How values are cut into digits."""

    count: int
    """K, digits of a value."""
    bits: int
    """W, bits of a digit."""

    @property
    def features(self) -> int:
        """Features over which a product of digits is exact in float64."""
        return min(_MOST_FEATURES, 2 ** (55 - 2 * self.bits))


def digits_of(dtype: Any, d: int) -> Digits:
    """Digits for values of a type: a function of the type and of the number of features only.

    Sums over all features stay below 2^62, so that two of them fit int64. Two digits hold float32
    and short integers, three the others.

    >>> digits_of("float32", 10**5), digits_of("float64", 10**8)
    (Digits(count=2, bits=22), Digits(count=3, bits=18))
    """
    bits = min(_MOST_BITS, (64 - max(int(d), 1).bit_length()) // 2)
    return Digits(2 if str(dtype).split(".")[-1] in _FEW_DIGITS else 3, bits)


@dataclass(frozen=True, slots=True)
class Products:
    """Exact inner products of the digits of rows."""

    tops: np.ndarray
    """Number of the top bin of each row; shape (N,), int64."""
    panels: tuple[np.ndarray, ...]
    """The digits of rows, first all first digits, are K N long columns; panel p holds the products
    of columns 256 p ... with all from 256 p on: int64."""
    missing: np.ndarray
    """Rows that hold NaN; shape (n,)."""


def pilot_rows(weights: np.ndarray | None, n: int) -> tuple[int, ...]:
    """Numbers of up to 9 rows at even steps of the weight, for a point near the middle.

    >>> pilot_rows(None, 4)
    (0, 1, 2, 3)
    >>> pilot_rows(np.array([0.0, 1.0, 0.0]), 3)
    (1,)
    """
    weights = np.ones(n) if weights is None else weights
    cumulative = np.cumsum(weights, dtype=np.float64)
    wanted = (np.arange(_PILOTS) + 0.5) / _PILOTS * (cumulative[-1] if n else 0.0)
    found = np.minimum(np.searchsorted(cumulative, wanted, side="right"), max(n - 1, 0))
    return tuple(int(i) for i in np.unique(found))


def panel_starts(columns: int) -> range:
    """The first column of each panel."""
    return range(0, columns, PANEL)


def _gram(
    x: Array,
    anchors: Array | None,
    *,
    digits: Digits,
    pilots: tuple[int, ...],
    skipna: bool = False,
) -> Products:
    """Products of the rows of one feature chunk, followed by the anchors, about a pilot point.

    The pilot of a feature is the median of a few rows: distances do not see it, but digits are not
    spent on an offset. A row that holds NaN counts as 0 and is marked.
    """
    xp = namespace(x)
    missing = check_rows(x, skipna=skipna)
    n, d = int(x.shape[0]), int(x.shape[1])
    spans = [
        _Span(x, anchors, missing, pilots, a, min(a + digits.features, d))
        for a in range(0, d, digits.features)
    ]
    count = n + (0 if anchors is None else int(anchors.shape[0]))
    peaks = np.zeros(count)
    for span in spans:
        largest = xp.concat([xp.max(xp.abs(rows), axis=1) for rows in span.slabs()])
        np.maximum(peaks, to_host(largest), out=peaks)
    tops, scales = _tops(peaks, digits.bits)
    here = [like(scale, x)[:, None] for scale in scales]
    panels: list[Array] = []
    for span in spans:
        panels = _accumulate(panels, _cut(span, here, digits))
    hole = np.zeros(n, bool) if missing is None else to_host(missing)
    done = [to_host(p) for p in panels] or _no_products(digits.count * count)
    return Products(tops, tuple(done), hole)


gram = Kernel("gram", _gram, result_on_host=True)
"""``gram(x, anchors, *, digits, pilots, skipna) -> Products``."""


def _no_products(columns: int) -> list[np.ndarray]:
    starts = panel_starts(columns)
    return [np.zeros((min(PANEL, columns - r), columns - r), np.int64) for r in starts]


class _Span:
    """Some features of all rows, about their pilot, a few rows at a time: what a cache holds."""

    def __init__(
        self,
        x: Array,
        anchors: Array | None,
        missing: Array | None,
        pilots: tuple[int, ...],
        a: int,
        b: int,
    ) -> None:
        xp = namespace(x)
        few = _exact(xp.take(x, like(np.asarray(pilots, np.int64), x), axis=0)[:, a:b])
        few = xp.sort(xp.where(xp.isnan(few), xp.zeros_like(few), few), axis=0)
        self.x = x[:, a:b]
        self.pilot = few[len(pilots) // 2, :]
        self.anchors = None if anchors is None else _beside(anchors[:, a:b], x, "float64")
        self.missing = missing
        elements = _BLOCK_ELEMENTS if library_of(x) == "numpy" else _DEVICE_BLOCK_ELEMENTS
        self.rows = max(1, elements // (b - a))

    def slabs(self) -> Iterator[Array]:
        """Rows in their order, float64, then the anchors; rows that hold NaN are 0."""
        xp = namespace(self.x)
        n = self.x.shape[0]
        for i in range(0, n, self.rows):
            end = min(i + self.rows, n)
            rows = _exact(self.x[i:end, :]) - self.pilot
            if self.missing is not None:
                hole = self.missing[i:end]
                rows = xp.where(hole[:, None], xp.zeros_like(rows), rows)
            yield rows
        if self.anchors is not None:
            yield self.anchors - self.pilot


def _exact(x: Array) -> Array:
    xp = namespace(x)
    exact = xp.astype(x, xp.float64)
    return np.ascontiguousarray(exact) if isinstance(exact, np.ndarray) else exact


def _beside(values: Array, x: Array, dtype: str) -> Array:
    """Values that belong to a block, where the block is; placement may have sent them already."""
    if isinstance(values, np.ndarray):
        return like(values, x, dtype=dtype)
    xp = namespace(values)
    return xp.astype(values, getattr(xp, dtype))


def _tops(peaks: np.ndarray, bits: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Top bin of each row, and two powers of two that scale it to digits of so many bits."""
    if not np.isfinite(peaks).all():
        raise NonFiniteError(
            "x holds values so large that their differences overflow; scale it, e.g. x / 1e10"
        )
    mantissa, exponent = np.frexp(peaks)
    # A peak of exactly u_t 2**(W - 1) still belongs to bin t.
    exponent = exponent.astype(np.int64) - (mantissa == 0.5)
    tops = np.where(peaks > 0, -((bits - 1 - exponent) // bits), 0)
    power = -bits * tops
    # Either factor is a normal number, though their product may not be.
    half = power // 2
    scales = [np.ldexp(1.0, half), np.ldexp(1.0, power - half)]
    return np.where(peaks > 0, tops, _NO_TOP), scales


def _cut(span: _Span, scales: Sequence[Array], digits: Digits) -> Array:
    """The digits of scaled rows, first all first digits; each is an integer."""
    parts: list[list[Array]] = [[] for _ in range(digits.count)]
    xp = namespace(span.x)
    at = 0
    for rows in span.slabs():
        end = at + rows.shape[0]
        rest = rows * scales[0][at:end, :] * scales[1][at:end, :]
        for i, part in enumerate(parts):
            part.append(xp.round(rest))
            if i < digits.count - 1:
                rest -= part[-1]
                rest *= 2.0**digits.bits
        at = end
    return xp.concat([piece for part in parts for piece in part], axis=0)


def _accumulate(panels: Sequence[Array], stacked: Array) -> list[Array]:
    """Add the products of digits of a few features, exact in float64, to integers."""
    xp = namespace(stacked)
    out = []
    for p, r in enumerate(panel_starts(stacked.shape[0])):
        below = stacked[r:, :]
        few = below[: min(PANEL, below.shape[0]), :]
        product = xp.astype(xp.matmul(few, below.T), xp.int64)
        if panels:
            product += panels[p]
        out.append(product)
    return out


def merge_products(parts: Sequence[Products], *, digits: Digits) -> Products:
    """Products over the features of all parts."""
    tops = functools.reduce(np.maximum, (part.tops for part in parts))
    missing = functools.reduce(np.logical_or, (part.missing for part in parts))
    total = [panel.copy() for panel in _lowered(parts[0], tops, digits)]
    for part in parts[1:]:
        for i, panel in enumerate(_lowered(part, tops, digits)):
            total[i] += panel
    return Products(tops, tuple(total), missing)


def _lowered(part: Products, tops: np.ndarray, digits: Digits) -> Sequence[np.ndarray]:
    """The panels with digits counted from higher tops; what lies below the last one is dropped."""
    moves = np.where(part.tops == _NO_TOP, 0, tops - part.tops)
    if not moves.any():
        return part.panels
    n = len(tops)
    depth = np.arange(digits.count)[:, None] + moves
    source = np.flatnonzero(depth < digits.count)
    target = (depth * n + np.arange(n)).ravel()[source]
    full = _square(part.panels)
    lowered = np.zeros_like(full)
    lowered[np.ix_(target, target)] = full[np.ix_(source, source)]
    return [lowered[r : r + PANEL, r:] for r in panel_starts(len(full))]


def _square(panels: Sequence[np.ndarray]) -> np.ndarray:
    """Both triangles."""
    columns = panels[0].shape[1]
    full = np.zeros((columns, columns), np.int64)
    for r, panel in zip(panel_starts(columns), panels, strict=True):
        full[r : r + PANEL, r:] = panel
        full[r:, r : r + PANEL] = panel.T
    return full


def matrix_of(
    products: Products, digits: Digits, counted: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Inner products of the rows, each rounded to float64 once, over ``4**exponent``.

    The exponent keeps products of large or small values in range; it is that of the rows that are
    counted. Others that are larger by more than ``2**400`` are scaled down.
    """
    tops = products.tops
    n = len(tops)
    candidates = tops if counted is None else tops[: len(counted)][counted]
    top = int(candidates.max(initial=_NO_TOP))
    top = 0 if top == _NO_TOP else top
    total, rest = np.zeros((n, n)), np.zeros((n, n))
    pairs = [(a, b) for b in range(digits.count) for a in range(b + 1)]
    for a, b in sorted(pairs, key=sum):
        block = _block(products.panels, n, a, b)
        unit = 2.0 ** (-digits.bits * (a + b))
        # The halves of an integer are exact in float64.
        for half in (block >> 32) * 2.0**32, (block & 0xFFFFFFFF).astype(np.float64):
            total, rest = _add(total, rest, half * unit)
    total += rest
    moves = digits.bits * np.where(tops == _NO_TOP, 0, np.minimum(tops - top, 400 // digits.bits))
    return np.ldexp(total, moves[:, None] + moves[None, :]), digits.bits * top


def _block(panels: Sequence[np.ndarray], n: int, a: int, b: int) -> np.ndarray:
    """Products of digits a and b of all pairs of rows, both ways where they differ."""
    strips = []
    for r, panel in zip(panel_starts(panels[0].shape[1]), panels, strict=True):
        low, high = max(r, a * n), min(r + len(panel), (a + 1) * n)
        if low >= high:
            continue
        strip = np.zeros((high - low, n), np.int64)
        first = max(b * n, r)
        part = panel[low - r : high - r, first - r : (b + 1) * n - r]
        strip[:, first - b * n :] = part
        strips.append(strip)
    block = np.concatenate(strips) if strips else np.zeros((0, n), np.int64)
    if a != b:
        return block + block.T
    upper = np.triu(block)
    return upper + np.triu(upper, 1).T


def _add(total: np.ndarray, rest: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A pair of floats plus a float (D. E. Knuth's two-sum, TAOCP 4.2.2)."""
    added = total + new
    virtual = added - total
    rest = rest + ((total - (added - virtual)) + (new - virtual))
    return added, rest


def _cluster_sums(x: Array, labels: Array, weights: Array | None, *, clusters: int) -> np.ndarray:
    """Weighted sum of the rows of each cluster, on the host; shape (clusters, d).

    Each weighted value is cut into two digits below the largest of its feature, of so many bits
    that sums over all rows are exact in float64 in any order; the two sums are added with one
    rounding. Rows of label -1 do not count, whatever they hold.
    """
    xp = namespace(x)
    n, d = int(x.shape[0]), int(x.shape[1])
    bits = 52 - max(n, 1).bit_length()
    labels = _beside(labels, x, "int64")
    taken = (labels >= 0)[:, None]
    numbers = like(np.arange(clusters), x)
    member = xp.astype(labels[None, :] == numbers[:, None], xp.float64)
    weight = None if weights is None else _beside(weights, x, "float64")[:, None]
    elements = _BLOCK_ELEMENTS if library_of(x) == "numpy" else _DEVICE_BLOCK_ELEMENTS
    step = max(64, elements // max(n, 1))
    out = np.zeros((clusters, d))
    for a in range(0, d, step):
        rows = _exact(x[:, a : min(a + step, d)])
        rows = xp.where(taken, rows, xp.zeros_like(rows))
        if weight is not None:
            rows = rows * weight
        exponent = np.frexp(to_host(xp.max(xp.abs(rows), axis=0)))[1].astype(np.int64)
        half = (bits - exponent) // 2
        scales = (np.ldexp(1.0, half), np.ldexp(1.0, bits - exponent - half))
        rows = rows * like(scales[0], x) * like(scales[1], x)
        first = xp.round(rows)
        sums = to_host(xp.matmul(member, first))
        second = xp.round((rows - first) * 2.0**bits)
        sums = sums + to_host(xp.matmul(member, second)) * 2.0**-bits
        out[:, a : a + step] = np.ldexp(sums, exponent - bits)
    return out


cluster_sums = Kernel("cluster-sums", _cluster_sums, result_on_host=True)
"""``cluster_sums(x, labels, weights, *, clusters) -> (clusters, d)``, on the host."""


@dataclass(frozen=True, slots=True)
class OnColumns:
    """Runs a kernel on the chunks of all rows of some features, with BLAS on one thread."""

    function: Callable[..., Any]
    """A kernel, or a partial of one."""

    def __call__(self, chunks: Array | Sequence[Array], *args: Any) -> Any:
        """Join the chunks, if there are several, and run."""
        if isinstance(chunks, list | tuple):
            chunks = namespace(*chunks).concat(list(chunks), axis=0)
        with single_threaded():
            return self.function(chunks, *args)

    @property
    def __spanwise_kernel__(self) -> Kernel | None:
        return kernel_of(self.function)


def products_bytes(rows: int, digits: Digits) -> int:
    """Bytes of the products of so many rows.

    >>> products_bytes(100, Digits(2, 22))
    320000
    """
    columns = digits.count * rows
    return 8 * sum(min(PANEL, columns - r) * (columns - r) for r in panel_starts(columns))


def workspace_bytes(rows: int, d: int, digits: Digits) -> int:
    """Bytes that the products of one chunk are worked out in, beside chunk and result."""
    width = min(d, digits.features)
    columns = digits.count * rows
    cut = 8 * rows * width * (2 * digits.count + 2)
    return cut + products_bytes(rows, digits) + 16 * min(PANEL, columns) * columns


def weight_of(labels: np.ndarray, weights: np.ndarray, clusters: int) -> np.ndarray:
    """Weight of each cluster, rounded once, so that the order of the rows does not matter."""
    return np.array([math.fsum(weights[labels == c]) for c in range(clusters)])
