"""Cosine and sine transforms on every container; SciPy on NumPy is the oracle."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.testing import ArrayBackend, raise_if_computes, xp_assert_close, xp_assert_equal

KINDS = ("dct", "idct", "dst", "idst")
TRANSFORMS = (*KINDS, *(f"{kind}n" for kind in KINDS))
TYPES = (1, 2, 3, 4)
NORMS = (None, "backward", "ortho", "forward")


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    elif np.dtype(dtype).kind in "iu":
        x = np.abs(x) * 30
    return x.astype(dtype)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("number", TYPES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_types_and_norms_are_scipys_on_every_container(name, number, norm, xp):
    x = values((4, 5), "float32")
    want = getattr(scipy.fft, name)(x, number, norm=norm)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x), number, norm=norm), xp.asarray(want))


@pytest.mark.parametrize("orthogonalize", [None, True, False, 0, np.True_])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_scaled_ends_are_scipys_on_every_container(name, orthogonalize, xp):
    for dtype in ("float64", "complex128"):
        x = values((3, 6), dtype)
        for number in TYPES:
            want = getattr(scipy.fft, name)(x, number, orthogonalize=orthogonalize)
            got = getattr(sw.fft, name)(xp.asarray(x), number, orthogonalize=orthogonalize)
            xp_assert_close(got, xp.asarray(want))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int16", "uint8", "bool"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_keeps_the_container_and_the_precision(name, dtype, xp):
    x = values((5, 6), dtype)
    want = getattr(scipy.fft, name)(x)
    xp_assert_close(getattr(sw.fft, name)(xp.asarray(x)), xp.asarray(want))


@pytest.mark.parametrize("dtype", ["float16", "longdouble", "clongdouble", ">f4", ">c8", ">i4"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_element_types_of_numpy_alone(name, dtype):
    x = values((5, 6), dtype)
    want = getattr(scipy.fft, name)(x)
    for container in (x, da.from_array(x, chunks=(2, 4))):
        got = getattr(sw.fft, name)(container)
        assert got.dtype == want.dtype
        got = np.asarray(got)
        assert got.dtype == want.dtype
        assert abs(got - want).max() <= 1e-5 * abs(want).max()


@pytest.mark.parametrize(
    "chunks",
    [
        ((5,), (8,)),
        ((1, 3, 1), (8,)),
        ((5,), (1, 6, 1)),
        ((2, 0, 3), (0, 7, 1)),
        ((1,) * 5, (3, 5)),
    ],
)
@pytest.mark.parametrize("library", ["dask:numpy", "dask:hostfree"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_any_chunks_along_any_axis_are_lazy(name, library, chunks):
    xp = ArrayBackend(library)
    x = values((5, 8))
    lazy = xp.asarray(x, chunks=chunks)
    several = {"s": (6, 7), "axes": (0, 1)} if name.endswith("n") else {"n": 6, "axis": 0}
    for arguments in ({}, several):
        with raise_if_computes():
            got = getattr(sw.fft, name)(lazy, **arguments)
        want = getattr(scipy.fft, name)(x, **arguments)
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(xp.to_numpy(got), want, atol=1e-12)


def test_a_whole_axis_takes_one_task_per_chunk():
    x = da.ones((64, 32), chunks=(10, 32))
    y = sw.fft.dct(x)
    (step,) = y.dask.layers[y.name].plan.steps
    assert (step.kernel, step.tasks, step.bytes_moved) == ("trigonometric", 7, 0)
    assert y.chunks == x.chunks


@pytest.mark.parametrize("number", [0, 5, -1])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_other_types_are_refused_at_the_call(name, number, xp):
    with pytest.raises(ValueError, match=r"invalid D[CS]T type"):
        getattr(scipy.fft, name)(values((3, 4)), number)
    with pytest.raises(sw.errors.ArgumentError, match=r"D[CS]T type; expected 1, 2, 3 or 4"):
        getattr(sw.fft, name)(xp.asarray(values((3, 4))), number)


@pytest.mark.parametrize("number", ["2", None, 2.5, (2,)])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_is_no_integer_is_no_type(name, number):
    with pytest.raises(TypeError):
        getattr(scipy.fft, name)(values((3, 4)), number)
    for x in (values((3, 4)), da.ones((3, 4), chunks=2)):
        with pytest.raises(sw.errors.ArgumentTypeError, match="type="):
            getattr(sw.fft, name)(x, number)


@pytest.mark.parametrize("value", ["yes", [], (True,)])
def test_what_is_no_truth_does_not_orthogonalize(value):
    for x in (values((3, 4)), da.ones((3, 4), chunks=2)):
        with pytest.raises(sw.errors.ArgumentTypeError, match="orthogonalize="):
            sw.fft.dct(x, orthogonalize=value)


@pytest.mark.parametrize("name", ["dct", "idct", "dctn", "idctn"])
def test_one_point_has_no_cosine_transform_of_type_1(name, xp):
    with pytest.raises(RuntimeError):
        getattr(scipy.fft, name)(np.ones((3, 1)), 1)
    with pytest.raises(sw.errors.ArgumentError, match="needs at least 2 points"):
        getattr(sw.fft, name)(xp.asarray(np.ones((3, 1))), 1)


def test_without_axes_the_input_is_returned():
    x = values((3, 4))
    for container in (x, da.from_array(x, chunks=2)):
        assert sw.fft.dctn(container, axes=()) is container
        assert sw.fft.idstn(container, type=7, axes=()) is container


@pytest.mark.parametrize("workers", [None, 1, 2, -1])
@pytest.mark.parametrize("overwrite_x", [False, True])
@pytest.mark.parametrize("number", TYPES)
def test_workers_and_overwrite_change_nothing(number, workers, overwrite_x, xp):
    x = values((4, 5))
    ours = xp.asarray(x)
    got = sw.fft.dctn(ours, number, overwrite_x=overwrite_x, workers=workers)
    xp_assert_close(got, xp.asarray(scipy.fft.dctn(x, number)))
    xp_assert_equal(ours, xp.asarray(x))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_unknown_chunks_are_refused_with_the_way_out(name):
    x = da.ones((6, 4), chunks=(3, 2))
    unknown = x[x[:, 0] > 0]
    with pytest.raises(sw.errors.UnknownChunksError, match="compute_chunk_sizes"):
        getattr(sw.fft, name)(unknown)


@pytest.mark.parametrize("number", TYPES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_gradients_flow_through_torch(name, number):
    torch = pytest.importorskip("torch")
    x = torch.tensor(values((4, 5)), requires_grad=True)
    getattr(sw.fft, name)(x, number).pow(2).sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())
