"""Frequencies of the points of the transforms."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import spanwise as sw
from spanwise.testing import xp_assert_close


@pytest.mark.parametrize(("n", "d"), [(1, 1.0), (2, 0.5), (5, 0.1), (8, 3.0)])
def test_frequencies_are_scipys(n, d):
    np.testing.assert_allclose(sw.fft.fftfreq(n, d), scipy.fft.fftfreq(n, d), rtol=1e-15)
    np.testing.assert_allclose(sw.fft.rfftfreq(n, d), scipy.fft.rfftfreq(n, d), rtol=1e-15)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_come_in_the_namespace_asked_for(name, xp):
    got = getattr(sw.fft, name)(6, d=0.25, xp=xp.xp)
    want = getattr(scipy.fft, name)(6, d=0.25)
    xp_assert_close(got, xp.concrete_array(want))


def test_frequencies_of_the_dask_namespace_are_lazy():
    got = sw.fft.fftfreq(6, xp=da)
    assert isinstance(got, da.Array)
    np.testing.assert_allclose(got.compute(), scipy.fft.fftfreq(6))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [0, -3, 2.5, "4", None])
def test_frequencies_of_no_points_are_refused(name, n):
    with pytest.raises(ValueError, match="n="):
        getattr(sw.fft, name)(n)
