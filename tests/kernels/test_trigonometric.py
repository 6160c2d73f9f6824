"""Cosine and sine transforms of one block: SciPy's, and the one made of real FFTs."""

import itertools

import numpy as np
import pytest
import scipy.fft

from spanwise.kernels.transfer import to_host
from spanwise.kernels.trigonometric import complex_of, generic, real_dtype, trigonometric
from spanwise.testing import xp_assert_close, xp_assert_equal

KINDS = ("dct", "idct", "dst", "idst")
TYPES = (1, 2, 3, 4)
NORMS = (None, "backward", "ortho", "forward")
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 33)
ALL_TYPES = list("efdgFDG?bBhHiIlLqQ")


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def error(got, want):
    return np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel())


def direct(x, kind, number):
    """The sum of the definition, in extended precision."""
    n = len(x)
    j, k = np.arange(n, dtype="longdouble"), np.arange(n, dtype="longdouble")[:, None]
    pi = np.longdouble("3.14159265358979323846264338327950288")
    if kind == "dct":
        angle = [j * k / max(n - 1, 1), k * (2 * j + 1) / (2 * n)]
        angle += [(2 * k + 1) * j / (2 * n), (2 * k + 1) * (2 * j + 1) / (4 * n)]
        terms = 2 * np.cos(pi * angle[number - 1])
        halved = {1: (0, n - 1), 3: (0,)}
    else:
        angle = [(k + 1) * (j + 1) / (n + 1), (k + 1) * (2 * j + 1) / (2 * n)]
        angle += [(2 * k + 1) * (j + 1) / (2 * n), (2 * k + 1) * (2 * j + 1) / (4 * n)]
        terms = 2 * np.sin(pi * angle[number - 1])
        halved = {3: (n - 1,)}
    for end in halved.get(number, ()):
        terms[:, end] /= 2
    return terms @ x.astype("longdouble")


@pytest.mark.parametrize("number", TYPES)
@pytest.mark.parametrize("kind", ["dct", "dst"])
def test_lines_are_the_sums_of_the_definitions(kind, number):
    for n in (2, 3, 8, 15, 64, 81):
        x = values(n, seed=n)
        want = direct(x, kind, number)
        got = generic(x, kind=kind, axes=(0,), lengths=(n,), norm=None, type=number)
        assert error(got, want) < 1e-15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", TYPES)
def test_every_length_norm_and_scaling_is_scipys_in_every_library(kind, number, xp):
    library = xp.concrete_array(np.zeros(1))
    for n, norm, ends in itertools.product(LENGTHS, NORMS, (None, True, False)):
        if kind.endswith("dct") and number == 1 and n == 1:
            continue
        x = values((2, n), seed=n)
        want = getattr(scipy.fft, kind)(x, number, norm=norm, orthogonalize=ends)
        got = trigonometric(
            xp.concrete_array(x),
            kind=kind,
            axes=(1,),
            lengths=(n,),
            norm=norm,
            type=number,
            orthogonalize=ends,
        )
        assert type(got) is type(library)
        xp_assert_close(got, xp.concrete_array(want))


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "int16", "bool"])
@pytest.mark.parametrize("number", TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_several_axes_crop_pad_and_keep_precision_in_every_library(kind, number, dtype, xp):
    x = values((4, 3, 5), dtype)
    how = {"norm": "ortho", "type": number}
    want = getattr(scipy.fft, f"{kind}n")(x, s=(6, 4), axes=(2, 0), **how)
    got = trigonometric(xp.concrete_array(x), kind=kind, axes=(2, 0), lengths=(6, 4), **how)
    xp_assert_close(got, xp.concrete_array(want))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("character", ALL_TYPES)
def test_result_type_is_what_scipy_computes(kind, character):
    x = np.ones(4, character)
    want = getattr(scipy.fft, kind)(x).dtype
    assert real_dtype(kind, x.dtype) == want
    assert trigonometric(x, kind=kind, axes=(0,), lengths=(4,), norm=None).dtype == want


@pytest.mark.parametrize("dtype", [">f2", ">f4", ">c16", ">i8"])
def test_result_has_the_byte_order_of_the_machine(dtype):
    x = np.arange(4).astype(dtype)
    got = trigonometric(x, kind="dct", axes=(0,), lengths=(4,), norm=None)
    assert got.dtype.isnative
    assert got.dtype == real_dtype("dct", dtype)


def test_long_double_keeps_its_precision():
    x = np.cos(np.arange(64, dtype="longdouble"))
    there = trigonometric(x, kind="dct", axes=(0,), lengths=(64,), norm=None)
    back = trigonometric(there, kind="idct", axes=(0,), lengths=(64,), norm=None)
    assert float(abs(back - x).max()) < 4 * float(np.finfo("longdouble").eps)


@pytest.mark.parametrize("number", TYPES)
def test_empty_blocks_are_transformed_along_other_axes(number, xp):
    x = xp.concrete_array(np.ones((0, 4)))
    for kind in KINDS:
        got = trigonometric(x, kind=kind, axes=(1,), lengths=(3,), norm=None, type=number)
        assert got.shape == (0, 3)


@pytest.mark.parametrize("number", TYPES)
def test_input_is_never_overwritten_unless_it_may_be(number, xp):
    x = xp.concrete_array(values((4, 6)))
    for kind in KINDS:
        trigonometric(x, kind=kind, axes=(0, 1), lengths=(4, 6), norm="ortho", type=number)
    xp_assert_equal(x, xp.concrete_array(values((4, 6))))


@pytest.mark.skip_xp_backends(
    "array-api-strict", reason="the standard has no way to put two parts together"
)
def test_parts_of_a_complex_number_do_not_touch_each_other(xp):
    real, imag = np.array([1.0, np.inf, 2.0]), np.array([np.inf, np.nan, 3.0])
    got = to_host(complex_of(xp.concrete_array(real), xp.concrete_array(imag)))
    np.testing.assert_array_equal(got.real, real)
    np.testing.assert_array_equal(got.imag, imag)


@pytest.mark.skip_xp_backends(
    "array-api-strict", reason="the standard has no way to put two parts together"
)
def test_nan_stays_in_its_part(xp):
    x = values((2, 6), "complex128")
    x.imag[0, 1] = np.nan
    got = trigonometric(xp.concrete_array(x), kind="dct", axes=(1,), lengths=(6,), norm=None)
    got = to_host(got)
    assert np.isfinite(got.real).all()
    assert np.isnan(got.imag).any(axis=1).tolist() == [True, False]
