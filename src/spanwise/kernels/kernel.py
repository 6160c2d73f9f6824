"""A kernel: one operation on concrete blocks, implemented once per array library that needs it.

Dispatch happens inside the task, on the type of the block that arrives, so that one graph serves
CPU and GPU workers. Placement and ``explain`` read the marks.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from ..errors import UnsupportedError
from .library import (
    DEVICE_LIBRARIES,
    Array,
    library_of,
    lives_on_host,
    namespace,
    synchronize,
    to_numpy,
)
from .memory import run_within_memory
from .observe import inside_kernel, kernel_observer, observer
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
    free_axes : callable, optional
        ``(x, *args, **params) -> axes``, called with what the kernel is called with: axes along
        which it acts on each row alone, on the same axis of every result, so that a block that
        does not fit on a device may be cut there. Default: a block is not cut.
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
        free_axes: Callable[..., tuple[int, ...]] | None = None,
    ) -> None:
        self.name = name
        self.generic = generic
        self.workspace = workspace
        self.device_workspace = device_workspace or workspace
        self.on_device = on_device
        self.result_on_host = result_on_host
        self.in_place = in_place
        self.free_axes = free_axes
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
            if library not in DEVICE_LIBRARIES and kernel_observer() is None:
                return implementation(x, *args, **params)
            return self._watched(implementation, library, x, args, params)
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

    def _watched(
        self,
        implementation: Callable[..., Any],
        library: str,
        x: Array,
        args: tuple[Any, ...],
        params: dict[str, Any],
    ) -> Any:
        """Run on a block, smaller where its device has no room, and tell who wants to know."""
        watcher = kernel_observer()
        with turn() if library in DEVICE_LIBRARIES else nullcontext(), _at_work(library, x):
            if watcher is None:
                return self._run(implementation, library, x, args, params)
            start = time.perf_counter()
            with inside_kernel():
                out = self._run(implementation, library, x, args, params)
            synchronize(x)
            seconds = time.perf_counter() - start
        watcher.ran(self.name, library, str(x.dtype), _taken_bytes(x, args), seconds)
        return out

    def _run(
        self,
        implementation: Callable[..., Any],
        library: str,
        x: Array,
        args: tuple[Any, ...],
        params: dict[str, Any],
    ) -> Any:
        # A block that may be spoiled is of no use for a second attempt.
        if library not in DEVICE_LIBRARIES or self.free_axes is None or params.get("overwrite"):
            return implementation(x, *args, **params)

        def run(block: Array) -> Any:
            return implementation(block, *args, **params)

        free_axes = partial(self.free_axes, x, *args, **params)
        out, parts = run_within_memory(run, x, free_axes, library)
        watcher = observer()
        if parts > 1 and watcher is not None:
            watcher.cut(self.name, parts)
        return out

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _by_name, (self.name,)

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "spanwise.kernel", self.name

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"


def _taken_bytes(x: Array, others: tuple[Any, ...]) -> int:
    """Bytes of a block and of those as large beside it, which tables, sums and masks are not."""
    size = getattr(x, "size", 0)
    alike = (o for o in others if getattr(o, "size", None) == size and hasattr(o, "nbytes"))
    return sum(int(getattr(block, "nbytes", 0)) for block in (x, *alike))


def _at_work(library: str, x: Array) -> AbstractContextManager[None]:
    """What surrounds a kernel on a block of a library."""
    if library != "cupy":
        return nullcontext()
    from .cupy.plans import at_work

    return at_work(x)


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
