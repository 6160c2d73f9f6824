"""The planner of the four steps, on integers alone: which point goes where."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, MemoryBudgetError
from spanwise.graph import whole
from spanwise.graph.fft import plan_fft
from spanwise.graph.grid import ArraySpec, edges
from spanwise.graph.layout import divisors, residue_runs
from spanwise.graph.stages import Fill, Stage
from spanwise.kernels.transforms import TRANSFORMS
from spanwise.machine import Machine
from spanwise.testing.strategies import chunkings

PLENTY = Machine(threads=2, memory=2**30)
NOTHING = -1
"""Label of a point that is zero."""


@pytest.fixture(autouse=True, scope="module")
def small_arrays_count():
    """Arrays that one task could hold take four steps as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "ONE_TASK_BYTES", 0)
        yield


def plan(chunks, kind="fft", n=None, dtype="complex64", machine=PLENTY, **options):
    """The plan of an array of one axis, or of the last of several."""
    chunks = chunks if isinstance(chunks[0], tuple) else (chunks,)
    spec = ArraySpec(chunks, dtype, np.dtype(dtype).itemsize)
    axis = len(chunks) - 1
    if n is None:
        length = spec.shape[axis]
        n = 2 * (length - 1) if TRANSFORMS[kind].half == "in" else length
    return plan_fft(
        spec,
        kind=kind,
        axes=(axis,),
        lengths=(n,),
        norm=None,
        machine=machine,
        operation=kind,
        **options,
    )


def gathered(held, stage):
    """What the blocks of an exchange hold, given the labels that its sources hold."""
    rows = stage.exchange.rows[-1]
    parts = []
    for row in rows:
        pieces = []
        for p in row:
            if p.source >= 0:
                assert 0 <= p.start <= p.stop <= len(held[p.source])
                pieces.append(held[p.source][p.start : p.stop])
            else:
                pieces.append([NOTHING] * (p.stop - p.start))
        # A row of zeros alone still names a chunk, for its type.
        assert any(p.source >= 0 for p in row)
        parts.append(np.concatenate([np.asarray(piece, int) for piece in pieces]))
    assert tuple(map(len, parts)) == stage.exchange.target[-1]
    return parts


def cut(labels, chunks):
    """Labels in chunks."""
    bounds = edges(chunks)
    return [np.asarray(labels[a:b]) for a, b in pairwise(bounds)]


def reasons(how):
    return [stage.reason for stage in how.stages]


def params(stage):
    return dict(stage.work.params)


def is_four_steps(how):
    return any(isinstance(s, Stage) and "four steps" in s.reason for s in how.stages)


def slabs_of(stage, blocks):
    """First column and number of columns of each slab."""
    widths = [length // blocks for length in stage.exchange.target[-1]]
    return list(zip(edges(tuple(widths)), widths, strict=False))


def columns_hold(stage, held, n, blocks, kept):
    """The labels of the columns' blocks are those of the matrix; gives the labels behind."""
    m = n // blocks
    behind = []
    numbers = dict(stage.work.numbers)
    for (first, width), got, number in zip(
        slabs_of(stage, blocks), gathered(held, stage), *numbers.values(), strict=False
    ):
        assert number == first
        points = np.add.outer(m * np.arange(blocks), np.arange(first, first + width)).ravel()
        wanted = np.where(points < kept, points, NOTHING)
        np.testing.assert_array_equal(got, wanted)
        count = stage.result.chunks[-1][len(behind)] // width
        # Behind the transform: (row, column), as one number.
        behind.append(np.add.outer(m * np.arange(count), np.arange(first, first + width)).ravel())
    assert sum(w for _, w in slabs_of(stage, blocks)) == m
    return behind


# Strategies: a number of points with divisors, cut anyhow, perhaps to be cropped or padded


@st.composite
def axes(draw, *, change=True):
    n = draw(st.integers(2, 14)) * draw(st.integers(2, 14))
    length = n
    if change:
        length = max(1, n + draw(st.sampled_from([0, 0, -n // 2, -n + 1, -3, 5, n])))
    (chunks,) = draw(chunkings((length,), max_blocks=6, allow_empty=True))
    assume(len(chunks) > 1)
    return n, chunks


machines = st.builds(Machine, threads=st.integers(2, 4), memory=st.just(2**30))
forward = st.sampled_from(["fft", "ifft", "rfft", "ihfft"])


# Forward


@given(axes(), forward, st.booleans(), st.sampled_from(["natural", "decimated"]), machines)
def test_slabs_and_rows_hold_every_point_once(axis, kind, is_real, order, machine):
    n, chunks = axis
    order = "natural" if kind == "ifft" else order  # of which it would be the input's
    dtype = "float32" if is_real or kind in ("rfft", "ihfft") else "complex64"
    how = plan(chunks, kind, n, dtype, machine, order=order)
    assume(is_four_steps(how))
    columns, rows, *rest = how.stages
    blocks = params(columns)["rows"]
    m = n // blocks
    assert n % blocks == 0
    assert 2 <= blocks <= n // 2
    length = sum(chunks)
    behind = columns_hold(columns, cut(np.arange(length), chunks), n, blocks, min(length, n))
    count = blocks // 2 + 1 if dtype == "float32" else blocks
    for k, got in enumerate(gathered(behind, rows)):
        np.testing.assert_array_equal(got, k * m + np.arange(m))
    assert len(rows.result.chunks[-1]) == count
    assert (order == "natural") == ("four steps: natural order" in reasons_of(rest))
    check_order(rest, rows, n, blocks, order, half=kind in ("rfft", "ihfft"))


def reasons_of(stages):
    return [s.reason for s in stages if isinstance(s, Stage)]


def check_order(rest, rows, n, blocks, order, *, half):
    """Behind the rows: mirror images, then natural order."""
    points = n // 2 + 1 if half else n
    held = [np.arange(k, n, blocks) for k in range(len(rows.result.chunks[-1]))]
    if rest and isinstance(rest[0], Fill):
        filled = []
        for part in rest[0].chunks:
            labels = held[part.source][part.start : part.stop]
            filled.append((n - labels[::-1]) % n if part.mirrored else labels)
        held = filled
        rest = rest[1:]
    for k, labels in enumerate(held):
        np.testing.assert_array_equal(labels, np.arange(k, points, blocks))
    if order == "decimated":
        assert rest == []
        return
    (natural,) = rest
    at = 0
    for got in gathered(held, natural):
        runs = [np.arange(at + k, at + len(got), blocks) for k in range(blocks)]
        np.testing.assert_array_equal(got, np.concatenate(runs))
        at += len(got)
    assert at == points
    lengths = natural.result.chunks[-1]
    assert len(set(lengths[:-1])) <= 1
    assert lengths[-1] <= lengths[0]


# Back


@given(axes(), st.sampled_from(["irfft", "hfft"]), machines)
def test_rows_of_half_a_spectrum_hold_every_point_once(axis, kind, machine):
    n, chunks = axis
    how = plan(chunks, kind, n, machine=machine)
    assume(is_four_steps(how))
    sort, rows, columns, natural = how.stages
    blocks = params(sort)["blocks"]
    assert n % blocks == 0
    assert dict(sort.work.numbers)[0] == edges(chunks)[:-1]
    held = [
        np.array(sorted(labels, key=lambda i: (i % blocks, i)), int)
        for labels in cut(np.arange(sum(chunks)), chunks)
    ]
    available = min(sum(chunks), n // 2 + 1)
    for k, got in enumerate(gathered(held, rows)):
        direct = [i for i in range(k, n, blocks) if i <= n // 2]
        mirrored = sorted(n - i for i in range(k, n, blocks) if i > n // 2)
        wanted = [i if i < available else NOTHING for i in direct + mirrored]
        np.testing.assert_array_equal(got, wanted)
        assert params(rows)["direct"] == blocks
    assert dict(rows.work.numbers)[0] == tuple(range(blocks // 2 + 1))
    check_back(columns, natural, n, blocks, blocks // 2 + 1)


@given(st.integers(2, 12), st.integers(2, 12), machines)
def test_decimated_input_is_taken_as_it_came(blocks, m, machine):
    n = blocks * m
    half = tuple(len(range(k, n // 2 + 1, blocks)) for k in range(blocks))
    for kind, chunks in (("ifft", (m,) * blocks), ("irfft", half), ("hfft", half)):
        how = plan(chunks, kind, n, machine=machine, order="decimated")
        rows, columns, natural = how.stages
        if kind == "ifft":
            assert rows.exchange is None
            check_back(columns, natural, n, blocks, blocks)
            continue
        held = [np.arange(k, n // 2 + 1, blocks) for k in range(blocks)]
        for k, got in enumerate(gathered(held, rows)):
            direct = [i for i in range(k, n, blocks) if i <= n // 2]
            mirrored = sorted(n - i for i in range(k, n, blocks) if i > n // 2)
            np.testing.assert_array_equal(got, direct + mirrored)
        check_back(columns, natural, n, blocks, blocks // 2 + 1)


def check_back(columns, natural, n, blocks, count):
    """Slabs of rows, and of their columns back to natural order."""
    m = n // blocks
    held = [k * m + np.arange(m) for k in range(count)]
    behind = []
    for (first, width), got in zip(slabs_of(columns, count), gathered(held, columns), strict=False):
        wanted = np.add.outer(m * np.arange(count), np.arange(first, first + width))
        np.testing.assert_array_equal(got, wanted.ravel())
        wanted = np.add.outer(m * np.arange(blocks), np.arange(first, first + width))
        behind.append(wanted.ravel())
    assert columns.result.chunks[-1] == tuple(map(len, behind))
    assert (params(columns)["rows"], params(columns)["points"]) == (count, blocks)
    np.testing.assert_array_equal(np.concatenate(gathered(behind, natural)), np.arange(n))


@given(st.integers(0, 60), st.integers(1, 9), st.data())
def test_runs_of_a_residue_are_found_in_sorted_chunks(length, blocks, data):
    (chunks,) = data.draw(chunkings((length,), max_blocks=5, allow_empty=True))
    residue = data.draw(st.integers(0, blocks - 1))
    held = [
        sorted(labels, key=lambda i: (i % blocks, i)) for labels in cut(np.arange(length), chunks)
    ]
    points = np.arange(residue, length, blocks)
    begin = data.draw(st.integers(0, len(points)))
    stop = data.draw(st.integers(begin, len(points)))
    found = residue_runs(edges(chunks), blocks, residue, begin, stop)
    got = [i for o in found for i in held[o.source][o.start : o.stop]]
    np.testing.assert_array_equal(got, points[begin:stop])
    assert all(o.stop > o.start for o in found)


# The number of blocks, and limits


@given(axes(), machines)
def test_chunks_in_decimated_order_are_as_many_as_divide_the_axis(axis, machine):
    n, chunks = axis
    how = plan(chunks, n=n, machine=machine, order="decimated")
    assume(is_four_steps(how))
    (made,) = how.plan.result.chunks
    assert n % len(made) == 0
    assert set(made) == {n // len(made)}


def test_the_divisor_next_to_the_number_of_chunks_is_taken():
    assert plan((100,) * 12, order="decimated").plan.result.chunks == ((100,) * 12,)
    assert plan((100,) * 11, order="decimated").plan.result.chunks == ((100,) * 11,)
    assert plan((100,) * 10 + (20,), order="decimated").plan.result.chunks == ((85,) * 12,)


@pytest.mark.parametrize(("n", "blocks"), [(4, 2), (6, 2), (9, 3), (15, 3), (2 * 97, 2)])
def test_few_points_and_few_rows_are_enough(n, blocks):
    how = plan((n // 2, n - n // 2), order="decimated")
    assert how.plan.result.chunks == ((n // blocks,) * blocks,)


@given(st.integers(2**12, 2**18), st.integers(1, 4), st.integers(2, 40), st.integers(1, 3))
def test_no_task_takes_more_than_its_share(n, threads, parts, batch):
    machine = Machine(threads, memory=n * 8)
    limit = machine.memory // (2 * threads)
    chunks = ((batch,), tuple(map(len, np.array_split(np.arange(n), parts))))
    for kind, dtype in (("fft", "complex64"), ("fft", "float32"), ("rfft", "float32")):
        try:
            how = plan(chunks, kind, n, dtype, machine, order="decimated")
        except MemoryBudgetError:
            continue
        for stage in how.stages[:2]:
            # A task holds its block, the transform of it and what the kernel works in.
            assert 3 * max(stage.exchange.target[-1]) * batch * 8 <= limit
            assert 3 * stage.result.chunk_bytes <= limit


@given(axes(change=False), st.sampled_from(["fft", "rfft", "irfft", "hfft", "ifft"]), st.data())
def test_no_plan_in_four_steps_exceeds_an_explicit_budget(axis, kind, data):
    n, chunks = axis
    memory = data.draw(st.sampled_from([300, 1000, 3000, 10_000]))
    machine = Machine(2, memory, explicit=True)
    dtype = "float32" if kind == "rfft" else "complex64"
    try:
        how = plan(chunks, kind, n, dtype, machine)
    except MemoryBudgetError:
        return
    assert how.plan.peak_bytes <= memory


def test_batch_axes_stay_as_they_are():
    how = plan(((3, 2), (1, 4), (40, 60)), order="decimated")
    assert not is_four_steps(how)  # six blocks of the others serve two slots
    how = plan(((2,), (1,), (40, 60)), machine=Machine(4, 2**30), order="decimated")
    assert is_four_steps(how)
    assert how.plan.result.chunks[:2] == ((2,), (1,))


def test_divisors_come_in_order():
    for n in range(1, 200):
        assert divisors(n) == [d for d in range(1, n + 1) if n % d == 0]


# Refusals


def refusal(n, parts, machine):
    """Text of the error, if there is one."""
    chunks = tuple(map(len, np.array_split(np.arange(n), parts)))
    try:
        plan(chunks, n=n, machine=machine)
    except MemoryBudgetError as error:
        return str(error)
    return None


@given(
    st.sampled_from([97, 499, 1009, 4999, 10_007]),
    st.integers(2, 40),
    st.integers(1, 4),
    st.integers(2, 12),
)
def test_refused_lengths_come_with_one_that_works(n, parts, threads, share):
    machine = Machine(threads, memory=max(1, 16 * n // share), source="the test")
    text = refusal(n, parts, machine)
    if text is None:
        return
    found = re.search(r"\(n=(\d+)\)", text)
    if found is None:
        assert "no other number of points" in text
        return
    better = int(found[1])
    assert better > n
    assert f"{better} have" in text
    chunks = tuple(map(len, np.array_split(np.arange(n), parts)))
    how = plan(chunks, n=better, machine=machine)
    assert is_four_steps(how)
    assert how.plan.result.shape == (better,)


def test_refusals_of_primes_name_the_axis_the_bytes_and_what_to_type():
    text = refusal(10_007, 4, Machine(2, 100_000, source="the test"))
    for words in ("fft", "axis 0", "97.7 KiB (the test)", "10007 points", "no divisor", "n="):
        assert words in text


def test_rows_that_can_never_fit_are_not_promised():
    text = refusal(10_007, 4, Machine(2, 4_000))
    assert "no other number of points" in text
    assert "(n=" not in re.sub(r"\(n=\.\.\.\)", "", text)


def test_a_prime_that_fits_in_one_task_is_made_whole():
    how = plan((500, 509))
    assert not is_four_steps(how)
    assert how.plan.result.chunks == ((1009,),)


@pytest.mark.parametrize(
    ("kind", "chunks", "n", "words"),
    [
        ("ifft", (4, 5), 9, ("lengths n / P each", "(4, 5)")),
        ("ifft", (4, 2), 6, ("lengths (3, 3)",)),
        ("ifft", (4, 4), 12, ("lengths (6, 6)", "12 points of ifft")),
        ("irfft", (4, 3), 10, ("lengths (3, 3)", "n= if it was odd")),
        ("hfft", (2, 2, 2, 1), 16, ("lengths (3, 2, 2, 2)",)),
    ],
)
def test_decimated_input_in_other_chunks_is_refused(kind, chunks, n, words):
    with pytest.raises(ArgumentError, match="order='decimated': axis 0") as caught:
        plan(chunks, kind, n, order="decimated")
    for word in words:
        assert word in str(caught.value)


def test_decimated_input_in_one_chunk_is_in_natural_order():
    how = plan((12,), "ifft", order="decimated")
    assert not is_four_steps(how)
    assert len(how.stages) == 1


def test_orders_and_lengths_give_plans_of_their_own():
    plans = [
        plan((30, 30), kind, n, order=order).plan
        for kind in ("fft", "ifft")
        for n in (60, 56, 64)
        for order in ("natural", "decimated")
        if (kind, order) != ("ifft", "decimated")
    ]
    assert len({repr(p) for p in plans}) == len(plans)
