"""A kernel: one operation on concrete blocks, implemented once per array library that needs it.

Dispatch happens inside the task, on the type of the block that arrives, so that one graph serves
CPU and GPU workers. Placement and ``explain`` read the marks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from ..errors import UnsupportedError
from .library import DEVICE_LIBRARIES, Array, library_of, lives_on_host, namespace, to_numpy
from .turns import turn

_REGISTRY: dict[str, Kernel] = {}


def _no_workspace(in_bytes: int, out_bytes: int) -> int:
    return 0


class Kernel:
    """A named operation with one implementation per library.

    Parameters
    ----------
    name : str
        What ``explain`` and Dask's dashboard show.
    generic : callable or None
        Array-API implementation, for libraries without one of their own. None: arrays that live
        on the CPU go through NumPy and back, device arrays raise (SciPy's rule).
    workspace : callable
        ``(in_bytes, out_bytes) -> bytes`` that the operation needs beside its input and output.
    device_workspace : callable, optional
        The same on a device. Default: ``workspace``.
    on_device : bool
        Whether the generic implementation runs on arrays that live on a device.
    result_on_host : bool
        Whether the result is a small value on the host (sums, a survey), wherever the block lives.
    in_place : bool
        Whether the implementations take ``overwrite=True``, to spoil a block that nobody else
        will read.
    """

    def __init__(
        self,
        name: str,
        generic: Callable[..., Array] | None = None,
        *,
        workspace: Callable[[int, int], int] = _no_workspace,
        device_workspace: Callable[[int, int], int] | None = None,
        on_device: bool = True,
        result_on_host: bool = False,
        in_place: bool = False,
    ) -> None:
        self.name = name
        self.generic = generic
        self.workspace = workspace
        self.device_workspace = device_workspace or workspace
        self.on_device = on_device
        self.result_on_host = result_on_host
        self.in_place = in_place
        self._targets: dict[str, Callable[..., Array] | str] = {}
        _REGISTRY[name] = self

    def register(self, library: str, target: Callable[..., Array] | str) -> None:
        """Serve ``library`` by ``target``: a callable, or ``"module:function"``, imported late."""
        self._targets[library] = target

    def implementation(self, library: str) -> Callable[..., Array] | None:
        """The implementation for a library, or None if only NumPy's could serve it."""
        target = self._targets.get(library)
        if isinstance(target, str):
            module, _, function = target.partition(":")
            target = getattr(importlib.import_module(module), function)
            self._targets[library] = target
        return target or self.generic

    def serves_device(self, library: str) -> bool:
        """Whether blocks of a device library are served where they are."""
        return library in self._targets or (self.generic is not None and self.on_device)

    def __call__(self, x: Array, /, *args: Any, **params: Any) -> Any:
        """Run on one block."""
        library = library_of(x)
        implementation = self.implementation(library)
        if implementation is not None and (
            library not in DEVICE_LIBRARIES or self.serves_device(library)
        ):
            with nullcontext() if library not in DEVICE_LIBRARIES else turn():
                return implementation(x, *args, **params)
        if not lives_on_host(x):
            raise UnsupportedError(
                f"the kernel {self.name!r} has no implementation for {library} arrays on a device; "
                "copy the array to the host with spanwise.to_host(x) first"
            )
        numpy = self.implementation("numpy")
        if numpy is None:
            raise UnsupportedError(f"the kernel {self.name!r} has no implementation for {library}")
        out = numpy(to_numpy(x), *args, **params)
        return namespace(x).asarray(out)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _by_name, (self.name,)

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "spanwise.kernel", self.name

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"


def _by_name(name: str) -> Kernel:
    if name not in _REGISTRY:
        importlib.import_module("spanwise.kernels.catalog")
    return _REGISTRY[name]


def kernel_of(function: Any) -> Kernel | None:
    """The kernel that a task's function runs, seen through ``functools.partial`` and marks.

    A function that wraps a kernel (a gather that then transforms) names it in an attribute
    ``__spanwise_kernel__``.
    """
    while function is not None:
        if isinstance(function, Kernel):
            return function
        mark = getattr(function, "__spanwise_kernel__", None)
        if isinstance(mark, Kernel):
            return mark
        function = getattr(function, "func", None)
    return None
