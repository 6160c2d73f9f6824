"""Plans k-means on wide data by inner products: one read for all of them, one for the centres.

A task takes one chunk of features of all rows; where rows are chunked as well, it joins the chunks
that lie above one another. Its inner products are integers, which a tree adds.
"""

from __future__ import annotations

from ..kernels.gram import cluster_sums, digits_of, gram, products_bytes, workspace_bytes
from ..machine import Machine
from .cluster import ReducePlan, tree
from .grid import ArraySpec
from .plan import Plan, Step
from .remedy import remedies

SPLIT_EVERY = 4
"""Products that one task of the tree adds; they are large."""

_MOST_ROWS = 2000
_ROWS_PER_CLUSTER = 4


def gram_pays(n: int, d: int, k: int = 2) -> bool:
    """Whether all inner products cost less than reading the data over and over.

    Let R be the bytes read in a second and F the flops of all cores together. A read of values of
    8 bytes costs ``8 n d / R``; their inner products, of three digits, cost what 5.7 plain matrix
    products do (measured; 4.5 by count), ``5.7 * 2 n^2 d / F``. Of float32 both are half as much
    (two digits, 2.8 products). Lloyd's iteration reads once for the sample, once for each step,
    commonly 10 to 30, and once for the inertia: some 20 reads more than the two of this way, which
    therefore pays where ``11.4 n^2 d / F < 20 * 8 n d / R``, that is ``n < 14 F / R``. With R = 1e9
    and F = 60e9 per core those are 840 rows for one core, and 2000 for three, which is the limit
    here: storage is shared by the cores, arithmetic is not.

    Two more bounds: the products of a task, up to ``36 n^2`` bytes, must not exceed the data, hence
    ``d >= 5 n``; and one cluster needs no iteration, clusters of fewer than four rows only a few
    steps.

    Parameters
    ----------
    n, d : int
        Rows and features.
    k : int, default: 2
        Clusters.

    Examples
    --------
    >>> gram_pays(500, 10**6, 4), gram_pays(10**6, 500, 4), gram_pays(5000, 10**6, 4)
    (True, False, False)
    """
    return n <= _MOST_ROWS and d >= 5 * n and 1 < k <= n // _ROWS_PER_CLUSTER


def plan_gram(
    spec: ArraySpec, *, anchors: int = 0, machine: Machine, operation: str = "KMeans.fit"
) -> ReducePlan:
    """Plan the read that makes all inner products.

    Parameters
    ----------
    spec : ArraySpec
        The rows, chunked along features and maybe along samples.
    anchors : int, default: 0
        Given centres that take part in the products.
    machine : Machine
        Budget and number of tasks at a time.
    operation : str
        Public name, for messages.
    """
    n, d = spec.shape
    digits = digits_of(spec.dtype, d)
    rows = n + anchors
    out = products_bytes(rows, digits) + 9 * n
    columns = spec.numblocks[1]
    levels = tree(columns, SPLIT_EVERY)
    # Products wait for their neighbours at each level of the tree.
    waiting = (SPLIT_EVERY - 1) * len(levels) * out if columns > 1 else 0
    work = workspace_bytes(rows, max(spec.chunks[1], default=0), digits)
    blocks = Step(
        "spanwise-gram",
        "reduce",
        columns,
        gram.name,
        bytes_in=spec.nbytes,
        bytes_out=columns * out,
        peak_bytes=machine.threads * (_held(spec) + work + out) + waiting,
        flops=float(digits.count**2) * rows**2 * d,
        chunk_bytes=out,
        reason=_reason(spec, "one read: inner products of all rows, finite check"),
        passes=1,
    )
    merge = Step(
        "spanwise-gram-merge",
        "reduce",
        sum(len(level) for level in levels),
        bytes_in=columns * out,
        bytes_out=out,
        bytes_moved=columns * out,
        # Rows whose digits must move are merged in two square copies.
        peak_bytes=(SPLIT_EVERY + 5) * out,
        chunk_bytes=out,
        reason=f"integers added {SPLIT_EVERY} at a time, in the order of the chunks",
    )
    result = ArraySpec(((rows,), (rows,)), "float64", 8)
    plan = Plan(operation, spec, result, (blocks, merge), machine)
    return ReducePlan(blocks, merge, plan)


def plan_centers(
    spec: ArraySpec, *, n_clusters: int, machine: Machine, operation: str = "KMeans.fit"
) -> Plan:
    """Plan the read that sums the rows of each cluster."""
    n, d = spec.shape
    widest = max(spec.chunks[1], default=0)
    step = Step(
        "spanwise-gram-centers",
        "reduce",
        spec.numblocks[1],
        cluster_sums.name,
        bytes_in=spec.nbytes,
        bytes_out=8 * n_clusters * d,
        peak_bytes=machine.threads * (_held(spec) + 16 * n_clusters * widest) + 8 * n_clusters * d,
        flops=4.0 * n * d * n_clusters,
        chunk_bytes=8 * n_clusters * widest,
        dtype="float64",
        reason=_reason(spec, "one read: sums of the rows of each cluster"),
        passes=1,
    )
    result = ArraySpec(((n_clusters,), spec.chunks[1]), "float64", 8)
    return Plan(operation, spec, result, (step,), machine)


def gram_remedies(spec: ArraySpec, *, anchors: int, machine: Machine) -> str:
    """What helps where the products exceed the budget, for the message."""

    def plan(spec: ArraySpec, machine: Machine) -> Plan:
        return plan_gram(spec, anchors=anchors, machine=machine).plan

    return f"{remedies(spec, (0,), machine, plan)}. Lloyd's iteration over chunks needs less"


def _held(spec: ArraySpec) -> int:
    """Bytes of the features of all rows in a task: a chunk, or several and what joins them."""
    block = spec.shape[0] * max(spec.chunks[1], default=0) * spec.itemsize
    return block if spec.numblocks[0] == 1 else 2 * block


def _reason(spec: ArraySpec, text: str) -> str:
    if spec.numblocks[0] == 1:
        return text
    return f"{text}; the {spec.numblocks[0]} sample chunks of its features are joined in a task"
