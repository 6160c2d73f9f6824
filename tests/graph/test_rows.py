import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.graph.gram import plan_gram
from spanwise.graph.grid import ArraySpec
from spanwise.graph.rows import plan_columns, plan_matrix, plan_missing
from spanwise.machine import Machine
from spanwise.testing.strategies import chunkings, shapes

MACHINE = Machine(threads=2, memory=2**30)


def plan(chunks, sample_axes, machine=MACHINE):
    spec = ArraySpec(chunks, "float32", 4)
    return plan_matrix(spec, sample_axes=sample_axes, machine=machine, operation="kmeans")


@pytest.mark.parametrize(
    ("chunks", "sample_axes"),
    [
        (((2, 2), (5,), (6,)), 1),
        (((2, 3), (5,), (6,)), 2),
        (((1, 1, 1), (2, 3), (6,)), 2),
        (((4,), (5,), (6,)), 2),
    ],
)
def test_chunks_of_consecutive_samples_stay_where_they_are(chunks, sample_axes):
    how = plan(chunks, sample_axes)
    assert how.exchange is None
    assert [step.pattern for step in how.plan.steps] == ["blockwise"]


def test_cut_features_are_made_whole_in_chunks_of_the_same_size():
    how = plan(((12,), (10, 10), (10, 10)), 1)
    assert how.exchange.target == ((3, 3, 3, 3), (20,), (20,))
    assert how.matrix == ((3, 3, 3, 3), (400,))


def test_cut_inner_samples_are_made_whole():
    how = plan(((5, 5), (4, 4), (3,)), 2)
    assert how.exchange.target == ((2, 2, 2, 2, 2), (8,), (3,))


def test_over_the_budget_the_exchange_is_staged():
    how = plan(((400,), (100, 100), (100, 100)), 1, Machine(threads=2, memory=2**25 + 2**23))
    assert how.exchange.form == "staged"


@given(st.data())
def test_every_chunk_holds_consecutive_samples(data):
    shape = data.draw(shapes(min_ndim=2, max_ndim=4, max_side=6))
    sample_axes = data.draw(st.integers(1, len(shape) - 1))
    chunks = data.draw(chunkings(shape))
    how = plan(chunks, sample_axes)
    numbers = np.arange(math.prod(shape[:sample_axes])).reshape(shape[:sample_axes])
    starts = [np.cumsum([0, *axis]) for axis in how.samples]
    found = [
        numbers[tuple(slice(s[i], s[i + 1]) for s, i in zip(starts, block, strict=True))].ravel()
        for block in itertools.product(*(range(len(axis)) for axis in how.samples))
    ]
    assert tuple(len(f) for f in found) == how.matrix[0]
    np.testing.assert_array_equal(np.concatenate(found), numbers.ravel())
    largest = max(map(math.prod, itertools.product(*chunks)))
    features = math.prod(shape[sample_axes:])
    if how.exchange is not None:
        assert max(how.matrix[0]) * features <= max(largest, features)


def columns(chunks, machine=MACHINE, sample_axes=1):
    spec = ArraySpec(chunks, "float32", 4)
    return plan_columns(spec, sample_axes=sample_axes, machine=machine, operation="kmeans")


def test_blocks_are_small_beside_the_budget():
    chunks = ((60,) * 20, (720,), (1440,))
    spec = ArraySpec((*chunks[1:], chunks[0]), "float32", 4)
    for memory in (2**30, 2**32):
        machine = Machine(threads=2, memory=memory)
        how = plan_matrix(spec, sample_axes=2, machine=machine, operation="kmeans", kept=True)
        assert how.exchange.form == "staged"
        assert how.plan.result.chunk_bytes <= 2**26
        assert len(set(how.samples[0][:-1])) == 1


def test_rows_that_are_kept_need_room_beside_their_source():
    spec = ArraySpec(((12,), (10,) * 10, (10,) * 10), "float32", 4)
    machine = Machine(threads=1, memory=spec.nbytes + 2**17)
    forms = [
        plan_matrix(
            spec, sample_axes=1, machine=machine, operation="kmeans", kept=kept
        ).exchange.form
        for kept in (False, True)
    ]
    assert forms == ["view", "staged"]


def test_features_may_be_cut_in_any_way_for_products():
    how = columns(((500,), (90, 10), (50, 50, 30)))
    assert how.exchange is None
    assert how.matrix == ((500,), (4500, 4500, 2700, 500, 500, 300))
    assert columns(((5, 5), (9, 1))).exchange is None


def test_products_of_cut_samples_get_columns_of_them_all_where_tasks_are_too_few_or_too_large():
    chunks = ((50,) * 10, (200,), (300,))
    few = columns(chunks)
    assert few.exchange.form == "view"
    assert few.matrix[0] == (500,)
    assert len(few.matrix[1]) >= 2
    small = Machine(threads=2, memory=2**27)
    tiles = ((50,) * 10, (400,) * 2, (300,))
    large = columns(tiles, small)
    assert large.exchange.form == "staged"
    assert plan_gram(large.plan.result, machine=small).plan.peak_bytes <= small.memory
    assert columns(tiles, Machine(threads=2, memory=2**34)).exchange is None


def test_samples_of_several_dimensions_stay_in_order_for_products():
    how = columns(((2, 2), (3, 3), (40,)), sample_axes=2)
    assert how.samples == ((4,), (6,))
    assert columns(((1, 1), (3, 3), (40,)), sample_axes=2).matrix == ((3, 3, 3, 3), (40,))


def test_the_look_for_missing_features_is_one_read():
    plan = plan_missing(
        ArraySpec(((5,) * 20, (7, 3)), "float32", 4), machine=MACHINE, operation="kmeans-missing"
    )
    count, merge = plan.steps
    assert count.passes == 1
    assert count.tasks == 40
    assert merge.tasks == 2 * (3 + 1)
    assert plan.result.shape == (1, 10)
