"""Floor 3: where tasks run, and what they will cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cluster import MixedCluster as MixedCluster
    from .hook import placement as placement
    from .remote import place_on as place_on

_NAMES = {"MixedCluster": ".cluster", "place_on": ".remote", "placement": ".hook"}

__all__ = ["MixedCluster", "place_on", "placement"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
