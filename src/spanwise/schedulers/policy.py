"""Which kernel goes where, and why. Pure: numbers in, a verdict out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ArgumentError
from ..machine import format_bytes
from ..measures import RateTable

Device = Literal["cpu", "gpu"]
Policy = Literal["cpu", "gpu", "data", "cost"]

POLICIES: tuple[Policy, ...] = ("cpu", "gpu", "data", "cost")
"""``cpu``: no device. ``gpu``: whatever a device can serve. ``data``: where most bytes are.
``cost``: where it takes least time, by what was measured (:mod:`.cost`)."""

DEVICE_MEMORY_SHARE = 0.8
"""Share of a device's memory that the chunks of one task may fill; the rest is the pool's slack."""

_DEVICE_DTYPES = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
"""Largest item of each kind that CUDA libraries compute with (no long double)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a policy may know of one kernel in one layer of a graph."""

    kernel: str
    """Name of the kernel."""
    served: bool
    """Whether the kernel has an implementation for the device library."""
    kind: str = "f"
    """NumPy's kind of the element type."""
    itemsize: int = 8
    """Bytes of one element; with ``kind`` it names the type."""
    host_bytes: int = 0
    """Input of one task that is on the host."""
    device_bytes: int = 0
    """Input of one task that is on a device already."""
    needed_bytes: int = 0
    """Input, workspace and output of one task together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a kernel runs."""

    device: Device
    """``"cpu"`` or ``"gpu"``."""
    reason: str
    """Why, in a few words."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What devices there are for a graph: decided on the client, shipped with the graph."""

    library: str = "cupy"
    """Array library of the device."""
    devices: int = 0
    """GPU workers, or devices of this process."""
    where: str = ""
    """The devices in words: ``"2 GPU workers"``."""
    missing: str = ""
    """Why there is no device; empty where there is one."""
    addresses: tuple[str, ...] = ()
    """Workers found by asking, which do not advertise the resource GPU."""
    advertised: bool = False
    """Whether the workers advertise the resource GPU."""
    memory: int | None = None
    """Bytes of the smallest device, where they could be asked for."""
    host_threads: int = 0
    """Tasks at a time on workers without a device."""
    device_threads: int = 1
    """Tasks at a time on the workers that have one, of which one at a time is on the device."""
    models: tuple[tuple[str, int], ...] = ()
    """The kinds of devices, as rates are kept for them, and how many there are of each; one without
    a name where nobody asked."""
    rates: RateTable = field(default_factory=RateTable)
    """What was measured of these kinds of devices and of the host."""

    @property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """`models`, or all devices as one kind without a name."""
        return self.models or (("", self.devices),)

    @property
    def there(self) -> str:
        """The devices in words, with their models where these are known of cards, or differ.

        >>> DeviceFacts(devices=3, where="3 GPU workers", models=(("A100", 1), ("T4", 2))).there
        '3 GPU workers (1 A100, 2 T4)'
        """
        names = [name for name, _ in self.models if name]
        if not names or (self.library != "cupy" and len(names) < 2):
            return self.where
        if len(self.models) == 1:
            return f"{self.where} ({names[0]})"
        return f"{self.where} ({', '.join(f'{n} {name}' for name, n in self.models)})"

    @property
    def tasks_per_device(self) -> int:
        """Device tasks that share the memory of one device at a time.

        One where workers advertise the resource GPU, else as many as there are threads.
        """
        if self.advertised or not self.devices:
            return 1
        threads = self.device_threads + (0 if self.addresses else self.host_threads)
        return max(1, math.ceil(threads / self.devices))

    @property
    def budget(self) -> int | None:
        """Bytes of one device that chunks may fill, where they are known."""
        return None if self.memory is None else int(DEVICE_MEMORY_SHARE * self.memory)


def check_policy(policy: str) -> Policy:
    """The policy, or an error that lists them."""
    for known in POLICIES:
        if policy == known:
            return known
    raise ArgumentError(f"placement={policy!r}: expected one of {POLICIES}")


def device_dtype(kind: str, itemsize: int) -> bool:
    """Whether a device computes with an element type.

    >>> device_dtype("c", 8), device_dtype("f", 16), device_dtype("M", 8)
    (True, False, False)
    """
    return 0 < itemsize <= _DEVICE_DTYPES.get(kind, 0)


def _dtype_name(kind: str, itemsize: int) -> str:
    names = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
    if kind not in names:
        return f"elements of kind {kind!r}"
    return names[kind] if kind == "b" else f"{names[kind]}{8 * itemsize}"


def decide(policy: Policy, candidate: Candidate, facts: DeviceFacts) -> Verdict:
    """Where a kernel runs under a policy.

    Examples
    --------
    >>> facts = DeviceFacts(devices=1, where="1 GPU worker")
    >>> decide("gpu", Candidate("fft", served=True), facts)
    Verdict(device='gpu', reason='policy gpu')
    >>> decide("data", Candidate("fft", served=True, host_bytes=8), facts)
    Verdict(device='cpu', reason='its input is on the host')
    >>> decide("gpu", Candidate("fft", served=True), DeviceFacts(missing="CuPy is not installed"))
    Verdict(device='cpu', reason='no GPU: CuPy is not installed')
    """
    refusal = "policy cpu" if policy == "cpu" else _refusal(candidate, facts)
    if refusal is not None:
        return Verdict("cpu", refusal)
    if policy in ("gpu", "cost"):
        # Costs are those of whole segments, which are found among what a device could serve.
        return Verdict("gpu", f"policy {policy}")
    if candidate.device_bytes > candidate.host_bytes:
        return Verdict("gpu", "its input is on a device")
    return Verdict("cpu", "its input is on the host")


def _refusal(candidate: Candidate, facts: DeviceFacts) -> str | None:
    """Why no device can run a kernel, or None."""
    if not candidate.served:
        return "no GPU variant"
    if not device_dtype(candidate.kind, candidate.itemsize):
        return f"no {_dtype_name(candidate.kind, candidate.itemsize)} on devices"
    if not facts.devices:
        return f"no GPU: {facts.missing}"
    needed = candidate.needed_bytes * facts.tasks_per_device
    if facts.budget is not None and needed > facts.budget:
        return f"chunk needs {format_bytes(candidate.needed_bytes)}, over {memory_in_words(facts)}"
    return None


def memory_in_words(facts: DeviceFacts) -> str:
    """What one device task may fill, and why.

    >>> memory_in_words(DeviceFacts(devices=1, memory=2**34, device_threads=4))
    '0.8 of 16.0 GiB / 4 tasks'
    """
    tasks = facts.tasks_per_device
    shared = f" / {tasks} tasks" if tasks > 1 else ""
    return f"{DEVICE_MEMORY_SHARE} of {format_bytes(facts.memory or 0)}{shared}"
