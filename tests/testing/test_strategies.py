import numpy as np
from hypothesis import find, given
from hypothesis import strategies as st

from spanwise.testing.strategies import axes_of, chunkings, float_arrays, shapes, shapes_and_chunks


@given(st.data(), st.booleans())
def test_chunkings_cover_the_shape(data, allow_empty):
    shape = data.draw(shapes(min_ndim=0, min_side=0))
    chunks = data.draw(chunkings(shape, max_blocks=3, allow_empty=allow_empty))
    assert tuple(map(sum, chunks)) == shape
    assert all(1 <= len(c) <= 3 for c in chunks)
    for length, c in zip(shape, chunks, strict=True):
        assert all(isinstance(n, int) and n >= 0 for n in c)
        if length and not allow_empty:
            assert min(c) > 0


def test_chunkings_shrink_to_one_chunk_and_reach_uneven_and_empty_ones():
    assert find(chunkings((5, 4)), lambda _: True) == ((5,), (4,))
    assert len(set(find(chunkings((5,)), lambda c: len(set(c[0])) > 1)[0])) > 1
    assert 0 in find(chunkings((5,), allow_empty=True), lambda c: 0 in c[0])[0]


@given(shapes_and_chunks(min_ndim=2, max_ndim=2, max_side=5))
def test_shapes_and_chunks_agree(pair):
    shape, chunks = pair
    assert len(shape) == 2
    assert tuple(map(sum, chunks)) == shape


@given(axes_of(3))
def test_axes_are_distinct(axes):
    assert 1 <= len(axes) <= 3
    assert len({axis % 3 for axis in axes}) == len(axes)
    assert all(-3 <= axis < 3 for axis in axes)


@given(st.data(), st.sampled_from(["f4", "f8", "c8", "c16"]))
def test_float_arrays_are_finite_and_bounded(data, dtype):
    x = data.draw(float_arrays((3, 2), dtype=dtype, bound=10.0))
    assert x.shape == (3, 2)
    assert x.dtype == np.dtype(dtype)
    assert np.all(np.abs(x) <= 10 * (1 + 1e-6))


def test_float_arrays_may_hold_nan():
    assert np.isnan(find(float_arrays(3, allow_nan=True), lambda x: bool(np.isnan(x).any()))).any()
