"""Windows are SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import get_window

from spanwise.errors import ArgumentError, ArgumentTypeError, NonFiniteError
from spanwise.kernels import window as windows
from spanwise.kernels.window import window_means, window_part, window_values

EVERY = [
    "barthann",
    "bartlett",
    "blackman",
    "blackmanharris",
    "bohman",
    "boxcar",
    "cosine",
    "exponential",
    "flattop",
    "hamming",
    "hann",
    "lanczos",
    "nuttall",
    "parzen",
    "taylor",
    "triang",
    "tukey",
    ("chebwin", 100.0),
    ("dpss", 2.5),
    ("gaussian", 3.0),
    ("general_cosine", [0.5, 0.3, 0.2]),
    ("general_gaussian", 1.5, 3.0),
    ("general_hamming", 0.6),
    ("kaiser", 8.0),
    ("exponential", None, 3.0),
    ("tukey", 0.3),
    6.5,
]
ODD = np.arange(24.0)


@pytest.mark.parametrize("window", EVERY, ids=str)
@pytest.mark.parametrize("n", [1, 2, 9, 16])
def test_every_window_of_scipy_is_there(window, n):
    try:
        expected = get_window(window, n)
    except ValueError:  # SciPy's dpss of too few points
        with pytest.raises(ArgumentError):
            window_values(window, n)
        return
    np.testing.assert_array_equal(window_values(window, n), expected)
    symmetric = get_window(window, n, fftbins=False)
    np.testing.assert_array_equal(window_values(window, n, periodic=False), symmetric)


@pytest.mark.parametrize("window", [*EVERY, ("tukey", 0.0), ("tukey", 1.5), ODD], ids=str)
@pytest.mark.parametrize("n", [21, 24])
@pytest.mark.parametrize(("start", "stop"), [(0, 21), (3, 9), (20, 21), (4, 4)])
def test_a_part_of_a_window_is_a_slice_of_it(window, n, start, stop):
    window = window[:n] if isinstance(window, np.ndarray) else window
    whole = window_values(window, n)
    np.testing.assert_allclose(window_part(window, n, start, stop), whole[start:stop], atol=2e-15)


def test_all_but_a_few_windows_have_a_formula():
    without = [w for w in EVERY if windows._form(w) is None]
    assert without == ["taylor", ("chebwin", 100.0), ("dpss", 2.5)]


@pytest.mark.parametrize("window", ["hann", ("kaiser", 8.0), "parzen"])
@pytest.mark.parametrize("n", [1, 3, 5, 200_001])
def test_means_are_those_of_the_values(window, n):
    values = window_values(window, n)
    means = values.mean(), (values**2).mean()
    np.testing.assert_allclose(window_means(window, n), means, rtol=1e-12)


def test_the_values_may_be_changed_without_harm():
    window_values("hann", 8)[:] = 0
    np.testing.assert_array_equal(window_values("hann", 8), get_window("hann", 8))


def test_values_are_taken_as_they_are():
    values = np.asarray([1, 2, 3], dtype=np.int16)
    out = window_values(values, 3)
    np.testing.assert_array_equal(out, [1.0, 2.0, 3.0])
    assert out.dtype == np.float64
    assert window_means(values, 3) == (2.0, 14 / 3)


def test_an_axis_without_samples_has_a_window_without_values():
    assert window_values("hann", 0).shape == (0,)
    assert window_means("hann", 0) == (1.0, 1.0)


@pytest.mark.parametrize(
    "window", ["han ning", "kaiser", ("hann", 3.0), ("nope", 1), ("kaiser", "much"), None, ()]
)
def test_what_is_no_window_is_refused_by_an_error_that_says_what_is(window):
    with pytest.raises(ArgumentError, match=r"kaiser.*array|name of a window"):
        window_values(window, 8)


def test_values_of_another_length_are_refused():
    with pytest.raises(ArgumentError, match=r"shape \(3,\).*8 real numbers"):
        window_values([1.0, 2.0, 3.0], 8)
    with pytest.raises(ArgumentError, match="real numbers"):
        window_values(np.ones(8) * 1j, 8)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(NonFiniteError, match="window"):
        window_values([1.0, np.nan], 2)


def test_a_lazy_window_is_refused_without_computing_it():
    da = pytest.importorskip("dask.array")
    with pytest.raises(ArgumentTypeError, match=r"window.compute\(\)"):
        window_values(da.ones(8), 8)
