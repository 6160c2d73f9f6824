"""The transforms, on every container; SciPy on NumPy is the oracle."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import spanwise as sw
from spanwise.testing import raise_if_computes, xp_assert_close, xp_assert_equal

TRANSFORMS_1D = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TRANSFORMS_2D = ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2")
TRANSFORMS_ND = ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")
REAL_INPUT = ("rfft", "ihfft")
TRANSFORMS = TRANSFORMS_1D + TRANSFORMS_2D + TRANSFORMS_ND
SHIFTS = ("fftshift", "ifftshift")
PRECISION = {"float32": 1e-6, "complex64": 1e-6, "float64": 1e-13, "complex128": 1e-13}


def values(shape, dtype="float64", seed=0):
    """Random values, complex where the element type is."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    elif np.dtype(dtype).kind in "iu":
        x = np.abs(x) * 30
    return x.astype(dtype)


def relative_error(got, want):
    """norm(got - want) / norm(want), in the precision of long double."""
    difference = np.asarray(got).astype(np.clongdouble) - np.asarray(want).astype(np.clongdouble)
    norm = np.linalg.norm(np.asarray(want).astype(complex).ravel())
    return float(np.linalg.norm(difference.astype(complex).ravel()) / (norm or 1.0))


def assert_like_scipy(name, x, *, chunks=None, **arguments):
    """The same values, element type and shape as SciPy's, from NumPy and from chunks."""
    want = getattr(scipy.fft, name)(x, **arguments)
    lazy = da.from_array(x, chunks=chunks or tuple(max(1, (n + 1) // 2) for n in x.shape))
    function = getattr(sw.fft, name)
    with raise_if_computes():
        lazy = function(lazy, **arguments)
    assert (lazy.dtype, lazy.shape) == (want.dtype, want.shape)
    for got in (function(x, **arguments), lazy.compute(scheduler="sync")):
        assert type(got) is np.ndarray
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert relative_error(got, want) < PRECISION.get(str(x.dtype), 1e-6)


# Containers


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name in TRANSFORMS
        for dtype in ("float32", "float64", "complex64", "complex128")
        if not (name.startswith(REAL_INPUT) and dtype.startswith("complex"))
    ],
)
def test_keeps_the_container_and_the_precision(name, dtype, xp):
    x = values((5, 6), dtype)
    want = getattr(scipy.fft, name)(x)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x)), xp.asarray(want))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_integers_become_double(name, xp):
    x = values((4, 5), "int16")
    want = getattr(scipy.fft, name)(x)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x)), xp.asarray(want))


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_normalisation_is_scipys_on_every_container(name, norm, xp):
    x = values((4, 5))
    want = getattr(scipy.fft, name)(x, norm=norm)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x), norm=norm), xp.asarray(want))


@pytest.mark.parametrize("n", [1, 3, 5, 6, 11])
@pytest.mark.parametrize("name", TRANSFORMS_1D)
def test_crops_and_pads_on_every_container(name, n, xp):
    x = values((3, 6))
    for axis in (0, -1):
        want = getattr(scipy.fft, name)(x, n=n, axis=axis)
        xp_assert_close(getattr(sw.fft, name)(xp.asarray(x), n=n, axis=axis), xp.asarray(want))


@pytest.mark.parametrize(
    "arguments",
    [
        {"s": (3, 8)},
        {"s": (-1, 9)},
        {"s": 4},
        {"s": (7, 2), "axes": (2, 0)},
        {"axes": (1, 0)},
        {"axes": 1},
        {"axes": (-1, 0), "norm": "ortho"},
    ],
)
@pytest.mark.parametrize("name", TRANSFORMS_ND)
def test_lengths_and_axes_are_scipys_on_every_container(name, arguments, xp):
    x = values((4, 3, 6))
    want = getattr(scipy.fft, name)(x, **arguments)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x), **arguments), xp.asarray(want))


@pytest.mark.parametrize("axes", [None, 0, (0,), (-1, 0), (0, 0), ()])
@pytest.mark.parametrize("name", SHIFTS)
def test_shifts_keep_container_dtype_and_chunks(name, axes, xp):
    x = values((5, 6), "float32")
    lazy = xp.asarray(x)
    got = getattr(sw.fft, name)(lazy, axes=axes)
    want = x if axes == () else getattr(scipy.fft, name)(x, axes=axes)
    xp_assert_equal(got, xp.asarray(want))
    if xp.is_lazy:
        assert got.chunks == lazy.chunks


# Element types and memory layouts


@pytest.mark.parametrize(
    "dtype",
    [
        "float16",
        "longdouble",
        "bool",
        "int8",
        "uint8",
        "uint64",
        "complex64",
        "clongdouble",
        ">f4",
        ">f8",
        ">c8",
        ">c16",
        ">i4",
    ],
)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_element_type_of_scipy(name, dtype):
    x = values((5, 6), dtype)
    if name.startswith(REAL_INPUT) and x.dtype.kind == "c":
        with pytest.raises(TypeError, match="real"):
            getattr(scipy.fft, name)(x)
        for container in (x, da.from_array(x, chunks=3)):
            with pytest.raises(TypeError, match="takes real data"):
                getattr(sw.fft, name)(container)
        return
    assert_like_scipy(name, x)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda x: x[::-1, ::2],
        lambda x: x.T,
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: np.lib.stride_tricks.as_strided(x, (3, 4), (16, 8)),
    ],
)
@pytest.mark.parametrize("name", ["fft", "irfft2", "rfftn", "fftshift"])
def test_memory_layout_does_not_matter(name, layout):
    x = layout(values((6, 8)))
    assert_like_scipy(name, x)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_read_only_input_is_left_alone(name):
    x = values((4, 6))
    x.flags.writeable = False
    before = x.copy()
    assert_like_scipy(name, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", ["fft", "rfftn", "irfft", "fftshift"])
def test_lists_and_scalars_become_arrays(name):
    want = getattr(scipy.fft, name)(np.array([1.0, 2.0, 4.0]))
    got = getattr(sw.fft, name)([1.0, 2.0, 4.0])
    np.testing.assert_allclose(got, want)
    assert type(got) is np.ndarray


def test_nan_stays_in_its_line():
    x = values((4, 6))
    x[1, 2] = np.nan
    got = sw.fft.fft(da.from_array(x, chunks=(2, 3)), axis=1).compute()
    assert np.isnan(got).any(axis=1).tolist() == [False, True, False, False]


# Shapes


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1), (3, 1), (0, 3), (1, 4, 1)])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "ihfft"])
def test_small_and_empty_shapes(name, shape):
    assert_like_scipy(name, values(shape))


@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4)])
def test_an_empty_batch_gives_an_empty_result(shape):
    assert_like_scipy("irfft", values(shape))
    assert_like_scipy("rfftn", values(shape), axes=(-1,))


def test_irfft_of_odd_length():
    x = values((9,))
    half = sw.fft.rfft(da.from_array(x, chunks=4))
    np.testing.assert_allclose(sw.fft.irfft(half, n=9).compute(), x)
    assert sw.fft.irfft(half).shape == (8,)


def test_no_axes_returns_the_input():
    x = values((3, 4))
    assert sw.fft.fftn(x, axes=()) is x
    lazy = da.from_array(x, chunks=2)
    assert sw.fft.fftn(lazy, axes=()) is lazy
    assert sw.fft.fftn(np.array(3.0)) == scipy.fft.fftn(np.array(3.0))


def test_minus_one_in_s_is_the_length_of_the_input_for_irfftn_too():
    x = values((4, 5), "complex128")
    want = scipy.fft.irfftn(x, s=(-1, -1))
    assert want.shape == (4, 5)
    np.testing.assert_allclose(sw.fft.irfftn(da.from_array(x, chunks=2), s=(-1, -1)), want)


# PyTorch


@pytest.mark.parametrize("name", TRANSFORMS)
def test_gradients_flow_through_torch(name):
    torch = pytest.importorskip("torch")
    x = torch.tensor(values((4, 5)), requires_grad=True)
    y = getattr(sw.fft, name)(x)
    assert y.requires_grad
    abs(y).pow(2).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(
        y.detach().resolve_conj().numpy(), getattr(scipy.fft, name)(x.detach().numpy()), atol=1e-12
    )


@pytest.mark.parametrize("name", ["fft", "irfftn", "fftshift"])
def test_the_conjugate_bit_of_torch_is_honoured(name):
    torch = pytest.importorskip("torch")
    x = values((4, 5), "complex128")
    lazy = torch.conj(torch.tensor(x))
    assert lazy.is_conj()
    got = getattr(sw.fft, name)(lazy).resolve_conj().numpy()
    np.testing.assert_allclose(got, getattr(scipy.fft, name)(x.conj()), atol=1e-12)
    negative = torch.conj(torch.tensor(x)).imag
    assert negative.is_neg()
    got = sw.fft.fft(negative).numpy()
    np.testing.assert_allclose(got, scipy.fft.fft(-x.imag), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "bool", "uint8"])
def test_narrow_types_of_torch(dtype):
    torch = pytest.importorskip("torch")
    x = torch.ones(4, dtype=getattr(torch, dtype))
    got = sw.fft.fft(x)
    want = scipy.fft.fft(np.ones(4, "float32" if "float" in dtype else "float64"))
    assert str(got.dtype).removeprefix("torch.") == str(want.dtype)
    np.testing.assert_allclose(got.numpy(), want)
