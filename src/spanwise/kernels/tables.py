"""Tables that kernels need for one block after the other, kept on the device that has them.

A table says nothing of the data: windows, factors, orders. A block of an array needs the same ones
as the last, which sending them again would make wait for the host each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from .library import DEVICE_LIBRARIES, Array, library_of, like

_KEPT_BYTES, _KEPT_TABLES = 2**28, 1024
"""Most bytes of tables that a device keeps, and most tables: those that were not asked for longest
go first."""


class _Tables:
    """What devices keep: of each place the tables by what they were made of, the last used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Any], OrderedDict[Hashable, tuple[Any, int]]] = {}

    def find(self, place: tuple[str, Any], key: Hashable) -> Any:
        """A table, or None."""
        with self._lock:
            kept = self._kept.get(place)
            if kept is None or key not in kept:
                return None
            kept.move_to_end(key)
            return kept[key][0]

    def keep(self, place: tuple[str, Any], key: Hashable, table: Any, nbytes: int) -> None:
        """Keep a table, and let others go that there is no room for."""
        if nbytes > _KEPT_BYTES:
            return
        with self._lock:
            kept = self._kept.setdefault(place, OrderedDict())
            kept[key] = table, nbytes
            excess = sum(n for _, n in kept.values()) - _KEPT_BYTES
            while excess > 0 or len(kept) > _KEPT_TABLES:
                excess -= kept.popitem(last=False)[1][1]

    def drop(self, library: str) -> int:
        """Keep nothing of a library any more, and say how many bytes that was."""
        with self._lock:
            gone = [self._kept.pop(place) for place in [*self._kept] if place[0] == library]
        return sum(nbytes for kept in gone for _, nbytes in kept.values())


_TABLES = _Tables()


def table_of(
    x: Array,
    make: Callable[..., Any],
    *args: Hashable,
    dtype: Any = None,
    axis: int | None = None,
    keep: bool = True,
) -> Any:
    """What ``make(*args)`` gives, in the library and on the device of ``x``.

    Parameters
    ----------
    x : array
        The block that the table goes with.
    make : callable
        Makes the table on the host: a NumPy array, or a tuple, of which arrays at any depth are
        sent and all else stays as it is. A device asks it once for the same arguments, while it
        keeps the table, so that a result may not be changed in place. Known by its identity: a
        function of a module.
    *args
        Arguments of ``make``; nothing is kept if one of them cannot be hashed.
    dtype : dtype, optional
        NumPy's name of the element type that arrays are sent in.
    axis : int, optional
        The axis of the block along which the table lies, which is then an array of one axis: it
        comes in a shape that broadcasts to the block.
    keep : bool
        False: send it, and do not keep it.

    Notes
    -----
    Streams have tables of their own: memory that a table leaves goes to the stream that it was
    taken for, where whatever reads the table has come before.
    """
    if not keep or library_of(x) not in DEVICE_LIBRARIES:
        return _sent(make(*args), x, dtype, axis)
    place = library_of(x), x.device.id
    key: Any = (make, args, str(np.dtype(dtype)) if dtype is not None else None, axis, x.ndim)
    key = (_stream_of(x), key)
    try:
        hash(key)
    except TypeError:  # an array among the arguments
        return _sent(make(*args), x, dtype, axis)
    table = _TABLES.find(place, key)
    if table is None:
        table = _sent(make(*args), x, dtype, axis)
        _TABLES.keep(place, key, table, _bytes_of(table))
    return table


def drop_tables(library: str) -> int:
    """Keep no table on the devices of a library any more, and say how many bytes that was."""
    return _TABLES.drop(library)


def _stream_of(x: Array) -> int:
    if library_of(x) != "cupy":
        return 0
    import cupy

    # The checker takes the package kernels/cupy for CuPy.
    return cupy.cuda.get_current_stream().ptr  # pyright: ignore[reportAttributeAccessIssue]


def _sent(made: Any, x: Array, dtype: Any, axis: int | None) -> Any:
    if isinstance(made, tuple):
        return tuple(_sent(part, x, dtype, axis) for part in made)
    if not isinstance(made, np.ndarray):
        return made
    if axis is not None:
        made = made.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return like(made, x, dtype=dtype)


def _bytes_of(table: Any) -> int:
    if isinstance(table, tuple):
        return sum(_bytes_of(part) for part in table)
    return int(getattr(table, "nbytes", 0))
