"""Every error that spanwise raises on purpose, and how it warns.

Each is also a builtin type, so that ``except ValueError`` keeps working::

    SpanwiseError
    ├── ArrayTypeError (TypeError)             a container that a function does not take
    ├── ArgumentError (ValueError)             a value that a function does not take
    │   ├── ArgumentTypeError (TypeError)      an argument of a type that a function does not take
    │   ├── AxisError (IndexError)             an axis that the array does not have
    │   ├── NonFiniteError                     NaN or infinity where a number is needed
    │   └── UnknownChunksError                 chunk sizes that Dask has not computed yet
    ├── MemoryBudgetError (MemoryError)        every form of a plan exceeds the budget
    ├── DeviceMemoryError (MemoryError)        an allocation on a device that does not fit
    ├── MissingDependencyError (ImportError)   an optional package; the message installs it
    ├── UnsupportedError (NotImplementedError) no kernel, or a method with a better route
    ├── OutputExistsError (FileExistsError)    a result would overwrite data
    ├── StoreError (OSError)                   a temporary store that is full, or gone
    └── PlacementError (RuntimeError)          a task on a worker that cannot run it
        └── TransferError                      a copy between host and device that is not allowed
"""

import sys
import warnings


class SpanwiseError(Exception):
    """Root of the tree."""


class ArrayTypeError(SpanwiseError, TypeError):
    """A container that the function does not take."""


class ArgumentError(SpanwiseError, ValueError):
    """A value that the function does not take."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument of a type that the function does not take."""


class AxisError(ArgumentError, IndexError):
    """An axis that the array does not have."""


class NonFiniteError(ArgumentError):
    """NaN or infinity where a finite number is needed."""


class UnknownChunksError(ArgumentError):
    """Chunk sizes that Dask has not computed yet."""


# MemoryError comes first, or its own __new__ refuses to make what pickle asks for.
class MemoryBudgetError(MemoryError, SpanwiseError):
    """Every form of the plan exceeds the memory budget."""


class DeviceMemoryError(MemoryError, SpanwiseError):
    """An allocation on a device that does not fit."""


class MissingDependencyError(SpanwiseError, ImportError):
    """An optional package is missing; the message is its install command."""


class UnsupportedError(SpanwiseError, NotImplementedError):
    """No kernel serves this request, or another route serves it better."""


class OutputExistsError(SpanwiseError, FileExistsError):
    """A result would overwrite data that is there already."""


class StoreError(SpanwiseError, OSError):
    """A temporary store that is full, or gone before its readers."""


class PlacementError(SpanwiseError, RuntimeError):
    """A task arrived on a worker that cannot run it."""


class TransferError(PlacementError):
    """A copy between host and device that is not allowed."""


def warn(message: str) -> None:
    """A UserWarning that points to the caller's line, however deep in the package it arose."""
    frame, level = sys._getframe(1), 2
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_back.f_globals.get("__name__", "").startswith(f"{package}."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level + 1)
