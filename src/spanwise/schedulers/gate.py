"""Hold back producers whose chunks would pile up before a slower device takes them. Pure, on keys.

Idle CPU workers read as fast as they can, whatever the GPU workers keep up with. The gate lets
producers run while what they gave out, and what was made of it for a device, stays within a
budget. If nothing that runs can free memory (a task needs more producers than the budget holds),
it lets more of them run, twice as many each time until that task has run: bounded memory is a
wish, an end is a must.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

Key = Hashable


@dataclass(frozen=True, slots=True)
class Producer:
    """A task that makes a chunk from next to nothing."""

    key: Key
    """Its key."""
    kind: str
    """Producers of one kind give out about as much."""
    nbytes: int | None = None
    """Bytes that it gives out, if that is known."""


class Gate:
    """Which producers may run.

    Parameters
    ----------
    budget : int
        Bytes of chunks to keep alive.
    slots : int
        Tasks that the devices run at a time: how many producers of unknown size go first.

    Examples
    --------
    >>> gate = Gate(budget=20)
    >>> chunks = [Producer(("x", i), "x", 10) for i in range(3)]
    >>> gate.admit(chunks, upstream=[p.key for p in chunks], consumers=["fft"])
    [('x', 2)]
    >>> gate.moved(("x", 0), "memory", 10)
    >>> gate.ready()
    []
    >>> gate.moved(("x", 0), "forgotten")
    >>> gate.ready()
    [('x', 2)]
    """

    def __init__(self, budget: int, slots: int = 1) -> None:
        self.budget = budget
        self.slots = max(1, slots)
        self.held: dict[Key, Producer] = {}
        """Producers that must not run yet, in order."""
        self.peak = 0
        """Most bytes that were alive at a time, or promised to be."""
        self._producers: dict[Key, Producer] = {}
        self._upstream: set[Key] = set()
        self._consumers: set[Key] = set()
        self._alive: dict[Key, int] = {}
        self._used = 0
        self._granted: set[Key] = set()
        self._busy: set[Key] = set()
        self._measured: dict[str, tuple[int, int]] = {}
        self._burst = 1

    def __contains__(self, key: Key) -> bool:
        return key in self._upstream or key in self._consumers

    def admit(
        self, producers: Sequence[Producer], upstream: Collection[Key], consumers: Collection[Key]
    ) -> list[Key]:
        """Take in a graph; the producers to hold back.

        Parameters
        ----------
        producers : sequence of Producer
            In the order in which they should run.
        upstream : collection of keys
            Everything that devices wait for, the producers included: its bytes count.
        consumers : collection of keys
            Tasks on devices, and others whose bytes do not count.
        """
        self._upstream.update(upstream)
        self._consumers.update(consumers)
        new = [p for p in producers if p.key not in self._producers]
        self._producers.update((p.key, p) for p in new)
        for i, producer in enumerate(new):
            if self.held or not self._fits(producer):
                self.held.update((p.key, p) for p in new[i:])
                return [p.key for p in new[i:]]
            self._grant(producer)
        return []

    def moved(self, key: Key, state: str, nbytes: int = 0) -> None:
        """Tell the state that a task has got into, as Dask's scheduler calls it."""
        if state in ("processing", "queued") or (state == "no-worker" and key not in self.held):
            self._busy.add(key)
        else:
            self._busy.discard(key)
        if key in self._consumers and state == "memory":
            self._burst = 1
        if key in self._upstream:
            self._count(key, state, nbytes)
        if state == "forgotten":
            self._upstream.discard(key)
            self._consumers.discard(key)
            self._producers.pop(key, None)
            self.held.pop(key, None)
            self._granted.discard(key)

    def ready(self) -> list[Key]:
        """Producers that fit into the budget now, which are held back no more."""
        out = []
        for producer in list(self.held.values()):
            if not self._fits(producer):
                break
            del self.held[producer.key]
            self._grant(producer)
            out.append(producer.key)
        return out

    def stalled(self) -> bool:
        """Whether producers are held back and nothing runs that could free memory."""
        return bool(self.held) and not self._busy

    def force(self) -> list[Key]:
        """Producers to let run over the budget, twice as many until a consumer has finished."""
        out = list(self.held.values())[: self._burst]
        self._burst *= 2
        for producer in out:
            del self.held[producer.key]
            self._grant(producer)
        return [p.key for p in out]

    def open(self) -> list[Key]:
        """Let every producer run."""
        out = list(self.held)
        self.held.clear()
        return out

    def _count(self, key: Key, state: str, nbytes: int) -> None:
        if state == "memory":
            self._granted.discard(key)
            self._set(key, nbytes)
            producer = self._producers.get(key)
            if producer is not None:
                n, total = self._measured.get(producer.kind, (0, 0))
                self._measured[producer.kind] = n + 1, total + nbytes
        elif state in ("processing", "queued"):
            self._granted.discard(key)
            if key not in self._alive and key in self._producers:
                self._set(key, self._size(self._producers[key]))
        elif state in ("erred", "forgotten") or (state == "released" and key not in self._granted):
            self._set(key, 0)

    def _set(self, key: Key, nbytes: int) -> None:
        self._used += nbytes - self._alive.pop(key, 0)
        if nbytes:
            self._alive[key] = nbytes
            self.peak = max(self.peak, self._used)

    def _grant(self, producer: Producer) -> None:
        self._granted.add(producer.key)
        self._set(producer.key, self._size(producer))

    def _fits(self, producer: Producer) -> bool:
        return not self._alive or self._used + self._size(producer) <= self.budget

    def _size(self, producer: Producer) -> int:
        if producer.nbytes is not None:
            return producer.nbytes
        n, total = self._measured.get(producer.kind, (0, 0))
        return total // n if n else max(1, self.budget // (2 * self.slots))
