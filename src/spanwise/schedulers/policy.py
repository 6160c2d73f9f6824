"""Which kernel goes where, and why. Pure: numbers in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ArgumentError
from ..machine import format_bytes

Device = Literal["cpu", "gpu"]
Policy = Literal["cpu", "gpu", "data"]

POLICIES: tuple[Policy, ...] = ("cpu", "gpu", "data")
"""``cpu``: no device. ``gpu``: whatever a device can serve. ``data``: where most bytes are."""

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
    if policy == "gpu":
        return Verdict("gpu", "policy gpu")
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
    if facts.memory is not None and candidate.needed_bytes > DEVICE_MEMORY_SHARE * facts.memory:
        needed, there = format_bytes(candidate.needed_bytes), format_bytes(facts.memory)
        return f"chunk needs {needed}, over {DEVICE_MEMORY_SHARE} of {there}"
    return None
