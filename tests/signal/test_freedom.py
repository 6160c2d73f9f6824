import numpy as np
import pytest
import scipy.signal

from spanwise.signal._freedom import degrees_of_freedom


@pytest.mark.parametrize("count", [1, 2, 7])
def test_segments_that_do_not_overlap_have_two_each(count):
    assert degrees_of_freedom("boxcar", 32, 32, 32 * count + 5) == 2 * count


@pytest.mark.parametrize(("window", "noverlap"), [("hann", 32), ("hann", 48), ("boxcar", 32)])
def test_the_scatter_of_averages_of_noise_has_these_degrees_of_freedom(window, noverlap):
    x = np.random.default_rng(0).normal(size=(2000, 64 * 10))
    _, p = scipy.signal.welch(x, window=window, nperseg=64, noverlap=noverlap, detrend=False)
    inner = p[:, 3:-3]
    found = 2 * inner.mean() ** 2 / inner.var(axis=0).mean()
    expected = degrees_of_freedom(window, 64, 64 - noverlap, x.shape[1])
    assert found == pytest.approx(expected, rel=0.05)
