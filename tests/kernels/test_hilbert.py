import numpy as np
import pytest
import scipy.signal

from spanwise.kernels.hilbert import Analytic, hilbert


@pytest.mark.parametrize("n", [1, 2, 3, 4, 49, 98, 1000, 3**7])
def test_the_highest_frequency_is_found_whatever_the_rounding(n):
    # Frequencies as tasks make them: k times a rounded step.
    k = np.arange(n // 2 + 1)
    factor = Analytic((n,), (1.0,))(k * (1.0 / n))
    want = np.where(k == 0, 1, np.where(2 * k == n, 1, 2))
    np.testing.assert_array_equal(factor, want)
    full = (np.arange(n) + n // 2) % n - n // 2
    factor = Analytic((n,), (1.0,))(full * (1.0 / n))
    np.testing.assert_array_equal(factor.sum(), n)


@pytest.mark.parametrize("length", [1, 4, 7, 9])
@pytest.mark.parametrize("axis", [0, 1])
def test_both_implementations_are_scipys(length, axis):
    x = np.random.default_rng(0).standard_normal((6, 7))
    want = scipy.signal.hilbert(x, length, axis)
    for kernel in (hilbert, hilbert.generic):
        assert kernel is not None
        np.testing.assert_allclose(kernel(x, axis=axis, length=length), want, atol=1e-12)
