import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.graph.grid import ArraySpec
from spanwise.graph.rows import plan_matrix
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
