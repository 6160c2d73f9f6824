"""Chunk algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError
from spanwise.graph.grid import ArraySpec, Overlap, balanced, edges, overlaps

lengths = st.lists(st.integers(0, 7), min_size=1, max_size=5).map(tuple)


def parts_of(chunks):
    """The elements of each chunk of an axis."""
    return np.split(np.arange(sum(chunks)), np.cumsum(chunks)[:-1])


def taken(source, row):
    """The elements that a row of parts takes out of the source chunks."""
    blocks = parts_of(source)
    return np.concatenate([blocks[p.source][p.start : p.stop] for p in row])


def test_a_spec_knows_what_planning_needs():
    spec = ArraySpec(((4, 2), (3,), (0, 5)), "float32", 4, "cupy")
    assert spec.shape == (6, 3, 5)
    assert spec.ndim == 3
    assert spec.numblocks == (2, 1, 2)
    assert spec.blocks == 4
    assert spec.nbytes == 6 * 3 * 5 * 4
    assert spec.chunk_bytes == 4 * 3 * 5 * 4
    assert [spec.is_whole(a) for a in range(3)] == [False, True, False]
    other = spec.with_chunks(((6,), (3,), (5,)))
    assert (other.shape, other.dtype, other.library) == (spec.shape, "float32", "cupy")


def test_a_spec_of_no_axes_and_of_no_elements():
    scalar = ArraySpec((), "float64", 8)
    assert (scalar.shape, scalar.blocks, scalar.nbytes, scalar.chunk_bytes) == ((), 1, 8, 8)
    empty = ArraySpec(((0,), (2, 1)), "float64", 8)
    assert (empty.blocks, empty.nbytes, empty.chunk_bytes) == (2, 0, 0)


def test_specs_are_values():
    spec = ArraySpec(((1,),), "float32", 4)
    assert spec == ArraySpec(((1,),), "float32", 4)
    assert hash(spec) == hash(ArraySpec(((1,),), "float32", 4))
    with pytest.raises(AttributeError):
        spec.dtype = "float64"  # type: ignore[misc]


@given(lengths)
def test_edges_bound_the_chunks(chunks):
    bounds = edges(chunks)
    assert bounds[0] == 0
    assert bounds[-1] == sum(chunks)
    assert tuple(np.diff(bounds)) == chunks


@given(st.integers(0, 50), st.integers(1, 60))
def test_balanced_chunks_differ_by_one_at_most(length, parts):
    chunks = balanced(length, parts)
    assert sum(chunks) == length
    assert len(chunks) == max(1, min(parts, length))
    assert max(chunks) - min(chunks) <= 1
    assert list(chunks) == sorted(chunks, reverse=True)


@pytest.mark.parametrize("parts", [0, -1])
def test_no_parts_are_refused(parts):
    with pytest.raises(ArgumentError, match=f"parts={parts}"):
        balanced(5, parts)


@given(lengths, st.data())
def test_overlaps_make_up_every_target_chunk_in_order(source, data):
    kept = data.draw(st.integers(0, sum(source)))
    cuts = sorted(data.draw(st.lists(st.integers(0, kept), max_size=4)))
    target = tuple(int(n) for n in np.diff([0, *cuts, kept]))
    rows = overlaps(source, target)
    assert len(rows) == len(target)
    for row, want in zip(rows, parts_of(target), strict=True):
        np.testing.assert_array_equal(taken(source, row), want)
        assert all(0 <= p.start <= p.stop <= source[p.source] for p in row)
        # An empty chunk takes nothing from one source; no other part is empty.
        assert len(row) == 1 or all(p.length > 0 for p in row)


def test_equal_chunks_overlap_one_to_one():
    assert overlaps((3, 2), (3, 2)) == ((Overlap(0, 0, 3),), (Overlap(1, 0, 2),))


def test_empty_source_chunks_are_passed_over():
    assert overlaps((0, 2, 0, 3), (4, 1)) == (
        (Overlap(1, 0, 2), Overlap(3, 0, 2)),
        (Overlap(3, 2, 3),),
    )


def test_targets_beyond_the_source_are_refused():
    with pytest.raises(ArgumentError, match="reach beyond"):
        overlaps((2, 2), (3, 2))
