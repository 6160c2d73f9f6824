"""What the transforms refuse: SciPy's kinds of errors, when a function is called."""

import functools
import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import spanwise as sw
from spanwise.testing import xp_assert_close, xp_assert_equal

TRANSFORMS_1D = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TRANSFORMS_2D = ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2")
TRANSFORMS_ND = ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")
REAL_RESULT = ("irfft", "hfft")
TRANSFORMS = TRANSFORMS_1D + TRANSFORMS_2D + TRANSFORMS_ND
SHIFTS = ("fftshift", "ifftshift")


def values(shape, dtype="float64", seed=0):
    """Random values, complex where the element type is."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    elif np.dtype(dtype).kind in "iu":
        x = np.abs(x) * 30
    return x.astype(dtype)


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


def _wrong_arguments():
    for name in TRANSFORMS_1D:
        # No points of a real result are SciPy's way to ask for one.
        yield from ((name, a) for a in WRONG_1D if a != {"n": 0} or name not in REAL_RESULT)
    for name in TRANSFORMS_ND:
        yield from ((name, a) for a in WRONG_ND)


@pytest.mark.parametrize("kind", ["numpy", "dask"])
@pytest.mark.parametrize(("name", "arguments"), list(_wrong_arguments()))
def test_wrong_arguments_raise_scipys_kind_of_error_at_the_call(name, arguments, kind):
    x = values((4, 5))
    with pytest.raises((ValueError, TypeError, IndexError, NotImplementedError)) as caught:
        getattr(scipy.fft, name)(x, **arguments)
    container = x if kind == "numpy" else da.from_array(x, chunks=2)
    with pytest.raises(caught.type) as ours:
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


@pytest.mark.parametrize("name", ["rfftn", "irfftn", "hfftn", "ihfftn"])
def test_real_transforms_need_an_axis(name):
    with pytest.raises(ValueError, match="at least 1 axis"):
        getattr(scipy.fft, name)(values((3,)), axes=())
    with pytest.raises(sw.errors.ArgumentError, match="at least 1 axis"):
        getattr(sw.fft, name)(values((3,)), axes=())


@pytest.mark.parametrize("name", REAL_RESULT)
def test_one_point_of_a_half_spectrum_does_not_say_how_many_real_points(name, xp):
    x = values((3, 1), "complex128")
    with pytest.raises(ValueError, match="Invalid number of data points"):
        getattr(scipy.fft, name)(x)
    with pytest.raises(sw.errors.ArgumentError, match="Invalid number of data points"):
        getattr(sw.fft, name)(xp.asarray(x))
    # No points are one, and so is one point among several axes: as in SciPy.
    for function, arguments in ((name, {"n": 0}), (f"{name}2", {}), (f"{name}n", {})):
        want = getattr(scipy.fft, function)(x, **arguments)
        assert want.shape == (3, 1)
        xp_assert_close(getattr(sw.fft, function)(xp.asarray(x), **arguments), xp.asarray(want))


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


@pytest.mark.parametrize("workers", [0, -1000, 1.5])
def test_workers_that_scipy_refuses_are_refused(workers, xp):
    x = np.ones((4, 6))
    with pytest.raises((ValueError, TypeError)):
        scipy.fft.fft(x, workers=workers)
    with pytest.raises(sw.errors.SpanwiseError, match="workers="):
        sw.fft.fft(xp.asarray(x), workers=workers)


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


@pytest.mark.parametrize("name", [*(n for n in TRANSFORMS if "hfft" not in n), *SHIFTS])
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


def takes_arrays(name):
    return name in scipy.fft.__all__ and not name.endswith(("freq", "_len", "offset"))


@pytest.mark.parametrize("name", list(filter(takes_arrays, sw.fft.__all__)))
def test_labelled_data_is_told_of_a_method_only_if_there_is_one(name):
    xr = pytest.importorskip("xarray")
    from spanwise.xarray import FFTNamespace

    parameters = {"dln": 0.1, "mu": 1.0} if name.endswith("fht") else {}
    with pytest.raises(sw.errors.ArrayTypeError) as caught:
        getattr(sw.fft, name)(xr.DataArray(np.ones((3, 4))), **parameters)
    is_named = f"spanwise.fft.{name}(dim=" in str(caught.value)
    assert is_named == hasattr(FFTNamespace, name)
