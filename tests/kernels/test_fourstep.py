"""The pieces of a transform in four steps, against sums written out as matrices."""

import math
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.fourstep import angles, back, columns, deinterleave, interleave, rows
from spanwise.testing import xp_assert_close, xp_assert_equal

FORWARD = {"fft", "rfft", "hfft"}
SHAPES = [((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,))]
"""Batch axes before and behind the axis."""


def exact(turns):
    """exp(2 pi i turns) of a fraction, from an angle below an eighth of a turn."""
    turns = turns - math.floor(turns)
    quarters = round(4 * turns)
    rest = 2 * math.pi * float(turns - Fraction(quarters, 4))
    return complex(math.cos(rest), math.sin(rest)) * (1, 1j, -1, -1j)[quarters % 4]


def roots(first, second, n, *, forward):
    """w(n)^(a b), or its conjugate."""
    out = np.array([[exact(Fraction(-(int(a) * int(b)) % n, n)) for b in second] for a in first])
    return out if forward else out.conj()


def dft(size, kind, norm):
    """The matrix of a transform of one axis."""
    inverse = kind not in FORWARD
    scale = {"ortho": size**-0.5, None: 1 / size if inverse else 1, "backward": None}[
        norm if norm != "forward" else None
    ]
    if norm == "forward":
        scale = 1 if inverse else 1 / size
    numbers = range(size)
    return scale * roots(numbers, numbers, size, forward=not inverse)


def random(shape, dtype="complex128", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def apply(matrix, x, axis):
    """A matrix along an axis."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def along(values, ndim, axis):
    """Values of a few axes, the first of which is ``axis`` of ``ndim``."""
    return values.reshape((1,) * axis + values.shape + (1,) * (ndim - axis - values.ndim))


def columns_by_matrix(x, first, *, kind, axis, rows, n, norm):
    shape = (*x.shape[:axis], rows, x.shape[axis] // rows, *x.shape[axis + 1 :])
    out = apply(dft(rows, kind, norm), x.reshape(shape), axis)
    kept = rows // 2 + 1 if kind in ("rfft", "ihfft") else rows
    out = out[(slice(None),) * axis + (slice(kept),)]
    points = range(first, first + shape[axis + 1])
    out = out * along(roots(range(kept), points, n, forward=kind in FORWARD), out.ndim, axis)
    return out.reshape((*x.shape[:axis], -1, *x.shape[axis + 1 :]))


# Twiddle factors


@pytest.mark.parametrize("n", [2**40, 2**40 + 1, 3**25, 10**12, 2**31 - 1])
def test_angles_are_exact_at_any_length(n):
    rng = np.random.default_rng(0)
    first = np.concatenate([[0, 1, 2**20 - 1], rng.integers(0, 2**20, 20)])
    second = np.concatenate([[0, 1, n - 1, n // 2], rng.integers(0, n, 20)])
    got = angles(first, second, n)
    want = roots(first, second, n, forward=True)
    assert np.abs(got - want).max() < 2e-15


@given(st.integers(1, 2**40), st.integers(0, 2**21), st.integers(0, 2**40))
def test_angles_depend_on_products_modulo_the_length(n, a, b):
    (got,) = angles([a], np.asarray([b]), n)[0]
    assert abs(got - exact(Fraction(-(a * b) % n, n))) < 2e-15
    assert abs(abs(got) - 1) < 1e-15


# Columns, rows, and back


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", ["fft", "ifft", "rfft", "ihfft"])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
def test_columns_are_transformed_and_twiddled(kind, norm, before, behind, xp):
    axis = len(before)
    for count, width, first, n in [(4, 3, 5, 4 * 11), (5, 2, 0, 10), (2, 4, 100, 2 * 1001)]:
        dtype = "float64" if kind in ("rfft", "ihfft") else "complex128"
        x = random((*before, count * width, *behind), dtype)
        how = {"kind": kind, "axis": axis, "rows": count, "n": n, "norm": norm}
        want = columns_by_matrix(x, first, **how)
        got = columns(xp.concrete_array(x), first, **how)
        xp_assert_close(got, xp.concrete_array(want), rtol=1e-12)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", ["fft", "ifft"])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
def test_rows_are_transformed_and_twiddled(kind, norm, before, behind, xp):
    axis = len(before)
    for m, row, n in [(6, 0, 24), (5, 3, 20), (2, 7, 16)]:
        x = random((*before, m, *behind))
        factor = roots([row], range(m), n, forward=kind in FORWARD)[0]
        want = apply(dft(m, kind, norm), x, axis) * along(factor, x.ndim, axis)
        got = rows(xp.concrete_array(x), row, kind=kind, axis=axis, n=n, norm=norm)
        xp_assert_close(got, xp.concrete_array(want), rtol=1e-12)


@pytest.mark.parametrize("kind", ["fft", "ifft"])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
@pytest.mark.parametrize(("blocks", "m"), [(4, 6), (4, 5), (5, 4), (3, 5), (2, 2), (2, 3), (6, 3)])
def test_rows_of_half_a_spectrum_are_completed_by_symmetry(blocks, m, kind, before, behind, xp):
    axis, n = len(before), blocks * m
    spectrum = scipy.fft.fft(random((*before, n, *behind), "float64"), axis=axis)
    for row in range(blocks // 2 + 1):
        of_row = np.take(spectrum, range(row, n, blocks), axis=axis)
        half = [k for k in range(row, n, blocks) if k <= n // 2]
        # The rest comes from row P - row, in ascending order of what it mirrors.
        mirrored = sorted(n - k for k in range(row, n, blocks) if k > n // 2)
        x = np.take(spectrum, half + mirrored, axis=axis)
        how = {"kind": kind, "axis": axis, "n": n, "norm": None}
        want = rows(of_row, row, **how)
        got = rows(xp.concrete_array(x), row, **how, direct=blocks)
        xp_assert_close(got, xp.concrete_array(want), rtol=1e-12)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", ["ifft", "irfft", "hfft"])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
def test_columns_back_are_transforms_of_the_matrix(kind, norm, before, behind, xp):
    axis = len(before)
    for points, width in [(4, 3), (5, 2), (2, 4), (3, 1)]:
        count = points if kind == "ifft" else points // 2 + 1
        x = random((*before, count * width, *behind))
        matrix = x.reshape((*before, count, width, *behind))
        want = getattr(scipy.fft, kind)(matrix, n=points, axis=axis, norm=norm)
        got = back(xp.concrete_array(x), kind=kind, axis=axis, rows=count, points=points, norm=norm)
        want = want.reshape((*before, points * width, *behind))
        xp_assert_close(got, xp.concrete_array(want), rtol=1e-12)


def in_four_steps(x, blocks, cuts, *, norm=None):
    """The chunks of a decimated transform, by the kernels alone."""
    n = len(x)
    m = n // blocks
    matrix = x.reshape(blocks, m)
    edges = [0, *cuts, m]
    slabs = [
        columns(matrix[:, a:b].ravel(), a, kind="fft", axis=0, rows=blocks, n=n, norm=norm).reshape(
            blocks, b - a
        )
        for a, b in pairwise(edges)
        if b > a
    ]
    return [scipy.fft.fft(row, norm=norm) for row in np.concatenate(slabs, axis=1)]


@given(st.integers(2, 12), st.integers(2, 12), st.data())
def test_slabs_and_rows_make_the_transform(blocks, m, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, m), max_size=3)))
    norm = data.draw(st.sampled_from([None, "ortho", "forward"]))
    x = random(blocks * m)
    want = scipy.fft.fft(x, norm=norm)
    for k, chunk in enumerate(in_four_steps(x, blocks, cuts, norm=norm)):
        np.testing.assert_allclose(chunk, want[k::blocks], atol=1e-12)


@given(st.integers(2, 12), st.integers(2, 12))
def test_rows_and_columns_take_the_transform_back(blocks, m):
    n = blocks * m
    x = random(n)
    spectrum = scipy.fft.fft(x)
    made = [
        rows(spectrum[k::blocks], k, kind="ifft", axis=0, n=n, norm=None) for k in range(blocks)
    ]
    got = back(np.concatenate(made), kind="ifft", axis=0, rows=blocks, points=blocks, norm=None)
    np.testing.assert_allclose(got, x, atol=1e-13)


def test_the_error_of_a_long_transform_is_that_of_a_direct_one():
    n = 2**20
    x = random(n, "complex64")
    want = scipy.fft.fft(x.astype("complex128"))
    direct = np.linalg.norm(scipy.fft.fft(x) - want)
    chunks = in_four_steps(x, 1024, (300,))
    steps = np.linalg.norm([c - want[k::1024] for k, c in enumerate(chunks)])
    assert chunks[0].dtype == np.complex64
    assert steps < 2 * direct


# Element types


@pytest.mark.parametrize(
    ("dtype", "want"),
    [
        ("float16", "complex64"),
        ("float32", "complex64"),
        ("complex64", "complex64"),
        ("float64", "complex128"),
        ("int32", "complex128"),
        ("bool", "complex128"),
    ],
)
def test_the_precision_of_the_input_is_kept(dtype, want):
    x = random(24).real.astype(dtype)
    made = columns(x, 3, kind="fft", axis=0, rows=4, n=96, norm=None)
    assert made.dtype == want
    assert rows(x, 3, kind="fft", axis=0, n=96, norm=None).dtype == want
    assert rows(x, 1, kind="fft", axis=0, n=96, norm=None, direct=4).dtype == want
    np.testing.assert_allclose(
        made,
        columns_by_matrix(x.astype(complex), 3, kind="fft", axis=0, rows=4, n=96, norm=None),
        rtol=1e-5,
        atol=1e-5,
    )


def test_single_precision_stays_single_on_every_library(xp):
    x = random((2, 24), "complex64")
    block = xp.concrete_array(x)
    single = xp.concrete_array(x[:0]).dtype
    made = [
        columns(block, 3, kind="fft", axis=1, rows=4, n=96, norm=None),
        rows(block, 3, kind="ifft", axis=1, n=96, norm=None),
        rows(block, 1, kind="fft", axis=1, n=96, norm=None, direct=4),
        back(block, kind="ifft", axis=1, rows=4, points=4, norm=None),
        interleave(block, axis=1, blocks=5),
        deinterleave(block, 2, axis=1, blocks=5),
    ]
    assert all(out.dtype == single for out in made)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no wider type")
def test_long_double_keeps_its_precision():
    n, blocks = 96, 8
    x = random(n).astype(np.clongdouble) / 3
    want = scipy.fft.fft(x)
    for k, chunk in enumerate(in_four_steps(x, blocks, (5,))):
        assert chunk.dtype == np.clongdouble
        assert np.abs(chunk - want[k::blocks]).max() < 1e-17
    made = [rows(want[k::blocks], k, kind="ifft", axis=0, n=n, norm=None) for k in range(blocks)]
    got = back(np.concatenate(made), kind="ifft", axis=0, rows=blocks, points=blocks, norm=None)
    assert np.abs(got - x).max() < 1e-18


def test_blocks_of_any_layout_are_taken():
    x = random((3, 24, 2), "complex64")
    how = {"kind": "fft", "axis": 1, "rows": 4, "n": 96, "norm": None}
    want = columns(x, 3, **how)
    for block in (x.astype(">c8"), np.asfortranarray(x), x[:, ::-1][:, ::-1]):
        got = columns(block, 3, **how)
        assert got.dtype.isnative
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.skip_xp_backends("torch", reason="PyTorch on the CPU refuses to transform nothing")
def test_empty_batches_stay_empty(xp):
    block = xp.concrete_array(np.zeros((0, 12), "complex64"))
    for out in (
        columns(block, 0, kind="fft", axis=1, rows=4, n=12, norm=None),
        rows(block, 1, kind="fft", axis=1, n=24, norm=None),
        interleave(block, axis=1, blocks=4),
        interleave(block, axis=1, blocks=5),
        deinterleave(block, 1, axis=1, blocks=4),
    ):
        assert tuple(out.shape) == (0, 12)


# Order of points


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int8"])
@pytest.mark.parametrize("length", [1, 2, 5, 6, 12, 13, 17])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
def test_interleaving_brings_decimated_runs_into_order(length, before, behind, dtype, xp):
    axis = len(before)
    x = 10 * random((*before, length, *behind)).real
    x = x.astype(dtype)
    for blocks in (1, 2, 3, 6, 20):
        order = [i for r in range(blocks) for i in range(r, length, blocks)]
        block = xp.concrete_array(np.take(x, order, axis=axis))
        xp_assert_equal(interleave(block, axis=axis, blocks=blocks), xp.concrete_array(x))


@pytest.mark.parametrize("length", [0, 1, 5, 12, 13])
@pytest.mark.parametrize(("before", "behind"), SHAPES)
def test_deinterleaving_sorts_points_by_what_they_leave(length, before, behind, xp):
    axis = len(before)
    x = random((*before, length, *behind))
    for blocks in (1, 2, 3, 6, 20):
        for first in (0, 1, 7, 100):
            order = sorted(range(length), key=lambda i: ((first + i) % blocks, i))
            got = deinterleave(xp.concrete_array(x), first, axis=axis, blocks=blocks)
            xp_assert_equal(got, xp.concrete_array(np.take(x, order, axis=axis)))


@given(st.integers(0, 40), st.integers(1, 12))
def test_interleaving_takes_deinterleaving_back(length, blocks):
    x = np.arange(length)
    sorted_ = deinterleave(x, 0, axis=0, blocks=blocks)
    np.testing.assert_array_equal(interleave(sorted_, axis=0, blocks=blocks), x)


# Work in place

SIZES = [24, 2**18]
"""Small ones, and large ones, for which NumPy blocks have ways of their own."""


def calls(size, dtype="complex64"):
    """Every kernel that may overwrite its block, with one: pairs of a block and a call."""
    real = np.dtype(dtype).type(0).real.dtype
    n = 4 * size
    how = {"axis": 0, "norm": None}

    def on_row(x, row, **params):
        return partial(rows, **params)(x, row)

    def on_slab(x, first, **params):
        return partial(columns, **params)(x, first)

    slab, half = {**how, "rows": 4, "n": n}, {**how, "n": n, "direct": 4}
    yield random((size, 3), dtype), partial(on_slab, first=5, kind="fft", **slab)
    yield random((size, 3), real), partial(on_slab, first=5, kind="rfft", **slab)
    yield random((size, 3), real), partial(on_slab, first=5, kind="fft", **slab)
    yield random((size, 3), dtype), partial(on_row, row=3, kind="ifft", **how, n=n)
    yield random((size, 3), dtype), partial(on_row, row=1, kind="ifft", **half)
    yield random((size, 3), real), partial(on_row, row=1, kind="fft", **how, n=n)
    for kind, count, points in (("ifft", 4, 4), ("irfft", 3, 4), ("hfft", 3, 5)):
        x = random((size // count * count, 3), dtype)
        yield x, partial(back, kind=kind, rows=count, points=points, **how)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("index", range(9))
def test_a_block_that_others_see_is_never_spoilt(index, size):
    x, call = next(c for i, c in enumerate(calls(size)) if i == index)
    before = x.copy()
    x.flags.writeable = False
    out = call(x)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(out, x)
    np.testing.assert_array_equal(call(x), out)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("index", range(9))
def test_work_in_place_gives_the_same_result(index, size):
    x, call = next(c for i, c in enumerate(calls(size)) if i == index)
    want = call(x)
    got = call(x.copy(), overwrite=True)
    assert np.linalg.norm(got - want) <= 1e-6 * np.linalg.norm(want)
    x.flags.writeable = False
    again = call(x, overwrite=True)
    assert np.linalg.norm(again - want) <= 1e-6 * np.linalg.norm(want)


def test_every_library_may_be_told_to_work_in_place(xp):
    for x, call in calls(24, "complex128"):
        want = xp.concrete_array(call(x))
        xp_assert_close(call(xp.concrete_array(x), overwrite=True), want, rtol=1e-12)


def test_kept_twiddle_factors_serve_every_slab_alike():
    how = {"kind": "fft", "axis": 0, "rows": 4, "norm": None}
    x = random(12)
    for first, n in ((0, 24), (3, 24), (0, 48), (3, 24), (2**35, 2**40)):
        want = columns_by_matrix(x, first, **how, n=n)
        np.testing.assert_allclose(columns(x, first, **how, n=n), want, atol=1e-13)
