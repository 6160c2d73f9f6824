"""The containers that tests run on, as values: what the ``xp`` fixture gives."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..errors import ArgumentError, ArrayTypeError
from ..kernels.library import DEVICE_LIBRARIES, library_of
from ..kernels.transfer import to_host

_NAMESPACES = {
    "numpy": "array_api_compat.numpy",
    "array-api-strict": "array_api_strict",
    "torch": "array_api_compat.torch",
    "cupy": "array_api_compat.cupy",
    "hostfree": "spanwise.testing.hostfree_namespace",
}
_PACKAGES = {"hostfree": "spanwise"}
_LIBRARIES = {"array-api-strict": "array_api_strict"}

BACKENDS = (
    "numpy",
    "array-api-strict",
    "torch",
    "cupy",
    "hostfree",
    "dask:numpy",
    "dask:cupy",
    "dask:hostfree",
)
"""Every name that ``--array-backend`` takes, beside ``all``."""


@dataclass(frozen=True, slots=True)
class ArrayBackend:
    """A kind of array: a library, or Dask over chunks of a library.

    Examples
    --------
    >>> backend = ArrayBackend("dask:numpy")
    >>> x = backend.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> x.chunks
    ((1, 1), (2, 1))
    >>> backend.to_numpy(x.sum(axis=0))
    array([5., 7., 9.])
    """

    name: str
    """``"numpy"``, ``"array-api-strict"``, ``"torch"``, ``"cupy"``, ``"hostfree"``, or
    ``"dask:"`` and the library of the chunks."""

    def __post_init__(self) -> None:
        if self.name not in BACKENDS:
            raise ArgumentError(
                f"array backend {self.name!r} is unknown; expected one of {', '.join(BACKENDS)}"
            )

    def __str__(self) -> str:
        return self.name

    @property
    def is_lazy(self) -> bool:
        """Whether arrays are Dask arrays."""
        return self.name.startswith("dask:")

    @property
    def concrete(self) -> str:
        """Name of the backend of the chunks (of the array itself, where it is not lazy)."""
        return self.name.removeprefix("dask:")

    @property
    def library(self) -> str:
        """Library of the chunks, as `spanwise.kernels.library.library_of` names it."""
        return _LIBRARIES.get(self.concrete, self.concrete)

    @property
    def is_device(self) -> bool:
        """Whether the elements live on a device that the host does not read."""
        return self.library in DEVICE_LIBRARIES or self.device not in (None, "cpu")

    @property
    def device(self) -> str | None:
        """Device that arrays are made on: for PyTorch, the variable ``SPANWISE_DEVICE``."""
        return os.environ.get("SPANWISE_DEVICE", "cpu") if self.library == "torch" else None

    @property
    def xp(self) -> Any:
        """Array-API namespace of the concrete arrays, or of the chunks."""
        return importlib.import_module(_NAMESPACES[self.concrete])

    def concrete_array(self, values: Any, dtype: Any = None) -> Any:
        """An array of the library itself, never a Dask array."""
        values = np.array(values, dtype=dtype)
        if self.device is None:
            return self.xp.asarray(values)
        return self.xp.asarray(values, device=self.device)

    def asarray(self, values: Any, dtype: Any = None, chunks: Any = None) -> Any:
        """The values in this container.

        Parameters
        ----------
        values : array_like
            NumPy values.
        dtype : dtype, optional
            NumPy's name of the element type. Default: that of ``values``.
        chunks : optional
            Chunks as Dask takes them. Default: two uneven chunks along every axis that is longer
            than one. Containers that are not lazy ignore it.

        Returns
        -------
        array
            A concrete array on the backend's device, or a Dask array of such chunks.
        """
        block = self.concrete_array(values, dtype)
        if not self.is_lazy:
            return block
        import dask.array as da

        if self.library == "hostfree":
            from .hostfree_dask import register_with_dask

            register_with_dask()
        if chunks is None:
            chunks = tuple(_two_chunks(n) for n in block.shape)
        return da.from_array(block, chunks=chunks, asarray=False)

    def to_numpy(self, x: Any) -> np.ndarray:
        """The values on the host: computes a Dask array and copies from a device, to check it."""
        if hasattr(x, "dask"):
            x = x.compute()
        elif self.is_lazy:
            raise ArrayTypeError(f"expected a Dask array of {self.library}, got {type(x).__name__}")
        if np.ndim(x) == 0 and isinstance(x, (int, float, complex, np.generic)):
            return np.asarray(x)
        if library_of(x) != self.library:
            raise ArrayTypeError(f"expected an array of {self.library}, got {library_of(x)}")
        return to_host(x)


def _two_chunks(length: int) -> tuple[int, ...]:
    """Two uneven chunks where the length allows it.

    >>> [_two_chunks(n) for n in (0, 1, 2, 3, 8)]
    [(0,), (1,), (1, 1), (2, 1), (5, 3)]
    """
    if length < 2:
        return (length,)
    second = max(1, (length + 1) // 3)
    return (length - second, second)


@cache
def _is_available(name: str) -> bool:
    concrete = name.removeprefix("dask:")
    packages = [_PACKAGES.get(concrete, _LIBRARIES.get(concrete, concrete))]
    packages += ["dask"] if name.startswith("dask:") else []
    if not all(importlib.util.find_spec(package) for package in packages):
        return False
    return concrete != "cupy" or _cupy_works()


def _cupy_works() -> bool:
    """Whether CuPy imports and finds a device."""
    try:
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:  # CuPy raises its own classes for a missing driver, library or device
        return False


def available_backends() -> tuple[ArrayBackend, ...]:
    """Every backend whose library is installed and, for CuPy, finds a device."""
    return tuple(ArrayBackend(name) for name in BACKENDS if _is_available(name))


def select_backends(text: str) -> tuple[ArrayBackend, ...]:
    """The backends of a comma-separated list; ``all`` means every available one.

    A name that is not installed here raises: a test run never passes by skipping what was asked.
    """
    chosen: dict[str, ArrayBackend] = {}
    for name in (part.strip() for part in text.split(",") if part.strip()):
        if name == "all":
            chosen.update({backend.name: backend for backend in available_backends()})
            continue
        backend = ArrayBackend(name)
        if not _is_available(name):
            raise ArgumentError(
                f"array backend {name!r} is not available here: its library is not installed, or "
                "no device was found"
            )
        chosen[name] = backend
    if not chosen:
        raise ArgumentError(f"array backends {text!r}: expected at least one name, or 'all'")
    return tuple(chosen.values())
