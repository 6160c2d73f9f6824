"""Which library a concrete array belongs to, and how to speak its namespace."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_cupy_namespace, is_numpy_namespace

Array = Any
"""A concrete array of any library that array-api-compat knows."""


def namespace(*arrays: Array) -> Any:
    """The array-API namespace shared by the arrays (Python scalars are ignored)."""
    return array_namespace(*arrays, use_compat=None)


def library_of(x: Array) -> str:
    """Short name of the array's library: ``"numpy"``, ``"cupy"``, ``"torch"``, ``"hostfree"``...

    Examples
    --------
    >>> import numpy as np
    >>> library_of(np.zeros(2))
    'numpy'
    """
    if isinstance(x, (np.ndarray, np.generic)):
        return "numpy"
    name = getattr(x, "__array_library__", None)
    if name is not None:
        return str(name)
    xp = namespace(x)
    if is_numpy_namespace(xp):
        return "numpy"
    if is_cupy_namespace(xp):
        return "cupy"
    return xp.__name__.removeprefix("array_api_compat.").split(".")[0]


def lives_on_host(x: Array) -> bool:
    """Whether NumPy can read the array without a copy between devices."""
    library = library_of(x)
    if library == "torch":
        return x.device.type == "cpu"
    if library == "jax":
        return all(d.platform == "cpu" for d in x.devices())
    if library == "array_api_strict":
        return str(x.device).endswith("CPU_DEVICE')") or "CPU" in str(x.device)
    return library not in DEVICE_LIBRARIES


DEVICE_LIBRARIES = frozenset({"cupy", "hostfree"})
"""Libraries whose arrays always live on a device (``hostfree`` is the stand-in of the tests)."""


def to_numpy(x: Array) -> np.ndarray:
    """A NumPy view or copy of an array that lives on the host; a device array raises."""
    library = library_of(x)
    if library == "numpy":
        return np.asarray(x)
    if not lives_on_host(x):
        from ..errors import TransferError

        raise TransferError(
            f"an array of {library} lives on a device and is never copied to the host in silence; "
            "write spanwise.to_host(x) to copy it"
        )
    if library == "torch":
        return x.detach().resolve_conj().resolve_neg().numpy()
    return np.asarray(x)


def like(values: np.ndarray, reference: Array, *, dtype: Any = None) -> Array:
    """A small host array (a table, a code book) in the library and on the device of ``reference``.

    Parameters beside the data follow the data: this is the one place where they do. Large data
    goes through :mod:`spanwise.kernels.transfer`, which counts.
    """
    values = np.asarray(values, dtype=dtype)
    library = library_of(reference)
    if library == "numpy":
        return values
    xp = namespace(reference)
    if library == "hostfree":
        return xp.asarray(values)
    if library == "cupy":
        with reference.device:
            return xp.asarray(values)
    return xp.asarray(values, device=reference.device)


def synchronize(x: Array) -> None:
    """Wait until a device is done with an array, so that a clock may be read.

    CuPy gives out arrays that are still being computed on the current stream; NumPy and the
    stand-in for a device do not.
    """
    if library_of(x) == "cupy":
        import cupy

        # The checker takes the package kernels/cupy for CuPy.
        cupy.cuda.get_current_stream().synchronize()  # pyright: ignore[reportAttributeAccessIssue]
