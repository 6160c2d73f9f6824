"""Exchanges, on integers alone."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, PlacementError
from spanwise.graph.exchange import (
    Exchange,
    check_store,
    plan_exchange,
    recut,
    refine,
    rolled,
    symmetric,
)
from spanwise.graph.grid import ArraySpec, edges
from spanwise.machine import Machine

SOURCE = ArraySpec(((8,) * 8, (64,)), "float32", 4)
TARGET = ((64,), (16,) * 4)
TASK_BYTES = 64 * 16 * 4 * 3


def machine(memory, **facts):
    return Machine(threads=2, memory=memory, **facts)


@pytest.mark.parametrize(
    ("memory", "distributed", "form"),
    [
        (10**6, False, "view"),
        (10**6, True, "split"),
        (SOURCE.nbytes + 2 * TASK_BYTES, False, "view"),
        (SOURCE.nbytes + 2 * TASK_BYTES - 1, False, "staged"),
        (30_000, True, "staged"),
    ],
)
def test_the_form_follows_memory_and_scheduler(memory, distributed, form):
    here = machine(memory, distributed=distributed)
    how = plan_exchange(SOURCE, TARGET, here, task_bytes=TASK_BYTES)
    assert how.form == form
    assert how.reason


def test_several_workers_share_what_is_held():
    memory = SOURCE.nbytes // 4 + 2 * TASK_BYTES
    alone = plan_exchange(SOURCE, TARGET, machine(memory), task_bytes=TASK_BYTES)
    four = machine(memory, workers=4, distributed=True)
    shared = plan_exchange(SOURCE, TARGET, four, task_bytes=TASK_BYTES)
    assert (alone.form, shared.form) == ("staged", "split")
    assert shared.held_bytes(four) == SOURCE.nbytes // 4
    assert alone.held_bytes(machine(memory)) == 0


def test_counts_of_an_exchange():
    counts = {}
    for form in ("view", "split", "staged"):
        rows = plan_exchange(SOURCE, TARGET, machine(10**6), task_bytes=1).rows
        how = Exchange(SOURCE, TARGET, rows, form, "")
        counts[form] = how.tasks
        assert how.pieces == 8 * 4
        assert how.result.chunks == TARGET
        assert how.bytes_moved == SOURCE.nbytes
    assert counts == {"view": 4, "split": 32 + 4, "staged": 8 + 4}


def test_cropped_points_do_not_move():
    how = plan_exchange(SOURCE, ((10,), (16,) * 4), machine(10**6), task_bytes=1)
    assert how.result.shape == (10, 64)
    assert how.bytes_moved == 10 * 64 * 4
    assert {p.source for row in how.rows[0] for p in row} == {0, 1}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5).map(tuple), st.integers(-20, 20))
def test_a_roll_takes_what_numpys_roll_puts_there(chunks, shift):
    length = sum(chunks)
    rows = rolled(chunks, shift)
    starts = edges(chunks)
    want = np.roll(np.arange(length), shift)
    for i, row in enumerate(rows):
        got = [starts[p.source] + j for p in row for j in range(p.start, p.stop)]
        assert got == want[starts[i] : starts[i + 1]].tolist()
        assert row


@given(
    st.lists(
        st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3
    ).map(tuple),
    st.integers(1, 40),
)
def test_refined_chunks_are_of_one_length_and_no_longer(chunks, parts):
    new, factor = refine(chunks, range(len(chunks)), parts)
    assert factor >= 1
    for old, fine in zip(chunks, new, strict=True):
        assert sum(old) == sum(fine)
        if fine != old:
            assert max(fine) < max(old)
            assert len(set(fine[:-1])) <= 1
            assert fine[-1] <= fine[0]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_refined_chunks_nest_where_a_divisor_is_near(size, parts, count, rest):
    old = (size * parts,) * count + (min(rest, size * parts),)
    assert set(edges(old)) <= set(edges(recut(old, parts)))


@given(st.integers(1, 200), st.integers(1, 20))
def test_symmetric_chunks_and_their_images_make_up_the_axis(length, parts):
    lower = symmetric(length, parts)
    assert sum(lower) == -(-length // 2)
    assert min(len(lower), parts) == min(parts, -(-length // 2))
    upper = [*lower[:-1], lower[-1] - length % 2]
    assert sum(lower) + sum(upper) == length


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 40))
def test_whole_axes_are_cut_until_there_are_enough_chunks(shape, parts):
    _, factor = refine(tuple((n,) for n in shape), range(len(shape)), parts)
    assert factor >= min(parts, math.prod(shape))


def test_refine_cuts_the_first_axes_first():
    assert refine(((8,), (8,)), (1, 0), 4) == (((8,), (2, 2, 2, 2)), 4)
    assert refine(((8,), (2,)), (1, 0), 4) == (((4, 4), (1, 1)), 4)
    assert refine(((8,), (2,)), (), 4) == (((8,), (2,)), 1)
    assert refine(((8,), (2,)), (0, 1), 1) == (((8,), (2,)), 1)


@pytest.mark.parametrize("parts", [0, -2])
def test_no_parts_are_refused(parts):
    with pytest.raises(ArgumentError, match="parts"):
        refine(((4,),), (0,), parts)


def test_target_and_source_have_the_same_axes():
    with pytest.raises(ValueError, match="zip"):
        plan_exchange(SOURCE, ((64,),), machine(10**6), task_bytes=1)


def test_every_form_gives_the_same_parts():
    makers = itertools.product((10**6, 20_000), (False, True))
    rows = {
        plan_exchange(SOURCE, TARGET, machine(m, distributed=d), task_bytes=1).rows
        for m, d in makers
    }
    assert len(rows) == 1


def test_several_hosts_need_a_store_that_is_named():
    check_store(machine(10**6, workers=4, hosts=1), None)
    check_store(machine(10**6, workers=4, hosts=2), "s3://bucket/scratch")
    with pytest.raises(PlacementError, match=r"2 hosts.*set_options\(temporary_store="):
        check_store(machine(10**6, workers=4, hosts=2), None)
