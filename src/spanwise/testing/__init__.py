"""Tools for testing code on every array library and chunk type that spanwise serves.

Opt in from a ``conftest.py``::

    pytest_plugins = ["spanwise.testing.plugin"]

which gives the ``xp`` fixture, the option ``--array-backend`` and the markers
``skip_xp_backends`` and ``xfail_xp_backends``. Everything here is imported when it is first
used: ``import spanwise.testing`` alone imports neither pytest, Hypothesis nor Dask.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import strategies as strategies
    from .assertions import xp_assert_close as xp_assert_close
    from .assertions import xp_assert_equal as xp_assert_equal
    from .assertions import xp_assert_less as xp_assert_less
    from .backends import ArrayBackend as ArrayBackend
    from .backends import available_backends as available_backends
    from .counters import CountingSource as CountingSource
    from .counters import count_computes as count_computes
    from .counters import raise_if_computes as raise_if_computes
    from .hostfree import HostFree as HostFree
    from .hostfree_dask import register_with_dask as register_with_dask
    from .hostfree_memory import limit_memory as limit_memory

_NAMES = {
    "ArrayBackend": ".backends",
    "CountingSource": ".counters",
    "HostFree": ".hostfree",
    "available_backends": ".backends",
    "count_computes": ".counters",
    "limit_memory": ".hostfree_memory",
    "raise_if_computes": ".counters",
    "register_with_dask": ".hostfree_dask",
    "xp_assert_close": ".assertions",
    "xp_assert_equal": ".assertions",
    "xp_assert_less": ".assertions",
}

__all__ = [
    "ArrayBackend",
    "CountingSource",
    "HostFree",
    "available_backends",
    "count_computes",
    "limit_memory",
    "raise_if_computes",
    "register_with_dask",
    "strategies",
    "xp_assert_close",
    "xp_assert_equal",
    "xp_assert_less",
]


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return importlib.import_module(".strategies", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
