"""The fast Hankel transform of one block; SciPy is the oracle."""

import warnings

import numpy as np
import pytest
import scipy.fft
import scipy.special

from spanwise.kernels.hankel import (
    coefficients,
    first_coefficient,
    hankel,
    hankel_dtype,
    is_singular,
)
from spanwise.testing import xp_assert_close, xp_assert_equal

KINDS = ("fht", "ifht")
ORDERS = (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 0.3)
BIASES = (0.0, 0.3, -0.2, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0)


def transform(x, kind, *, dln=0.1, mu=0.5, offset=0.0, bias=0.0):
    kind = kind if bias == 0 else f"biased_{kind}"
    n = x.shape[-1]
    how = {"dln": dln, "mu": mu, "offset": offset, "bias": bias}
    return hankel(x, kind=kind, axes=(x.ndim - 1,), lengths=(n,), norm=None, **how)


@pytest.mark.parametrize("kind", KINDS)
def test_every_order_bias_and_length_is_scipys(kind):
    for mu in ORDERS:
        for bias in BIASES:
            for n in (1, 2, 5, 8, 33):
                x = np.random.default_rng(n).standard_normal((2, n))
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    want = getattr(scipy.fft, kind)(x, 0.1, mu, offset=0.4, bias=bias)
                assert is_singular(kind, mu, bias) == any(
                    "singular" in str(w.message) for w in caught
                )
                got = transform(x, kind, mu=mu, offset=0.4, bias=bias)
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * abs(want).max())


@pytest.mark.parametrize("bias", [0.0, -0.4])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_library_gives_scipys_values_and_type(kind, dtype, bias, xp):
    x = (10 * np.random.default_rng(0).standard_normal((2, 3, 7))).astype(dtype)
    want = getattr(scipy.fft, kind)(x, 0.2, 1.5, offset=0.3, bias=bias)
    got = transform(xp.concrete_array(x), kind, dln=0.2, mu=1.5, offset=0.3, bias=bias)
    assert want.dtype == hankel_dtype(kind if bias == 0 else f"biased_{kind}", x.dtype)
    xp_assert_close(got, xp.concrete_array(want))


@pytest.mark.parametrize("bias", [0.0, 0.4])
@pytest.mark.parametrize("character", list("efdg?bil"))
def test_result_type_is_scipys(character, bias):
    x = np.ones(5, character)
    want = scipy.fft.fht(x, 0.1, 0.5, bias=bias).dtype
    assert transform(x, "fht", bias=bias).dtype == want


def test_long_double_keeps_more_than_double():
    x = np.cos(np.arange(16, dtype="longdouble"))
    back = transform(transform(x, "fht"), "ifht")
    assert back.dtype == x.dtype
    assert float(abs(back - x).max()) < 1e-15


def test_input_is_never_overwritten(xp):
    values = np.arange(6.0)
    x = xp.concrete_array(values)
    transform(x, "fht", bias=0.5)
    xp_assert_equal(x, xp.concrete_array(values))


def test_empty_blocks_stay_empty(xp):
    assert transform(xp.concrete_array(np.ones((0, 4))), "fht").shape == (0, 4)


def test_coefficients_of_both_directions_are_inverse_to_each_other():
    there = coefficients(9, 0.1, 0.5, 0.2, 0.3, False)
    back = coefficients(9, 0.1, 0.5, 0.2, 0.3, True)
    np.testing.assert_allclose(there * back.conj(), 1)


@pytest.mark.parametrize(("mu", "bias"), [(0.5, 0.3), (2.0, -1.0), (0.0, 0.9)])
def test_first_coefficient_is_the_quotient_of_gamma_functions(mu, bias):
    gamma = scipy.special.gamma
    want = 2**bias * gamma((mu + 1 + bias) / 2) / gamma((mu + 1 - bias) / 2)
    assert first_coefficient(mu, bias) == pytest.approx(want, rel=1e-13)


def test_workspace_covers_the_spectrum_and_its_product():
    assert hankel.workspace(10, 10) == 30
