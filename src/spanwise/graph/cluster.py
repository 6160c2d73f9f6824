"""Plans k-means on a chunked array of rows: what is read how often, and what is held meanwhile.

A pass over the rows is a reduction: each row block becomes a few sums in the task that reads it,
and the sums are added in a tree ordered by block number, so that their order, hence the last bit
of the result, depends on no worker and no thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..kernels.lloyd import assign, distances, lloyd, nearest
from ..kernels.survey import survey
from ..machine import Machine
from .grid import ArraySpec, Chunks, balanced
from .plan import Plan, Step

SPLIT_EVERY = 8
"""Sums that one task of a tree adds."""

_SAMPLE_PER_CLUSTER = 500
_LEAST_SAMPLE = 10_000
_SAMPLE_BYTES = 128 << 20
_INLINE_BYTES = 16 << 10

REMEDIES = "Cut the rows into smaller chunks, e.g. x.rechunk({0: 'auto', 1: -1})"


@dataclass(frozen=True, slots=True)
class ReducePlan:
    """One pass: a step for the blocks and a step for the tree."""

    blocks: Step
    """Each row block becomes a few sums."""
    tree: Step
    """The sums are added."""
    plan: Plan
    """What the pass belongs to."""


@dataclass(frozen=True, slots=True)
class FitPlan:
    """Every pass of a fit."""

    survey: ReducePlan
    """Finite check, mean, variance and sample."""
    lloyd: ReducePlan
    """One iteration, and the last look at inertia."""
    plan: Plan
    """Costs of the whole."""
    cached: bool
    """Whether the rows stay in memory after the first read."""
    staged: Step | None
    """How rows whose making is shared are kept in a temporary store instead."""


def sample_size(n: int, d: int, k: int) -> int:
    """Rows that centres are sought on before all rows are: a function of n, d and k only.

    500 per cluster, where that many float64 rows stay below 128 MiB; at least 8 per cluster.

    Examples
    --------
    >>> sample_size(10**9, 4, 8), sample_size(10**9, 128, 1024), sample_size(300, 4, 8)
    (10000, 131072, 300)
    """
    wanted = max(_SAMPLE_PER_CLUSTER * k, _LEAST_SAMPLE)
    return min(n, max(8 * k, min(wanted, _SAMPLE_BYTES // (8 * max(d, 1)))))


def sample_threshold(n: int, size: int) -> float:
    """A key below which ``size`` of ``n`` rows of weight 1 surely fall, and hardly more.

    The number of rows below it has a standard deviation of at most the root of its mean, which
    lies 8 of those above ``size``. Infinite where all rows are wanted.
    """
    expected = size + 8 * math.sqrt(size) + 64
    return math.inf if expected >= n else -math.log1p(-expected / n)


def tree(leaves: int, split: int = SPLIT_EVERY) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Levels of a reduction; each entry is the range of entries of the level below that it adds.

    >>> tree(5, 2)
    (((0, 2), (2, 4), (4, 5)), ((0, 2), (2, 3)), ((0, 2),))
    """
    levels = []
    width = max(1, leaves)
    while True:
        level = tuple((a, min(a + split, width)) for a in range(0, width, split))
        levels.append(level)
        width = len(level)
        if width == 1:
            return tuple(levels)


def slabs(n: int, d: int) -> tuple[int, ...]:
    """Rows that an array in memory is cut into, by its shape only.

    >>> slabs(2_000_000, 4)[:2], len(slabs(2_000_000, 4))
    ((250000, 250000), 8)
    """
    rows = max(256, (1 << 20) // max(d, 1))
    return balanced(n, max(1, -(-n // rows)))


def plan_fit(
    spec: ArraySpec,
    *,
    n_clusters: int,
    sweeps: int,
    sampled: int,
    weighted: bool,
    machine: Machine,
    operation: str = "KMeans.fit",
    runs: int = 1,
    may_cache: bool = True,
    shared: bool = False,
) -> FitPlan:
    """Plan a fit.

    Rows that are swept over more than once stay in memory after the first read, where the budget
    has room for them beside everything else. Where it has none and chunks share ancestors, so that
    each sweep would carry out an exchange or a reduction again, they are made once and kept in a
    temporary store.

    Parameters
    ----------
    spec : ArraySpec
        The rows, chunked along samples and maybe along features.
    n_clusters : int
        Centres of a set.
    sweeps : int
        Sweeps over the rows behind the first, at most.
    sampled : int
        Rows of the sample; 0 where the centres to start from were given.
    weighted : bool
        Whether each row has a weight.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages.
    runs : int
        Sets of centres that share each pass.
    may_cache : bool
        Whether rows may stay in memory at all.
    shared : bool
        Whether chunks share ancestors.
    """
    d = spec.shape[1]
    sums = runs * 8 * n_clusters * (d + 1)
    sketch = 16 * (d + 2) + (sampled + 1) * (d * spec.itemsize + 24)
    common = {"spec": spec, "machine": machine, "weighted": weighted}
    first = _reduce(
        name="spanwise-kmeans-moments",
        kernel=survey.name,
        out=sketch,
        passes=1,
        flops=6.0 * spec.shape[0] * d,
        reason="one read: finite check, mean, bounds and a sample of the rows",
        **common,
    )
    second = _reduce(
        name="spanwise-kmeans-lloyd",
        kernel=lloyd.name,
        out=sums,
        passes=sweeps,
        flops=2.0 * spec.shape[0] * d * n_clusters * runs,
        reason=f"one read per iteration and one for the inertia, {sweeps} at most",
        **common,
    )
    steps = (*first, *second)
    held = -(-(spec.nbytes + 8 * spec.shape[0] * weighted) // machine.workers)
    room = machine.memory - max(step.peak_bytes for step in steps) - held
    cached = may_cache and sweeps > 0 and room >= 0
    if cached:
        steps = (_cache_step(spec, held, machine), *(_beside(step, held) for step in steps))
    staged = _staged_step(spec, machine) if shared and sweeps > 0 and not cached else None
    if staged is not None:
        steps = (staged, *(replace(step, passes=0) for step in steps))
    result = ArraySpec(((n_clusters,), (d,)), _float(spec.dtype), spec.itemsize, spec.library)
    plan = Plan(operation, spec, result, steps, machine)
    return FitPlan(ReducePlan(*first, plan), ReducePlan(*second, plan), plan, cached, staged)


def _cache_step(spec: ArraySpec, held: int, machine: Machine) -> Step:
    return Step(
        "spanwise-kmeans-cached",
        "cached",
        0,
        bytes_in=spec.nbytes,
        bytes_out=spec.nbytes,
        peak_bytes=held + machine.threads * spec.chunk_bytes,
        chunk_bytes=spec.chunk_bytes,
        dtype=spec.dtype,
        reason="read once: the rows fit the budget, and stay in memory until the fit ends",
        passes=1,
    )


def _staged_step(spec: ArraySpec, machine: Machine) -> Step:
    return Step(
        "spanwise-kmeans-staged",
        "staged",
        spec.blocks,
        bytes_in=spec.nbytes,
        bytes_out=spec.nbytes,
        bytes_staged=spec.nbytes,
        peak_bytes=2 * machine.threads * spec.chunk_bytes,
        chunk_bytes=spec.chunk_bytes,
        dtype=spec.dtype,
        reason="made once: chunks share ancestors, which each sweep would compute again; the "
        "sweeps read a temporary store, which goes with the fit",
        passes=1,
    )


def _beside(step: Step, held: int) -> Step:
    """A step while the rows are held."""
    return replace(step, peak_bytes=step.peak_bytes + held, passes=0)


def plan_moments(spec: ArraySpec, *, machine: Machine, operation: str) -> tuple[ReducePlan, Step]:
    """Plan the two reads of ``whiten``: one for the standard deviations, one to divide by them."""
    d = spec.shape[1]
    first = _reduce(
        spec,
        "spanwise-kmeans-moments",
        survey.name,
        machine,
        out=16 * (d + 2),
        passes=1,
        weighted=False,
        flops=6.0 * spec.shape[0] * d,
        reason="first read of two: standard deviation of each feature",
    )
    divide = Step(
        "spanwise-whiten",
        "blockwise",
        spec.blocks,
        "whiten",
        bytes_in=spec.nbytes,
        bytes_out=spec.nbytes,
        peak_bytes=2 * machine.threads * spec.chunk_bytes,
        flops=float(math.prod(spec.shape)),
        chunk_bytes=spec.chunk_bytes,
        dtype=_float(spec.dtype),
        reason="second read, so that no chunk waits for the standard deviations",
        passes=1,
    )
    plan = Plan(operation, spec, spec, (*first, divide), machine)
    return ReducePlan(*first, plan), divide


def plan_pass(
    spec: ArraySpec,
    kernel: str,
    *,
    out: int,
    flops: float,
    reason: str,
    machine: Machine,
    operation: str,
) -> ReducePlan:
    """Plan one read of the rows.

    Parameters
    ----------
    kernel : str
        Name of the kernel that each row block goes through, and of the tasks.
    out : int
        Bytes that it makes of a row block, and that a merge makes at most.
    """
    steps = _reduce(
        spec,
        f"spanwise-{kernel}",
        kernel,
        machine,
        out=out,
        passes=1,
        weighted=False,
        flops=flops,
        reason=reason,
    )
    return ReducePlan(*steps, Plan(operation, spec, spec, steps, machine))


def plan_rows(
    spec: ArraySpec, *, n_clusters: int, what: str, machine: Machine, operation: str
) -> Plan:
    """Plan a map over row blocks.

    Parameters
    ----------
    what : {"vq", "nearest", "distances"}
        Labels and distances, labels, or the distances to all centres.
    """
    n, d = spec.shape
    kernel = {"vq": assign, "nearest": nearest, "distances": distances}[what]
    width = {"vq": 4 + spec.itemsize, "nearest": 4, "distances": spec.itemsize * n_clusters}[what]
    rows = max(spec.chunks[0], default=0)
    blocks = spec.numblocks[0]
    out: Chunks = (spec.chunks[0],)
    if what == "distances":
        out = (spec.chunks[0], (n_clusters,))
    dtype = _float(spec.dtype) if what == "distances" else "int32"
    step = Step(
        "spanwise-vq",
        "blockwise",
        blocks,
        kernel.name,
        bytes_in=spec.nbytes,
        bytes_out=n * width,
        peak_bytes=machine.threads * (_held(spec) + rows * width),
        flops=2.0 * n * d * n_clusters,
        chunk_bytes=rows * width,
        dtype=dtype,
        reason=_reason(spec),
        passes=1,
    )
    parts = {
        "vq": (("code", 4, "int32"), ("distance", spec.itemsize, _float(spec.dtype))),
        "nearest": (("code", 4, "int32"),),
        "distances": (),
    }[what]
    steps = [step] + [
        Step(
            f"spanwise-vq-{part}",
            "blockwise",
            blocks,
            bytes_in=n * width,
            bytes_out=n * size,
            peak_bytes=machine.threads * rows * width,
            chunk_bytes=rows * size,
            dtype=part_dtype,
        )
        for part, size, part_dtype in parts
    ]
    result = ArraySpec(out, dtype, width if what == "nearest" else spec.itemsize, spec.library)
    return Plan(operation, spec, result, tuple(steps), machine)


def is_inline(nbytes: int) -> bool:
    """Whether centres travel inside each task, which lets Dask fuse the task with any reader."""
    return nbytes <= _INLINE_BYTES


def _reduce(
    spec: ArraySpec,
    name: str,
    kernel: str,
    machine: Machine,
    *,
    out: int,
    passes: int,
    weighted: bool,
    flops: float,
    reason: str,
) -> tuple[Step, Step]:
    blocks = spec.numblocks[0]
    merges = sum(len(level) for level in tree(blocks))
    read = spec.nbytes + (8 * spec.shape[0] if weighted else 0)
    parts = Step(
        name,
        "reduce",
        blocks,
        kernel,
        bytes_in=passes * read,
        bytes_out=blocks * out,
        bytes_moved=0,
        peak_bytes=machine.threads * (_held(spec) + out) + SPLIT_EVERY * out,
        flops=passes * flops,
        chunk_bytes=out,
        reason=_reason(spec, reason),
        passes=passes,
    )
    merge = Step(
        f"{name}-merge",
        "reduce",
        merges,
        bytes_in=blocks * out,
        bytes_out=out,
        bytes_moved=blocks * out,
        peak_bytes=(SPLIT_EVERY + 1) * out,
        chunk_bytes=out,
        reason=f"sums added {SPLIT_EVERY} at a time, in the order of the blocks",
    )
    return parts, merge


def _held(spec: ArraySpec) -> int:
    """Bytes of one row block in a task: its chunk, and the block put together where it has many."""
    rows = max(spec.chunks[0], default=0)
    block = rows * spec.shape[1] * spec.itemsize
    return block if spec.numblocks[1] == 1 else 2 * block


def _reason(spec: ArraySpec, text: str = "") -> str:
    if spec.numblocks[1] == 1:
        return text
    joined = f"the {spec.numblocks[1]} feature chunks of a row block are joined in its task"
    return f"{text}; {joined}" if text else joined


def _float(dtype: str) -> str:
    return "float32" if dtype == "float32" else "float64"
