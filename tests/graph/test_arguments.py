"""Axes and lengths: SciPy's rules."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft
from dask import delayed
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, ArgumentTypeError, AxisError
from spanwise.graph.arguments import (
    check_norm,
    integer,
    normal_axis,
    resolve_axes,
    resolve_lengths,
    resolve_points,
)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
def test_scipys_norms_pass(norm):
    check_norm(norm)


@pytest.mark.parametrize("norm", ["", "Ortho", 1, True, [], np.ones(2)])
def test_other_norms_are_refused(norm):
    with pytest.raises(ArgumentError, match="norm="):
        check_norm(norm)


@pytest.mark.parametrize(("axis", "want"), [(0, 0), (-1, 2), (2, 2), (-3, 0), (np.int8(1), 1)])
def test_axes_count_from_either_end(axis, want):
    assert normal_axis(axis, 3) == want


@pytest.mark.parametrize("axis", [3, -4, 100])
def test_axes_that_are_not_there_are_refused(axis):
    with pytest.raises(AxisError, match=f"axis {axis} is out of bounds"):
        normal_axis(axis, 3)


@pytest.mark.parametrize("value", [1.0, "1", None, (1,), 2.5, 1j])
def test_what_is_no_integer_is_refused_by_its_name(value):
    with pytest.raises(ArgumentTypeError, match=r"n=.*expected an integer") as caught:
        integer(value, "n")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("s", "axes", "want"),
    [
        (None, None, ((0, 1, 2), (None, None, None))),
        (None, (2, 0), ((2, 0), (None, None))),
        (None, -1, ((2,), (None,))),
        (7, None, ((2,), (7,))),
        ((7, 8), None, ((1, 2), (7, 8))),
        ((7, 8), (0, -1), ((0, 2), (7, 8))),
        ((-1, 8), (0, -1), ((0, 2), (4, 8))),
        (np.array([3, 4]), np.array([1, 0]), ((1, 0), (3, 4))),
        (None, (), ((), ())),
        ((3, 3), (), ((), ())),
        ((), None, ((), ())),
    ],
)
def test_lengths_and_axes_are_resolved_as_scipy_does(s, axes, want):
    shape = (4, 5, 6)
    assert resolve_axes(shape, s, axes) == want
    chosen, wanted = want
    lengths = resolve_lengths(shape, chosen, wanted, kind="fft")
    result = list(shape)
    for axis, n in zip(chosen, lengths, strict=True):
        result[axis] = n
    assert scipy.fft.fftn(np.ones(shape), s=s, axes=axes).shape == tuple(result)


@given(st.integers(1, 9), st.one_of(st.none(), st.integers(1, 12)))
def test_the_last_axis_of_irfft_stands_for_twice_its_points(m, n):
    shape = (3, m)
    lengths = resolve_lengths(shape, (0, 1), (None, n), kind="irfft")
    s = None if n is None else (3, n)
    assert lengths == scipy.fft.irfftn(np.ones(shape), s=s, axes=(0, 1)).shape
    if n is None and m == 1:
        with pytest.raises(ArgumentError, match="axis 1 of length 1"):
            resolve_lengths(shape, (1,), (None,), kind="irfft", one_axis=True)


@pytest.mark.parametrize("kind", ["fft", "rfft", "irfft", "hfft", "dct"])
def test_no_points_stand_for_one_of_a_real_result_only(kind):
    assert resolve_points(None, kind=kind) is None
    assert resolve_points(np.int8(3), kind=kind) == (3,)
    if kind in ("irfft", "hfft"):
        assert resolve_points(0, kind=kind) == (1,)
    else:
        with pytest.raises(ArgumentError, match="n=0"):
            resolve_points(0, kind=kind)
    with pytest.raises(ArgumentError, match="n=-1"):
        resolve_points(-1, kind=kind)
    with pytest.raises(ArgumentTypeError, match=r"n=2\.0: expected an integer"):
        resolve_points(2.0, kind=kind)


def test_lazy_numbers_are_not_computed():
    n = da.from_delayed(delayed(pytest.fail)("computed"), (), int)
    with pytest.raises(ArgumentTypeError, match="not a Dask collection"):
        integer(n, "n")
    with pytest.raises(ArgumentTypeError, match="not a Dask collection"):
        resolve_axes((4, 5), n, None)


@pytest.mark.parametrize(
    ("s", "axes", "words"),
    [
        ((1, 2, 3, 4), None, "more axes than are present"),
        ((1, 2), (0,), "same length"),
        ((1,), (0, 1), "same length"),
        (None, (0, 0), "unique"),
        (None, (0, -3), "unique"),
        ((2.5,), None, "s=2.5: expected an integer"),
        (None, (0.5,), "axes=0.5: expected an integer"),
        (None, np.array(1), "expected integers"),
        (None, (0, 3), "out of bounds"),
    ],
)
def test_contradictions_are_refused(s, axes, words):
    with pytest.raises(ArgumentError, match=words):
        resolve_axes((4, 5, 6), s, axes)


@pytest.mark.parametrize("n", [0, -2])
def test_no_points_are_refused(n):
    with pytest.raises(ArgumentError, match=rf"\(\[{n}\]\) specified on axes \(1,\)"):
        resolve_lengths((4, 5), (1,), (n,), kind="fft")
