"""The policy in force: Dask's setting ``array_optimize``, and the context manager that sets it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ArgumentError
from . import devices
from .policy import DeviceFacts, check_policy

TRANSFERS = ("allow", "log", "disallow")
"""What becomes of copies between host and device."""


@dataclass(frozen=True)
class Hook:
    """An array optimiser that places kernels; the value of Dask's setting ``array_optimize``."""

    policy: str
    """``"cpu"``, ``"gpu"``, ``"data"`` or ``"cost"``."""
    device: str = "cupy"
    """Array library of the device."""
    transfers: str = "allow"
    """What becomes of copies: ``"allow"``, ``"log"`` or ``"disallow"``."""
    before: Callable[..., Any] | None = None
    """The optimiser that was set before this one; None: Dask's own."""
    facts: DeviceFacts | None = None
    """What devices there are; None: found out when the graph is optimised or sent."""

    def __bool__(self) -> bool:
        # Dask tests the truth of the setting on the client whenever it looks up the optimiser of
        # a collection, before it sends the graph: the time to ask the cluster for its workers.
        if self.facts is None and self.policy != "cpu":
            self._found(devices.remembered(self.device))
        return True

    def __call__(self, dsk: Any, keys: Any, **kwargs: Any) -> Any:
        """Optimise a graph, as Dask calls it."""
        from .dask.placing import place

        facts = self.facts
        if facts is None and self.policy != "cpu":
            facts = self._found(devices.remembered(self.device))
        return place(dsk, keys, plan=replace(self, facts=facts), **kwargs)

    def __reduce__(self) -> Any:
        # Pickled on the client, unpickled on the scheduler, which has no client to ask.
        facts = self.facts or self._found(devices.latest(self.device), ask=False)
        return type(self), (self.policy, self.device, self.transfers, self.before, facts)

    def _found(self, facts: DeviceFacts, *, ask: bool = True) -> DeviceFacts:
        return devices.with_rates(facts, ask=ask) if self.policy == "cost" else facts


class placement(ContextDecorator):  # noqa: N801 - a context manager, as dask.annotate is one
    """Choose where kernels run, in a ``with`` block or in a decorated function.

    The choice counts where Dask optimises a graph: at ``compute`` and ``persist``, and already at
    construction for ``dask.delayed(f)(x)`` and ``to_zarr(compute=False)``. It holds for the whole
    process, like any of Dask's settings.

    Parameters
    ----------
    policy : {"cpu", "gpu", "data", "cost"}
        ``"cpu"``: nothing is moved to a device. ``"gpu"``: every kernel that a device can serve
        runs there, on workers with the resource ``GPU``, or on the GPU of this process if there
        is no cluster. ``"data"``: a kernel runs where the larger share of its input is: on the
        host for data that is read there, on a device for chunks that are there already.
        ``"cost"``: consecutive kernels go together where they take least time, copies included,
        by what ``spanwise calibrate`` and earlier runs measured, of each model of device by its own
        rates; what was not measured goes to a device if a task takes in more than 1 MiB.
    device : {"cupy", "hostfree"}, optional
        Array library on the device; ``"hostfree"`` stands in for CuPy in tests without a GPU.
    transfers : {"allow", "log", "disallow"}, optional
        Copies between host and device are made, are written to the logger
        ``spanwise.transfers`` as well, or raise `TransferError` before anything runs.

    Raises
    ------
    ArgumentError
        For an unknown policy, device or transfers.
    PlacementError
        When computing under ``"cpu"`` a spanwise kernel on chunks that the user holds on a device.

    Notes
    -----
    Consecutive kernels and the ufuncs, operators, ``astype`` and slices between them become one
    device task per chunk with one copy each way. Other code (``map_blocks``, exchanges,
    reductions) stays on the host. Types, meta and keys that the user sees do not change. Without
    a device everything runs on the CPU and :func:`spanwise.explain` says why.

    Chunks that are device arrays already (Dask over CuPy) are not copied: their tasks are kept to
    GPU workers.

    Examples
    --------
    >>> import dask.array as da, spanwise as sw
    >>> from spanwise.schedulers import placement
    >>> x = da.ones((4, 8), chunks=(2, 8))
    >>> with placement("gpu", device="hostfree"):  # "cupy" where there is a GPU
    ...     y = sw.fft.fft(x).compute()
    >>> type(y).__name__, y.shape
    ('ndarray', (4, 8))
    """

    def __init__(
        self,
        policy: str,
        *,
        device: str = "cupy",
        transfers: str = "allow",
    ) -> None:
        self._arguments = {"device": device, "transfers": transfers}
        self._policy = policy
        self._entered: list[Any] = []
        _check(policy, **self._arguments)

    def __enter__(self) -> placement:
        self._entered.append(install(self._policy, **self._arguments))
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.pop().__exit__(*error)


def install(policy: str | None, *, device: str = "cupy", transfers: str = "allow") -> Any:
    """Put a policy in force for good, or until the end of a ``with`` block over the result.

    Parameters are those of :class:`placement`; None takes our hook out. Calling it again with the
    policy in force changes nothing.
    """
    import dask.config

    return dask.config.set(settings(policy, device=device, transfers=transfers))


def settings(
    policy: str | None, *, device: str = "cupy", transfers: str = "allow"
) -> dict[str, Any]:
    """Dask settings that put a policy in force, keeping the optimiser that is set now."""
    values: dict[str, Any] = {"spanwise.placement": policy}
    if policy is not None:
        _check(policy, device, transfers)
        hook = Hook(policy, device, transfers, before=_before())
        if hook != current():
            values["array_optimize"] = hook
    elif current() is not None:
        values["array_optimize"] = _before() or _default()
    return values


def current() -> Hook | None:
    """The hook in force."""
    import dask.config

    hook = dask.config.get("array_optimize", None)
    return hook if isinstance(hook, Hook) else None


def _before() -> Callable[..., Any] | None:
    """The optimiser under ours: what a user set, or None for Dask's own."""
    import dask.config

    hook = dask.config.get("array_optimize", _default())
    if isinstance(hook, Hook):
        return hook.before
    if hook is _default():
        return None
    return hook or _unoptimized  # None and False mean: do not optimise


def _default() -> Callable[..., Any]:
    from dask.array.optimization import optimize

    return optimize


def _unoptimized(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    return dsk


def _check(policy: str, device: str, transfers: str) -> None:
    check_policy(policy)
    devices.check_device(device)
    if transfers not in TRANSFERS:
        raise ArgumentError(f"transfers={transfers!r}: expected one of {TRANSFERS}")
