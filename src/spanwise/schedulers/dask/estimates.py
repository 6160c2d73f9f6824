"""What the steps of a graph take where they were placed: time, and memory of a device."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ...graph.cost import counts_operations, moving_seconds
from ...graph.cost import seconds as seconds_of_step
from ...kernels.kernel import Kernel
from ...machine import Machine
from ...measures import CPU, ELEMENTWISE, TO_DEVICE, TO_HOST
from ..cost import shared, slots_of
from ..policy import DeviceFacts
from ..rated import Load, Rated, rated
from .facts import LayerFacts, inputs_of, needed_bytes
from .layers import LiveLayer
from .pricing import load_of
from .reading import Reading


@dataclass
class DeviceWork:
    """Tasks and copies of the segments of a reading, by the layers that they belong to."""

    tasks: Counter[str] = field(default_factory=Counter)
    """Tasks on a device."""
    to_device: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Bytes of each copy that a layer takes in."""
    to_host: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Bytes of each copy that a layer gives out."""


def device_work(reading: Reading) -> DeviceWork:
    """Count what a reading has on devices."""
    work = DeviceWork()
    for segment in reading.segments:
        taken = {}
        for member in segment.members:
            work.tasks[_name(member)] += 1
            for key in reading.dependencies[member]:
                taken.setdefault(key, _name(member))
        for key in filter(reading.is_copied, segment.inputs):
            work.to_device[taken[key]].append(reading.bytes_of(key))
        for key in segment.outputs:
            if not reading.is_copied(key, known=True):
                continue  # the kernel gives out sums that it brought to the host itself
            name, arrays = _name(key), reading.arrays_of(key)
            work.to_host[name] += [reading.bytes_of(key) // arrays] * arrays
    for key in reading.bound:
        work.tasks[_name(key)] += 1
    return work


def _name(key: Any) -> str:
    return key[0] if isinstance(key, tuple) else str(key)


@dataclass(frozen=True)
class Estimates:
    """Prices the layers of a reading."""

    reading: Reading
    """The graph with its segments."""
    work: DeviceWork
    """What of it is on devices."""
    facts: DeviceFacts
    """Devices and rates."""
    machine: Machine
    """Workers, and the rates of this machine."""
    measured_first: bool
    """Whether rates of kernels go before the operations that plans count of transforms: they are
    what was compared."""

    def time(self, layer: LiveLayer, kernel: Kernel | None) -> Rated | None:
        """Time of a step where it runs, or None where nothing was measured that tells it."""
        name = kernel.name if kernel is not None else layer.step.kernel if layer.step else ""
        placed = self.work.tasks[layer.name]
        if placed:
            whole = placed >= (layer.chunks or layer.tasks)
            return self._on_devices(layer, name or ELEMENTWISE) if whole else None
        if layer.name in self.reading.held:
            return None
        measured = self._on_host(layer, name) if name else None
        if layer.step is None:
            return measured
        is_known = counts_operations(layer.step) and not self.measured_first
        if measured is not None and not is_known:
            moved = self._moved(layer)
            return measured if moved is None else measured.plus(moved, layer.share)
        planned = seconds_of_step(layer.step, self.machine)
        return measured if planned is None else Rated(planned * layer.share)

    def device_peak(self, layer: LiveLayer, kernel: Kernel | None) -> int:
        """Bytes on one device while tasks of a step run there."""
        if not self.work.tasks[layer.name]:
            return 0
        one = needed_bytes(kernel, self._inputs(layer), layer.facts)
        return one * self.facts.tasks_per_device

    def _on_host(self, layer: LiveLayer, kernel: str) -> Rated | None:
        facts = self.facts
        one = rated(self._load(layer, kernel), facts.rates, CPU, any_size=True)
        if one is None:
            return None
        threads = facts.host_threads + facts.device_threads
        slots = threads if facts.devices else self.machine.slots
        rounds = math.ceil((layer.chunks or layer.tasks) / slots)
        return Rated(one.seconds * rounds, one.estimated)

    def _on_devices(self, layer: LiveLayer, kernel: str) -> Rated | None:
        """On all devices together: each model takes as many tasks as it is fast."""
        each = [self._on_model(layer, kernel, model) for model, _ in self.facts.kinds]
        known = [one for one in each if one is not None]
        moved = self._moved(layer)
        if len(known) < len(each) or moved is None:
            return None
        seconds = shared([one.seconds for one in known], slots_of(self.facts))
        told = dict.fromkeys(one.estimated for one in known if one.estimated)
        return Rated(seconds, ", ".join(told)).plus(moved, layer.share)

    def _moved(self, layer: LiveLayer) -> Rated | None:
        """What goes from chunk to chunk on the host before the step."""
        if layer.step is None:
            return Rated(0.0)
        planned = moving_seconds(layer.step, self.machine)
        if planned is not None:
            return Rated(planned)
        if layer.step.bytes_staged:
            return None
        # Of the workers of a cluster only kernels are measured.
        at_a_time = max(1, min(self.machine.slots, layer.step.tasks))
        each = layer.step.bytes_moved // at_a_time
        one = rated(Load(ELEMENTWISE, "float64", each), self.facts.rates, CPU, any_size=True)
        return None if one is None else Rated(one.seconds, "moves by bytes")

    def _on_model(self, layer: LiveLayer, kernel: str, model: str) -> Rated | None:
        """What it runs and the copies that begin or end at it, were all devices of one model."""
        one = rated(self._load(layer, kernel), self.facts.rates, model, any_size=True)
        sent = self._copies(TO_DEVICE, self.work.to_device[layer.name], model)
        fetched = self._copies(TO_HOST, self.work.to_host[layer.name], model)
        if one is None or sent is None or fetched is None:
            return None
        runs = one.seconds * math.ceil(self.work.tasks[layer.name] / self.facts.devices)
        return Rated(runs + sent + fetched, one.estimated)

    def _copies(self, way: str, sizes: Collection[int], model: str) -> float | None:
        total = 0.0
        for nbytes in sizes:
            one = rated(Load(way, "", nbytes), self.facts.rates, model, any_size=True)
            if one is None:
                return None
            total += one.seconds
        return total / max(1, min(self.facts.devices, len(sizes)))

    def _load(self, layer: LiveLayer, kernel: str) -> Load:
        return load_of(kernel, self._inputs(layer), layer.facts)

    def _inputs(self, layer: LiveLayer) -> list[LayerFacts]:
        layers = self.reading.layers
        parents = [layers[p] for p in layer.parents if p in layers]
        return inputs_of(layer.name, parents, layers)
