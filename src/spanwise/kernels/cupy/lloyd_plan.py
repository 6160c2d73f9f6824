"""How many threads do what in the kernels of `lloyd_nearest.cu` and `lloyd_sums.cu`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from ..exact import Grid
from ..lloyd_engines import Bound
from .launch import NULL, Defines, Device, Launch

_NEAREST, _SUMS = "lloyd_nearest", "lloyd_sums"
_NEAREST_THREADS, _SUMS_THREADS = 128, 256
_LOAD_BYTES = 16
_LONG_ROW = 64
"""From so many features on, padding to a multiple of 16 costs less than stages half as deep."""

_MOST_SORTED = 2048
"""Labels whose counts fit beside a slab in shared memory, which all cards have 48 KiB of."""
_LEAST_SLAB, _MOST_SLAB = 4096, 8192
_ROWS_PER_LABEL = 8
"""Rows of a label in a slab that make the atomic additions few beside the rows that are read."""
_TILE_BYTES = 128
"""Of a row in a tile of features: whole lines of memory, and enough tiles for all processors."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the kernels are specialised to, and how rows and centres are padded."""

    itemsize: int
    """Bytes of a number of a row."""
    features: int
    centers: int
    load: int
    """Numbers of a row that are loaded at a time."""
    rows: int
    """Rows of a thread."""
    columns: int
    """Centres of a thread at a time."""
    step: int
    """Features at a time."""

    @classmethod
    def of(cls, itemsize: int, features: int, centers: int, *, is_aligned: bool) -> Shape:
        """For rows of so many features, which begin at multiples of 16 bytes if ``is_aligned``.

        >>> shape = Shape.of(4, 16, 64, is_aligned=True)
        >>> shape.rows, shape.columns, shape.step, shape.load, shape.depth, shape.width
        (8, 8, 16, 4, 16, 64)
        """
        load = _LOAD_BYTES // itemsize
        step = 16 if itemsize == 4 else 8
        if features < _LONG_ROW and _up(features, 16) > _up(features, 8):
            step = 8
        return cls(
            itemsize,
            features,
            centers,
            load if is_aligned and features % load == 0 else 1,
            32 // itemsize,
            _columns(itemsize, centers),
            step,
        )

    @property
    def depth(self) -> int:
        """Features with padding."""
        return _up(self.features, self.step)

    @property
    def width(self) -> int:
        """Centres with padding."""
        return _up(self.centers, 8 * self.columns)

    @property
    def tile(self) -> int:
        """Rows of a block of threads at a time."""
        return 16 * self.rows

    @property
    def resident(self) -> int:
        """Blocks of threads whose registers a multiprocessor has."""
        return {2: 4, 4: 4, 8: 3, 16: 2}[self.columns] if self.itemsize == 4 else 3

    @property
    def real(self) -> str:
        """Type of the numbers of a row."""
        return "float" if self.itemsize == 4 else "double"

    @property
    def defines(self) -> Defines:
        """What `lloyd_nearest.cu` is specialised to."""
        return (
            ("REAL", self.real),
            ("ROWS", self.rows),
            ("COLUMNS", self.columns),
            ("DEPTH", self.step),
            ("LOAD", self.load),
            ("RESIDENT", self.resident),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a device."""

    values: Any
    """Array whose first element is that of the first row."""
    stride: int
    """Numbers from row to row."""
    count: int


def prepare_launch(shape: Shape, centers: Any, matrix: Any, norms: Any, totals: Any) -> Launch:
    """Make the matrix and the norms of centres, and set totals to 0."""
    k, d = shape.centers, shape.features
    arguments = (centers, np.int32(d), np.int32(k), np.int32(shape.depth), matrix, norms, totals)
    return Launch(
        _NEAREST,
        "prepare",
        shape.defines,
        shape.width,
        _NEAREST_THREADS,
        (*arguments, np.int64(totals.size)),
    )


def nearest_launch(
    device: Device,
    shape: Shape,
    rows: Rows,
    shifts: tuple[Any, Any],
    centers: tuple[Any, Any, Any],
    bound: Bound,
    weight: Any | None,
    labels: Any,
) -> Launch:
    """Give each row its centre: as many blocks of threads as run at a time, or as have a tile.

    Parameters
    ----------
    shifts : arrays
        In float64, and padded in the precision of the rows.
    centers : arrays
        In float64, their matrix and their norms.
    weight : array or None
        Where the weight of rows with NaN becomes 0.
    """
    exact, about = shifts
    centers64, matrix, norms = centers
    arguments = (
        rows.values,
        np.int64(rows.stride),
        np.int64(rows.count),
        np.int32(shape.features),
        np.int32(shape.centers),
        np.int32(shape.depth),
        np.int32(shape.width),
        exact,
        centers64,
        about,
        matrix,
        norms,
        *(np.float64(number) for number in astuple(bound)),
        NULL if weight is None else weight,
        labels,
    )
    blocks = min(-(-rows.count // shape.tile), device.processors * shape.resident)
    return Launch(_NEAREST, "nearest", shape.defines, blocks, _NEAREST_THREADS, arguments)


def squares_launch(
    shape: Shape, rows: Rows, shift: Any, centers: Any, weight: Any | None, labels: Any, out: Any
) -> Launch:
    """Squared distances to the centres of the labels."""
    arguments = (
        rows.values,
        np.int64(rows.stride),
        np.int64(rows.count),
        np.int32(shape.features),
        shift,
        centers,
        NULL if weight is None else weight,
        labels,
        out,
    )
    blocks = -(-rows.count // _NEAREST_THREADS)
    return Launch(_NEAREST, "squares", shape.defines, blocks, _NEAREST_THREADS, arguments)


@dataclass(frozen=True, slots=True)
class Form:
    """What values are rounded to before they are added."""

    levels: int
    """Units that a value is rounded to, one after the other."""
    is_weighted: bool = False
    """Whether rows are multiplied by weights."""
    is_rounded: bool = False
    """Whether they are rounded to units of their own before."""

    @classmethod
    def of(cls, grid: Grid) -> Form:
        """Of the sums on a grid."""
        weighted = grid.weight is not None
        return cls(len(grid.levels), weighted, weighted and not grid.fine)

    @property
    def mass_levels(self) -> int:
        """Units that a weight is rounded to."""
        return 2 if self.is_weighted else 1


@dataclass(frozen=True, slots=True)
class Table:
    """Where sums by label are gathered: integers of a device, one after the other in one array.

    They are the sums (levels, k, d), the weights (weight levels, k), whether one of them is lost,
    and a byte for each centre's sums (k, d) and weight (k,) that is.
    """

    form: Form
    centers: int
    features: int

    @property
    def sums(self) -> int:
        """Number of the sums."""
        return self.form.levels * self.centers * self.features

    @property
    def answers(self) -> int:
        """Integers up to that which says whether a sum is lost."""
        return self.sums + self.form.mass_levels * self.centers + 1

    @property
    def size(self) -> int:
        """Integers in all."""
        return self.answers + -(-self.centers * (self.features + 1) // 8)


def sums_launch(
    itemsize: int,
    load: int,
    rows: Rows,
    labels: Any,
    weight: Any | None,
    units: tuple[Any, Any, Any, Any],
    table: Table,
    totals: Any,
) -> Launch:
    """Add rows to the sums of their labels.

    Parameters
    ----------
    load : int
        Numbers of a row that are loaded at a time.
    units : arrays
        Shift, units, levels and masses.
    totals : array
        Of the table.
    """
    k, d, form = table.centers, table.features, table.form
    chunks = -(-d // load)
    tiles = -(-chunks * load * itemsize // _TILE_BYTES)
    lanes = _power(-(-chunks // tiles))
    tiles = -(-chunks // lanes)
    is_sorted = 1 < k <= _MOST_SORTED
    slab = _LEAST_SLAB
    if is_sorted:
        slab = min(max(slab, _power(_ROWS_PER_LABEL * k)), _MOST_SLAB)
    bits = totals[table.answers :].view(np.uint8)
    arguments = (
        rows.values,
        np.int64(rows.stride),
        np.int64(rows.count),
        np.int32(d),
        np.int32(k),
        labels,
        NULL if weight is None else weight,
        *units,
        np.int32(slab),
        np.int32(tiles),
        np.int32(lanes),
        np.int32(is_sorted),
        totals,
        totals[table.sums :],
        totals[table.answers - 1 :],
        bits,
        bits[k * d :],
    )
    defines = (
        ("REAL", "float" if itemsize == 4 else "double"),
        ("LOAD", load),
        ("LEVELS", form.levels),
        ("WEIGHTED", int(form.is_weighted)),
        ("ROUNDED", int(form.is_rounded)),
    )
    blocks = -(-rows.count // slab) * tiles
    shared = 4 * (_SUMS_THREADS + slab + k) if is_sorted else 0
    return Launch(_SUMS, "sums", defines, blocks, _SUMS_THREADS, arguments, shared)


def _columns(itemsize: int, centers: int) -> int:
    """Centres of a thread at a time.

    Eight rows and sixteen centres are 128 scores, which one instruction each adds to, where all
    that is loaded, moved and counted for them takes a fifth as many: as many as registers hold.
    Few centres, which would mostly be padding there, have narrower tiles.

    >>> [_columns(4, k) for k in (8, 20, 64, 128, 129, 1000)], _columns(8, 1000)
    ([2, 4, 8, 16, 8, 16], 8)
    """
    if centers <= 32:
        return 2 if centers <= 16 else 4
    is_many = centers > 512 or _up(centers, 128) == _up(centers, 64)
    return 16 if itemsize == 4 and is_many else 8


def _up(number: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-number // step) * step


def _power(number: int) -> int:
    """The next power of two."""
    return 1 << (number - 1).bit_length()
