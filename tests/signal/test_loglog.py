import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.testing import raise_if_computes, xp_assert_close
from spanwise.testing.strategies import chunkings

F = np.linspace(0.0, 0.5, 33)


def spectra(rows=4, dtype="float64"):
    rng = np.random.default_rng(0)
    with np.errstate(divide="ignore"):
        y = 3 * F ** -np.linspace(1, 3, rows)[:, None] * rng.lognormal(size=(rows, F.size))
    y[:, 0] = 0
    return y.astype(dtype)


def by_hand(x, y, used):
    return np.polyfit(np.log2(x[used]), np.log2(y[used]), 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limits", [None, (0.1, 0.4), (0.2, np.inf)])
def test_the_line_is_that_of_polyfit_through_logarithms(xp, dtype, limits):
    y = spectra(dtype=dtype)
    fit = sw.signal.fit_loglog(F, xp.asarray(y), limits=limits)
    low, high = limits or (0, 1)
    used = (F > 0) & (low <= F) & (high >= F)
    slope, intercept = np.array([by_hand(F, row.astype("f8"), used) for row in y]).T
    how = {"rtol": 1e-5 if dtype == "float32" else 1e-10}
    xp_assert_close(fit.slope, xp.asarray(slope.astype(dtype)), **how)
    xp_assert_close(fit.intercept, xp.asarray(intercept.astype(dtype)), **how)
    curve = np.where(used, 2 ** intercept[:, None] * np.where(used, F, 1) ** slope[:, None], np.nan)
    xp_assert_close(fit.y_fit, xp.asarray(curve.astype(dtype)), **how)


def test_points_without_a_logarithm_are_left_out(xp):
    y = spectra(2)
    y[0, [3, 9, 20]] = 0.0, np.nan, -1.0
    y[0, 25] = np.inf
    fit = sw.signal.fit_loglog(F, xp.asarray(y))
    used = (F > 0) & ~np.isin(np.arange(F.size), [3, 9, 20, 25])
    expected = [by_hand(F, y[0], used)[0], by_hand(F, y[1], F > 0)[0]]
    xp_assert_close(fit.slope, xp.asarray(np.array(expected)), rtol=1e-10)


def test_fewer_than_two_points_have_no_line(xp):
    y = np.ones((3, 4))
    y[0, 1:] = 0
    y[1] = np.nan
    fit = sw.signal.fit_loglog(np.arange(1.0, 5.0), xp.asarray(y))
    xp_assert_close(fit.slope, xp.asarray(np.array([np.nan, np.nan, 0.0])), atol=1e-15)


@given(st.data())
def test_result_does_not_depend_on_chunking_and_nothing_computes(draw):
    y = np.moveaxis(spectra(), 0, 1)
    chunks = draw.draw(chunkings(y.shape))
    with raise_if_computes():
        fit = sw.signal.fit_loglog(F, da.from_array(y, chunks=chunks), axis=0, limits=(0.1, 0.3))
    expected = sw.signal.fit_loglog(F, y, axis=0, limits=(0.1, 0.3))
    with dask.config.set(scheduler="sync"):
        for lazy, want in zip(fit, expected, strict=True):
            np.testing.assert_allclose(lazy.compute(), want, rtol=1e-10)


def test_integers_become_double(xp):
    fit = sw.signal.fit_loglog([1, 2, 4], xp.asarray(np.array([1, 4, 16])))
    xp_assert_close(fit.slope, xp.asarray(np.array(2.0))[()], rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "kwargs", "message"),
    [
        ([1.0, 2.0], {}, "one for each value"),
        ([[1.0, 2.0, 3.0]], {}, "one for each value"),
        ([1.0, 2.0, 3.0], {"limits": (2, 1)}, "the lower one first"),
        ([1.0, 2.0, 3.0], {"limits": 3}, "expected a pair"),
        ([1.0, 2.0, 3.0], {"limits": (4, 5)}, "none of the 3"),
        ([0.0, -1.0, np.nan], {}, "none of the 3"),
        ([1.0, 2.0, 3.0], {"axis": 2}, "out of bounds"),
    ],
)
def test_wrong_arguments_are_named(x, kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        sw.signal.fit_loglog(x, np.ones(3), **kwargs)


def test_complex_spectra_and_lazy_frequencies_are_refused():
    with pytest.raises(ArrayTypeError, match=r"abs\(y\)"):
        sw.signal.fit_loglog(np.ones(3), np.ones(3, complex))
    with pytest.raises(ArrayTypeError, match="NumPy"):
        sw.signal.fit_loglog(da.ones(3), np.ones(3))
