"""What placement costs before anything runs: its pass over a graph, beside Dask's own optimiser."""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dask
import dask.array as da
import numpy as np
from dask.array.optimization import optimize as dask_optimize
from dask.highlevelgraph import HighLevelGraph

import spanwise as sw
from spanwise import rates
from spanwise.measures import CPU, TO_DEVICE, TO_HOST, Observation, RateTable
from spanwise.schedulers import placement

from .workload import Agreement, Limit, Measured, Peer, Workload

ERROR = 1e-5
"""Tolerance of single values of a float32 transform, relative to the largest of them."""
CHUNK = (2, 16)
"""Shape of the chunks: tasks are counted here, not elements."""
ACROSS = 16
"""Chunks along the axis of an exchange, all of which each of its tasks takes."""
SAMPLE = 4 * ACROSS
"""Chunks of the graph whose results are computed and compared."""
SHARE = 10
"""How many times larger the large graph is than the small one."""
REPEATS = 5
"""Runs of each side over the small graph, in turn."""
SMALL, LARGE = "small graph: s per task", "large graph: s per task"
PROCESSOR = "large graph: processor s per task"
GROWTH = "times Dask's own, large over small"
ADDED = "added by placement('cpu')"
TASKS = "tasks"
PER_TASK = 30e-6
"""Seconds per task that the pass may add to Dask's own optimisation."""
NEAR_LINEAR = 1.5
"""Most that the time, as a multiple of Dask's own, may grow where tasks grow `SHARE` times: Python
looks for garbage among all tasks, so that each takes longer in a larger graph on either side."""

Arrays = tuple[da.Array, ...]


def chain(x: da.Array) -> Arrays:
    """Kernels and what goes between them, each chunk by itself: chunks are alike."""
    return (sw.fft.ifft(sw.fft.fft(x, axis=1) * 0.5, axis=1).real,)


def exchange(x: da.Array) -> Arrays:
    """A transform across chunks: each task takes slices of many."""
    return (abs(sw.fft.fft(x, axis=0)),)


def halo(x: da.Array) -> Arrays:
    """Kernels on both sides of a user's function that sees the edges of its neighbours."""
    y = abs(sw.fft.fft(x, axis=1))
    seen = da.map_overlap(negated, y, depth={0: 1}, boundary="none", dtype=y.dtype, meta=y._meta)
    return (sw.fft.fft(seen, axis=1),)


def negated(block: np.ndarray) -> np.ndarray:
    """A function that placement knows nothing of."""
    return -block


def differences(x: da.Array) -> Arrays:
    """Slices of neighbours: every transform has users in two chunks."""
    y = sw.fft.fft(x, axis=1)
    return (y[1:] - y[:-1],)


def users(x: da.Array) -> Arrays:
    """Several results of one transform."""
    y = sw.fft.fft(x, axis=1)
    return y.real, abs(y), y[:, ::2]


def reduction(x: da.Array) -> Arrays:
    """A tree of sums behind a transform."""
    return ((abs(sw.fft.fft(x, axis=1)) ** 2).mean(axis=0),)


def mixed(x: da.Array) -> Arrays:
    """A kernel that pays on a device, a user's function, and a kernel that does not."""
    y = abs(sw.fft.fft(x, axis=1)).map_blocks(negated, dtype=x.dtype, meta=x._meta)
    return (sw.fft.dct(y, axis=1) * 2,)


def host(x: da.Array) -> Arrays:
    """No kernel at all."""
    return ((x[1:] - x[:-1]).sum(axis=0), (x + 1).mean())


KINDS: Mapping[str, Callable[[da.Array], Arrays]] = {
    f.__name__: f for f in (chain, exchange, halo, differences, users, reduction, mixed, host)
}
"""How graphs are made of chunks."""
POLICIES = {"mixed": "cost"}
"""How kernels are placed, where not by "gpu"."""
SECONDS = {("fft", CPU): 1e-6, ("fft", "hostfree"): 1e-7, ("trigonometric", CPU): 1e-7}
"""Per byte that a kernel takes in, as if measured; a copy takes `COPY`."""
COPY = 1e-8


def layers(x: da.Array, *, depth: int = 1000) -> Arrays:
    """Very many layers."""
    for _ in range(depth):
        x = x + 1
    return (x,)


@dataclass(frozen=True)
class Graphs:
    """Graphs of one kind in any size."""

    build: Callable[[da.Array], Arrays]
    """From chunks to results."""
    memory: np.ndarray
    """Elements of as many chunks as the largest has."""
    chunks: int
    """Chunks of the largest."""

    @property
    def policy(self) -> str:
        """How kernels are placed."""
        return POLICIES.get(self.build.__name__, "gpu")

    def arrays(self, chunks: int) -> Arrays:
        """New arrays: layers keep the graphs that were made of them."""
        rows, columns = (ACROSS, chunks // ACROSS) if self.build is exchange else (chunks, 1)
        shape = rows * CHUNK[0], columns * CHUNK[1]
        elements = self.memory[: shape[0] * shape[1]].reshape(shape)
        return self.build(da.from_array(elements, chunks=CHUNK, name=f"chunks-{chunks}"))

    @property
    def sample(self) -> tuple[np.ndarray, ...]:
        """Results of a few chunks under the policy in force."""
        return dask.compute(*self.arrays(SAMPLE))


def make_graphs(*, kind: str, tasks: int, seed: int) -> Graphs:
    """White noise in as many chunks as make about so many tasks, ten times fewer and `SAMPLE`."""
    build = KINDS[kind]
    few = Graphs(build, np.zeros(SAMPLE * CHUNK[0] * CHUNK[1], np.float32), SAMPLE)
    chunks = SAMPLE * tasks // len(merged(few.arrays(SAMPLE))[0])
    elements = max(chunks, SAMPLE) * CHUNK[0] * CHUNK[1]
    memory = np.random.default_rng(seed).standard_normal(elements, dtype=np.float32)
    return Graphs(build, memory, chunks)


def merged(arrays: Arrays) -> tuple[HighLevelGraph, list[Any]]:
    """One graph and the keys that are wanted of it."""
    graph = HighLevelGraph.merge(*(a.__dask_graph__() for a in arrays))
    return graph, [a.__dask_keys__() for a in arrays]


@dataclass(frozen=True)
class Pass:
    """One run of an optimiser over one graph."""

    tasks: int
    """Of the graph as it was built."""
    wall: float
    """Seconds."""
    processor: float
    """Seconds of this process."""
    keys: frozenset[Any]
    """Of the tasks that came out."""


def optimise(arrays: Arrays) -> Pass:
    """What Dask does before it computes, by the optimiser that is set."""
    graph, keys = merged(arrays)
    gc.collect()
    start, spent = time.perf_counter(), time.process_time()
    out = dict(arrays[0].__dask_optimize__(graph, keys))
    wall, processor = time.perf_counter() - start, time.process_time() - spent
    return Pass(len(graph), wall, processor, frozenset(out))


@dataclass(frozen=True)
class Added:
    """What placement adds to Dask's own optimisation."""

    placed: Pass
    """The last run with placement."""
    wall: float
    """Seconds per task."""
    processor: float
    """Processor seconds per task."""
    multiple: float
    """The whole time over that of Dask's own."""


@contextmanager
def on_stand_in(policy: str) -> Iterator[None]:
    """Placement on a stand-in for a GPU whose speed is given, whatever this machine's file says."""
    nbytes = CHUNK[0] * CHUNK[1] * np.dtype(np.float32).itemsize
    seen = [Observation(k, "float32", d, nbytes, nbytes * s) for (k, d), s in SECONDS.items()]
    seen += [Observation(w, "", "hostfree", nbytes, nbytes * COPY) for w in (TO_DEVICE, TO_HOST)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rates.json"
        with patch.dict(os.environ, SPANWISE_RATES=str(file)):
            rates.save(None, RateTable().observe(seen))
            with placement(policy, device="hostfree"):
                yield


def added(x: Graphs, chunks: int, repeats: int = 1) -> Added:
    """Medians of runs in turn."""
    placed, wall, processor, multiple = None, [], [], []
    for _ in range(repeats):
        own = optimise(x.arrays(chunks))
        with on_stand_in(x.policy):
            placed = optimise(x.arrays(chunks))
        wall.append((placed.wall - own.wall) / own.tasks)
        processor.append((placed.processor - own.processor) / own.tasks)
        multiple.append(placed.wall / own.wall)
    assert placed is not None
    return Added(placed, *map(statistics.median, (wall, processor, multiple)))


def ours(x: Graphs) -> Measured:
    """With placement on a stand-in for a GPU; Dask's own run beside it is subtracted."""
    small = added(x, max(x.chunks // SHARE, SAMPLE), REPEATS)
    large = added(x, x.chunks)
    values = {
        SMALL: small.wall,
        LARGE: large.wall,
        PROCESSOR: large.processor,
        GROWTH: large.multiple / small.multiple,
        TASKS: large.placed.tasks,
    }
    with on_stand_in(x.policy):
        return Measured(x.sample, large.placed.wall, values)


def dask_own(x: Graphs) -> Measured:
    """Without placement."""
    own = optimise(x.arrays(x.chunks))
    return Measured(x.sample, own.wall, {TASKS: own.tasks})


def same_values(x: Graphs, ours: Any, theirs: Any) -> Agreement:
    """Compare the results of a few chunks."""
    del x
    errors = [
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs, strict=True)
    ]
    return Agreement(max(errors), ERROR)


class Inner:
    """Dask's optimiser, which notes how long it takes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, dsk: Any, keys: Any, **kwargs: Any) -> Any:
        """Optimise, as Dask calls it."""
        start = time.perf_counter()
        out = dask_optimize(dsk, keys, **kwargs)
        self.seconds += time.perf_counter() - start
        return out


def make_host_graphs(*, kind: str, chunks: int, seed: int) -> Graphs:
    """White noise in chunks."""
    elements = chunks * CHUNK[0] * CHUNK[1]
    memory = np.random.default_rng(seed).standard_normal(elements, dtype=np.float32)
    return Graphs({"chain": chain, "layers": layers}[kind], memory, chunks)


def placed_on_cpu(x: Graphs) -> Measured:
    """By ``placement("cpu")`` over Dask's own optimiser, whose share of the time is known."""
    inner = Inner()
    with dask.config.set(array_optimize=inner), placement("cpu"):
        run = optimise(x.arrays(x.chunks))
    share = run.wall / inner.seconds - 1
    return Measured(run.keys, run.wall, {ADDED: share, TASKS: run.tasks})


def unplaced(x: Graphs) -> Measured:
    """Without placement."""
    run = optimise(x.arrays(x.chunks))
    return Measured(run.keys, run.wall, {TASKS: run.tasks})


def same_keys(x: Graphs, ours: Any, theirs: Any) -> Agreement:
    """Compare the graphs that come out, task by task."""
    del x
    return Agreement(float(len(ours ^ theirs)), 0.0)


def placed(kind: str) -> Workload:
    """Graphs of one kind on a GPU."""
    return Workload(
        name=f"placement-{kind}",
        summary=f"optimising the graph of {kind} with kernels placed on a stand-in for a GPU; "
        f"limited is what that adds to Dask's own optimisation, also of {SHARE} times fewer tasks",
        sizes={
            "full": {"kind": kind, "tasks": 100_000},
            "toy": {"kind": kind, "tasks": 1_000},
        },
        make=make_graphs,
        ours=ours,
        peers=(Peer("dask.array.optimization.optimize", dask_own),),
        check=same_values,
        limits=(Limit(SMALL, PER_TASK), Limit(LARGE, PER_TASK), Limit(GROWTH, NEAR_LINEAR)),
    )


def on_cpu(kind: str, full: int, toy: int) -> Workload:
    """Graphs that are left on the host."""
    return Workload(
        name=f"placement-cpu-{kind}",
        summary=f"optimising the graph of {kind} under placement('cpu'); limited is the share of "
        "the time that is not Dask's own optimiser's",
        sizes={"full": {"kind": kind, "chunks": full}, "toy": {"kind": kind, "chunks": toy}},
        make=make_host_graphs,
        ours=placed_on_cpu,
        peers=(Peer("no placement", unplaced),),
        check=same_keys,
        limits=(Limit(ADDED, 0.05),),
    )


WORKLOADS = (
    *(placed(kind) for kind in KINDS),
    on_cpu("chain", 20_000, 100),
    on_cpu("layers", 1, 1),
)
