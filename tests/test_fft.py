"""The public functions, on every container; SciPy on NumPy is the oracle."""

import functools
import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import spanwise as sw
from spanwise.testing import raise_if_computes, xp_assert_close, xp_assert_equal

TRANSFORMS_1D = ("fft", "ifft", "rfft", "irfft")
TRANSFORMS_2D = ("fft2", "ifft2", "rfft2", "irfft2")
TRANSFORMS_ND = ("fftn", "ifftn", "rfftn", "irfftn")
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
        if not (name.startswith("rfft") and dtype.startswith("complex"))
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


@pytest.mark.parametrize(("n", "d"), [(1, 1.0), (2, 0.5), (5, 0.1), (8, 3.0)])
def test_frequencies_are_scipys(n, d):
    np.testing.assert_allclose(sw.fft.fftfreq(n, d), scipy.fft.fftfreq(n, d), rtol=1e-15)
    np.testing.assert_allclose(sw.fft.rfftfreq(n, d), scipy.fft.rfftfreq(n, d), rtol=1e-15)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_come_in_the_namespace_asked_for(name, xp):
    got = getattr(sw.fft, name)(6, d=0.25, xp=xp.xp)
    want = getattr(scipy.fft, name)(6, d=0.25)
    assert xp.xp.asarray(got) is not None
    np.testing.assert_allclose(_host(got), want)


def _host(x):
    return sw.to_host(x)


def test_frequencies_of_the_dask_namespace_are_lazy():
    got = sw.fft.fftfreq(6, xp=da)
    assert isinstance(got, da.Array)
    np.testing.assert_allclose(got.compute(), scipy.fft.fftfreq(6))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [0, -3, 2.5, "4", None])
def test_frequencies_of_no_points_are_refused(name, n):
    with pytest.raises(ValueError, match="n="):
        getattr(sw.fft, name)(n)


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
    if name.startswith("rfft") and x.dtype.kind == "c":
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
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft"])
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


# Wrong arguments: SciPy's kind of error, when the function is called

WRONG_1D = [
    {"n": 0},
    {"n": -1},
    {"n": -4},
    {"n": 2.5},
    {"n": 2.0},
    {"n": "3"},
    {"n": (3,)},
    {"axis": 2},
    {"axis": -3},
    {"axis": 1.0},
    {"axis": (0,)},
    {"axis": None},
    {"norm": "unitary"},
    {"norm": 1},
    {"plan": object()},
]
WRONG_ND = [
    {"s": (0, 2)},
    {"s": (3, 0)},
    {"s": (-2, 3)},
    {"s": (3.5, 2)},
    {"s": (None, 3)},
    {"s": (3, 3, 3)},
    {"s": (3, 3), "axes": 0},
    {"axes": (0, 0)},
    {"axes": (0, -2)},
    {"axes": (0, 5)},
    {"axes": (0.0, 1)},
    {"axes": "xy"},
    {"norm": "unitary"},
    {"plan": 3},
]
# SciPy's compiled core reads "0 points of a real result" as "unknown" and answers; NumPy, CuPy,
# PyTorch and the array API standard refuse it, and so does spanwise on every container.
ANSWERED_BY_ACCIDENT = [("irfft", {"n": 0}), ("irfftn", {"s": (3, 0)})]


def _wrong_arguments():
    for name in TRANSFORMS_1D:
        yield from ((name, a) for a in WRONG_1D)
    for name in TRANSFORMS_ND:
        yield from ((name, a) for a in WRONG_ND)


@pytest.mark.parametrize("kind", ["numpy", "dask"])
@pytest.mark.parametrize(("name", "arguments"), list(_wrong_arguments()))
def test_wrong_arguments_raise_scipys_kind_of_error_at_the_call(name, arguments, kind):
    x = values((4, 5))
    expected = ValueError
    if (name, arguments) not in ANSWERED_BY_ACCIDENT:
        with pytest.raises((ValueError, TypeError, IndexError, NotImplementedError)) as caught:
            getattr(scipy.fft, name)(x, **arguments)
        expected = caught.type
    container = x if kind == "numpy" else da.from_array(x, chunks=2)
    with pytest.raises(expected) as ours:
        getattr(sw.fft, name)(container, **arguments)
    assert isinstance(ours.value, (sw.errors.SpanwiseError, NotImplementedError))


@pytest.mark.parametrize("kind", ["numpy", "dask"])
@pytest.mark.parametrize("name", TRANSFORMS_1D)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_no_points_to_transform_raise_scipys_kind_of_error(name, shape, kind):
    x = np.zeros(shape)
    with pytest.raises((ValueError, IndexError)) as caught:
        getattr(scipy.fft, name)(x)
    container = x if kind == "numpy" else da.from_array(x)
    with pytest.raises(caught.type):
        getattr(sw.fft, name)(container)


@pytest.mark.parametrize("name", ["rfftn", "irfftn"])
def test_real_transforms_need_an_axis(name):
    with pytest.raises(ValueError, match="at least 1 axis"):
        getattr(scipy.fft, name)(values((3,)), axes=())
    with pytest.raises(sw.errors.ArgumentError, match="at least 1 axis"):
        getattr(sw.fft, name)(values((3,)), axes=())


@pytest.mark.parametrize("name", ["irfft", "irfft2", "irfftn"])
def test_one_point_of_a_half_spectrum_does_not_say_how_many_real_points(name, xp):
    x = xp.asarray(values((3, 1), "complex128"))
    with pytest.raises(sw.errors.ArgumentError, match=r"give at least 1 in n= or s="):
        getattr(sw.fft, name)(x)
    last = {"n": 1} if name == "irfft" else {"s": (3, 1)}
    assert getattr(sw.fft, name)(x, **last).shape == (3, 1)


@pytest.mark.parametrize("axes", [5, (0, 2), (-3,), 0.5, "x"])
@pytest.mark.parametrize("name", SHIFTS)
def test_wrong_axes_of_a_shift_are_refused(name, axes):
    for x in (values((2, 3)), da.from_array(values((2, 3)), chunks=1)):
        with pytest.raises((sw.errors.AxisError, sw.errors.ArgumentTypeError)):
            getattr(sw.fft, name)(x, axes=axes)


def test_the_reserved_plan_is_refused_as_in_scipy():
    with pytest.raises(NotImplementedError):
        scipy.fft.fft(values((4,)), plan=3)
    with pytest.raises(NotImplementedError) as ours:
        sw.fft.fft(values((4,)), plan=3)
    assert isinstance(ours.value, sw.errors.UnsupportedError)


@pytest.mark.parametrize("workers", [None, 1, 2, -1])
@pytest.mark.parametrize("overwrite_x", [False, True])
def test_workers_and_overwrite_are_accepted_and_change_nothing(workers, overwrite_x, xp):
    x = values((4, 5), "complex128")
    ours = xp.asarray(x)
    got = sw.fft.fft(ours, overwrite_x=overwrite_x, workers=workers)
    xp_assert_close(got, xp.asarray(scipy.fft.fft(x)))
    xp_assert_equal(ours, xp.asarray(x))


# Containers that no transform takes


@pytest.mark.parametrize("name", [*TRANSFORMS, *SHIFTS])
@pytest.mark.parametrize(
    ("x", "advice"),
    [
        (np.ma.masked_array([[1.0, 2.0]], [[True, False]]), r"x\.filled\(0\)"),
        (scipy.sparse.eye_array(3).tocsr(), r"x\.toarray\(\)"),
        (scipy.sparse.coo_matrix(np.eye(3)), r"x\.toarray\(\)"),
        (np.array([[1, None]]), r"x\.astype\(float\)"),
        (np.array([["a", "b"]]), r"x\.astype\(float\)"),
        (np.array([["2000-01-01"]], "M8[s]"), r"x\.astype\(float\)"),
        (da.from_array(np.array([[1, None]], dtype=object), chunks=2), r"x\.astype\(float\)"),
        (
            da.from_array(np.ma.masked_array([[1.0, 2.0]], [[True, False]])),
            r"da\.ma\.filled\(x, 0\)",
        ),
        ([da.ones(3), da.ones(3)], r"da\.stack"),
        (dask.delayed([1.0, 2.0]), r"da\.from_delayed"),
    ],
    ids=[
        "masked",
        "csr",
        "coo",
        "object",
        "text",
        "time",
        "dask-object",
        "dask-masked",
        "list-of-dask",
        "delayed",
    ],
)
def test_arrays_without_a_transform_are_told_what_to_do(name, x, advice):
    with pytest.raises(sw.errors.ArrayTypeError, match=advice):
        getattr(sw.fft, name)(x)


@pytest.mark.parametrize("name", [*TRANSFORMS, *SHIFTS])
def test_a_matrix_is_refused(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        x = np.matrix(np.eye(3))
    with pytest.raises(sw.errors.ArrayTypeError, match=r"np\.asarray\(x\)"):
        getattr(sw.fft, name)(x)


@pytest.mark.parametrize("name", [*TRANSFORMS, *SHIFTS])
def test_labelled_data_is_told_the_call_of_the_accessor(name):
    import xarray as xr

    labelled = xr.DataArray(values((3, 4)), dims=("y", "x"), name="t")
    for x in (labelled, labelled.chunk(2), labelled.to_dataset(), labelled.variable):
        with pytest.raises(sw.errors.ArrayTypeError) as caught:
            getattr(sw.fft, name)(x)
        assert f"x.spanwise.fft.{name}(dim=...)" in str(caught.value)
        assert "import spanwise.xarray" in str(caught.value)


def test_unknown_chunks_are_refused_with_the_way_out():
    x = da.from_array(values((6,)), chunks=3)
    unknown = x[x > -10.0]
    for function in (sw.fft.fft, sw.fft.fftshift, functools.partial(sw.fft.fft, n=4)):
        with pytest.raises(sw.errors.UnknownChunksError, match=r"compute_chunk_sizes\(\)"):
            function(unknown)
    np.testing.assert_allclose(
        sw.fft.fft(unknown.compute_chunk_sizes()), scipy.fft.fft(x.compute())
    )


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
