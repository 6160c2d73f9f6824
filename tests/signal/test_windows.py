"""signal.get_window is SciPy's, in any library."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

import spanwise as sw
from spanwise.errors import ArgumentError, ArgumentTypeError


@pytest.mark.parametrize("fftbins", [True, False])
@pytest.mark.parametrize("window", ["hann", ("kaiser", 5.0), 5.0])
def test_windows_are_those_of_scipy(window, fftbins):
    expected = signal.get_window(window, 17, fftbins)
    np.testing.assert_array_equal(sw.signal.get_window(window, 17, fftbins), expected)


def test_a_window_is_made_in_the_library_asked_for():
    strict = pytest.importorskip("array_api_strict")
    out = sw.signal.get_window("hann", 8, xp=strict)
    assert isinstance(out, type(strict.zeros(1)))
    np.testing.assert_array_equal(np.asarray(out), signal.get_window("hann", 8))


def test_a_length_that_is_none_is_refused():
    with pytest.raises(ArgumentError, match="Nx=0"):
        sw.signal.get_window("hann", 0)
    with pytest.raises(ArgumentTypeError, match="Nx"):
        sw.signal.get_window("hann", 2.5)
