"""SciPy's functions on arrays that do not fit.

``import spanwise`` imports neither Dask, xarray nor any array library but NumPy's namespace
helpers; each part is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from . import cluster as cluster
    from . import errors as errors
    from . import fft as fft
    from . import schedulers as schedulers
    from . import signal as signal
    from .calibration import calibrate as calibrate
    from .kernels.transfer import to_device as to_device
    from .kernels.transfer import to_host as to_host
    from .options import get_options as get_options
    from .options import set_options as set_options
    from .schedulers.explain import explain as explain
    from .schedulers.report import report as report

_MODULES = ("cluster", "errors", "fft", "schedulers", "signal", "testing")
_NAMES = {
    "calibrate": ".calibration",
    "explain": ".schedulers.explain",
    "get_options": ".options",
    "report": ".schedulers.report",
    "set_options": ".options",
    "to_device": ".kernels.transfer",
    "to_host": ".kernels.transfer",
}

__all__ = [
    "__version__",
    "calibrate",
    "cluster",
    "errors",
    "explain",
    "fft",
    "get_options",
    "report",
    "schedulers",
    "set_options",
    "signal",
    "to_device",
    "to_host",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
