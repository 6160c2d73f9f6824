"""What a benchmark is: one task, its data, our way of doing it and the ways of its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import spanwise as sw
from spanwise.errors import MissingDependencyError
from spanwise.kernels.engines import check_engine

THREADS = 2
"""Threads that every side may use: Dask's, ``workers=`` of SciPy, BLAS's and OpenMP's."""


@dataclass(frozen=True)
class Agreement:
    """How far our answer is from a peer's, found once before anything is timed."""

    error: float
    """Relative difference; where an answer can be better or worse, how much worse ours is."""
    tolerance: float
    """Largest error that counts as the same answer."""
    counts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """What was counted besides, by name: ours and the peer's."""

    @property
    def holds(self) -> bool:
        """Whether the two answers are the same one (never where the error is NaN)."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Measured:
    """An answer from a side that measured itself: of a part of its run, or in another process."""

    answer: Any
    """What would have been returned otherwise."""
    seconds: float
    """Of what is compared."""
    values: Mapping[str, float] = field(default_factory=dict)
    """What was measured besides, by name and unit: ``"call, s"``."""


@dataclass(frozen=True)
class Limit:
    """A promise about our side besides its speed."""

    name: str
    """The name in `Measured.values` or in `Agreement.counts`."""
    bound: float
    """Largest value that is promised, at full size."""
    value: float = float("nan")
    """What was counted, or the largest that was measured in all timed runs."""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept (never where nothing was measured)."""
        return self.value <= self.bound


@dataclass(frozen=True)
class Family:
    """Workloads whose speed is promised together, in geometric mean."""

    name: str
    """What they have in common."""
    workloads: tuple[str, ...]
    """Their names."""
    peer: str
    """The peer that they share."""
    floor: float
    """Ours is at least this many times faster, in geometric mean, at full size."""


@dataclass(frozen=True)
class Peer:
    """Another way to the same answer, from the same data, on as many threads."""

    name: str
    """The library and the function, as a user writes it."""
    run: Callable[[Any], Any]
    """From the data of the workload to its answer, in memory."""
    floor: float | None = None
    """Ours is at least this many times faster at full size; None: measured only."""
    module: str | None = None
    """Module that the peer needs and that may be missing."""
    requirement: str | None = None
    """What to give ``pip install`` for that module."""
    memory: float | None = None
    """Our peak is at most this share of the peer's at full size; None: measured only."""

    @property
    def missing(self) -> str | None:
        """Why the peer cannot run here, or None."""
        if self.module is None or find_spec(self.module) is not None:
            return None
        return f"{self.module} is not installed: python -m pip install {self.requirement}"


@dataclass(frozen=True)
class Workload:
    """One task. Both sides get the same data and end with the same small answer in memory."""

    name: str
    """What to type on the command line."""
    summary: str
    """What is computed and what becomes of the result."""
    sizes: Mapping[str, Mapping[str, Any]]
    """Arguments of `make` for "full" and "toy"."""
    make: Callable[..., Any]
    """``make(seed=..., **size)``: the data; not timed."""
    ours: Callable[[Any], Any]
    """From the data to the answer by spanwise."""
    peers: tuple[Peer, ...]
    """Whom we measure ourselves against."""
    check: Callable[[Any, Any, Any], Agreement]
    """``check(data, ours, theirs)``: whether two answers are the same."""
    limits: tuple[Limit, ...] = ()
    """What our side promises besides, at full size."""
    kernel: str | None = None
    """FFT kernel that our side is to use, and that may be missing; None: the one of the options."""
    vary: Callable[[Any], Iterable[Any]] | None = None
    """From the data to what the sides are given, one pair after another, such as several seeds of
    the same data; ``check`` then compares all answers of either side together."""
    costly: bool = False
    """Both sides take minutes and measure themselves: the runs whose answers are compared are the
    first that count, and none is made for the peaks alone."""

    @property
    def missing(self) -> str | None:
        """Why our side cannot run here, or None."""
        try:
            check_engine(self.kernel)
        except MissingDependencyError as error:
            return str(error)
        return None

    def answer(self, data: Any) -> Any:
        """What our side makes of the data."""
        if self.kernel is None:
            return self.ours(data)
        with sw.set_options(fft_kernel=self.kernel):
            return self.ours(data)

    def variants(self, data: Any) -> tuple[Any, ...]:
        """What the sides are given, pair by pair."""
        return (data,) if self.vary is None else tuple(self.vary(data))

    def agreement(self, data: Any, pairs: Sequence[tuple[Any, Any]]) -> Agreement:
        """Compare our answers with the peer's, for each of the variants."""
        ours, theirs = zip(*pairs, strict=True)
        if self.vary is None:
            return self.check(data, ours[0], theirs[0])
        return self.check(data, ours, theirs)

    def data(self, size: str, seed: int) -> Any:
        """The data of a named size."""
        return self.make(seed=seed, **self.sizes[size])
