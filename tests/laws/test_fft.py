"""Laws of the Fourier transforms, over shapes, chunkings, axes, lengths and normalisations."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.testing.strategies import axes_of, chunkings, shapes_and_chunks

TOLERANCE = {"float32": 1e-6, "complex64": 1e-6, "float64": 1e-13, "complex128": 1e-13}
REAL = {
    name: name.replace("complex128", "float64").replace("complex64", "float32")
    for name in TOLERANCE
}
NORMS = [None, "backward", "ortho", "forward"]

grids = shapes_and_chunks(max_ndim=3, max_side=12, allow_empty=True)
kinds = st.sampled_from(["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
REAL_INPUT = ("rfft", "ihfft")
INVERSES = [("fft", "ifft"), ("rfft", "irfft"), ("ihfft", "hfft")]
dtypes = st.sampled_from(sorted(TOLERANCE))
norms = st.sampled_from(NORMS)
budgets = st.sampled_from([None, 3_000, 20_000])
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def one_thread(tmp_path_factory):
    """The scheduler of one thread, and a folder for stores that is empty at the end."""
    root = tmp_path_factory.mktemp("stores")
    with dask.config.set(scheduler="sync"), sw.set_options(temporary_store=str(root)):
        yield
    assert list(root.iterdir()) == []


def draw_values(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if "complex" in dtype else x).astype(dtype)


def error(got, want):
    """norm(got - want) / norm(want)."""
    scale = np.linalg.norm(want.ravel()) or 1.0
    return float(np.linalg.norm((got - want).ravel()) / scale)


def transform(name, x, chunks, memory=None, **arguments):
    """On chunks; in whatever form the budget allows, or in memory if it allows none."""
    lazy = da.from_array(x, chunks=chunks)
    function = getattr(sw.fft, name)
    try:
        with sw.set_options(memory=memory):
            return function(lazy, **arguments).compute()
    except sw.errors.MemoryBudgetError:
        return function(lazy, **arguments).compute()


@given(grids, kinds, dtypes, norms, budgets, seeds, st.data())
def test_results_equal_scipys_for_every_chunking(grid, kind, dtype, norm, memory, seed, data):
    shape, chunks = grid
    x = draw_values(shape, REAL[dtype] if kind in REAL_INPUT else dtype, seed)
    axes = data.draw(axes_of(len(shape)))
    s = data.draw(st.one_of(st.none(), st.tuples(*(st.integers(1, 15) for _ in axes))))
    want = getattr(scipy.fft, f"{kind}n")(x, s=s, axes=axes, norm=norm)
    got = transform(f"{kind}n", x, chunks, memory, s=s, axes=axes, norm=norm)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert error(got, want) < TOLERANCE[str(x.dtype)]


@given(grids, kinds, st.booleans(), budgets, seeds, st.data())
def test_one_axis_equals_scipys_for_every_chunking(grid, kind, single, memory, seed, data):
    shape, chunks = grid
    x = draw_values(shape, "float32" if single else "float64", seed)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    n = data.draw(st.integers(1, 30))
    want = getattr(scipy.fft, kind)(x, n=n, axis=axis)
    got = transform(kind, x, chunks, memory, n=n, axis=axis)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert error(got, want) < TOLERANCE[str(x.dtype)]


@given(grids, seeds, st.data())
def test_the_chunking_does_not_change_a_bit_of_one_axis(grid, seed, data):
    shape, chunks = grid
    x = draw_values(shape, "float32", seed)
    other = data.draw(chunkings(shape))
    axis = data.draw(st.integers(0, len(shape) - 1))
    first, second = (transform("fft", x, c, axis=axis) for c in (chunks, other))
    np.testing.assert_array_equal(first, second)


@given(grids, norms, seeds, st.data())
def test_transforms_are_linear(grid, norm, seed, data):
    shape, chunks = grid
    x, y = draw_values((2, *shape), "complex128", seed)
    axes = data.draw(axes_of(len(shape)))
    arguments = {"axes": axes, "norm": norm}
    whole = transform("fftn", 2.5 * x - 1j * y, chunks, **arguments)
    parts = 2.5 * transform("fftn", x, chunks, **arguments) - 1j * transform(
        "fftn", y, chunks, **arguments
    )
    assert error(whole, parts) < 1e-13


@given(grids, st.sampled_from(["float32", "float64"]), seeds)
def test_parseval(grid, dtype, seed):
    shape, chunks = grid
    x = draw_values(shape, dtype, seed)
    spectrum = transform("fftn", x, chunks, norm="ortho")
    energy = np.linalg.norm(x.astype("float64").ravel())
    assert abs(np.linalg.norm(spectrum.astype("complex128").ravel()) - energy) <= (
        TOLERANCE[dtype] * energy
    )


@given(grids, st.sampled_from(INVERSES), dtypes, norms, seeds, st.data())
def test_inverses_undo(grid, pair, dtype, norm, seed, data):
    kind, inverse = pair
    shape, chunks = grid
    x = draw_values(shape, REAL[dtype] if kind in REAL_INPUT else dtype, seed)
    axes = data.draw(axes_of(len(shape)))
    lazy = da.from_array(x, chunks=chunks)
    there = getattr(sw.fft, f"{kind}n")(lazy, axes=axes, norm=norm)
    s = tuple(shape[a] for a in axes)
    back = getattr(sw.fft, f"{inverse}n")(there, s=s, axes=axes, norm=norm).compute()
    assert error(back, x) < TOLERANCE[str(x.dtype)]
    assert (back.dtype.kind == "f") == (kind in REAL_INPUT)


@given(grids, seeds, st.data())
def test_the_shift_theorem(grid, seed, data):
    shape, chunks = grid
    x = draw_values(shape, "complex128", seed)
    axis = data.draw(st.integers(0, len(shape) - 1))
    shift = data.draw(st.integers(-5, 5))
    n = shape[axis]
    phase = np.exp(-2j * np.pi * sw.fft.fftfreq(n) * shift)
    phase = phase.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    rolled = transform("fft", np.roll(x, shift, axis), chunks, axis=axis)
    assert error(rolled, transform("fft", x, chunks, axis=axis) * phase) < 1e-13


@given(grids, seeds)
def test_real_input_has_a_hermitian_spectrum(grid, seed):
    shape, chunks = grid
    x = draw_values(shape, "float64", seed)
    whole, half = transform("fftn", x, chunks), transform("rfftn", x, chunks)
    assert error(half, whole[..., : shape[-1] // 2 + 1]) < 1e-13
    mirrored = np.roll(np.flip(whole), 1, axis=tuple(range(len(shape))))
    assert error(mirrored.conj(), whole) < 1e-13


@given(grids, st.booleans(), seeds, st.data())
def test_shifts_equal_scipys_and_undo_each_other(grid, some, seed, data):
    shape, chunks = grid
    x = draw_values(shape, "float32", seed)
    axes = data.draw(axes_of(len(shape))) if some else None
    shifted = sw.fft.fftshift(da.from_array(x, chunks=chunks), axes=axes)
    np.testing.assert_array_equal(shifted.compute(), scipy.fft.fftshift(x, axes=axes))
    np.testing.assert_array_equal(sw.fft.ifftshift(shifted, axes=axes).compute(), x)


@given(st.integers(1, 60), st.floats(0.01, 100))
def test_frequencies_equal_scipys(n, d):
    np.testing.assert_allclose(sw.fft.fftfreq(n, d), scipy.fft.fftfreq(n, d), rtol=1e-15)
    np.testing.assert_allclose(sw.fft.rfftfreq(n, d), scipy.fft.rfftfreq(n, d), rtol=1e-15)
