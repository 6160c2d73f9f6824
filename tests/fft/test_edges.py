"""Edge cases: whatever SciPy answers is answered, whatever it refuses is refused in its kind.

Each call runs on NumPy, on one chunk and on chunks that cut every axis; SciPy is the oracle.
"""

import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.testing import raise_if_computes

FOURIER = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TRIGONOMETRIC = ("dct", "idct", "dst", "idst")
KINDS = FOURIER + TRIGONOMETRIC
REAL_INPUT = ("rfft", "ihfft")

X = np.arange(1.0, 21).reshape(4, 5)

ARGUMENTS_1D = [
    {"n": 0},
    {"n": -1},
    {"n": True},
    {"n": 1},
    {"n": 9},
    {"n": "3"},
    {"axis": 2},
    {"axis": 2, "n": 3},
    {"axis": (0,)},
    {"workers": True},
    {"norm": []},
    {"norm": "q", "axis": 7},
    {"norm": "forward", "n": 0},
]
ARGUMENTS_ND = [
    {"s": (0, 2)},
    {"s": (3, 0)},
    {"s": (-1, 3)},
    {"s": (3, -1)},
    {"s": (-2, 3)},
    {"s": 3},
    {"s": ()},
    {"s": (), "axes": ()},
    {"s": (3, 3, 3), "axes": ()},
    {"s": "xy"},
    {"s": [2.0]},
    {"s": (2, 3), "axes": (0,)},
    {"s": (2, 3, 4)},
    {"s": (7, 9), "axes": (1, 0)},
    {"s": (1, 1)},
    {"axes": ()},
    {"axes": (), "norm": "q"},
    {"axes": (0, -2)},
    {"axes": 2},
    {"axes": -3},
    {"axes": 0.5},
    {"axes": np.array(1)},
    {"axes": np.array([1]), "norm": "ortho"},
]
SHAPES_1D = [
    ((), {}),
    ((), {"n": 2}),
    ((0,), {}),
    ((0,), {"n": 3}),
    ((0, 4), {}),
    ((0, 1), {}),
    ((4, 0), {"n": 3}),
    ((0, 4), {"axis": 0, "n": 3}),
    ((1,), {}),
    ((2, 1), {}),
]
SHAPES_ND = [
    ((), {}),
    ((1,), {}),
    ((3, 1), {}),
    ((3, 1), {"s": (-1, -1)}),
    ((3, 1), {"axes": 1}),
    ((1, 3), {"axes": (1, 0)}),
    ((0, 4), {}),
    ((0, 4), {"axes": 1}),
    ((0, 1), {"axes": 1}),
    ((4, 0), {"s": (3, 2)}),
    ((2, 0, 3), {"axes": (0, 2)}),
    ((2, 0, 3), {"s": (2, 3), "axes": (0, 2)}),
]


def outcome(function, x, arguments):
    """The result, or the error."""
    try:
        result = function(x, **arguments)
    except (ValueError, TypeError, IndexError, RuntimeError, NotImplementedError) as error:
        return error
    return result


def assert_like_scipy(name, x, **arguments):
    want = outcome(getattr(scipy.fft, name), x, arguments)
    cut = tuple(max(1, (n + 1) // 2) for n in x.shape)
    for container in (x, da.from_array(x, chunks=x.shape), da.from_array(x, chunks=cut)):
        with raise_if_computes():
            got = outcome(getattr(sw.fft, name), container, arguments)
        if isinstance(want, Exception):
            assert isinstance(got, type(want)), (want, got)
            assert isinstance(got, (sw.errors.SpanwiseError, NotImplementedError))
            continue
        assert not isinstance(got, Exception), got
        assert isinstance(got, type(container))
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        values = got.compute(scheduler="sync") if got is not x and hasattr(got, "dask") else got
        assert (values.shape, values.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(values, want, atol=1e-12)


@pytest.mark.parametrize("arguments", ARGUMENTS_1D, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_one_axis(kind, arguments):
    assert_like_scipy(kind, X, **arguments)
    if kind not in REAL_INPUT:
        assert_like_scipy(kind, X + 1j, **arguments)


@pytest.mark.parametrize("arguments", ARGUMENTS_ND, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_several_axes(kind, arguments):
    assert_like_scipy(f"{kind}n", X, **arguments)
    if kind not in REAL_INPUT:
        assert_like_scipy(f"{kind}n", X + 1j, **arguments)


@pytest.mark.parametrize("kind", REAL_INPUT)
def test_complex_data_are_refused_before_their_arguments(kind):
    for arguments in ({}, {"n": 0}, {"n": 3}):
        assert_like_scipy(kind, X + 1j, **arguments)
    assert_like_scipy(f"{kind}n", X + 1j, axes=())


@pytest.mark.parametrize(("shape", "arguments"), SHAPES_1D, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_empty_and_short_axes_of_one_axis(kind, shape, arguments):
    assert_like_scipy(kind, np.ones(shape), **arguments)


@pytest.mark.parametrize(("shape", "arguments"), SHAPES_ND, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_empty_and_short_axes_of_several_axes(kind, shape, arguments):
    assert_like_scipy(f"{kind}n", np.ones(shape), **arguments)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((3,), {}),
        ((), {}),
        ((4, 5), {"axes": None}),
        ((4, 5), {"s": (2,), "axes": None}),
        ((4, 5), {"plan": 3}),
        ((2, 2, 2), {"axes": (0, 1, 2)}),
        ((3, 4, 1), {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", FOURIER)
def test_two_axes_are_a_default_only(kind, shape, arguments):
    assert_like_scipy(f"{kind}2", np.ones(shape), **arguments)


@pytest.mark.parametrize("shape", [(4, 0), (3, 0, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_empty_axes_are_padded_on_every_container(kind, shape, xp):
    x = np.zeros(shape, "float32")
    want = getattr(scipy.fft, kind)(x, n=3, axis=1)
    got = getattr(sw.fft, kind)(xp.asarray(x), n=3, axis=1)
    np.testing.assert_array_equal(xp.to_numpy(got), want)
    assert got.shape == want.shape


@pytest.mark.parametrize(("shape", "arguments"), [((0, 4), {}), ((2, 0, 3), {"n": 4})], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_without_lines_the_result_is_empty_on_every_container(kind, shape, arguments, xp):
    x = np.zeros(shape, "float32")
    want = getattr(scipy.fft, kind)(x, **arguments)
    got = getattr(sw.fft, kind)(xp.asarray(x), **arguments)
    assert got.shape == want.shape
    assert xp.to_numpy(got).dtype == want.dtype
