"""What was measured of kernels and copies on each kind of device: pure values that can be merged.

A measure is the mean time per byte of input, its deviation and the number of runs, kept for each
kernel, element type, kind of device and size of the input (a power of two). Two tables that were
measured apart merge into what one would have measured (Welford's recurrence, in the form of Chan,
Golub and LeVeque, The American Statistician 37, 242, 1983).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CPU = "cpu"
"""The kind of device that every host is."""

TO_DEVICE = "to_device"
"""Stands for a kernel where copies from the host to a device are meant; they have no dtype."""

TO_HOST = "to_host"
"""The same for copies from a device to the host."""

ELEMENTWISE = "elementwise"
"""Stands for a kernel where ufuncs, operators and casts are meant, which stream their operands."""

FARTHEST = 8
"""Powers of two between a size that was measured and one that it may still be used for."""


class Key(NamedTuple):
    """What a measure is of."""

    kernel: str
    """Name of the kernel."""
    dtype: str
    """Element type of its input."""
    device: str
    """``"cpu"``, or the model of a device."""
    bucket: int
    """Its input has between 2**bucket and 2**(bucket + 1) bytes."""


class Observation(NamedTuple):
    """One run of a kernel, or one copy."""

    kernel: str
    dtype: str
    device: str
    nbytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measure:
    """Runs of one kind, summed up."""

    mean: float
    """Seconds per byte of input."""
    squares: float = 0.0
    """Sum of the squared deviations from the mean."""
    n: int = 1
    """Number of runs."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and self.mean > 0):
            raise ValueError(f"a mean of {self.mean} seconds per byte")
        if not (math.isfinite(self.squares) and self.squares >= 0 and self.n >= 1):
            raise ValueError(f"squared deviations {self.squares} of {self.n} runs")

    @property
    def deviation(self) -> float:
        """Standard deviation of one run, 0 for a single one."""
        return math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else 0.0

    def merge(self, other: Measure) -> Measure:
        """Both together.

        >>> Measure(1.0).merge(Measure(3.0))
        Measure(mean=2.0, squares=2.0, n=2)
        """
        n = self.n + other.n
        apart = other.mean - self.mean
        return Measure(
            self.mean + apart * (other.n / n),
            self.squares + other.squares + apart * apart * (self.n * other.n / n),
            n,
        )


def bucket_of(nbytes: int) -> int:
    """The power of two below a number of bytes.

    >>> bucket_of(1), bucket_of(1023), bucket_of(1024)
    (0, 9, 10)
    """
    return max(1, nbytes).bit_length() - 1


def _by_distance(bucket: int) -> Iterator[int]:
    """Buckets from the nearest to the farthest, the larger of two first."""
    yield bucket
    for distance in range(1, FARTHEST + 1):
        yield bucket + distance
        yield bucket - distance


@dataclass(frozen=True, slots=True)
class RateTable:
    """Measures by what they are of."""

    entries: Mapping[Key, Measure] = field(default_factory=dict, hash=False)
    """The measures."""

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def devices(self) -> tuple[str, ...]:
        """Kinds of devices that something is known of."""
        return tuple(sorted({key.device for key in self.entries}))

    def observe(self, observations: Iterable[Observation]) -> RateTable:
        """The table with more runs counted; those without bytes or time say nothing.

        >>> table = RateTable().observe([Observation("fft", "float32", "cpu", 1024, 2.0)])
        >>> table.seconds("fft", "float32", "cpu", 512)
        1.0
        """
        entries = dict(self.entries)
        for kernel, dtype, device, nbytes, seconds in observations:
            if nbytes > 0 and 0 < seconds < math.inf:
                key = Key(kernel, dtype, device, bucket_of(nbytes))
                one, known = Measure(seconds / nbytes), entries.get(key)
                entries[key] = one if known is None else known.merge(one)
        return RateTable(entries)

    def merge(self, other: RateTable) -> RateTable:
        """Both tables together, as if one had seen all runs."""
        entries = dict(self.entries)
        for key, measure in other.entries.items():
            known = entries.get(key)
            entries[key] = measure if known is None else known.merge(measure)
        return RateTable(entries)

    def of(self, *devices: str) -> RateTable:
        """What is known of some kinds of devices."""
        return RateTable({k: m for k, m in self.entries.items() if k.device in devices})

    def replaced(self, other: RateTable) -> RateTable:
        """What the other table knows of its kinds of devices, and this one of all others."""
        there = set(other.devices)
        kept = {k: m for k, m in self.entries.items() if k.device not in there}
        return RateTable({**kept, **other.entries})

    def lookup(self, kernel: str, dtype: str, device: str, nbytes: int) -> Measure | None:
        """The measure of the nearest size, the larger of two that are equally near.

        None where nothing was measured within a factor of 2**8: the rates of blocks in a cache
        and of those in memory have nothing to do with each other.
        """
        for bucket in _by_distance(bucket_of(nbytes)):
            found = self.entries.get(Key(kernel, dtype, device, bucket))
            if found is not None:
                return found
        return None

    def above(self, kernel: str, dtype: str, device: str, nbytes: int) -> Measure | None:
        """The measure of the smallest size that is larger than so many bytes, however far."""
        larger = [
            key.bucket
            for key in self.entries
            if key[:3] == (kernel, dtype, device) and key.bucket > bucket_of(nbytes)
        ]
        return self.entries[Key(kernel, dtype, device, min(larger))] if larger else None

    def seconds(self, kernel: str, dtype: str, device: str, nbytes: int) -> float | None:
        """Time of one run on so many bytes, or None where it was not measured."""
        found = self.lookup(kernel, dtype, device, nbytes)
        return None if found is None else found.mean * nbytes

    def rows(self) -> list[list[Any]]:
        """The table as JSON has it, in order."""
        return [[*key, m.mean, m.squares, m.n] for key, m in sorted(self.entries.items())]


def table_of(rows: Iterable[Any]) -> RateTable:
    """The table that `RateTable.rows` wrote; ValueError or TypeError for anything else."""
    entries = {}
    for kernel, dtype, device, bucket, mean, squares, n in rows:
        if not all(isinstance(text, str) for text in (kernel, dtype, device)):
            raise ValueError(f"a measure of {kernel!r}, {dtype!r}, {device!r}")
        if not (isinstance(bucket, int) and isinstance(n, int)):
            raise ValueError(f"a size of {bucket!r} or a count of {n!r}")
        entries[Key(kernel, dtype, device, bucket)] = Measure(float(mean), float(squares), n)
    return RateTable(entries)
