"""Moving parts of blocks."""

from collections import namedtuple

import numpy as np
import pytest

from spanwise.kernels.blocks import destinations, empty_like_library, gather, roll, take
from spanwise.testing import xp_assert_equal

Part = namedtuple("Part", "source start stop")

ROWS = (
    (Part(0, 1, 3), Part(1, 0, 2)),
    (Part(0, 0, 0), Part(1, 2, 5), Part(2, 0, 1)),
)
"""Of a grid of 2 x 3 source blocks of 3 x 5 elements each."""


def grid(xp, dtype="float32"):
    """The source blocks in C order, and the array that they are cut from."""
    whole = np.arange(6 * 15).reshape(6, 15).astype(dtype)
    blocks = [
        xp.concrete_array(np.ascontiguousarray(whole[3 * i : 3 * i + 3, 5 * j : 5 * j + 5]))
        for i in range(2)
        for j in range(3)
    ]
    return blocks, whole


def test_parts_land_one_behind_the_other():
    assert destinations(ROWS) == [
        [slice(0, 2), slice(2, 4)],
        [slice(0, 0), slice(0, 3), slice(3, 4)],
    ]


@pytest.mark.parametrize("dtype", ["float32", "complex128", "bool", "int8"])
def test_gather_joins_parts_on_every_library(dtype, xp):
    blocks, whole = grid(xp, dtype)
    want = whole[np.ix_([1, 2, 3, 4], [7, 8, 9, 10])]
    xp_assert_equal(gather(blocks, ROWS), xp.concrete_array(want))


def test_gather_of_one_part_is_a_view():
    block = np.arange(12.0).reshape(3, 4)
    got = gather([block], ((Part(0, 1, 3),), (Part(0, 0, 2),)))
    np.testing.assert_array_equal(got, block[1:3, 0:2])
    assert np.shares_memory(got, block)


def test_gather_of_a_scalar_block_is_the_block():
    block = np.array(3.0)
    assert gather([block], ()) == 3.0


def test_gather_refuses_a_wrong_number_of_blocks():
    with pytest.raises(ValueError, match="zip"):
        gather([np.ones((3, 5))] * 2, ROWS)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_taken_part_does_not_keep_its_block_alive(axis, xp):
    whole = np.arange(12.0).reshape(3, 4)
    source = (slice(1, 2), slice(None)) if axis == 0 else (slice(None), slice(0, 2))
    block = xp.concrete_array(whole)
    part = take(block, source)
    xp_assert_equal(part, xp.concrete_array(whole[source]))
    if xp.library == "numpy":
        assert part.base is None
        assert not np.shares_memory(part, block)


def test_a_whole_block_is_taken_as_it_is():
    block = np.ones((2, 3))
    assert np.shares_memory(take(block, (slice(0, 2), slice(0, 3))), block)


@pytest.mark.parametrize(("shifts", "axes"), [((1,), (0,)), ((-1, 2), (0, 1)), ((1, 2), (1, 1))])
def test_roll_is_numpys_on_every_library(shifts, axes, xp):
    x = np.arange(12.0).reshape(3, 4)
    got = roll(xp.concrete_array(x), shifts=shifts, axes=axes)
    xp_assert_equal(got, xp.concrete_array(np.roll(x, shifts, axes)))


def test_empty_blocks_are_made_in_the_library_of_the_reference(xp):
    reference = xp.concrete_array(np.ones(3, "float32"))
    out = empty_like_library((2, 5), reference.dtype, reference)
    assert out.shape == (2, 5)
    assert out.dtype == reference.dtype
    assert type(out) is type(reference)
