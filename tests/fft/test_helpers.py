"""Lengths that transforms are fast at: SciPy's."""

import numpy as np
import pytest
import scipy.fft

import spanwise as sw

NAMES = ("next_fast_len", "prev_fast_len")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("target", [1, 7, 11, 13, 93059, 2**30 + 1, np.int8(17), True])
def test_lengths_are_scipys(name, real, target):
    assert getattr(sw.fft, name)(target, real) == getattr(scipy.fft, name)(target, real)
    assert getattr(sw.fft, name)(target=target, real=real) == getattr(scipy.fft, name)(target, real)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [-1, 1.5, "7", None])
def test_what_is_no_length_raises_scipys_kind_of_error(name, target):
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(scipy.fft, name)(target)
    with pytest.raises(caught.type):
        getattr(sw.fft, name)(target)
