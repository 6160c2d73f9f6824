"""Counters of what Dask does: computes, reads of a source, chunks alive. All are thread-safe."""

from __future__ import annotations

import itertools
import threading
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .hostfree import HostFree

_SOURCES: weakref.WeakValueDictionary[str, CountingSource] = weakref.WeakValueDictionary()


class CountingSource:
    """A Dask array whose chunk tasks count how often they run and how many chunks are alive.

    Each read gives out a fresh copy of the chunk, and a chunk counts as alive until the last view
    of that copy is gone.

    Parameters
    ----------
    values : numpy.ndarray or HostFree
        The elements.
    chunks : optional
        Chunks as Dask takes them.

    Attributes
    ----------
    array : dask.array.Array
        The source; chunks have the type of ``values``.

    Notes
    -----
    Counts are kept in the process that made the source: use Dask's threads, or a cluster made
    with ``processes=False``.

    Examples
    --------
    >>> import numpy as np
    >>> source = CountingSource(np.ones((4, 3)), chunks=(2, 3))
    >>> float(source.array.sum().compute())
    12.0
    >>> source.reads
    {(0, 0): 1, (1, 0): 1}
    >>> source.live_chunks
    0
    """

    def __init__(self, values: np.ndarray | HostFree, chunks: Any = "auto") -> None:
        import dask.array as da
        from dask.array.core import normalize_chunks

        if isinstance(values, HostFree):
            from .hostfree_dask import register_with_dask

            register_with_dask()
        self._values = values
        self._lock = threading.RLock()
        self._id = uuid.uuid4().hex
        self._chunks = normalize_chunks(chunks, values.shape, dtype=values.dtype)
        self._starts = [np.concatenate([[0], np.cumsum(c)]) for c in self._chunks]
        self._tokens = itertools.count()
        _SOURCES[self._id] = self
        self.reset()
        self.array = da.map_blocks(
            _Read(self),
            chunks=self._chunks,
            dtype=values.dtype,
            meta=values[(slice(0, 0),) * values.ndim],
            name=f"counting-source-{self._id}",
        )

    def reset(self) -> None:
        """Forget the reads and the peaks; chunks that are alive go on counting."""
        with self._lock:
            self._reads: Counter[tuple[int, ...]] = Counter()
            self._live: dict[int, int] = getattr(self, "_live", {})
            self._peak_chunks = len(self._live)
            self._peak_bytes = sum(self._live.values())

    @property
    def reads(self) -> dict[tuple[int, ...], int]:
        """Reads of each chunk, by its position in the grid."""
        with self._lock:
            return dict(sorted(self._reads.items()))

    @property
    def total_reads(self) -> int:
        """Reads of all chunks together."""
        with self._lock:
            return self._reads.total()

    @property
    def passes(self) -> int:
        """Reads of the chunk that was read most."""
        with self._lock:
            return max(self._reads.values(), default=0)

    @property
    def live_chunks(self) -> int:
        """Chunks alive now."""
        with self._lock:
            return len(self._live)

    @property
    def live_bytes(self) -> int:
        """Bytes of the chunks alive now."""
        with self._lock:
            return sum(self._live.values())

    @property
    def peak_live_chunks(self) -> int:
        """Most chunks that were alive at once."""
        with self._lock:
            return self._peak_chunks

    @property
    def peak_live_bytes(self) -> int:
        """Most bytes of chunks that were alive at once."""
        with self._lock:
            return self._peak_bytes

    def _read(self, position: tuple[int, ...]) -> np.ndarray | HostFree:
        bounds = zip(self._starts, position, strict=True)
        block = self._values[tuple(slice(starts[i], starts[i + 1]) for starts, i in bounds)].copy()
        owner = block.memory if isinstance(block, HostFree) else block
        with self._lock:
            token = next(self._tokens)
            self._reads[position] += 1
            self._live[token] = block.nbytes
            self._peak_chunks = max(self._peak_chunks, len(self._live))
            self._peak_bytes = max(self._peak_bytes, sum(self._live.values()))
        weakref.finalize(owner, self._forget, token)
        return block

    def _forget(self, token: int) -> None:
        with self._lock:
            self._live.pop(token, None)


class _Read:
    """Task function of a source; equal in every copy of the graph that this process makes."""

    def __init__(self, source: CountingSource) -> None:
        self._source = source

    def __call__(self, *, block_id: tuple[int, ...]) -> np.ndarray | HostFree:
        return self._source._read(tuple(block_id))

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "spanwise.CountingSource", self._source._id

    def __reduce__(self) -> Any:
        return _reader, (self._source._id,)


def _reader(source_id: str) -> _Read:
    if source_id not in _SOURCES:
        raise LookupError(
            "a CountingSource counts in the process that made it; run on Dask's threads or on a "
            "cluster with processes=False"
        )
    return _Read(_SOURCES[source_id])


@dataclass
class ComputeCount:
    """Dask computes seen since counting began."""

    computes: int = 0
    """Number of computes, of all threads."""
    forbidden: bool = field(default=False, repr=False)
    """Whether a compute is an error."""


class _Watch:
    """A Dask scheduler that tells every active count of a compute, then runs the one in force.

    Dask's configuration is one per process, so overlapping ``with dask.config.set`` blocks in
    several threads can restore each other's values and leave a scheduler behind. Here the first
    count to begin sets the configuration and the last to end restores it, under one lock.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counts: list[ComputeCount] = []
        self._stack = ExitStack()
        self._inner: Callable[..., Any] | None = None

    def begin(self, count: ComputeCount) -> None:
        """Tell ``count`` of every compute from now on."""
        import dask
        from dask.base import get_scheduler

        with self._lock:
            if not self._counts:
                self._inner = get_scheduler()
                self._stack.enter_context(dask.config.set(scheduler=self))
            self._counts.append(count)

    def end(self, count: ComputeCount) -> None:
        """Stop telling ``count``."""
        with self._lock:
            self._counts = [other for other in self._counts if other is not count]
            if not self._counts:
                self._stack.close()

    def __call__(self, dsk: Any, keys: Any, **kwargs: Any) -> Any:
        from dask.threaded import get

        with self._lock:
            for count in self._counts:
                count.computes += 1
            forbidden = any(count.forbidden for count in self._counts)
            inner = self._inner or get
        if forbidden:
            raise AssertionError(
                "a Dask graph was computed where nothing may compute; the traceback shows who did"
            )
        return inner(dsk, keys, **kwargs)


_WATCH = _Watch()


@contextmanager
def count_computes() -> Iterator[ComputeCount]:
    """Count the Dask computes that begin inside the block, in any thread.

    Yields
    ------
    ComputeCount
        Its attribute ``computes`` is the number so far.

    Notes
    -----
    The computes run on the scheduler that is in force when the block is entered (the default
    Client of ``distributed`` included). One that names its scheduler itself, as
    ``x.compute(scheduler="threads")`` or through a Client's own methods, is not seen. Under a
    Client, ``persist`` waits and brings its result to this process.

    Examples
    --------
    >>> import dask.array as da
    >>> with count_computes() as count:
    ...     y = da.ones(4, chunks=2).sum()
    >>> count.computes
    0
    """
    count = ComputeCount()
    _WATCH.begin(count)
    try:
        yield count
    finally:
        _WATCH.end(count)


@contextmanager
def raise_if_computes() -> Iterator[None]:
    """Make every Dask compute that begins inside the block an ``AssertionError``.

    The same computes are seen as by `count_computes`.

    Examples
    --------
    >>> import dask.array as da
    >>> with raise_if_computes():
    ...     da.ones(4, chunks=2).sum().compute()
    Traceback (most recent call last):
    ...
    AssertionError: a Dask graph was computed where nothing may compute; ...
    """
    count = ComputeCount(forbidden=True)
    _WATCH.begin(count)
    try:
        yield
    finally:
        _WATCH.end(count)
