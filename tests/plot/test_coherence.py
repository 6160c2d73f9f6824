import numpy as np
import pytest
import scipy.signal
import xarray as xr

import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError
from spanwise.plot import coherence

F = np.arange(33) / 64


def series(rows=None, **attrs):
    values = np.random.default_rng(0).uniform(size=(rows or 1, F.size))
    coords = {"freq_time": ("freq_time", F, {"units": "1/s"})}
    out = xr.DataArray(values, coords, ("pair", "freq_time"), name="coherence", attrs=attrs)
    return out.isel(pair=0) if rows is None else out


@pytest.mark.parametrize(
    ("given", "attrs", "segments"),
    [(20, {}, 10), (None, {"segments": 7}, 7), (None, {"degrees_of_freedom": 8}, 4)],
)
def test_the_level_is_that_of_independent_segments(given, attrs, segments):
    ax = coherence(series(**attrs), dof=given, significance=0.99)
    level = ax.lines[1]
    np.testing.assert_allclose(level.get_ydata(), 1 - 0.01 ** (1 / (segments - 1)))
    assert level.get_label() == "99 % level of independent series"
    assert len(ax.collections) == 1


def test_independent_series_exceed_the_level_as_rarely_as_it_says():
    x, y = np.random.default_rng(0).normal(size=(2, 200, 16 * 64))
    f, c = scipy.signal.coherence(x, y, nperseg=64, noverlap=0, window="boxcar", detrend=False)
    ax = coherence(xr.DataArray(c[0], {"freq_x": f}), dof=32, significance=0.9)
    level = ax.lines[1].get_ydata()[0]
    assert np.mean(c[:, 1:-1] > level) == pytest.approx(0.1, abs=0.01)


def test_one_segment_has_no_significance():
    ax = coherence(series(segments=1))
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), 1)


def test_unknown_degrees_of_freedom_draw_no_level():
    assert len(coherence(series()).lines) == 1
    assert len(coherence(series(segments=4), significance=None).lines) == 1


def test_scales_and_labels():
    ax = coherence(series(segments=4), xscale="linear")
    assert ax.get_xlabel() == "freq time (s⁻¹)"
    assert ax.get_ylabel() == "coherence"
    assert ax.lines[0].get_xdata()[0] == 0
    shifted = series().assign_coords(freq_time=("freq_time", np.roll(F - 0.25, 7)))
    x = coherence(shifted, xscale="linear").lines[0].get_xdata()
    assert (np.diff(x) > 0).all()
    assert (coherence(shifted).lines[0].get_xdata() > 0).all()


def test_a_second_dimension_gives_lines():
    ax = series(2).spanwise.plot.coherence(dof=10)
    assert [line.get_label() for line in ax.lines[:2]] == ["pair = 0", "pair = 1"]
    assert not ax.collections


@pytest.mark.parametrize(
    ("obj", "kwargs", "message"),
    [
        (series(), {"xscale": "cubic"}, "xscale='cubic'"),
        (series(segments=4), {"significance": 0}, "significance=0"),
        (series(), {"dof": -1}, "dof=-1"),
        (series(9), {}, "9 lines along 'pair'"),
    ],
)
def test_wrong_arguments_are_named(obj, kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        coherence(obj, **kwargs)
