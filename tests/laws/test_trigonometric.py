"""Laws of the cosine, sine and Hankel transforms, over shapes, chunkings, types and norms."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from hypothesis import assume, given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.testing.strategies import axes_of, chunkings, shapes_and_chunks

TOLERANCE = {"float32": 2e-6, "complex64": 2e-6, "float64": 1e-13, "complex128": 1e-13}

grids = shapes_and_chunks(max_ndim=3, max_side=12, allow_empty=True)
kinds = st.sampled_from(["dct", "idct", "dst", "idst"])
types = st.integers(1, 4)
norms = st.sampled_from([None, "backward", "ortho", "forward"])
dtypes = st.sampled_from(sorted(TOLERANCE))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with dask.config.set(scheduler="sync"):
        yield


def draw_values(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if "complex" in dtype else x).astype(dtype)


def error(got, want):
    scale = np.linalg.norm(want.ravel()) or 1.0
    return float(np.linalg.norm((got - want).ravel()) / scale)


def exists(kind, number, lengths):
    return not (kind.endswith("dct") and number == 1 and min(lengths) < 2)


@given(grids, kinds, types, norms, st.sampled_from([None, True, False]), dtypes, seeds, st.data())
def test_results_equal_scipys_for_every_chunking(grid, kind, number, norm, ends, dtype, seed, data):
    shape, chunks = grid
    x = draw_values(shape, dtype, seed)
    axes = data.draw(axes_of(len(shape)))
    s = data.draw(st.one_of(st.none(), st.tuples(*(st.integers(1, 15) for _ in axes))))
    assume(exists(kind, number, s or [shape[a] for a in axes]))
    how = {"type": number, "s": s, "axes": axes, "norm": norm, "orthogonalize": ends}
    want = getattr(scipy.fft, f"{kind}n")(x, **how)
    got = getattr(sw.fft, f"{kind}n")(da.from_array(x, chunks=chunks), **how).compute()
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert error(got, want) < TOLERANCE[dtype]


@given(grids, kinds, types, seeds, st.data())
def test_the_chunking_does_not_change_a_bit_of_one_axis(grid, kind, number, seed, data):
    shape, chunks = grid
    x = draw_values(shape, "float32", seed)
    other = data.draw(chunkings(shape))
    axis = data.draw(st.integers(0, len(shape) - 1))
    assume(exists(kind, number, [shape[axis]]))
    first, second = (
        getattr(sw.fft, kind)(da.from_array(x, chunks=c), number, axis=axis).compute()
        for c in (chunks, other)
    )
    np.testing.assert_array_equal(first, second)


@given(grids, st.sampled_from(["dct", "dst"]), types, norms, dtypes, seeds, st.data())
def test_inverses_undo(grid, kind, number, norm, dtype, seed, data):
    shape, chunks = grid
    x = draw_values(shape, dtype, seed)
    axes = data.draw(axes_of(len(shape)))
    assume(exists(kind, number, [shape[a] for a in axes]))
    how = {"type": number, "axes": axes, "norm": norm}
    there = getattr(sw.fft, f"{kind}n")(da.from_array(x, chunks=chunks), **how)
    back = getattr(sw.fft, f"i{kind}n")(there, **how).compute()
    assert error(back, x) < TOLERANCE[dtype]


@given(grids, kinds, types, st.sampled_from(["float32", "float64"]), seeds)
def test_orthonormal_transforms_keep_the_norm(grid, kind, number, dtype, seed):
    shape, chunks = grid
    assume(exists(kind, number, shape))
    x = draw_values(shape, dtype, seed)
    y = getattr(sw.fft, f"{kind}n")(da.from_array(x, chunks=chunks), number, norm="ortho")
    energy = np.linalg.norm(x.astype(float).ravel())
    assert abs(np.linalg.norm(y.compute().astype(float).ravel()) - energy) <= (
        TOLERANCE[dtype] * energy
    )


@given(grids, kinds, types, norms, seeds)
def test_transforms_are_linear(grid, kind, number, norm, seed):
    shape, chunks = grid
    assume(exists(kind, number, shape))
    x, y = draw_values((2, *shape), "float64", seed)

    def transform(values):
        lazy = da.from_array(values, chunks=chunks)
        return getattr(sw.fft, f"{kind}n")(lazy, number, norm=norm).compute()

    assert error(transform(2.5 * x - 3 * y), 2.5 * transform(x) - 3 * transform(y)) < 1e-12


@given(grids, st.floats(0.01, 1), st.floats(-0.9, 3), st.floats(-1, 1), seeds)
def test_hankel_transforms_equal_scipys_and_undo_each_other(grid, dln, mu, offset, seed):
    shape, chunks = grid
    x = draw_values(shape, "float64", seed)
    lazy = da.from_array(x, chunks=chunks)
    there = sw.fft.fht(lazy, dln, mu, offset)
    assert error(there.compute(), scipy.fft.fht(x, dln, mu, offset)) < 1e-11
    assert error(sw.fft.ifht(there, dln, mu, offset).compute(), x) < 1e-11
